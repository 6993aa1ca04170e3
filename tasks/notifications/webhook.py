"""One JSON message to the address that the operator gave, signed, in a bounded time; a redirect is not followed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

import httpx2

from config.log import MASKER
from config.settings import Settings
from tasks.outgoing import transport, within

WAIT_SECONDS = 5.0  # for the connection, and for each part of the answer
WHOLE_SECONDS = 10.0  # for all of it: a receiver that trickles must not hold a thread


def post(settings: Settings, message: str, body: bytes, now: datetime, patience: float = WHOLE_SECONDS) -> str | None:
    """Send a message; answers why it was not taken, None: it was. Any 2xx takes it; the answer's body is not read.

    message   its id, the same at each try
    patience  seconds for all of it
    Sends     Connector-Notification (the id), Connector-Timestamp (Unix seconds) and, with a secret,
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
        return _answer(url.get_secret_value(), body, headers, patience)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return MASKER.mask(f"{type(error).__name__}: {error}")


def _answer(url: str, body: bytes, headers: Mapping[str, str], patience: float) -> str | None:
    with (
        within(patience),
        httpx2.Client(transport=transport(url), timeout=WAIT_SECONDS) as client,
        client.stream("POST", url, content=body, headers=headers) as answer,
    ):
        return None if answer.is_success else f"HTTP {answer.status_code}"


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Return the signature of a body that is sent at that time.

    >>> signature("key", "0", b"{}")[:15]
    'sha256=7314351d'
    """
    return "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
