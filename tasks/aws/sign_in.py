"""Whether AWS refuses the platform itself: its key, its web identity, or a role of its own that it may not assume.

Every tenant of the platform would be refused the same, so none of them fails: they wait together, and one probes
(tasks/state/lua/shared/gates.lua). What AWS refuses in one account, such as its access role, is that tenant's alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tasks.aws.regions import is_opt_in
from tasks.errors import CONTINUE, AccessDenied, SignInRefused, StepError, TransientError

UNKNOWN_KEY = frozenset(
    {
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnauthorizedException",
        "UnrecognizedClientException",
    }
)
"""What AWS answers to a key or a token that was deleted, made inactive or replaced."""

MARK = "OfPlatform"  # a member of the answer, which AWS never gives


def of_platform(fetch: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Return what fetches the same credentials, which are the platform's own: a refusal is marked as one of these."""

    def marked() -> dict[str, Any]:
        try:
            return fetch()
        except ClientError as error:
            error.response[MARK] = True
            raise

    return marked


def is_of_platform(failure: StepError, error: ClientError, region: str, *, inside: bool, young: bool) -> bool:
    """Tell whether AWS has refused the platform itself, and not what it would do.

    region   where the call went
    inside   it was made in a member account, by a role of that
    young    that account is new, and may not know its own keys yet
    """
    if not isinstance(failure, AccessDenied):
        return False
    signing_in = not inside or error.operation_name.startswith("AssumeRole")
    unknown = failure.code in UNKNOWN_KEY and not is_opt_in(region)
    return MARK in error.response or (unknown and signing_in and not young)


def is_unsigned(error: StepError) -> bool:
    """Tell whether there was nothing to sign a call with: no identity, no token, or one for somebody else."""
    return isinstance(error, AccessDenied) or type(error) is TransientError


def sign_in_refused(failure: StepError, gate: str) -> SignInRefused:
    """Return the refusal as one for which all tenants of the platform wait, at this gate."""
    remedy = failure.remedy.removesuffix("then retry.").rstrip(" ;,")
    refused = SignInRefused(
        failure.code, failure.message, failure.request_id, f"{remedy.removesuffix('.')}. {CONTINUE}"
    )
    refused.gate = gate
    return refused
