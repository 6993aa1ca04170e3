"""JSON with decimals as they are: Python's own would make binary fractions of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def written(value: Any) -> str:
    """Write a value of texts, numbers, decimals, lists and mappings as JSON.

    >>> written({"cost": Decimal("12345678901234567.8900000000"), "lines": [None, True, 3]})
    '{"cost": 12345678901234567.8900000000, "lines": [null, true, 3]}'
    """
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{json.dumps(name)}: {written(each)}' for name, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, allow_nan=False)
