import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from config.patterns import (
    PatternError,
    check_email,
    check_identifier,
    sanitise_alias,
    sanitise_tag_key,
    sanitise_tag_value,
)

LEGAL_ALIAS = re.compile(r"[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]")


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("demo-dev", "demo-dev"),
        ("Demo.Dev", "demo-dev"),
        ("--a__b--", "a-b"),
        ("a" * 70, "a" * 63),
        ("a" * 62 + "-b", "a" * 62),
        ("ÄÖÜ-abc", "abc"),
    ],
)
def test_alias_is_sanitised(text: str, alias: str) -> None:
    assert sanitise_alias(text) == alias


@pytest.mark.parametrize("text", ["", "ab", "--", "ä-b", "a-"])
def test_too_short_alias_is_refused(text: str) -> None:
    with pytest.raises(PatternError, match="shorter than 3"):
        sanitise_alias(text)


@given(st.text() | st.text(alphabet="aB-._9", max_size=80))
def test_sanitised_alias_is_always_legal_and_stays(text: str) -> None:
    try:
        alias = sanitise_alias(text)
    except PatternError:
        return
    assert LEGAL_ALIAS.fullmatch(alias)
    assert sanitise_alias(alias) == alias


@given(st.text(max_size=300))
@example("aws:x")
@example("AWS:")
@example("\ud800")
def test_sanitised_tags_are_always_legal_and_stay(text: str) -> None:
    value = sanitise_tag_value(text)
    value.encode("utf-8")
    assert len(value) == min(len(text), 256)
    assert sanitise_tag_value(value) == value
    assume(text)
    key = sanitise_tag_key(text)
    assert len(key) in range(1, 129)
    assert not key.lower().startswith("aws:")
    assert sanitise_tag_key(key) == key


def test_tag_characters() -> None:
    assert sanitise_tag_value("aZ09 é_.:/=+-@") == "aZ09 é_.:/=+-@"
    assert sanitise_tag_value("a\tb\n#,;*") == "a_b_____"[:8]
    with pytest.raises(PatternError):
        sanitise_tag_key("")


@pytest.mark.parametrize(
    "text", ["a@b.de", "aws+demo.dev@example.com", "x" * 52 + "@example.com", "o'neil".replace("'", "") + "@a-b.io"]
)
def test_good_email_is_returned(text: str) -> None:
    assert check_email(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a@b.c", "has 5 characters"),
        ("x" * 53 + "@example.com", "has 65 characters"),
        ("jürgen@example.com", "7-bit ASCII"),
        ("a\nb@example.com", "ASCII"),
        ("example.com", "name before the @"),
        ("@example.com", "name before the @"),
        ("a b@example.com", "name before the @"),
        ("a@b@example.com", "name before the @"),
        ("a,b@example.com", "name before the @"),
        (".a@example.com", "dot"),
        ("a..b@example.com", "dot"),
        ("abc@localhost", "domain"),
        ("abc@-a.com", "domain"),
        ("abc@a..com", "domain"),
        ("abc@a.com-", "domain"),
    ],
)
def test_bad_email_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(PatternError) as caught:
        check_email(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["a", "my-project", "1-2-3", "a" * 16])
def test_good_identifier_is_returned(text: str) -> None:
    assert check_identifier(text, 16) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one"),
        ("a" * 17, "has 17 characters; at most 16"),
        ("A", "lower-case"),
        ("-a", "single dashes"),
        ("a-", "single dashes"),
        ("a--b", "single dashes"),
        ("a.b", "lower-case"),
        ("a\n", "lower-case"),
        ("٣", "lower-case"),
    ],
)
def test_bad_identifier_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="identifier") as caught:
        check_identifier(text, 16)
    assert words in str(caught.value)
