"""The web identity token that a cluster writes for us: read anew when AWS is to be shown one, and looked into first.

A cluster (Kubernetes: a projected service account token) writes the token to a file and replaces it before it ends. AWS
refuses an old or wrong one in words that do not say which file to look at; so what can be told without AWS's keys is
told here. The signature and the issuer are AWS's to judge. Nothing of the token itself is ever told.
Source: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html, RFC 7519
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.errors import AccessDenied, TransientError

LARGEST_TOKEN = 20_000  # characters that AWS takes. Source: AssumeRoleWithWebIdentity, WebIdentityToken
REMEDY = "Check that the cluster mounts and renews the token file for this process (docs/security.md), then retry."


@dataclass(frozen=True)
class TokenFile:
    """A token file, as botocore's fetcher calls it for a token."""

    path: Path
    audience: str
    now: Callable[[], datetime]  # aware

    def __call__(self) -> str:
        """Return the token. Raises TransientError for a file that may be right a moment later; AccessDenied."""
        token = self._read()
        claims = claims_of(token)
        ends = claims.get("exp")
        if isinstance(ends, int | float) and ends <= self.now().timestamp():
            since = f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M:%S} UTC"
            raise TransientError("WebIdentityTokenExpired", f"the token in {self.path} ended at {since}", remedy=REMEDY)
        audiences = claims.get("aud", self.audience)
        if self.audience not in (audiences if isinstance(audiences, list) else [audiences]):
            raise self._wrong_audience(audiences)
        return token

    def _read(self) -> str:
        try:
            with self.path.open(encoding="ascii") as file:
                token = file.read(LARGEST_TOKEN + 2).strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not ASCII text"
            raise TransientError(
                "WebIdentityTokenUnreadable", f"the token file {self.path} cannot be read: {reason}", remedy=REMEDY
            ) from error
        if not token or len(token) > LARGEST_TOKEN:
            what = "longer than AWS accepts" if token else "empty"
            raise TransientError("WebIdentityTokenUnreadable", f"the token file {self.path} is {what}", remedy=REMEDY)
        return token

    def _wrong_audience(self, audiences: Any) -> AccessDenied:
        shown = ", ".join(map(str, audiences)) if isinstance(audiences, list) else str(audiences)
        return AccessDenied(
            "WrongWebIdentityAudience",
            f"the token in {self.path} is for the audience {shown}, the platform document says {self.audience}",
            remedy=(
                "Have the cluster write a token for that audience, or name the token's audience in "
                "auth.workloadIdentity.audience and among the client ids of the OIDC provider in AWS; then retry."
            ),
        )


def claims_of(token: str) -> dict[str, Any]:
    """Return what a JSON web token says, unproven; nothing for a token of another form, which AWS must judge.

    >>> claims_of("e30.eyJhdWQiOiAiYSJ9.x")
    {'aud': 'a'}
    >>> claims_of("opaque")
    {}
    """
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
