"""The errors that every service gives in words of its own: who may not, too fast, unknown keys."""

from __future__ import annotations

from workers.sandbox.aws.call import AwsError, Caller
from workers.sandbox.aws.models import operation_model, service_model
from workers.sandbox.scim import SERVICE as SCIM

THROTTLING_CODES = {
    "organizations": (
        "TooManyRequestsException",
        (
            "AWS Organizations can't complete your request because another request is already in progress. "
            "Try again later."
        ),
    ),
    "sso-admin": ("ThrottlingException", "Rate exceeded"),
    "identitystore": ("ThrottlingException", "Rate exceeded"),
    "ce": ("LimitExceededException", "Rate exceeded"),
    SCIM: ("ThrottlingException", "Too many requests exceeded the limits."),
}

COMMON_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InternalFailure",
        "UnknownOperationException",
        "ValidationError",
        "ValidationException",
    }
)
"""Answered by many operations whose models do not name them. Source: "Common errors" of each API reference."""

DOCUMENTED_CODES = frozenset(
    ("cloudformation", operation, "InsufficientCapabilitiesException")
    for operation in ("CreateStackSet", "UpdateStackSet")
)
"""Missing in botocore's models, but AWS describes them with the operation's parameters."""


def throttled(service: str) -> AwsError:
    """Give the service's way of saying: too many requests."""
    if service in THROTTLING_CODES:
        code, message = THROTTLING_CODES[service]
        return AwsError(code, message, 400)
    return AwsError("Throttling" if is_query(service) else "ThrottlingException", "Rate exceeded", 400)


def not_authorized(service: str, caller: Caller, action: str, resource: str, reason: str = "") -> AwsError:
    """Give AWS's refusal, with the words that operators know."""
    because = f" {reason}" if reason else ""
    message = f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource}{because}"
    if is_query(service):
        return AwsError("AccessDenied", message, 403)
    return AwsError("AccessDeniedException", message, 403 if service == "lambda" else 400)


def unknown_key(service: str) -> AwsError:
    """Give the answer to an access key that AWS does not know."""
    message = "The security token included in the request is invalid."
    if is_query(service):
        return AwsError("InvalidClientTokenId", message, 403)
    return AwsError("UnrecognizedClientException", message)


def expired_token(service: str) -> AwsError:
    """Give the answer to a session that has ended."""
    message = "The security token included in the request is expired"
    return AwsError("ExpiredToken", message, 403) if is_query(service) else AwsError("ExpiredTokenException", message)


def wrong_signature(service: str) -> AwsError:
    """Give the answer to a request that was signed with another secret."""
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )
    code = "SignatureDoesNotMatch" if is_query(service) else "InvalidSignatureException"
    return AwsError(code, message, 403 if is_query(service) else 400)


def is_declared(service: str, operation: str, code: str) -> bool:
    """Say whether AWS's model has an error for an operation, or all operations of AWS may answer it."""
    if service == SCIM or code in COMMON_CODES or (service, operation, code) in DOCUMENTED_CODES:
        return True
    shapes = operation_model(service, operation).error_shapes
    return any(code in (shape.name, (shape.metadata.get("error") or {}).get("code")) for shape in shapes)


def is_query(service: str) -> bool:
    """Say whether the service speaks the query protocol, whose error codes have no suffix Exception."""
    return service != SCIM and bool(service_model(service).metadata["protocol"] == "query")
