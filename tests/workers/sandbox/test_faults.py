from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, HTTPClientError
from botocore.parsers import ResponseParserError

from tests.support.waiting import eventually
from tests.workers.sandbox.conftest import Connect, error_of, unless
from workers.sandbox import organization as sandbox
from workers.sandbox.client import SimulatorClient, SimulatorError

CUT = (ConnectionClosedError, HTTPClientError)


def create_unit(organizations: Any, name: str) -> Any:
    return organizations.create_organizational_unit(ParentId=sandbox.ROOT_ID, Name=name)


def unit_names(simulator: SimulatorClient) -> set[str]:
    return {unit["name"] for unit in simulator.state()["organizational_units"].values()}


def test_an_error_strikes_once_instead_of_the_operation(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.inject(service="organizations", operation="CreateOrganizationalUnit", code="ServiceException")
    failed = error_of(lambda: create_unit(organizations, "errors"))
    assert (failed["Code"], failed["status"]) == ("ServiceException", 500)
    assert "errors" not in unit_names(simulator)
    create_unit(organizations, "errors")
    assert [fault["struck"] for fault in simulator.faults()] == [1]


def test_an_error_after_the_operation(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.inject(operation="CreateOrganizationalUnit", status=503, before=False)
    assert error_of(lambda: create_unit(organizations, "ambiguous"))["status"] == 503
    assert "ambiguous" in unit_names(simulator)
    last = simulator.calls()[-1]
    assert (last.outcome, last.performed, last.write) == ("ServiceException", True, True)


def test_a_lost_response_and_a_reset(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.inject(operation="CreateOrganizationalUnit", kind="lost_response")
    with pytest.raises(CUT):
        create_unit(organizations, "lost")
    assert "lost" in unit_names(simulator)
    simulator.clear_faults()
    simulator.inject(operation="CreateOrganizationalUnit", kind="reset")
    with pytest.raises(CUT):
        create_unit(organizations, "reset")
    assert "reset" not in unit_names(simulator)
    assert [call.outcome for call in simulator.calls()[-2:]] == ["lost_response", "reset"]
    organizations.list_roots()  # the next connection is fine


def test_garbage(connect: Connect, organizations: Any, simulator: SimulatorClient) -> None:
    simulator.inject(service="organizations", operation="ListRoots", kind="malformed")
    assert "Roots" not in organizations.list_roots()  # botocore makes an empty answer of JSON that is none
    simulator.inject(service="sts", operation="GetCallerIdentity", kind="malformed")
    with pytest.raises(ResponseParserError):
        connect("sts").get_caller_identity()


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("organizations", "list_roots", "TooManyRequestsException"),
        ("sso-admin", "list_instances", "ThrottlingException"),
        ("iam", "list_roles", "Throttling"),
        ("sts", "get_caller_identity", "Throttling"),
    ],
)
def test_each_service_throttles_in_its_own_words(
    connect: Connect, simulator: SimulatorClient, service: str, operation: str, code: str
) -> None:
    simulator.inject(service=service, kind="throttle")
    refused = error_of(getattr(connect(service), operation))
    assert (refused["Code"], refused["status"]) == (code, 400)


def test_a_delay_does_not_hold_up_others(connect: Connect, simulator: SimulatorClient) -> None:
    simulator.inject(service="sts", operation="GetCallerIdentity", kind="delay", seconds=0.3)
    started = time.monotonic()
    connect("sts").get_caller_identity()
    assert time.monotonic() - started >= 0.3


def test_what_is_held_is_performed_late_whether_or_not_anybody_waits(
    organizations: Any, simulator: SimulatorClient
) -> None:
    simulator.inject(operation="CreateOrganizationalUnit", kind="hold", seconds=0.5)
    with ThreadPoolExecutor() as threads:
        held = threads.submit(create_unit, organizations, "held")
        eventually(lambda: simulator.faults()[0]["struck"])
        assert "held" not in unit_names(simulator)
        held.result()
    assert "held" in unit_names(simulator)


def test_skip_times_match_and_chance(organizations: Any, simulator: SimulatorClient) -> None:
    fault = {"operation": "CreateOrganizationalUnit", "match": {"Name": "third"}, "skip": 1, "times": 2}
    simulator.inject(fault)
    create_unit(organizations, "other")
    create_unit(organizations, "third")  # skipped
    codes = [error_of(lambda: create_unit(organizations, "third"))["Code"] for _ in range(3)]
    assert codes == ["ServiceException", "ServiceException", "DuplicateOrganizationalUnitException"]
    simulator.clear_faults()
    simulator.inject(operation="ListRoots", times=-1, chance=0.0)
    organizations.list_roots()
    with pytest.raises(SimulatorError):
        simulator.inject(kind="unheard-of")


def test_rates(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.set_options(rates={"organizations:ListRoots": 5}, burst_seconds=0.2)
    organizations.list_roots()
    assert error_of(organizations.list_roots)["Code"] == "TooManyRequestsException"
    organizations.list_accounts()  # another bucket
    eventually(lambda: unless("TooManyRequestsException", organizations.list_roots))


def test_denials(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.deny("organizations:List*", account=sandbox.MANAGEMENT_ACCOUNT_ID)
    refused = error_of(organizations.list_roots)
    assert refused["Code"] == "AccessDeniedException"
    assert refused["Message"].startswith("User: arn:aws:iam::111111111111:user/administrator is not authorized")
    simulator.operator("allow", operation="organizations:List*", account=sandbox.MANAGEMENT_ACCOUNT_ID)
    organizations.list_roots()


def test_calls_are_counted(connect: Connect, organizations: Any, simulator: SimulatorClient) -> None:
    mark, before = simulator.mark(), simulator.counts()
    organizations.list_roots()
    create_unit(organizations, "counted")
    connect("iam").list_roles()
    since = simulator.calls(mark)
    assert [(call.service, call.operation, call.write) for call in since] == [
        ("organizations", "ListRoots", False),
        ("organizations", "CreateOrganizationalUnit", True),
        ("iam", "ListRoles", False),
    ]
    assert [call.operation for call in simulator.writes_since(mark)] == ["CreateOrganizationalUnit"]
    after = simulator.counts()
    assert (after.writes - before.writes, after.reads - before.reads) == (1, 2)
    answered = organizations.list_roots()["ResponseMetadata"]["RequestId"]
    assert simulator.calls()[-1].request_id == answered
