"""Every AWS error code that our calls may answer, and what follows from it: the only list of AWS's error codes.

    retried   Throttled (AWS did nothing), Unanswered (it may have happened), NotReady: with backoff, up to the
              step's deadline
    parked    a quota or a validation: retried slowly, and an operator is told
    final     the remedy says what a person can do

Looked up as (service, code, reason), then (service, code), then by code alone. Codes are those of botocore's service
models and, for the codes that every service shares, of docs.aws.amazon.com/general/latest/gr/api-retries.html and
docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from tasks.errors import AccessDenied, Conflict, NotFound, NotReady, Parked, Refused, Throttled, Unanswered

ErrorClass = type[AccessDenied | Conflict | NotFound | NotReady | Parked | Refused | Throttled | Unanswered]

HOURLY = timedelta(hours=1)  # people answer in hours
NEXT_DAY = timedelta(hours=24)  # when AWS counts anew


@dataclass(frozen=True)
class Fault:
    """What follows from a code."""

    kind: ErrorClass
    remedy: str | None = None  # what a person can do; None: nothing, it is retried
    retry_after: timedelta | None = None  # None: as AWS asks, or our own backoff
    of_all: bool = False  # a quota of the whole organization: what is refused to one is refused to all


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
        "RequestAborted",
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
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
EXPIRED = frozenset(  # AWS took nothing: the credentials are made anew (boundary.py), and the call is made again
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
)
INVALID = frozenset({"InvalidParameterValue", "ValidationError", "ValidationException"})

LATER = Fault(Throttled)
UNCERTAIN = Fault(Unanswered)
AGAIN = Fault(Throttled, "No action needed. If it keeps happening, correct the clock of the worker.")
ALLOW = Fault(
    AccessDenied,
    "Allow the call in the policy of the role that AWS names (aws-connector policies prints what it needs). Check that "
    "its trust policy has the external id and that no service control policy denies the call; then retry.",
)
SIGN_IN = Fault(
    AccessDenied,
    "Correct the access key or the web identity in the platform document, and the clock of the worker; then retry.",
)
CORRECT = Fault(
    Refused, "Correct the name, tag, pattern or id that AWS refuses, in the order or in the documents; then retry."
)
GONE = Fault(NotFound, "Check the id that AWS names in the platform or landing zone document, then retry.")
TREE = Fault(
    NotFound,
    "Set awsTargetOrgUnitId of the landing zone to an OU (ou-…) or root (r-…) of this organization, then retry.",
)
TAKEN = Fault(
    Conflict, "The name is already taken. Rename or remove what has it, or change the pattern of the name; then retry."
)
QUOTA = Fault(
    Parked,
    "Ask AWS for a higher quota (Service Quotas) or remove what is not needed. The connector retries every hour, or at "
    "once with retry.",
    HOURLY,
)

RUNNABLE = "Read what Lambda says about the function, fix it (test it in the Lambda console), then retry."
FUNCTION_NOT_READY = frozenset(  # Lambda prepares the function, and has not run it
    {
        "CodeArtifactUserPendingException",
        "EC2UnexpectedException",
        "EFSMountTimeoutException",
        "ENINotReadyException",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "S3FilesMountTimeoutException",
        "SnapStartNotReadyException",
        "SnapStartTimeoutException",
    }
)
FUNCTION_UNFIT = frozenset(  # Lambda cannot run the function until its owner changes something
    {
        "CodeArtifactUserDeletedException",
        "CodeArtifactUserFailedException",
        "DurableExecutionAlreadyStartedException",
        "EC2AccessDeniedException",
        "EFSIOException",
        "EFSMountConnectivityException",
        "EFSMountFailureException",
        "InvalidRuntimeException",
        "InvalidSecurityGroupIDException",
        "InvalidSubnetIDException",
        "InvalidZipFileException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "ModeNotSupportedException",
        "NoPublishedVersionException",
        "RecursiveInvocationException",
        "RuntimeAliasDeletedException",
        "RuntimeVersionDeletedException",
        "S3FilesMountConnectivityException",
        "S3FilesMountFailureException",
        "SnapStartException",
        "SnapStartRegenerationFailureException",
    }
)

EVERY_SERVICE: dict[str, Fault] = {
    **dict.fromkeys(sorted(THROTTLING), LATER),
    "PriorRequestNotComplete": LATER,
    **dict.fromkeys(sorted(AWS_FAILED), UNCERTAIN),
    **dict.fromkeys(sorted(NOT_ALLOWED), ALLOW),
    **dict.fromkeys(sorted(NOT_KNOWN), SIGN_IN),
    **dict.fromkeys(sorted(EXPIRED), AGAIN),
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
    ("organizations", "AccountAlreadyClosedException"): Fault(
        Conflict, "The account is already closed. Retry, and the deletion continues."
    ),
    ("organizations", "ChildNotFoundException"): GONE,
    ("organizations", "ConcurrentModificationException"): LATER,
    ("organizations", "ConstraintViolationException"): Fault(
        Refused, "A limit or rule of the organization forbids it; AWS's message says which. Change that, then retry."
    ),
    ("organizations", "CreateAccountStatusNotFoundException"): Fault(
        NotFound, "Retry. The connector searches for the account by its email before it requests another one."
    ),
    ("organizations", "DestinationParentNotFoundException"): TREE,
    ("organizations", "DuplicateAccountException"): Fault(
        Conflict, "The account is already in this OU. Retry; nothing will be moved."
    ),
    ("organizations", "DuplicateOrganizationalUnitException"): TAKEN,
    ("organizations", "DuplicatePolicyAttachmentException"): Fault(
        Conflict, "The service control policy is already attached. Retry; nothing will be written."
    ),
    ("organizations", "DuplicatePolicyException"): Fault(
        Conflict,
        "Somebody has just created a service control policy with this name. Retry, and the connector checks it.",
    ),
    ("organizations", "FinalizingOrganizationException"): LATER,
    ("organizations", "InvalidInputException"): CORRECT,
    ("organizations", "MalformedPolicyDocumentException"): Fault(
        Refused, "Correct the file that serviceControlPolicy.templateFile names, then retry."
    ),
    ("organizations", "ParentNotFoundException"): TREE,
    ("organizations", "PolicyChangesInProgressException"): LATER,
    ("organizations", "PolicyNotFoundException"): Fault(
        NotFound, "Somebody has deleted the service control policy. Retry, and it is created again."
    ),
    ("organizations", "PolicyTypeNotAvailableForOrganizationException"): Fault(
        Refused, "Enable all features of the organization, or remove serviceControlPolicy; then retry."
    ),
    ("organizations", "PolicyTypeNotEnabledException"): Fault(
        Refused, "Enable service control policies on the organization's root (AWS Organizations, Policies), then retry."
    ),
    ("organizations", "ServiceException"): UNCERTAIN,
    ("organizations", "SourceParentNotFoundException"): Fault(
        NotFound, "Somebody has moved the account in the meantime. Retry, and it is moved from where it is now."
    ),
    ("organizations", "TargetNotFoundException"): GONE,
    ("organizations", "UnsupportedAPIEndpointException"): Fault(
        Refused, "Set the region of the platform to one of the organization's partition, then retry."
    ),
    ("iam", "ConcurrentModification"): LATER,
    ("iam", "DeleteConflict"): Fault(
        Conflict, "Somebody has added the role to instance profiles. Remove it from them, then retry."
    ),
    ("iam", "EntityAlreadyExists"): Fault(
        Conflict, "Another AWS account has this alias. Change accountAliasPattern, then replicate again."
    ),
    ("iam", "EntityTemporarilyUnmodifiable"): LATER,
    ("iam", "InvalidInput"): CORRECT,
    ("iam", "LimitExceeded"): QUOTA,
    ("iam", "MalformedPolicyDocument"): Fault(
        Refused,
        "Check the ARNs in the platform document: one of them may name nothing. Otherwise this is a bug in the "
        "connector; report it with the log.",
    ),
    ("iam", "NoSuchEntity"): Fault(
        NotFound, "Check the role or policy that AWS names in the platform or landing zone document, then retry."
    ),
    ("iam", "PolicyNotAttachable"): Fault(
        Refused, "Name another policy in the landing zone: only AWS's own services can attach this one. Then retry."
    ),
    ("iam", "UnmodifiableEntity"): Fault(
        Refused, "Name another role in the landing zone: only AWS itself can change this one. Then retry."
    ),
    ("sts", "MalformedPolicyDocument"): Fault(Refused, "This is a bug in the connector. Report it with the log."),
    ("sts", "PackedPolicyTooLarge"): Fault(Refused, "This is a bug in the connector. Report it with the log."),
    ("sts", "RegionDisabledException"): Fault(
        AccessDenied, "Activate AWS STS in the platform's region in the account that AWS names, then retry."
    ),
    ("sts", "ExpiredTokenException"): SIGN_IN,  # of a web identity: our credentials that end are ExpiredToken
    ("sts", "IDPCommunicationError"): LATER,
    ("sts", "IDPRejectedClaim"): SIGN_IN,
    ("sts", "InvalidIdentityToken"): SIGN_IN,
    ("cloudformation", "AlreadyExistsException"): TAKEN,
    ("cloudformation", "InsufficientCapabilitiesException"): Fault(
        Refused,
        "The template needs a capability that accessStack.capabilities of the landing zone does not list. Add what AWS "
        "names, or simplify the template; then retry.",
    ),
    ("cloudformation", "InvalidOperationException"): Fault(
        Refused, "Fix what AWS says about the StackSet (its permissions or its regions), then retry."
    ),
    ("cloudformation", "LimitExceededException"): QUOTA,
    ("cloudformation", "OperationIdAlreadyExistsException"): Fault(
        Conflict, "AWS already has this operation. Retry, and the connector waits for its end."
    ),
    ("cloudformation", "OperationInProgressException"): LATER,
    ("cloudformation", "StackInstanceNotFoundException"): Fault(
        NotFound, "Somebody has deleted the stack instance. Retry, and it is created again."
    ),
    ("cloudformation", "StackSetNotFoundException"): Fault(
        NotFound,
        "Correct stackSet.arn of the landing zone, or create the StackSet in the automation account, then retry.",
    ),
    ("cloudformation", "StaleRequestException"): LATER,
    ("cloudformation", "ValidationError"): Fault(
        Refused,
        "Correct what AWS names in the landing zone: accessStack with its template and parameters, or stackSet. Then "
        "retry.",
    ),
    ("cloudformation", "TokenAlreadyExistsException"): Fault(
        Conflict, "Another operation on the stack has this token. Retry, and the connector sends a new one."
    ),
    **dict.fromkeys((("lambda", code) for code in FUNCTION_NOT_READY), LATER),
    **dict.fromkeys((("lambda", code) for code in FUNCTION_UNFIT), Fault(Refused, RUNNABLE)),
    ("ce", "BillExpirationException"): Fault(
        Refused,
        "AWS has recalculated its bill, and the collection asks again. If that fails too, AWS no longer provides the "
        "costs of this month: take them from an export of AWS's reports.",
    ),
    ("ce", "BillingViewHealthStatusException"): Fault(
        Refused, "Find out in the Billing console what is wrong with the billing view, then collect again."
    ),
    ("ce", "DataUnavailableException"): Fault(
        NotFound,
        "Enable Cost Explorer in the management account (Billing console) and wait a day. If you have no reserved "
        "instances or savings plans, there are no data about them, and this is no error.",
    ),
    ("ce", "InvalidNextTokenException"): Fault(Refused, "No action needed. The collection asks again."),
    ("ce", "LimitExceededException"): LATER,
    ("ce", "RequestChangedException"): Fault(Refused, "No action needed. The collection asks again."),
    ("ce", "ResourceNotFoundException"): GONE,
    ("lambda", "ENILimitReachedException"): QUOTA,
    ("lambda", "InvalidParameterValueException"): CORRECT,
    ("lambda", "InvalidRequestContentException"): Fault(
        Refused, "This is a bug in the connector. Report it with the log."
    ),
    ("lambda", "RequestTooLargeException"): CORRECT,
    ("lambda", "ResourceNotFoundException"): Fault(
        NotFound, "Correct awsLambdaArn of the landing zone, or create the function, its version or alias, then retry."
    ),
    ("lambda", "SerializedRequestEntityTooLargeException"): CORRECT,
    ("lambda", "ServiceException"): UNCERTAIN,
    ("lambda", "SubnetIPAddressLimitReachedException"): QUOTA,
    ("lambda", "UnsupportedMediaTypeException"): Fault(
        Refused, "This is a bug in the connector. Report it with the log."
    ),
    ("scim", "AccessDeniedException"): Fault(
        AccessDenied,
        "In the settings of IAM Identity Center, check that automatic provisioning is on, and that scimEndpoint and "
        "ssoAccessToken belong to the same instance; then retry.",
    ),
    ("scim", "UnauthorizedException"): Fault(
        AccessDenied,
        "The access token is wrong or has expired (it is valid for a year). Generate a new one in the settings of IAM "
        "Identity Center (automatic provisioning) and put it into ssoAccessToken of the platform document; then retry.",
    ),
    ("organizations", "OrganizationalUnitNotFoundException"): TREE,
    ("controltower", "ConflictException"): LATER,
    ("servicecatalog", "DuplicateResourceException"): Fault(
        Conflict, "The account factory already has this account. Retry, and the connector finds it."
    ),
    ("servicecatalog", "InvalidParametersException"): Fault(
        Refused,
        "Correct what the account factory refuses: awsTargetOrgUnitId must be an OU that is registered in Control "
        "Tower, ssoUserEmail an email address; then retry.",
    ),
    ("servicecatalog", "InvalidStateException"): LATER,
    ("servicecatalog", "LimitExceededException"): QUOTA,
    ("servicecatalog", "OperationNotSupportedException"): Fault(
        Refused, "Read what Service Catalog says about the account factory's product, fix it, then retry."
    ),
    ("servicecatalog", "ResourceInUseException"): LATER,
    ("servicecatalog", "ResourceNotFoundException"): Fault(
        NotFound, "Give the connector's role access to the account factory's portfolio, then retry."
    ),
    ("sso-admin", "ConflictException"): LATER,  # documented: a previous write has not propagated
}

BY_REASON: dict[tuple[str, str, str], Fault] = {  # member `Reason`, or `ResourceType`, of the exception
    ("organizations", "ConstraintViolationException", "ACCOUNT_NUMBER_LIMIT_EXCEEDED"): Fault(
        Parked,
        "Ask AWS for more accounts in this organization (closed ones count for 90 days). The connector retries every "
        "hour.",
        HOURLY,
        of_all=True,
    ),
    ("organizations", "ConstraintViolationException", "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"): Fault(
        Parked,
        "AWS creates no more accounts for this organization today. The connector retries tomorrow.",
        NEXT_DAY,
        of_all=True,
    ),
    ("organizations", "ConstraintViolationException", "CLOSE_ACCOUNT_QUOTA_EXCEEDED"): Fault(
        Parked, "AWS closes only a certain number of accounts in 30 days. The connector retries every day.", NEXT_DAY
    ),
    ("organizations", "ConstraintViolationException", "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED"): LATER,
    ("organizations", "ConstraintViolationException", "OU_NUMBER_LIMIT_EXCEEDED"): replace(QUOTA, of_all=True),
    ("organizations", "ConstraintViolationException", "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"): Fault(
        Refused, "Detach one of the OU's service control policies (AWS allows five), then retry."
    ),
    ("organizations", "ConstraintViolationException", "POLICY_CONTENT_LIMIT_EXCEEDED"): Fault(
        Refused, "Shorten the file that serviceControlPolicy.templateFile names, then retry."
    ),
    ("identitystore", "ConflictException", "CONCURRENT_MODIFICATION"): LATER,
    # Not NotFound, which would say of each user and group that it is not there.
    ("identitystore", "ResourceNotFoundException", "IDENTITY_STORE"): Fault(
        Refused,
        "Correct identityStoreId (d-…) or the region in the platform document, then retry.",
    ),
}
