"""Make what AWS answers one of our errors, by the table of AWS's codes (`fault_table.py`).

A code that nobody has written down is final and shown with AWS's raw text, because a blind retry of an unknown refusal
hides it; only a server's error (HTTP 5xx) leaves open what has happened.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)
from botocore.parsers import ResponseParserError

from tasks.aws.fault_table import BY_REASON, BY_SERVICE, EVERY_SERVICE, Fault
from tasks.aws.regions import is_opt_in
from tasks.errors import AccessDenied, NotReady, Parked, Refused, StepError, Throttled, Unanswered
from tasks.model.lane import QUOTA

# What a new account answers while its services are being made; its access role answers AccessDenied to AssumeRole. In a
# region that accounts must enable first it is also what AWS answers before that.
NOT_YET = frozenset(
    {
        "InvalidClientTokenId",
        "OptInRequired",
        "SubscriptionRequiredException",
        "UnrecognizedClientException",
    }
)

STALE = ("Signature expired", "Signature not yet current")  # how some services say RequestExpired
REACH = (
    "Check the worker's network: name resolution, firewall, HTTPS_PROXY, and AWS_ENDPOINT_URL if it is set. The "
    "connector retries automatically."
)
NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


def translate(service: str, error: ClientError, region: str = "", account_id: str | None = None) -> StepError:
    """Make AWS's answer one of our errors, with AWS's code, message and request id.

    region      where the call went; empty: it makes no difference
    account_id  which account answers, so that all wait together for a quota of its organization; None: each for itself
    """
    details: dict[str, Any] = error.response.get("Error", {})
    metadata: dict[str, Any] = error.response.get("ResponseMetadata", {})
    code = str(details.get("Code") or "Unknown")
    if error.operation_name.startswith("AssumeRole"):
        service = "sts"  # the credentials of this client could not be refreshed
    message = str(details.get("Message") or details.get("message") or "AWS gave no message")
    known_as = "RequestExpired" if message.startswith(STALE) else code
    reason = _reason(error.response)
    fault = find_fault(service, known_as, reason, metadata.get("HTTPStatusCode", 0))
    asked = _retry_after(error.response)
    failure = fault.kind(
        code,
        f"{service}:{error.operation_name}: {message}",
        metadata.get("RequestId"),
        _region_remedy(code, region) or fault.remedy,
        asked if fault.retry_after is None else fault.retry_after.total_seconds(),
    )
    if isinstance(failure, Parked) and fault.of_all and account_id is not None:
        failure.gate = f"{QUOTA}{reason} of {account_id}"
    return failure


def find_fault(service: str, code: str, reason: str, status: int) -> Fault:
    """Look a code up; `reason` is the member that some exceptions have beside it, empty without one."""
    known = BY_REASON.get((service, code, reason)) or BY_SERVICE.get((service, code)) or EVERY_SERVICE.get(code)
    if known is not None:
        return known
    return Fault(Unanswered) if status >= 500 else Fault(Refused)


def _region_remedy(code: str, region: str) -> str | None:
    """Say what helps in a region that accounts must enable first; None: it is not that."""
    if code not in NOT_YET or not is_opt_in(region):
        return None
    return (
        f"{region} is a region that an account must enable first: enable it in the account that is called (AWS Account "
        "Management, Regions) and in those that call, or name another region in the document. Tokens of STS's global "
        "endpoint are not valid there: unset AWS_STS_REGIONAL_ENDPOINTS=legacy. Then retry."
    )


def is_not_yet(code: str, operation: str, message: str) -> bool:
    """Tell whether a refusal may be that of an account still being made; an explicit deny is somebody's will.

    operation  in AWS's own spelling: AssumeRole
    """
    return code in NOT_YET or (code == "AccessDenied" and operation == "AssumeRole" and "explicit deny" not in message)


def not_ready(failure: StepError, region: str = "") -> NotReady:
    """Return the refusal as one that time mends."""
    return NotReady(failure.code, failure.message, failure.request_id, _region_remedy(failure.code, region))


def translate_unanswered(service: str, operation: str, error: Exception) -> StepError:
    """Make a call that got no readable answer one of our errors."""
    name = type(error).__name__
    text = f"{service}:{operation}: {error}"
    if isinstance(error, NEVER_SENT):
        return Throttled("Unreachable", text, remedy=REACH)
    if isinstance(error, NoCredentialsError):
        return AccessDenied(name, text, remedy="Give the platform document credentials, then retry.")
    if isinstance(error, ParamValidationError):
        return Refused(name, text, remedy="Correct the value that AWS's own rules refuse, then retry.")
    if isinstance(error, HTTPClientError | ResponseParserError | BotoCoreError | ValueError | KeyError):
        return Unanswered(name, text)
    raise error


def _reason(response: Any) -> str:
    """The second half of some codes: a member of the exception, beside its code."""
    error = response.get("Error", {})
    return str(response.get("Reason") or error.get("Reason") or response.get("ResourceType") or "")


def _retry_after(response: Any) -> float | None:
    """Seconds that AWS asks us to wait: the identity store's member or the HTTP header."""
    header = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after")
    value = response.get("RetryAfterSeconds", header)
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None  # an HTTP date; our own backoff will do
