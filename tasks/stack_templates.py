"""What a CloudFormation template declares, and the digest by which we see that what we would send has changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256

from config.yaml_nodes import compose, entries

STACK_NAME = "meshstack-cf-access"  # as in the policy that a downgraded access role keeps
DIGEST_LENGTH = 32  # hexadecimal digits: 128 bits, and three of them fit a token of 128 characters


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


def digest(*parts: str | Mapping[str, str] | Iterable[str] | None) -> str:
    """Return 32 hexadecimal digits that stand for the parts: order of mapping keys does not matter.

    >>> digest("a", {"x": "1", "y": "2"}) == digest("a", {"y": "2", "x": "1"})
    True
    >>> digest("ab", "c") == digest("a", "bc")
    False
    """
    plain = [part if part is None or isinstance(part, str | Mapping) else list(part) for part in parts]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
