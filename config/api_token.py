"""The tokens of the API, as a setting names them: each by the SHA-256 of its text, never by the text itself."""

import hashlib
import re
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOKEN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}")
_ENTRY_FORM = (
    "each entry must be name:scope:<sha256 of the token in hex>, where scope is read, order, operate, approve, admin, "
    "or several of them as in order+operate"
)


class Scope(StrEnum):
    """What a token may do. Each includes reading, and admin includes all."""

    READ = "read"
    ORDER = "order"  # tenants: order, change and delete them
    OPERATE = "operate"  # what stands: replicate again, cancel, pause, roll out, plan
    APPROVE = "approve"  # deletions, and decline them
    ADMIN = "admin"  # the configuration: platforms, landing zones


OLDER_NAMES = {"write": Scope.ADMIN}


class ApiToken(BaseModel):
    """One token of the API: who it is for, what it may do, and its SHA-256 (64 hex digits), never itself."""

    model_config = ConfigDict(frozen=True)

    name: str
    scopes: frozenset[Scope]
    sha256: str = Field(repr=False)

    @classmethod
    def of(cls, name: str, scopes: str, token: str) -> "ApiToken":
        """Return the entry for a token that was just drawn; scopes as in a setting: `order+operate`."""
        return cls(name=name, scopes=read_scopes(scopes), sha256=hashlib.sha256(token.encode()).hexdigest())

    def may(self, scope: Scope) -> bool:
        """Tell whether it may do what needs a scope."""
        return scope is Scope.READ or not self.scopes.isdisjoint({scope, Scope.ADMIN})

    @property
    def entry(self) -> str:
        """Return it as it stands in the setting."""
        return f"{self.name}:{'+'.join(sorted(self.scopes))}:{self.sha256}"


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
    name, scopes, sha256 = (*entry.split(":"), "", "")[:3]
    if entry.count(":") != 2 or not _TOKEN_NAME.fullmatch(name):
        raise ValueError(f"entry {number} is wrong; {_ENTRY_FORM}")
    if not _SHA256.fullmatch(sha256.lower()):
        raise ValueError(f"entry {number} ('{name}') does not end in 64 hex digits; {_ENTRY_FORM}")
    try:
        return ApiToken(name=name, scopes=read_scopes(scopes), sha256=sha256.lower())
    except ValueError:
        raise ValueError(f"entry {number} ('{name}') has an unknown scope; {_ENTRY_FORM}") from None


def read_scopes(text: str) -> frozenset[Scope]:
    """Read scopes as a setting names them: `order+operate`; ValueError for one that is unknown."""
    return frozenset(OLDER_NAMES.get(name) or Scope(name) for name in text.split("+"))
