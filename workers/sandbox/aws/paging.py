"""Pages of AWS's list operations: tokens name the last item seen, so that lists may change between pages."""

from __future__ import annotations

import base64
import binascii
import secrets
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
    shorten: Callable[[int], int] = int,
) -> tuple[list[Item], dict[str, str]]:
    """Answer the page that MaxResults and NextToken ask for, and the NextToken member (empty dict on the last page).

    Keys are not empty. `shorten` may make a page smaller than it was asked to be, down to nothing.
    """
    size = int(parameters.get("MaxResults") or largest)
    if not 1 <= size <= largest:
        raise AwsError(error_code, f"Value '{size}' at 'maxResults' failed to satisfy constraint: 1 to {largest}")
    after = _read_token(parameters.get("NextToken"), error_code)
    rest = sorted((item for item in items if key(item) > after), key=key)
    found = rest[: shorten(size)]
    last = key(found[-1]) if found else after
    return found, {"NextToken": _write_token(last)} if len(rest) > len(found) else {}


def _write_token(key: str) -> str:
    # No two tokens are the same: botocore takes a token that comes back for a loop, and AWS's pages may be empty.
    return base64.urlsafe_b64encode(f"{secrets.token_hex(4)} {key}".encode()).decode()


def _read_token(token: str | None, error_code: str) -> str:
    if token is None:
        return ""
    try:
        return base64.urlsafe_b64decode(token.encode()).decode().partition(" ")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AwsError(error_code, "The pagination token is invalid.") from error
