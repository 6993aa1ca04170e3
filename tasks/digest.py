"""The digest by which we see that what we would send has changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256

DIGEST_LENGTH = 32  # hexadecimal digits: 128 bits, and three of them fit a token of 128 characters


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
