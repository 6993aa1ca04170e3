"""Name patterns: `#{workspaceIdentifier:%.7s}` for names, and `${workspaceIdentifier}` for the values of account tags.

Both are read once, with every mistake found then, and rendered per tenant. Rendering never drops a part silently: two
tenants whose names lost what told them apart would collide.
Source: docs.meshcloud.io "String Templating" and "Tenant tags".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from config.java_format import JavaFormat, PatternError
from config.mapper_text import MAPPER_NAMES, MapperText
from config.naming import check_email, check_identifier, sanitise_alias, sanitise_tag_key, sanitise_tag_value
from config.text_field import text_schema

__all__ = [
    "MAPPER_NAMES",
    "MapperText",
    "Pattern",
    "PatternError",
    "check_email",
    "check_identifier",
    "sanitise_alias",
    "sanitise_tag_key",
    "sanitise_tag_value",
]

LEGACY_LENGTH = 20
"""Characters: meshStack's limit for the older `%s` form, placeholder included."""

NUMBERS = frozenset({"meshProjectId", "tenantPlatformNumber"})
TEXTS = frozenset({"workspaceIdentifier", "projectIdentifier", "platform", "rand"})
ALIASES = {"customerIdentifier": "workspaceIdentifier"}

HOW_TENANTS_ARE_NAMED = (
    "use #{workspaceIdentifier} with #{projectIdentifier} (uncut), or #{meshProjectId}, #{tenantPlatformNumber} or "
    "#{rand:%.8s}"
)

_PLACEHOLDER = re.compile(r"#\{(?P<name>[^:{}]*)(?::(?P<format>[^{}]*))?\}")
_TAG = re.compile(r"tag[^a-z\W][^\s:{}]*|tag[0-9_][^\s:{}]*")

# A value cut below these lengths (characters) no longer tells tenants apart: the longest identifiers, enough chance.
_TELLING_LENGTH = {
    "workspaceIdentifier": 16,
    "projectIdentifier": 30,
    "rand": 8,
    "meshProjectId": 10,
    "tenantPlatformNumber": 10,
}


@dataclass(frozen=True)
class Placeholder:
    """One `#{name:format}` of a pattern; `name` is never an alias."""

    name: str
    format: JavaFormat

    @property
    def is_whole(self) -> bool:
        """Tell whether the format leaves enough of the value to tell tenants apart."""
        kept = self.format.longest_cut
        return kept is None or kept >= _TELLING_LENGTH.get(self.name, 0)


@dataclass(frozen=True)
class Pattern:
    """A template for a name. Make it with `Pattern.parse`; as a pydantic field it is read from a text."""

    text: str
    parts: tuple[str | Placeholder, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str, extra: Iterable[str] = ()) -> "Pattern":
        """Read a template; `extra` names more placeholders that are allowed here, such as platformGroupAlias.

        Raises PatternError that names the placeholder or format and what is allowed.
        """
        if not text.strip():
            raise PatternError("a pattern must not be empty")
        if "#{" not in text and "%s" in text:
            return cls(text, _legacy_parts(text))
        return cls(text, tuple(_parts(text, tuple(extra))))

    @property
    def placeholders(self) -> frozenset[str]:
        """Name the values that `render` needs; customerIdentifier is called workspaceIdentifier."""
        return frozenset(part.name for part in self.parts if isinstance(part, Placeholder))

    @property
    def whole(self) -> frozenset[str]:
        """Name the values of which enough is kept to tell tenants apart."""
        return frozenset(part.name for part in self.parts if isinstance(part, Placeholder) and part.is_whole)

    @property
    def names_tenants(self) -> bool:
        """Tell whether what names a tenant is in it whole; how it is put together: `lookalikes.py`."""
        return {"workspaceIdentifier", "projectIdentifier"} <= self.whole or bool(self.whole & (NUMBERS | {"rand"}))

    def render(self, values: Mapping[str, str | int]) -> str:
        """Fill in the values. Raises PatternError that names a missing value or one that its format cannot take."""
        return "".join(part if isinstance(part, str) else self._fill(part, values) for part in self.parts)

    def _fill(self, part: Placeholder, values: Mapping[str, str | int]) -> str:
        value = values.get(part.name)
        if value is None or value == "":
            raise PatternError(f"pattern '{self.text}' needs {_described(part.name)}, which this tenant does not have")
        try:
            return part.format.render(value)
        except PatternError as error:
            raise PatternError(f"pattern '{self.text}', #{{{part.name}}}: {error}") from error

    def __str__(self) -> str:
        return self.text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read from a text; keep an instance; write as the text."""
        return text_schema(cls, cls.parse)


def _legacy_parts(text: str) -> tuple[str | Placeholder, ...]:
    """Read the older form: one `%s` that means `<workspace>.<project>`."""
    if len(text) > LEGACY_LENGTH:
        raise PatternError(f"pattern '{text}' has {len(text)} characters; with %s at most {LEGACY_LENGTH} are allowed")
    if text.count("%s") != 1:
        raise PatternError(f"pattern '{text}' has %s more than once; write it once, or use #{{workspaceIdentifier}}")
    before, after = text.split("%s")
    workspace, project = (Placeholder(name, JavaFormat()) for name in ("workspaceIdentifier", "projectIdentifier"))
    return tuple(part for part in (before, workspace, ".", project, after) if part != "")


def _parts(text: str, extra: tuple[str, ...]) -> Iterable[str | Placeholder]:
    position = 0
    while (start := text.find("#{", position)) >= 0:
        if start > position:
            yield text[position:start]
        match = _PLACEHOLDER.match(text, start)
        if match is None:
            raise PatternError(f"character {start + 1}: pattern '{text}' has a '#{{' without its '}}'")
        yield _placeholder(match, extra)
        position = match.end()
    if position < len(text):
        yield text[position:]


def _placeholder(match: re.Match[str], extra: tuple[str, ...]) -> Placeholder:
    written, text = match["name"].strip(), match["format"]
    name = ALIASES.get(written, written)
    if not (name in NUMBERS or name in TEXTS or name in extra or _TAG.fullmatch(name)):
        known = ", ".join(sorted(NUMBERS | TEXTS | set(ALIASES) | set(extra)))
        allowed = f"allowed: {known}, and tag<Name> such as tagCostCenter"
        raise PatternError(f"character {match.start() + 1}: unknown placeholder #{{{written}}}; {allowed}")
    start = match.start("format") + 1
    parsed = JavaFormat() if text is None else JavaFormat.parse(text, start)
    if parsed.is_number and name not in NUMBERS:
        problem = f"format '{text}' is for numbers, but #{{{written}}} is a text; use %s or %.7s"
        raise PatternError(f"character {start}: {problem}")
    return Placeholder(name, parsed)


def _described(name: str) -> str:
    """Name a value for a person.

    >>> _described("tagCostCenter"), _described("rand")
    ("the tag 'costCenter' (tagCostCenter)", 'a value for rand')
    """
    if not _TAG.fullmatch(name):
        return f"a value for {name}"
    return f"the tag '{name[3].lower()}{name[4:]}' ({name})"
