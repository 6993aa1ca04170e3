"""The tokens of the API, as a setting names them: each by the SHA-256 of its text, never by the text itself."""

import hashlib
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOKEN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}")
_ENTRY_FORM = "each entry must be name:read:<sha256 of the token in hex> or name:write:<sha256>"


class ApiToken(BaseModel):
    """One token of the API: who it is for, what it may do, and its SHA-256 (64 hex digits), never itself."""

    model_config = ConfigDict(frozen=True)

    name: str
    scope: Literal["read", "write"]
    sha256: str = Field(repr=False)

    @classmethod
    def of(cls, name: str, scope: Literal["read", "write"], token: str) -> "ApiToken":
        """Return the entry for a token that was just drawn."""
        return cls(name=name, scope=scope, sha256=hashlib.sha256(token.encode()).hexdigest())


def read_tokens(value: object) -> object:
    """Read `name:scope:sha256,…`. What stands in a wrong entry is not repeated: it may be a token."""
    if not isinstance(value, str):
        return value
    entries = [entry.strip() for entry in value.split(",") if entry.strip()]
    tokens = [_token(number, entry) for number, entry in enumerate(entries, start=1)]
    names = [token.name for token in tokens]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"names {', '.join(twice)} more than once; every token needs its own name")
    return tuple(tokens)


def _token(number: int, entry: str) -> ApiToken:
    name, scope, sha256 = (*entry.split(":"), "", "")[:3]
    if entry.count(":") != 2 or not _TOKEN_NAME.fullmatch(name):
        raise ValueError(f"entry {number} is wrong; {_ENTRY_FORM}")
    if not _SHA256.fullmatch(sha256.lower()):
        raise ValueError(f"entry {number} ('{name}') does not end in 64 hex digits; {_ENTRY_FORM}")
    match scope:
        case "read" | "write":
            return ApiToken(name=name, scope=scope, sha256=sha256.lower())
    raise ValueError(f"entry {number} ('{name}') has an unknown scope; {_ENTRY_FORM}")
