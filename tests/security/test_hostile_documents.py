"""Whatever stands in a document, a name or an order: a clear answer, soon, and nothing hostile for AWS."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from config.catalog import Catalog, CatalogError, load_catalog
from config.mistakes import Mistake
from config.settings import Settings
from tasks import names
from tasks.model.desired import CONTROL_CHARACTERS, Desired, Tenant, TenantId
from tasks.orders.producer import RequestRefused, check, parse_desired
from tests.config.samples import ENVIRONMENT, LANDING_ZONE, PLATFORM
from tests.support.cluster import CONFIG_DIR, desired
from workers.sandbox.organization import environment

SOON = 120.0  # seconds, on a busy machine; on a quiet one two for the process, milliseconds for the document
SECRET = "hunter2-hunter2"
MOST_MISTAKE = 2000  # characters of one mistake: a person reads it
QUICKLY = settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # the texts are small already; to shrink them further takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
HOSTILE_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "a\x00b",
        "\x1b[31mred",
        "\u202egnp.exe",
        "../../etc/passwd",
        "..",
        "/",
        "%2e%2e%2f",
        "#{workspaceIdentifier}" * 500,
        "#{" * 2000,
        "#{workspaceIdentifier:%99999999999s}",
        "#{workspaceIdentifier:%2147483648.2147483648s}",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%n%n%n%s%s",
        "'; DROP TABLE",
        "x" * 20_000,
        "é" * 64,
        "\U0001d49c" * 300,
        "a@b@c",
        '"quoted"@example.com',
        "a@" + "b." * 2000 + "c",
        "arn:aws:iam::123456789012:role/" + "a/" * 500,
        "(a+)+$" * 50,
        "a" * 50 + "!",
    ]
)
VALUES = st.one_of(
    HOSTILE_TEXTS,
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    st.just(10**400),
    st.just([]) | st.just({}) | st.just([[]]) | st.just({"": ""}) | st.just({"a": {"b": {"c": []}}}),
    st.lists(HOSTILE_TEXTS, max_size=3),
    st.dictionaries(HOSTILE_TEXTS, HOSTILE_TEXTS, max_size=2),
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the path of every value in a document."""
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [path, *(place for key, value in pairs for place in places(value, (*path, key)))]


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy with the value at a path replaced."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = changed(document[path[0]], path[1:], value)
    return copy


def loaded(folder: Path, content: str | bytes, name: str = "documents.json") -> Catalog | list[Mistake]:
    """Load one file; gives the catalog or its mistakes, and checks that both come soon and are fit for people."""
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    started = monotonic()
    try:
        return load_catalog([folder / name], {**ENVIRONMENT, "SECRET": SECRET})
    except CatalogError as error:
        for mistake in map(str, error.mistakes):
            assert len(mistake) < MOST_MISTAKE
            assert not CONTROL_CHARACTERS.intersection(mistake), ascii(mistake)
            assert SECRET not in mistake
        return list(error.mistakes)
    finally:
        assert monotonic() - started < SOON


@QUICKLY
@given(st.sampled_from(places(PLATFORM)), VALUES)
def test_a_platform_with_anything_anywhere(tmp_path: Path, path: tuple[Any, ...], value: Any) -> None:
    loaded(tmp_path, json.dumps([changed(PLATFORM, path, value), LANDING_ZONE]))


@QUICKLY
@given(st.sampled_from(places(LANDING_ZONE)), VALUES)
def test_a_landing_zone_with_anything_anywhere(tmp_path: Path, path: tuple[Any, ...], value: Any) -> None:
    loaded(tmp_path, json.dumps([PLATFORM, changed(LANDING_ZONE, path, value)]))


@QUICKLY
@given(st.binary(max_size=300) | st.text("{}[]:,&*!|>-?#%@`'\"\\ \n\ta0~<", max_size=60).map(str.encode))
def test_any_bytes_as_yaml_and_json(tmp_path: Path, content: bytes) -> None:
    assert isinstance(loaded(tmp_path, content, "a.yaml"), list)
    assert isinstance(loaded(tmp_path, content, "a.json"), list)


def bomb(levels: int, width: int) -> str:
    lines = [f"a0: &a0 [{','.join(['x'] * width)}]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", bomb(30, 9)),
        ("a.yaml", bomb(2000, 2)),
        ("a.yaml", "a: &a\n  b: *a"),
        ("a.yaml", "&a [*a]"),
        ("a.yaml", "a: &x {b: 1}\nc: {<<: [" + ",".join(["*x"] * 5_000) + "]}"),
        ("a.yaml", "- " * 20_000),
        ("a.yaml", "{" * 20_000),
        ("a.yaml", "? " * 20_000),
        ("a.yaml", "---\n" * 50_000),
        ("a.yaml", "!!python/object/apply:os.system ['true']"),
        ("a.yaml", "a: !!binary " + "A" * 400_000),
        ("a.yaml", "a: " + "9" * 400_000),
        ("a.yaml", "a: 1e999999999"),
        ("a.yaml", "a: 0x" + "f" * 100_000),
        ("a.yaml", "a: 1" + ":59" * 50_000),
        ("a.yaml", 'a: "' + "\\x41" * 100_000 + '"'),
        ("a.yaml", "kind: a\n" * 3_000),
        ("a.yaml", "%TAG ! tag:evil,2000:\n---\n!x y"),
        ("a.json", "[" * 400_000),
        ("a.json", '{"a":' * 80_000),
        ("a.json", "1" * 500_000),
        ("a.json", '{"a": ' + "1" * 5000 + "}"),
        ("a.json", "[" + ",".join(["{}"] * 20_000) + "]"),
        ("a.json", "x" * 20_000_000),
    ],
)
def test_a_document_made_to_hurt_ends_soon_with_a_mistake(tmp_path: Path, name: str, content: str) -> None:
    found = loaded(tmp_path, content, name)
    assert isinstance(found, list)
    assert found


def test_what_is_no_plain_file_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    with pytest.raises(CatalogError):
        load_catalog([tmp_path / "loop.yaml"], ENVIRONMENT)
    with pytest.raises(CatalogError):
        load_catalog([Path("/dev/zero")], ENVIRONMENT)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog([CONFIG_DIR], environment("http://127.0.0.1:1", "redis://127.0.0.1:1"))


BODY = desired(workspace={"tags": {"env": ["dev"]}}, project={"createdBy": {"email": "a@example.com"}})


@QUICKLY
@given(st.sampled_from(places(BODY)), VALUES)
def test_an_order_with_anything_anywhere(path: tuple[Any, ...], value: Any) -> None:
    with suppress(RequestRefused):
        parse_desired(changed(BODY, path, value))


@QUICKLY
@given(HOSTILE_TEXTS | st.text(max_size=40), HOSTILE_TEXTS | st.text(max_size=40), HOSTILE_TEXTS | st.text(max_size=20))
def test_no_identifier_gets_anything_strange_into_a_name(
    catalog: Catalog, workspace: str, project: str, tag: str
) -> None:
    tenant = TenantId(workspace, project, "aws.sandbox")
    try:
        wanted: Desired = parse_desired(desired(workspace={"tags": {"env": [tag]}, "displayName": tag}))
    except RequestRefused:
        return
    if list(check(tenant, wanted, catalog, Settings(_env_file=None))):
        return
    zone = catalog.landing_zones["development"]
    ordered = Tenant(tenant, wanted, catalog.platforms["aws.sandbox"], zone)
    assert re.fullmatch(r"[a-z0-9.+-]+@example\.com", names.account_email(ordered))
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", names.account_alias(ordered) or "a")
    for key, text in names.account_tags(ordered).items():
        assert 0 < len(key) <= 128
        assert len(text) <= 256
        assert re.fullmatch(r"[\w\s.:/=+\-@]*", text), ascii(text)
