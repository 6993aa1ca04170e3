"""The table of AWS's error codes against botocore's own service models."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from pathlib import Path
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
from tasks.aws.actions import OPERATIONS, Kind
from tasks.aws.fault_table import BY_REASON, BY_SERVICE, EVERY_SERVICE, Fault
from tasks.aws.faults import not_ready, translate, translate_unanswered
from tasks.aws.scim_client import CODES, SERVICE
from tasks.errors import (
    AccessDenied,
    Conflict,
    NotFound,
    Parked,
    PermanentError,
    Refused,
    StepError,
    Throttled,
    TransientError,
    Unanswered,
)
from tests.tasks.aws.error_page import OWN, RETRIED_OF_OURS, RETRIED_WHILE_YOUNG, page


def modelled_codes() -> list[tuple[str, str]]:
    """List every error that botocore's models know for the operations that we call, and those of SCIM."""
    session = botocore.session.get_session()
    found = {(SERVICE, code) for code in CODES.values()}
    for operation in (each for each in OPERATIONS if each.service != SERVICE and each.kind is not Kind.FORWARDED):
        model = session.get_service_model(operation.service)
        for shape in model.operation_model(operation.name).error_shapes:
            found.add((operation.service, str(shape.metadata.get("error", {}).get("code") or shape.name)))
    return sorted(found)


def every_fault() -> list[Fault]:
    return [*EVERY_SERVICE.values(), *BY_SERVICE.values(), *BY_REASON.values()]


def own_codes() -> dict[str, set[bool]]:
    """Return the codes that we raise ourselves, as they stand in the source, and whether what is raised is retried."""
    kinds = {
        name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, StepError)
    }
    found = defaultdict(set)
    for path in Path(errors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
            first = node.args[0] if isinstance(node, ast.Call) and node.args else None
            code = first.value if isinstance(first, ast.Constant) else None
            if called in kinds and isinstance(code, str):  # what meshStack refuses has HTTP's numbers
                found[code].add(issubclass(kinds[called], TransientError))
    return found


def answer(code: str, status: int = 400, operation: str = "DoIt", **members: Any) -> ClientError:
    metadata = {"HTTPStatusCode": status, "RequestId": "r-1", "HTTPHeaders": members.pop("headers", {})}
    response = {"Error": {"Code": code, "Message": "text"}, "ResponseMetadata": metadata, **members}
    return ClientError(response, operation)


@pytest.mark.parametrize(("service", "code"), modelled_codes())
def test_every_code_that_aws_documents_for_our_calls_is_in_the_table(service: str, code: str) -> None:
    assert (service, code) in BY_SERVICE or code in EVERY_SERVICE


def test_the_table_names_no_reason_that_aws_does_not_have() -> None:
    session = botocore.session.get_session()
    for service, code, reason in BY_REASON:
        members = session.get_service_model(service).shape_for(code).members
        assert any(reason in members[name].enum for name in ("Reason", "ResourceType") if name in members)


def test_what_is_final_or_parked_says_what_a_person_can_do() -> None:
    for fault in every_fault():
        for_people = fault.kind is Parked or not issubclass(fault.kind, TransientError)
        assert fault.remedy is not None or not for_people
        assert fault.remedy is None or for_people or "If it keeps happening" in fault.remedy
        assert (fault.retry_after is not None) == (fault.kind is Parked)
        assert fault.remedy is None or fault.remedy.endswith(".")


def test_the_page_of_errors_is_made_of_the_tables_and_complete() -> None:
    assert (Path(__file__).parents[3] / "docs" / "errors.md").read_text() == page(), "make it again: see error_page.py"
    retried = {code: {True, False} if code in RETRIED_WHILE_YOUNG else {code in RETRIED_OF_OURS} for code in OWN}
    assert own_codes() == retried
    anchors = set(re.findall(r"^### (.+)$", page(), re.MULTILINE))
    for code in {code for _, code in modelled_codes()} | own_codes().keys():
        assert code in anchors
        assert PermanentError(code, "x").documentation == f"docs/errors.md#{code.lower()}"


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
        ("organizations", answer("ConstraintViolationException", Reason="OU_DEPTH_LIMIT_EXCEEDED"), Refused),
        ("organizations", answer("ConstraintViolationException", Reason="ACCOUNT_NUMBER_LIMIT_EXCEEDED"), Parked),
        (
            "organizations",
            answer("ConstraintViolationException", Reason="ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"),
            Parked,
        ),
        ("sso-admin", answer("ServiceQuotaExceededException", 402), Parked),
        ("organizations", answer("NobodyKnows"), Refused),
        ("organizations", answer("503", 503), Unanswered),
        ("sso-admin", answer("ConflictException", 409), Throttled),
        ("identitystore", answer("ConflictException", 409, Reason="CONCURRENT_MODIFICATION"), Throttled),
        ("identitystore", answer("ConflictException", 409, Reason="UNIQUENESS_CONSTRAINT_VIOLATION"), Conflict),
        ("organizations", answer("ConflictException", 409), Conflict),
        ("iam", answer("RequestExpired"), Throttled),
        ("iam", answer("ExpiredToken", 403), Throttled),
        ("iam", answer("ExpiredToken", 403, "AssumeRole"), Throttled),
        ("organizations", answer("ExpiredTokenException"), Throttled),
        ("iam", answer("ExpiredTokenException", operation="AssumeRoleWithWebIdentity"), AccessDenied),
        ("iam", answer("RequestAborted"), Unanswered),
        ("iam", answer("SignatureDoesNotMatch", 403), AccessDenied),
        ("iam", answer("LimitExceeded", 409), Parked),
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


@pytest.mark.parametrize("error", [ConnectTimeoutError(endpoint_url="x"), EndpointConnectionError(endpoint_url="x")])
def test_an_unreachable_aws_tells_where_to_look(error: Exception) -> None:
    assert "HTTPS_PROXY, and AWS_ENDPOINT_URL" in translate_unanswered("sts", "GetCallerIdentity", error).remedy


@pytest.mark.parametrize("code", ["InvalidSignatureException", "SignatureDoesNotMatch"])
@pytest.mark.parametrize("message", ["Signature expired: 20260501T12 is now earlier", "Signature not yet current: 1"])
def test_a_request_that_was_late_is_sent_again(code: str, message: str) -> None:
    error = answer(code, 403)
    error.response["Error"]["Message"] = message

    assert type(translate("organizations", error)) is Throttled


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired"])
@pytest.mark.parametrize(("region", "said"), [("me-south-1", True), ("eu-central-1", False), ("us-gov-west-1", False)])
def test_a_region_that_accounts_must_enable_is_said(code: str, region: str, said: bool) -> None:
    failure = translate("cloudformation", answer(code, 403), region)

    for each in (failure, not_ready(failure, region)):
        assert each.remedy.startswith(f"{region} is a region that an account must enable first") == said


def test_a_refused_role_is_reported_as_that_and_not_as_the_call() -> None:
    assert translate("iam", answer("AccessDenied", 403, "AssumeRole")).message == "sts:AssumeRole: text"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answer("ThrottlingException", RetryAfterSeconds=7), 7.0),
        (answer("ThrottlingException", headers={"retry-after": "3"}), 3.0),
        (answer("ThrottlingException", headers={"retry-after": "Fri, 01 May 2026 12:00:00 GMT"}), None),
        (answer("ThrottlingException"), None),
        (answer("ServiceQuotaExceededException", headers={"retry-after": "3"}), 3600.0),
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
    arguments: dict[type[StepError], tuple[object, ...]] = {
        errors.LaneFull: ("a",),
        errors.RateReached: ("a", 1.5),
        errors.Superseded: ("a",),
        errors.Stopping: (),
        errors.Replaced: (),
    }
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, StepError)]

    for kind in kinds:
        made = kind(*arguments.get(kind, ("a", "b")))  # type: ignore[arg-type]  # each kind has its own
        again = kind(*made.args)
        assert (type(again), str(again), again.remedy) == (type(made), str(made), made.remedy)
