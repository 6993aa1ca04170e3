"""AWS's and meshStack's rules for names, as pure functions: account alias, tags, root email, identifiers.

A *sanitise* function turns any text into a legal one; a *check* function returns a legal text and refuses any other.
"""

import re
import unicodedata

from config.java_format import PatternError

_IDENTIFIER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_NOT_IN_ALIAS = re.compile(r"[^a-z0-9]+", re.ASCII)
_NOT_IN_LOCAL_PART = re.compile(r"[\s\"'()<>\[\]:;,\\|%&@]")
_DOMAIN = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9])*(\.[A-Za-z0-9](-*[A-Za-z0-9])*)+", re.ASCII)

ALIAS_LENGTH = range(3, 64)
EMAIL_LENGTH = range(6, 65)
TAG_KEY_LENGTH = 128
TAG_VALUE_LENGTH = 256


def sanitise_alias(text: str) -> str:
    """Turn a text into a legal account alias: lower case, [a-z0-9-], 3 to 63 characters, no hyphen twice or at an end.

    Raises PatternError when fewer than 3 characters remain. Source: IAM API reference, CreateAccountAlias.

    >>> sanitise_alias("My.Workspace--Project-")
    'my-workspace-project'
    """
    alias = _NOT_IN_ALIAS.sub("-", text.lower()).strip("-")[: ALIAS_LENGTH.stop - 1].rstrip("-")
    if len(alias) not in ALIAS_LENGTH:
        raise PatternError(
            f"account alias '{alias}' (from '{_shown(text)}') is shorter than {ALIAS_LENGTH.start} characters"
        )
    return alias


def sanitise_tag_key(text: str) -> str:
    """Turn a text into a legal tag key: at most 128 characters, illegal ones become `_`, never AWS's own prefix `aws:`.

    Raises PatternError for an empty text. Source: AWS Organizations API reference, Tag.

    >>> sanitise_tag_key("cost#center"), sanitise_tag_key("aws:owner")
    ('cost_center', 'aws_owner')
    """
    if not text:
        raise PatternError("a tag key needs at least one character")
    key = _legal_in_tags(text)[:TAG_KEY_LENGTH]
    return key[:3] + "_" + key[4:] if key.lower().startswith("aws:") else key


def sanitise_tag_value(text: str) -> str:
    """Turn a text into a legal tag value: 256 characters; letters, digits, spaces, `_.:/=+-@`; others become `_`.

    >>> sanitise_tag_value("R&D, Jürgen <j@example.com>")
    'R_D_ Jürgen _j@example.com_'
    """
    return _legal_in_tags(text)[:TAG_VALUE_LENGTH]


def check_email(text: str) -> str:
    """Return the address when AWS takes it as the root email of an account, else raise PatternError.

    6 to 64 characters, 7-bit ASCII, a dot in the domain. Source: AWS Organizations API reference, CreateAccount, Email.

    >>> check_email("aws+demo.dev@example.com")
    'aws+demo.dev@example.com'
    """
    if problem := _email_problem(text):
        raise PatternError(f"email address '{_shown(text)}' {problem}")
    return text


def check_identifier(text: str, limit: int) -> str:
    """Return a workspace's or project's identifier when it is legal, else raise PatternError (a ValueError).

    Lower-case letters, digits and single dashes inside, 1 to `limit` characters. Source: meshStack API reference.

    >>> check_identifier("my-project", 30)
    'my-project'
    """
    if not text:
        raise PatternError("an identifier needs at least one character")
    if len(text) > limit:
        raise PatternError(f"identifier '{_shown(text)}' has {len(text)} characters; at most {limit} are allowed")
    if not _IDENTIFIER.fullmatch(text):
        raise PatternError(
            f"identifier '{_shown(text)}' may hold only lower-case letters, digits and single dashes between them"
        )
    return text


def _email_problem(text: str) -> str | None:
    local, at, domain = text.rpartition("@")
    if len(text) not in EMAIL_LENGTH:
        return f"has {len(text)} characters; AWS accepts {EMAIL_LENGTH.start} to {EMAIL_LENGTH.stop - 1}"
    if not text.isascii() or not text.isprintable():
        return "holds a character that is not printable 7-bit ASCII"
    if not at or not local or _NOT_IN_LOCAL_PART.search(local):
        return "needs a name before the @, without spaces, quotes, brackets and : ; , \\ | % & @"
    if "" in local.split("."):
        return "has a dot at an end of the name before the @, or two in a row"
    if not _DOMAIN.fullmatch(domain):
        return "needs a domain of letters, digits and hyphens with at least one dot after the @"
    return None


def _legal_in_tags(text: str) -> str:
    return "".join(c if c in "_.:/=+-@" or unicodedata.category(c)[0] in "LNZ" else "_" for c in text)


def _shown(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
