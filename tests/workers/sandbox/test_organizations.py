from __future__ import annotations

from typing import Any

import pytest

from tests.support.waiting import eventually
from tests.workers.sandbox.conftest import SERVICE_USER, Connect, create, error_of, finished
from workers.sandbox import organization as sandbox
from workers.sandbox.client import SimulatorClient


def test_an_account_is_created_later_with_tags_and_access_role(organizations: Any, simulator: SimulatorClient) -> None:
    status = organizations.create_account(
        AccountName="Later",
        Email="later@example.com",
        RoleName=sandbox.ACCESS_ROLE,
        Tags=[{"Key": "tenant", "Value": "späť/1"}],
    )["CreateAccountStatus"]
    assert status["State"] == "IN_PROGRESS"
    assert "AccountId" not in status
    done = finished(organizations, status["Id"])
    assert done["State"] == "SUCCEEDED"
    account = simulator.account("Later")
    assert account["id"] == done["AccountId"]
    assert account["tags"] == {"tenant": "späť/1"}
    assert account["parent"] == "Root"
    assert account["roles"] == [sandbox.ACCESS_ROLE]
    described = organizations.describe_account(AccountId=account["id"])["Account"]
    assert (described["State"], described["Status"], described["Email"]) == ("ACTIVE", "ACTIVE", "later@example.com")


def test_the_default_access_role(organizations: Any, simulator: SimulatorClient) -> None:
    create(organizations, "DefaultRole")
    assert simulator.account("DefaultRole")["roles"] == [sandbox.DEFAULT_ACCESS_ROLE]


def test_an_email_in_use_is_accepted_and_fails_later(organizations: Any, simulator: SimulatorClient) -> None:
    first = organizations.create_account(AccountName="one", Email="twice@example.com")["CreateAccountStatus"]
    second = organizations.create_account(AccountName="two", Email="Twice@Example.com")["CreateAccountStatus"]
    assert finished(organizations, first["Id"])["State"] == "SUCCEEDED"
    failed = finished(organizations, second["Id"])
    assert (failed["State"], failed["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert create(organizations, "three", Email="TWICE@example.com")["FailureReason"] == "EMAIL_ALREADY_EXISTS"
    simulator.set_options(foreign_emails=["stranger@example.com"], failing_creations={"b@example.com": "INVALID_EMAIL"})
    assert create(organizations, "four", Email="stranger@example.com")["FailureReason"] == "EMAIL_ALREADY_EXISTS"
    assert create(organizations, "five", Email="b@example.com")["FailureReason"] == "INVALID_EMAIL"


def test_five_creations_at_a_time(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.set_options(creation_seconds=60)
    accepted = [
        organizations.create_account(AccountName=f"flight{number}", Email=f"flight{number}@example.com")
        for number in range(5)
    ]
    refused = error_of(lambda: organizations.create_account(AccountName="sixth", Email="sixth@example.com"))
    assert (refused["Code"], refused["status"]) == ("TooManyRequestsException", 400)
    in_progress = organizations.list_create_account_status(States=["IN_PROGRESS"])["CreateAccountStatuses"]
    assert {one["AccountName"] for one in in_progress} == {f"flight{number}" for number in range(5)}
    simulator.set_options(creation_seconds=0)
    assert all(finished(organizations, one["CreateAccountStatus"]["Id"])["State"] == "SUCCEEDED" for one in accepted)
    assert simulator.state()["creations"]["in_flight_peak"] == 5


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"Email": "x" * 60 + "@example.com"}, "MAX_LENGTH_EXCEEDED"),
        ({"Email": "not-an-address"}, "INVALID_PATTERN"),
        ({"AccountName": "n" * 51}, "MAX_LENGTH_EXCEEDED"),
        ({"RoleName": "no blanks"}, "INVALID_PATTERN"),
        ({"Tags": [{"Key": "aws:mine", "Value": ""}]}, "INVALID_SYSTEM_TAGS_PARAMETER"),
        ({"Tags": [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]}, "DUPLICATE_TAG_KEY"),
        ({"Tags": [{"Key": "k", "Value": "no #"}]}, "INVALID_PATTERN"),
        ({"Tags": [{"Key": "k", "Value": "v" * 257}]}, "MAX_LENGTH_EXCEEDED"),
    ],
)
def test_bad_requests_are_refused(organizations: Any, members: dict[str, Any], reason: str) -> None:
    request = {"AccountName": "bad", "Email": "bad@example.com", **members}
    refused = error_of(lambda: organizations.create_account(**request))
    assert (refused["Code"], refused["Reason"]) == ("InvalidInputException", reason)


def test_lists_have_pages_of_twenty(organizations: Any, simulator: SimulatorClient) -> None:
    for number in range(25):
        simulator.operator("create_account", name=f"page{number}", email=f"page{number}@example.com", roles=[])
    first = organizations.list_accounts()
    assert len(first["Accounts"]) == 20
    assert first["NextToken"]
    pages = [page["Accounts"] for page in organizations.get_paginator("list_accounts").paginate()]
    found = [account["Id"] for page in pages for account in page]
    assert len(found) == len(set(found)) == len(simulator.state()["accounts"])
    assert error_of(lambda: organizations.list_accounts(MaxResults=21))["Code"] == "InvalidInputException"
    assert error_of(lambda: organizations.list_accounts(NextToken="rubbish!"))["Code"] == "InvalidInputException"


def test_new_accounts_show_late_in_lists_and_status_may_be_missing(
    organizations: Any, simulator: SimulatorClient
) -> None:
    simulator.set_options(list_delay_seconds=60, status_member=False)
    account_id = create(organizations, "Hidden")["AccountId"]
    pages = organizations.get_paginator("list_accounts").paginate()
    assert account_id not in {account["Id"] for page in pages for account in page["Accounts"]}
    account = organizations.describe_account(AccountId=account_id)["Account"]
    assert "Status" not in account
    assert account["State"] == "ACTIVE"


def test_a_move_needs_the_real_source(organizations: Any, simulator: SimulatorClient) -> None:
    account_id = create(organizations, "Mover")["AccountId"]

    def move(source: str, destination: str, account: str = account_id) -> Any:
        return organizations.move_account(AccountId=account, SourceParentId=source, DestinationParentId=destination)

    root, development, production = sandbox.ROOT_ID, sandbox.DEVELOPMENT_OU_ID, sandbox.PRODUCTION_OU_ID
    assert error_of(lambda: move(production, development))["Code"] == "SourceParentNotFoundException"
    assert error_of(lambda: move(root, "ou-sbox-99999999"))["Code"] == "DestinationParentNotFoundException"
    assert error_of(lambda: move(root, development, "999999999999"))["Code"] == "AccountNotFoundException"
    move(root, development)
    assert error_of(lambda: move(root, development))["Code"] == "DuplicateAccountException"
    assert organizations.list_parents(ChildId=account_id)["Parents"] == [
        {"Id": development, "Type": "ORGANIZATIONAL_UNIT"}
    ]
    children = organizations.list_children(ParentId=development, ChildType="ACCOUNT")["Children"]
    assert {"Id": account_id, "Type": "ACCOUNT"} in children
    assert simulator.account("Mover")["parent"] == "Development"


def test_organizational_units(organizations: Any) -> None:
    roots = organizations.list_roots()["Roots"]
    assert [root["Id"] for root in roots] == [sandbox.ROOT_ID]
    parent = sandbox.ROOT_ID
    for depth in range(1, 6):
        made = organizations.create_organizational_unit(ParentId=parent, Name=f"Level {depth}")["OrganizationalUnit"]
        parent = made["Id"]
    too_deep = error_of(lambda: organizations.create_organizational_unit(ParentId=parent, Name="Level 6"))
    assert (too_deep["Code"], too_deep["Reason"]) == ("ConstraintViolationException", "OU_DEPTH_LIMIT_EXCEEDED")
    twice = error_of(lambda: organizations.create_organizational_unit(ParentId=sandbox.ROOT_ID, Name="Level 1"))
    assert twice["Code"] == "DuplicateOrganizationalUnitException"
    nowhere = error_of(lambda: organizations.create_organizational_unit(ParentId="ou-sbox-99999999", Name="x"))
    assert nowhere["Code"] == "ParentNotFoundException"
    units = organizations.list_organizational_units_for_parent(ParentId=sandbox.ROOT_ID)["OrganizationalUnits"]
    assert {"Development", "Production", "Quarantine", "Level 1"} <= {unit["Name"] for unit in units}
    described = organizations.describe_organizational_unit(OrganizationalUnitId=sandbox.PRODUCTION_OU_ID)
    assert described["OrganizationalUnit"]["Name"] == "Production"
    missing = error_of(lambda: organizations.describe_organizational_unit(OrganizationalUnitId="ou-sbox-99999999"))
    assert missing["Code"] == "OrganizationalUnitNotFoundException"
    assert error_of(lambda: organizations.list_parents(ChildId="999999999999"))["Code"] == "ChildNotFoundException"


def test_tags(organizations: Any) -> None:
    account_id = create(organizations, "Tagged", Tags=[{"Key": "a", "Value": "1"}])["AccountId"]
    organizations.tag_resource(ResourceId=account_id, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
    organizations.untag_resource(ResourceId=account_id, TagKeys=["b", "never there"])
    assert organizations.list_tags_for_resource(ResourceId=account_id)["Tags"] == [{"Key": "a", "Value": "2"}]
    many = [{"Key": f"key{number}", "Value": "x"} for number in range(50)]
    refused = error_of(lambda: organizations.tag_resource(ResourceId=account_id, Tags=many))
    assert (refused["Code"], refused["Reason"]) == ("ConstraintViolationException", "MAX_TAG_LIMIT_EXCEEDED")
    lost = error_of(lambda: organizations.tag_resource(ResourceId="999999999999", Tags=many[:1]))
    assert lost["Code"] == "TargetNotFoundException"


def test_closing_takes_time(organizations: Any, simulator: SimulatorClient) -> None:
    account_id = create(organizations, "Closing")["AccountId"]
    simulator.set_options(closing_seconds=60)
    organizations.close_account(AccountId=account_id)
    assert organizations.describe_account(AccountId=account_id)["Account"]["State"] == "PENDING_CLOSURE"
    assert error_of(lambda: organizations.close_account(AccountId=account_id))["Code"] == "ConflictException"
    other = create(organizations, "ClosingSoon")["AccountId"]
    simulator.set_options(closing_seconds=0.05)
    organizations.close_account(AccountId=other)
    eventually(lambda: organizations.describe_account(AccountId=other)["Account"]["State"] == "SUSPENDED")
    assert error_of(lambda: organizations.close_account(AccountId=other))["Code"] == "AccountAlreadyClosedException"
    management = error_of(lambda: organizations.close_account(AccountId=sandbox.MANAGEMENT_ACCOUNT_ID))
    assert management["Reason"] == "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"
    assert create(organizations, "Again", Email="ClosingSoon@example.com")["FailureReason"] == "EMAIL_ALREADY_EXISTS"


def test_only_the_management_account_may_ask(connect: Connect) -> None:
    refused = error_of(lambda: connect("organizations", SERVICE_USER).list_accounts())
    assert refused["Code"] == "AccessDeniedException"


def test_an_unknown_creation(organizations: Any) -> None:
    unknown = "car-examplecreateaccountrequestid1"
    missing = error_of(lambda: organizations.describe_create_account_status(CreateAccountRequestId=unknown))
    assert missing["Code"] == "CreateAccountStatusNotFoundException"
