"""Which of our errors an AWS error code is: the only place that reads AWS's error codes into classes.

Looked up as (service, code), then by code alone, then by HTTP status. A code that nobody has written down is final and
shown with AWS's raw text, because a blind retry of an unknown refusal hides it. Codes are those of botocore's service
models and, for the codes every service shares, of docs.aws.amazon.com/general/latest/gr/api-retries.html.
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

from tasks.errors import AccessDenied, Conflict, NotFound, NotReady, Refused, StepError, Throttled, Unanswered

ErrorClass = type[AccessDenied | Conflict | NotFound | NotReady | Refused | Throttled | Unanswered]

EVERY_SERVICE: dict[str, ErrorClass] = {
    # AWS took nothing and says: later.
    **dict.fromkeys(
        (
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            "PriorRequestNotComplete",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        Throttled,
    ),
    # AWS failed on its own side: the work may be done or not.
    **dict.fromkeys(
        (
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "InternalServerException",
            "InternalServiceError",
            "RequestTimeout",
            "RequestTimeoutException",
            "ServiceFailure",
            "ServiceFailureException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
        ),
        Unanswered,
    ),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "NotAuthorized",
            "SignatureDoesNotMatch",
            "UnauthorizedOperation",
            "UnrecognizedClientException",
        ),
        AccessDenied,
    ),
    "OptInRequired": NotReady,
    "SubscriptionRequiredException": NotReady,
    "ConflictException": Conflict,
    "ResourceNotFoundException": NotFound,
}

BY_SERVICE: dict[tuple[str, str], ErrorClass] = {
    ("organizations", "ConcurrentModificationException"): Throttled,
    ("organizations", "FinalizingOrganizationException"): Throttled,
    ("organizations", "ServiceException"): Unanswered,
    ("organizations", "AccountNotFoundException"): NotFound,
    ("organizations", "AccountAlreadyClosedException"): Conflict,
    ("organizations", "ChildNotFoundException"): NotFound,
    ("organizations", "CreateAccountStatusNotFoundException"): NotFound,
    ("organizations", "DestinationParentNotFoundException"): NotFound,
    ("organizations", "DuplicateAccountException"): Conflict,
    ("organizations", "DuplicateOrganizationalUnitException"): Conflict,
    ("organizations", "OrganizationalUnitNotFoundException"): NotFound,
    ("organizations", "ParentNotFoundException"): NotFound,
    ("organizations", "SourceParentNotFoundException"): NotFound,
    ("organizations", "TargetNotFoundException"): NotFound,
    ("iam", "ConcurrentModification"): Throttled,
    ("iam", "EntityAlreadyExists"): Conflict,
    ("iam", "EntityTemporarilyUnmodifiable"): Throttled,
    ("iam", "NoSuchEntity"): NotFound,
    ("sts", "IDPCommunicationError"): Throttled,
    ("cloudformation", "AlreadyExistsException"): Conflict,
    ("cloudformation", "OperationIdAlreadyExistsException"): Conflict,
    ("cloudformation", "OperationInProgressException"): Throttled,
    ("cloudformation", "StackInstanceNotFoundException"): NotFound,
    ("cloudformation", "StackSetNotFoundException"): NotFound,
    ("cloudformation", "StaleRequestException"): Throttled,
    ("cloudformation", "TokenAlreadyExistsException"): Conflict,
}

REMEDIES: dict[tuple[str, str], str] = {
    ("organizations", "DestinationParentNotFoundException"): (
        "Set awsTargetOrgUnitId of the landing zone to an OU (ou-…) or root (r-…) of this organization, then retry."
    ),
    ("organizations", "ParentNotFoundException"): (
        "Set awsTargetOrgUnitId of the landing zone to an OU (ou-…) or root (r-…) of this organization, then retry."
    ),
    ("organizations", "OrganizationalUnitNotFoundException"): (
        "Set awsTargetOrgUnitId of the landing zone to an OU (ou-…) or root (r-…) of this organization, then retry."
    ),
    ("organizations", "ConstraintViolationException"): (
        "A quota of the organization is used up: ask AWS Support for a higher one or free some of it, then retry."
    ),
    ("cloudformation", "StackSetNotFoundException"): (
        "Correct stackSet.arn of the landing zone, or create the StackSet in the automation account, then retry."
    ),
    ("cloudformation", "InsufficientCapabilitiesException"): (
        "The template asks for a capability that the connector does not grant; simplify the template, then retry."
    ),
}

NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


def translate(service: str, error: ClientError) -> StepError:
    """Make AWS's answer one of our errors, with AWS's code, message and request id."""
    details: dict[str, Any] = error.response.get("Error", {})
    metadata: dict[str, Any] = error.response.get("ResponseMetadata", {})
    code = str(details.get("Code") or "Unknown")
    if error.operation_name.startswith("AssumeRole"):
        service = "sts"  # the credentials of this client could not be refreshed
    kind = error_class(service, code, str(error.response.get("Reason", "")), metadata.get("HTTPStatusCode", 0))
    message = str(details.get("Message") or details.get("message") or "AWS gave no message")
    return kind(
        code,
        f"{service}:{error.operation_name}: {message}",
        metadata.get("RequestId"),
        REMEDIES.get((service, code)),
        _retry_after(error.response),
    )


def error_class(service: str, code: str, reason: str, status: int) -> ErrorClass:
    """Look the class of a code up; `reason` is the identity store's second half of a ConflictException."""
    if code == "ConflictException" and (service == "sso-admin" or reason == "CONCURRENT_MODIFICATION"):
        return Throttled  # documented: a previous write has not propagated, retry with backoff
    known = BY_SERVICE.get((service, code)) or EVERY_SERVICE.get(code)
    if known is not None:
        return known
    return Unanswered if status >= 500 else Refused


def translate_unanswered(service: str, operation: str, error: Exception) -> StepError:
    """Make a call that got no readable answer one of our errors."""
    name = type(error).__name__
    text = f"{service}:{operation}: {error}"
    if isinstance(error, NEVER_SENT):
        return Throttled("Unreachable", text)
    if isinstance(error, NoCredentialsError):
        return AccessDenied(name, text, remedy="Give the platform document credentials, then retry.")
    if isinstance(error, ParamValidationError):
        return Refused(name, text, remedy="Correct the value that AWS's own rules refuse, then retry.")
    if isinstance(error, HTTPClientError | ResponseParserError | BotoCoreError | ValueError | KeyError):
        return Unanswered(name, text)
    raise error


def _retry_after(response: Any) -> float | None:
    """Seconds that AWS asks us to wait: the identity store's member or the HTTP header."""
    header = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after")
    value = response.get("RetryAfterSeconds", header)
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None  # an HTTP date; our own backoff will do
