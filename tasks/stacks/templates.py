"""What a CloudFormation template declares."""

from __future__ import annotations

import json
from functools import lru_cache

from config.yaml_nodes import compose, entries

STACK_NAME = "meshstack-cf-access"  # as in the policy that a downgraded access role keeps


@lru_cache(maxsize=32)  # one for each landing zone; a template takes some milliseconds to read
def declared_parameters(body: str) -> frozenset[str]:
    """Return the names in the Parameters section of a template, JSON or YAML. The body has been checked by config.

    >>> sorted(declared_parameters("Parameters: {Stage: {Type: String}}"))
    ['Stage']
    >>> sorted(declared_parameters('{"Resources": {}}'))
    []
    """
    if body.lstrip().startswith("{"):
        try:
            return frozenset(json.loads(body).get("Parameters") or ())
        except ValueError:
            pass  # a YAML flow mapping may begin like JSON
    return frozenset(entries(entries(next(iter(compose(body)), None)).get("Parameters")))
