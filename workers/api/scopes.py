"""Which scope a request needs: one table of all that changes something. What it does not name needs the scope admin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from config.api_token import Scope

READING = frozenset({"GET", "HEAD", "OPTIONS"})
READS = frozenset({Scope.READ})
ADMINS = frozenset({Scope.ADMIN})

_TENANT = "/api/v1/tenants/[^/]+/[^/]+/[^/]+"
NEEDED: Mapping[str, frozenset[Scope]] = MappingProxyType(
    {
        f"(PUT|DELETE) {_TENANT}": frozenset({Scope.ORDER}),
        "PUT /api/meshobjects": frozenset({Scope.ORDER}),  # for documents of the configuration it asks for more
        f"POST {_TENANT}/plan": frozenset({Scope.ORDER, Scope.OPERATE}),
        f"POST {_TENANT}/deletion/(approve|decline)": frozenset({Scope.APPROVE}),
        f"POST {_TENANT}/(replications|pause|resume)": frozenset({Scope.OPERATE}),
        "POST /api/v1/replications/[^/]+/cancel": frozenset({Scope.OPERATE}),
        "POST /api/v1/platforms/[^/]+/(pause|resume|health)": frozenset({Scope.OPERATE}),
        "POST /api/v1/landing-zones/[^/]+/rollouts": frozenset({Scope.OPERATE}),
        "POST /api/v1/metering/collections": frozenset({Scope.OPERATE}),
    }
)
"""Method and path to the scopes of which one is enough."""

_ROWS = tuple((re.compile(pattern), scopes) for pattern, scopes in NEEDED.items())


def needed(method: str, path: str) -> frozenset[Scope]:
    """Return the scopes of which a request needs one."""
    if method in READING:
        return READS
    return next((scopes for row, scopes in _ROWS if row.fullmatch(f"{method} {path}")), ADMINS)
