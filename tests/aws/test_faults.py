"""The table of AWS's error codes against botocore's own service models."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from tasks import errors
from tasks.aws.faults import BY_SERVICE, EVERY_SERVICE, REMEDIES, translate, translate_unanswered
from tasks.errors import AccessDenied, Conflict, NotFound, Refused, StepError, Throttled, Unanswered

OPERATIONS = {
    "organizations": (
        "DescribeAccount ListAccounts CreateAccount DescribeCreateAccountStatus ListTagsForResource TagResource "
        "UntagResource ListParents MoveAccount ListRoots ListOrganizationalUnitsForParent CreateOrganizationalUnit "
        "DescribeOrganizationalUnit CloseAccount"
    ),
    "iam": "ListAccountAliases CreateAccountAlias DeleteAccountAlias GetRole",
    "sts": "AssumeRole AssumeRoleWithWebIdentity GetCallerIdentity",
    "cloudformation": (
        "CreateStack UpdateStack DeleteStack DescribeStacks DescribeStackSet DescribeStackInstance ListStackInstances "
        "CreateStackInstances UpdateStackInstances DeleteStackInstances DescribeStackSetOperation "
        "ListStackSetOperationResults"
    ),
    "sso-admin": (
        "CreateAccountAssignment DeleteAccountAssignment ListAccountAssignments "
        "DescribeAccountAssignmentCreationStatus DescribeAccountAssignmentDeletionStatus"
    ),
    "identitystore": (
        "GetGroupId GetUserId CreateGroup DeleteGroup ListGroupMemberships CreateGroupMembership DeleteGroupMembership"
    ),
}
FINAL = {  # in no table on purpose: asking again changes nothing, and AWS's text says all there is
    "AWSOrganizationsNotInUseException",
    "ConstraintViolationException",
    "IDPRejectedClaim",
    "InsufficientCapabilitiesException",
    "InvalidIdentityToken",
    "InvalidInputException",
    "InvalidOperationException",
    "LimitExceeded",
    "LimitExceededException",
    "MalformedPolicyDocument",
    "OperationNotFoundException",
    "PackedPolicyTooLarge",
    "RegionDisabledException",
    "ServiceQuotaExceededException",
    "UnsupportedAPIEndpointException",
    "ValidationException",
}


def modelled_codes() -> list[tuple[str, str]]:
    session = botocore.session.get_session()
    found = set()
    for service, operations in OPERATIONS.items():
        model = session.get_service_model(service)
        for operation in operations.split():
            for shape in model.operation_model(operation).error_shapes:
                found.add((service, str(shape.metadata.get("error", {}).get("code") or shape.name)))
    return sorted(found)


def answer(code: str, status: int = 400, operation: str = "DoIt", **members: Any) -> ClientError:
    metadata = {"HTTPStatusCode": status, "RequestId": "r-1", "HTTPHeaders": members.pop("headers", {})}
    response = {"Error": {"Code": code, "Message": "text"}, "ResponseMetadata": metadata, **members}
    return ClientError(response, operation)


@pytest.mark.parametrize(("service", "code"), modelled_codes())
def test_every_code_that_aws_documents_is_in_a_table_or_final_on_purpose(service: str, code: str) -> None:
    known = (service, code) in BY_SERVICE or code in EVERY_SERVICE

    assert known != (code in FINAL)


def test_no_code_is_called_final_that_aws_does_not_have() -> None:
    assert {code for _, code in modelled_codes()} >= FINAL


def test_a_remedy_belongs_to_a_code_that_aws_documents() -> None:
    assert set(modelled_codes()) >= set(REMEDIES)


@pytest.mark.parametrize(
    ("service", "error", "expected"),
    [
        ("organizations", answer("TooManyRequestsException"), Throttled),
        ("organizations", answer("ConcurrentModificationException"), Throttled),
        ("organizations", answer("FinalizingOrganizationException"), Throttled),
        ("organizations", answer("ServiceException", 500), Unanswered),
        ("organizations", answer("AccountNotFoundException"), NotFound),
        ("organizations", answer("DuplicateAccountException", 409), Conflict),
        ("organizations", answer("ConstraintViolationException", 409), Refused),
        ("organizations", answer("NobodyKnows"), Refused),
        ("organizations", answer("503", 503), Unanswered),
        ("sso-admin", answer("ConflictException", 409), Throttled),
        ("identitystore", answer("ConflictException", 409, Reason="CONCURRENT_MODIFICATION"), Throttled),
        ("identitystore", answer("ConflictException", 409, Reason="UNIQUENESS_CONSTRAINT_VIOLATION"), Conflict),
        ("organizations", answer("ConflictException", 409), Conflict),
        ("iam", answer("LimitExceeded", 409), Refused),
        ("iam", answer("EntityAlreadyExists", 409), Conflict),
        ("iam", answer("AccessDenied", 403, "AssumeRole"), AccessDenied),
    ],
)
def test_the_class_of_an_answer(service: str, error: ClientError, expected: type[StepError]) -> None:
    translated = translate(service, error)

    assert type(translated) is expected
    assert translated.code == error.response["Error"]["Code"]
    assert translated.request_id == "r-1"
    assert "text" in translated.message


def test_a_refused_role_is_reported_as_that_and_not_as_the_call() -> None:
    assert translate("iam", answer("AccessDenied", 403, "AssumeRole")).message == "sts:AssumeRole: text"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answer("ThrottlingException", RetryAfterSeconds=7), 7.0),
        (answer("ThrottlingException", headers={"retry-after": "3"}), 3.0),
        (answer("ThrottlingException", headers={"retry-after": "Fri, 01 May 2026 12:00:00 GMT"}), None),
        (answer("ThrottlingException"), None),
    ],
)
def test_seconds_that_aws_asks_for_are_kept(error: ClientError, expected: float | None) -> None:
    assert translate("identitystore", error).retry_after == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectTimeoutError(endpoint_url="x"), Throttled),
        (EndpointConnectionError(endpoint_url="x"), Throttled),
        (ReadTimeoutError(endpoint_url="x"), Unanswered),
        (ResponseParserError("garbled"), Unanswered),
        (json.JSONDecodeError("garbled", "x", 0), Unanswered),
        (KeyError("Account"), Unanswered),
        (NoCredentialsError(), AccessDenied),
        (ParamValidationError(report="x"), Refused),
    ],
)
def test_the_class_of_no_answer(error: Exception, expected: type[StepError]) -> None:
    assert type(translate_unanswered("organizations", "do_it", error)) is expected


def test_a_mistake_of_ours_is_no_answer_of_aws() -> None:
    with pytest.raises(ZeroDivisionError):
        translate_unanswered("organizations", "do_it", ZeroDivisionError())


def test_every_error_survives_being_rebuilt_from_its_arguments() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, StepError)]

    for kind in kinds:
        made = kind("a", 1) if kind is errors.LaneFull else kind("a") if kind is errors.Superseded else kind("a", "b")
        again = kind(*made.args)
        assert (type(again), str(again), again.remedy) == (type(made), str(made), made.remedy)
