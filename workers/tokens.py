"""Which of the configured tokens a request carries. Source: RFC 6750 (Bearer), RFC 7617 (Basic)."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections.abc import Iterable
from hashlib import sha256

from config.api_token import ApiToken

LONGEST_TOKEN = 4096  # characters; nobody's token is longer, and hashing costs time


def find_token(value: str | None, tokens: Iterable[ApiToken]) -> ApiToken | None:
    """Return the configured token that was sent; compares all, in the same time for each."""
    if value is None or len(value) > LONGEST_TOKEN:
        return None
    digest = sha256(value.encode()).hexdigest()
    matches = [token for token in tokens if hmac.compare_digest(token.sha256, digest)]
    return matches[0] if matches else None


def bearer(header: str | None) -> str | None:
    """Return the token that an Authorization header carries; None: it carries none."""
    return _value(header, "bearer")


def password(header: str | None) -> str | None:
    """Return the password of HTTP Basic authentication; None: the header carries none.

    >>> password("Basic cHJvbWV0aGV1czpzZWNyZXQ=")
    'secret'
    """
    try:
        text = b64decode(_value(header, "basic") or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text.partition(":")[2] or None


def _value(header: str | None, wanted: str) -> str | None:
    scheme, _, value = (header or "").partition(" ")
    return value.strip() or None if scheme.lower() == wanted else None
