"""Web identity tokens as a cluster would write them, and the sandbox's issuer that can tell them from forged ones.

A JSON web token (RFC 7519) signed with HS256: AWS takes only public-key signatures, but the sandbox is both the issuer
and who checks. Nothing here is secret outside the sandbox.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from workers.sandbox import organization

KEY = b"the sandbox's web identity issuer"
HEADER = {"alg": "HS256", "typ": "JWT"}


def make_token(
    subject: str = organization.WEB_IDENTITY_SUBJECT,
    audience: str | list[str] = organization.WEB_IDENTITY_AUDIENCE,
    expires: float = 4_102_444_800,  # the year 2100
    issuer: str = f"https://{organization.WEB_IDENTITY_PROVIDER}",
) -> str:
    """Return a token that the simulator's issuer has signed. expires: seconds since the epoch."""
    claims = {"iss": issuer, "sub": subject, "aud": audience, "exp": expires}
    text = f"{_encode(json.dumps(HEADER).encode())}.{_encode(json.dumps(claims).encode())}"
    return f"{text}.{_encode(_signature(text))}"


def read_token(token: str) -> dict[str, Any] | None:
    """Return the claims of a token; None when the issuer has not signed it."""
    text, _, signature = token.rpartition(".")
    if text.count(".") != 1 or not hmac.compare_digest(signature, _encode(_signature(text))):
        return None
    payload = text.partition(".")[2]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def _signature(text: str) -> bytes:
    return hmac.digest(KEY, text.encode(), "sha256")


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
