"""One JSON message to the address that the operator gave, signed, in a bounded time; a redirect is not followed."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

import httpx2

from config.log import MASKER
from config.settings import Settings

TIMEOUT = 5.0  # seconds for the connection, and for each wait for an answer


def post(settings: Settings, message: str, body: bytes, now: datetime) -> str | None:
    """Send a message; answers why it was not taken, None: it was. Any 2xx takes it; the answer's body is not read.

    message  its id, the same at each try
    Sends    Connector-Notification (the id), Connector-Timestamp (Unix seconds) and, with a secret,
             Connector-Signature: sha256=<HMAC-SHA256 in hex of "<timestamp>.<body>">
    """
    url, secret = settings.notification_url, settings.notification_secret
    if url is None:
        return "CONNECTOR_NOTIFICATION_URL is not set"
    stamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "Connector-Notification": message,
        "Connector-Timestamp": stamp,
    }
    if secret is not None:
        headers["Connector-Signature"] = signature(secret.get_secret_value(), stamp, body)
    try:
        with httpx2.stream("POST", url.get_secret_value(), content=body, headers=headers, timeout=TIMEOUT) as answer:
            return None if answer.is_success else f"HTTP {answer.status_code}"
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return MASKER.mask(f"{type(error).__name__}: {error}")


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Return the signature of a body that is sent at that time.

    >>> signature("key", "0", b"{}")[:15]
    'sha256=7314351d'
    """
    return "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
