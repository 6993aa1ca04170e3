"""`${name}` inside static text: the value of an account tag. Source: docs.meshcloud.io "Tenant tags"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from config.java_format import PatternError
from config.text_field import text_schema

_PERSON = ("Username", "FirstName", "LastName")

MAPPER_NAMES: tuple[str, ...] = (
    "workspaceIdentifier",
    "workspaceName",
    "projectIdentifier",
    "projectName",
    "landingZoneIdentifier",
    "landingZoneName",
    "paymentIdentifier",
    "paymentName",
    "paymentExpirationDate",
    "paymentAmount",
    "contactMail",
    *(f"owner{part}" for part in _PERSON),
    *(f"additionalOwner{part}" for part in _PERSON),
)
"""Every name a tag mapper may use, in the order in which messages list them."""

ALIASES = {
    "customerIdentifier": "workspaceIdentifier",
    "customerName": "workspaceName",
    "landingzone": "landingZoneName",
}
"""What older documents say."""

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")


def unset(name: str) -> str:
    """Return what meshStack writes for a value that is not set.

    >>> unset("landingZoneName"), unset("paymentName")
    ('no-landingzone', 'none')
    """
    return "no-landingzone" if name.startswith("landingZone") else "none"


@dataclass(frozen=True)
class MapperText:
    """A tag's value with `${…}` parts. Make it with `MapperText.parse`; as a pydantic field it is read from a text."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "MapperText":
        """Read a mapper's value. Raises PatternError that names an unknown part and lists the known ones."""
        names = _PLACEHOLDER.findall(text)
        if len(names) != text.count("${"):
            raise PatternError(f"value '{text}' has a '${{' without its '}}'")
        for name in names:
            if name not in MAPPER_NAMES and name not in ALIASES:
                raise PatternError(f"unknown part ${{{name}}}; allowed: {', '.join(MAPPER_NAMES)}")
        return cls(text)

    @property
    def names(self) -> frozenset[str]:
        """Name the values this text uses, never by an alias."""
        return frozenset(map(_own, _PLACEHOLDER.findall(self.text)))

    def render(self, values: Mapping[str, str | None]) -> str:
        """Fill in the values; a missing or empty one becomes `none`, a landing zone `no-landingzone`. Never raises."""
        return _PLACEHOLDER.sub(lambda match: values.get(_own(match[1])) or unset(_own(match[1])), self.text)

    def __str__(self) -> str:
        return self.text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read from a text; keep an instance; write as the text."""
        return text_schema(cls, cls.parse)


def _own(name: str) -> str:
    return ALIASES.get(name, name)
