"""Every AWS error code that our calls may answer, and what follows from it: the only list of AWS's error codes.

    retried   Throttled (AWS took nothing), Unanswered (it may have happened), NotReady: with backoff, up to the
              step's deadline
    parked    a quota or a validation: tried again slowly, and an operator is told
    final     the remedy says what a person can do

Looked up as (service, code, reason), then (service, code), then by code alone. Codes are those of botocore's service
models and, for the codes that every service shares, of docs.aws.amazon.com/general/latest/gr/api-retries.html and
docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tasks.errors import AccessDenied, Conflict, NotFound, NotReady, Parked, Refused, Throttled, Unanswered

ErrorClass = type[AccessDenied | Conflict | NotFound | NotReady | Parked | Refused | Throttled | Unanswered]

HOURLY = timedelta(hours=1)  # people answer in hours
NEXT_DAY = timedelta(hours=24)  # when AWS counts anew


@dataclass(frozen=True)
class Fault:
    """What follows from a code."""

    kind: ErrorClass
    remedy: str | None = None  # what a person can do; None: nothing, it is tried again
    retry_after: timedelta | None = None  # None: as AWS asks, or our own backoff


THROTTLING = frozenset(  # too many requests: whoever calls must call less often
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
AWS_FAILED = frozenset(  # on its own side: the work may be done or not
    {
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
    }
)
NOT_ALLOWED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation"})
NOT_KNOWN = frozenset(  # the credentials themselves
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
INVALID = frozenset({"InvalidParameterValue", "ValidationError", "ValidationException"})

LATER = Fault(Throttled)
UNCERTAIN = Fault(Unanswered)
ALLOW = Fault(
    AccessDenied,
    "Allow the call in the policy of the role that AWS names (aws-connector policies prints what it needs), and see "
    "that its trust policy has the external id and no service control policy denies it; then retry.",
)
SIGN_IN = Fault(
    AccessDenied,
    "Correct the access key or the web identity of the platform document and the clock of the worker, then retry.",
)
CORRECT = Fault(
    Refused, "Correct the name, tag, pattern or id that AWS refuses in the order or its documents, then retry."
)
GONE = Fault(NotFound, "Check the id that AWS names in the platform or landing zone document, then retry.")
TREE = Fault(
    NotFound,
    "Set awsTargetOrgUnitId of the landing zone to an OU (ou-…) or root (r-…) of this organization, then retry.",
)
TAKEN = Fault(Conflict, "Rename or remove what has the name already, or change the pattern of the name, then retry.")
QUOTA = Fault(
    Parked,
    "Ask AWS for a higher quota (Service Quotas) or remove what is not needed; it is tried again every hour, or at "
    "once by retry.",
    HOURLY,
)

EVERY_SERVICE: dict[str, Fault] = {
    **dict.fromkeys(sorted(THROTTLING), LATER),
    "PriorRequestNotComplete": LATER,
    **dict.fromkeys(sorted(AWS_FAILED), UNCERTAIN),
    **dict.fromkeys(sorted(NOT_ALLOWED), ALLOW),
    **dict.fromkeys(sorted(NOT_KNOWN), SIGN_IN),
    **dict.fromkeys(sorted(INVALID), CORRECT),
    "OptInRequired": Fault(NotReady),
    "SubscriptionRequiredException": Fault(NotReady),
    "ConflictException": TAKEN,
    "ResourceNotFoundException": GONE,
    "ServiceQuotaExceededException": QUOTA,
}

BY_SERVICE: dict[tuple[str, str], Fault] = {
    ("organizations", "AWSOrganizationsNotInUseException"): Fault(
        Refused, "Set organizationRootAccountRole to a role in the management account of an organization, then retry."
    ),
    ("organizations", "AccountNotFoundException"): Fault(
        NotFound, "Invite the account into the organization again, or order the tenant without it, then retry."
    ),
    ("organizations", "ChildNotFoundException"): GONE,
    ("organizations", "ConcurrentModificationException"): LATER,
    ("organizations", "ConstraintViolationException"): Fault(
        Refused, "A limit or rule of the organization forbids it, AWS's message says which: change that, then retry."
    ),
    ("organizations", "CreateAccountStatusNotFoundException"): Fault(
        NotFound, "Retry: the account is looked for by its email before anything is asked again."
    ),
    ("organizations", "DestinationParentNotFoundException"): TREE,
    ("organizations", "DuplicateAccountException"): Fault(
        Conflict, "The account is there already: retry, and nothing is moved."
    ),
    ("organizations", "DuplicateOrganizationalUnitException"): TAKEN,
    ("organizations", "FinalizingOrganizationException"): LATER,
    ("organizations", "InvalidInputException"): CORRECT,
    ("organizations", "ParentNotFoundException"): TREE,
    ("organizations", "ServiceException"): UNCERTAIN,
    ("organizations", "SourceParentNotFoundException"): Fault(
        NotFound, "Somebody has moved the account meanwhile: retry, and it is moved from where it stands then."
    ),
    ("organizations", "TargetNotFoundException"): GONE,
    ("organizations", "UnsupportedAPIEndpointException"): Fault(
        Refused, "Set the region of the platform to one of the organization's partition, then retry."
    ),
    ("iam", "ConcurrentModification"): LATER,
    ("iam", "EntityAlreadyExists"): Fault(
        Conflict, "Another account of AWS has the alias: change accountAliasPattern, then replicate again."
    ),
    ("iam", "LimitExceeded"): QUOTA,
    ("sts", "MalformedPolicyDocument"): Fault(Refused, "This is a defect of the connector: report it with its log."),
    ("sts", "PackedPolicyTooLarge"): Fault(Refused, "This is a defect of the connector: report it with its log."),
    ("sts", "RegionDisabledException"): Fault(
        AccessDenied, "Activate AWS STS in the platform's region in the account that AWS names, then retry."
    ),
    ("sts", "IDPCommunicationError"): LATER,
    ("sts", "IDPRejectedClaim"): SIGN_IN,
    ("sts", "InvalidIdentityToken"): SIGN_IN,
    ("cloudformation", "AlreadyExistsException"): TAKEN,
    ("cloudformation", "InsufficientCapabilitiesException"): Fault(
        Refused, "The template asks for a capability that the connector does not grant: simplify it, then retry."
    ),
    ("cloudformation", "InvalidOperationException"): Fault(
        Refused, "Mend what AWS says of the StackSet (its permissions or its regions), then retry."
    ),
    ("cloudformation", "LimitExceededException"): QUOTA,
    ("cloudformation", "OperationIdAlreadyExistsException"): Fault(
        Conflict, "AWS has this operation already: retry, and its end is awaited."
    ),
    ("cloudformation", "OperationInProgressException"): LATER,
    ("cloudformation", "StackInstanceNotFoundException"): Fault(
        NotFound, "Somebody has deleted the stack instance: retry, and it is created again."
    ),
    ("cloudformation", "StackSetNotFoundException"): Fault(
        NotFound,
        "Correct stackSet.arn of the landing zone, or create the StackSet in the automation account, then retry.",
    ),
    ("cloudformation", "StaleRequestException"): LATER,
    ("cloudformation", "TokenAlreadyExistsException"): Fault(
        Conflict, "Another operation of the stack has this token: retry, and a new one is sent."
    ),
    ("sso-admin", "ConflictException"): LATER,  # documented: a previous write has not propagated
}

BY_REASON: dict[tuple[str, str, str], Fault] = {  # member `Reason` of the exception
    ("organizations", "ConstraintViolationException", "ACCOUNT_NUMBER_LIMIT_EXCEEDED"): Fault(
        Parked,
        "Ask AWS for more accounts in this organization (closed ones count for 90 days); it is tried again every hour.",
        HOURLY,
    ),
    ("organizations", "ConstraintViolationException", "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"): Fault(
        Parked, "AWS creates no more accounts for this organization today; it is tried again tomorrow.", NEXT_DAY
    ),
    ("organizations", "ConstraintViolationException", "OU_NUMBER_LIMIT_EXCEEDED"): QUOTA,
    ("identitystore", "ConflictException", "CONCURRENT_MODIFICATION"): LATER,
}
