"""Pages of AWS's list operations: tokens name the last item seen, so that lists may change between pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from workers.sandbox.aws.call import AwsError

Item = TypeVar("Item")


def page(
    items: Iterable[Item],
    key: Callable[[Item], str],
    parameters: Mapping[str, Any],
    *,
    largest: int = 100,
    error_code: str = "ValidationException",
) -> tuple[list[Item], dict[str, str]]:
    """Answer the page that MaxResults and NextToken ask for, and the NextToken member (empty dict on the last page)."""
    size = int(parameters.get("MaxResults") or largest)
    if not 1 <= size <= largest:
        raise AwsError(error_code, f"Value '{size}' at 'maxResults' failed to satisfy constraint: 1 to {largest}")
    after = _read_token(parameters.get("NextToken"), error_code)
    rest = sorted((item for item in items if after is None or key(item) > after), key=key)
    more = {"NextToken": _write_token(key(rest[size - 1]))} if len(rest) > size else {}
    return rest[:size], more


def _write_token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _read_token(token: str | None, error_code: str) -> str | None:
    if token is None:
        return None
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AwsError(error_code, "The pagination token is invalid.") from error
