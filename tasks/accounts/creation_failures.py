"""What follows when AWS has failed an account creation: the complete table of FailureReason.

Source: docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccountStatus.html, FailureReason.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto

from tasks.errors import NotOurs, PermanentError
from tasks.names import TENANT_TAG


class FailureReason(StrEnum):
    """Why AWS did not create an account."""

    ACCOUNT_LIMIT_EXCEEDED = "ACCOUNT_LIMIT_EXCEEDED"
    EMAIL_ALREADY_EXISTS = "EMAIL_ALREADY_EXISTS"
    INVALID_ADDRESS = "INVALID_ADDRESS"
    INVALID_EMAIL = "INVALID_EMAIL"
    CONCURRENT_ACCOUNT_MODIFICATION = "CONCURRENT_ACCOUNT_MODIFICATION"
    INTERNAL_FAILURE = "INTERNAL_FAILURE"
    GOVCLOUD_ACCOUNT_ALREADY_EXISTS = "GOVCLOUD_ACCOUNT_ALREADY_EXISTS"
    MISSING_BUSINESS_VALIDATION = "MISSING_BUSINESS_VALIDATION"
    FAILED_BUSINESS_VALIDATION = "FAILED_BUSINESS_VALIDATION"
    PENDING_BUSINESS_VALIDATION = "PENDING_BUSINESS_VALIDATION"
    INVALID_IDENTITY_FOR_BUSINESS_VALIDATION = "INVALID_IDENTITY_FOR_BUSINESS_VALIDATION"
    UNKNOWN_BUSINESS_VALIDATION = "UNKNOWN_BUSINESS_VALIDATION"
    MISSING_PAYMENT_INSTRUMENT = "MISSING_PAYMENT_INSTRUMENT"
    INVALID_PAYMENT_INSTRUMENT = "INVALID_PAYMENT_INSTRUMENT"
    UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED = "UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED"


class Next(Enum):
    """What to do after a failure."""

    LOOK_THEN_GIVE_UP = auto()  # the account may be there and ours
    LOOK_THEN_AGAIN = auto()  # it may be there; if not, ask once more
    AGAIN_SLOWLY = auto()  # somebody at AWS is at work
    GIVE_UP = auto()  # a person must do something


AFTER: dict[FailureReason, Next] = {
    FailureReason.ACCOUNT_LIMIT_EXCEEDED: Next.GIVE_UP,
    FailureReason.EMAIL_ALREADY_EXISTS: Next.LOOK_THEN_GIVE_UP,
    FailureReason.INVALID_ADDRESS: Next.GIVE_UP,
    FailureReason.INVALID_EMAIL: Next.GIVE_UP,
    FailureReason.CONCURRENT_ACCOUNT_MODIFICATION: Next.LOOK_THEN_AGAIN,
    FailureReason.INTERNAL_FAILURE: Next.LOOK_THEN_AGAIN,
    FailureReason.GOVCLOUD_ACCOUNT_ALREADY_EXISTS: Next.GIVE_UP,
    FailureReason.MISSING_BUSINESS_VALIDATION: Next.GIVE_UP,
    FailureReason.FAILED_BUSINESS_VALIDATION: Next.GIVE_UP,
    FailureReason.PENDING_BUSINESS_VALIDATION: Next.AGAIN_SLOWLY,
    FailureReason.INVALID_IDENTITY_FOR_BUSINESS_VALIDATION: Next.GIVE_UP,
    FailureReason.UNKNOWN_BUSINESS_VALIDATION: Next.GIVE_UP,
    FailureReason.MISSING_PAYMENT_INSTRUMENT: Next.GIVE_UP,
    FailureReason.INVALID_PAYMENT_INSTRUMENT: Next.GIVE_UP,
    FailureReason.UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED: Next.GIVE_UP,
}

_PAYMENT = "Give the management account a payment method that AWS supports, then retry."
_VALIDATION = "Complete the business license validation of the management account with AWS Support, then retry."

REMEDIES: dict[FailureReason, str] = {
    FailureReason.ACCOUNT_LIMIT_EXCEEDED: (
        "Ask AWS Support for more accounts in this organization (closed ones count for 90 days), then retry."
    ),
    FailureReason.EMAIL_ALREADY_EXISTS: (
        "An AWS account outside this organization, perhaps a closed one, has the email. Change accountEmailPattern so "
        f"that the tenant gets an email that was never used; or invite that account, tag it {TENANT_TAG} and retry."
    ),
    FailureReason.INVALID_ADDRESS: "Correct the contact address of the management account, then retry.",
    FailureReason.INVALID_EMAIL: "Correct accountEmailPattern in the platform document, then replicate again.",
    FailureReason.CONCURRENT_ACCOUNT_MODIFICATION: (
        "AWS keeps reporting that it creates this account, but it never appears. Ask AWS Support, then retry."
    ),
    FailureReason.INTERNAL_FAILURE: "AWS has failed several times internally. Ask AWS Support, then retry.",
    FailureReason.GOVCLOUD_ACCOUNT_ALREADY_EXISTS: (
        "An account in AWS GovCloud has this email. Change accountEmailPattern, then replicate again."
    ),
    FailureReason.MISSING_BUSINESS_VALIDATION: _VALIDATION,
    FailureReason.FAILED_BUSINESS_VALIDATION: _VALIDATION,
    FailureReason.PENDING_BUSINESS_VALIDATION: _VALIDATION,
    FailureReason.INVALID_IDENTITY_FOR_BUSINESS_VALIDATION: _VALIDATION,
    FailureReason.UNKNOWN_BUSINESS_VALIDATION: _VALIDATION,
    FailureReason.MISSING_PAYMENT_INSTRUMENT: _PAYMENT,
    FailureReason.INVALID_PAYMENT_INSTRUMENT: _PAYMENT,
    FailureReason.UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED: (
        "Remove the organization's resource policy that refuses tags in CreateAccount, then retry."
    ),
}


def after_failure(reason: str | None) -> Next:
    """Return what to do after a failure; one that AWS has invented since is given up, visibly.

    >>> after_failure("INTERNAL_FAILURE"), after_failure("ATE_BY_DOG")
    (<Next.LOOK_THEN_AGAIN: 2>, <Next.GIVE_UP: 4>)
    """
    known = _known(reason)
    return AFTER[known] if known else Next.GIVE_UP


def failed_for_good(reason: str | None, email: str, creation: str | None, request_id: str | None) -> PermanentError:
    """Return the error that ends the replication: AWS's reason, the email and what a person can do.

    creation    the id of the creation, car-…
    request_id  of the answer that tells its end
    """
    known = _known(reason)
    message = f"AWS did not create an account with email {email} (creation {creation})"
    remedy = (
        REMEDIES[known] if known else "Look up the reason in AWS's documentation of CreateAccountStatus, then retry."
    )
    kind = NotOurs if known is FailureReason.EMAIL_ALREADY_EXISTS else PermanentError
    return kind(reason or "UnknownFailure", message, request_id, remedy)


def _known(reason: str | None) -> FailureReason | None:
    return FailureReason(reason) if reason in set(FailureReason) else None
