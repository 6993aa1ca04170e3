from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from botocore import UNSIGNED

from tests.support.waiting import eventually
from tests.workers.sandbox.conftest import DIRECT_USER, SERVICE_USER, Connect, create, error_of, unless
from workers.sandbox import organization as sandbox
from workers.sandbox.client import SimulatorClient
from workers.sandbox.web_identity import make_token


def assume(sts: Any, role_arn: str, external_id: str | None = sandbox.EXTERNAL_ID, **members: Any) -> Any:
    given = {} if external_id is None else {"ExternalId": external_id}
    return sts.assume_role(RoleArn=role_arn, RoleSessionName="test", **given, **members)["Credentials"]


def access_role(account_id: str, name: str = sandbox.ACCESS_ROLE) -> str:
    return f"arn:aws:iam::{account_id}:role/{name}"


@pytest.fixture
def management(connect: Connect) -> Any:
    """STS as MeshfedServiceRole."""
    return connect("sts", assume(connect("sts", SERVICE_USER), sandbox.MANAGEMENT_ROLE_ARN))


def test_the_role_chain_ends_in_the_member_account(
    connect: Connect, organizations: Any, management: Any, simulator: SimulatorClient
) -> None:
    usual = simulator.options()["role_delay_seconds"]
    simulator.set_options(role_delay_seconds=3600)
    young = create(organizations, "young", RoleName=sandbox.ACCESS_ROLE)["AccountId"]
    denied = error_of(lambda: assume(management, access_role(young)))
    assert (denied["Code"], denied["status"]) == ("AccessDenied", 403)  # the role is not there yet
    simulator.set_options(role_delay_seconds=usual)
    account_id = create(organizations, "chained", RoleName=sandbox.ACCESS_ROLE)["AccountId"]
    credentials = eventually(lambda: unless("AccessDenied", lambda: assume(management, access_role(account_id))))
    identity = connect("sts", credentials).get_caller_identity()
    assert identity["Account"] == account_id
    assert identity["Arn"] == f"arn:aws:sts::{account_id}:assumed-role/{sandbox.ACCESS_ROLE}/test"
    connect("iam", credentials).create_role(RoleName="inside", AssumeRolePolicyDocument='{"Version": "2012-10-17"}')
    accounts = simulator.state()["accounts"]
    assert "inside" in accounts[account_id]["roles"]
    assert "inside" not in accounts[sandbox.MANAGEMENT_ACCOUNT_ID]["roles"]


@pytest.mark.parametrize(
    ("role", "external_id"),
    [
        (sandbox.MANAGEMENT_ROLE_ARN, None),
        (sandbox.MANAGEMENT_ROLE_ARN, "wrong"),
        (sandbox.AUTOMATION_ROLE_ARN, sandbox.EXTERNAL_ID),
        (sandbox.METERING_ROLE_ARN, sandbox.EXTERNAL_ID),  # the role trusts another user
        (access_role("999999999999"), sandbox.EXTERNAL_ID),
        (access_role(sandbox.MANAGEMENT_ACCOUNT_ID, "Missing"), sandbox.EXTERNAL_ID),
    ],
)
def test_who_is_not_trusted_is_denied_in_awss_words(connect: Connect, role: str, external_id: str | None) -> None:
    denied = error_of(lambda: assume(connect("sts", SERVICE_USER), role, external_id))
    assert (denied["Code"], denied["status"]) == ("AccessDenied", 403)
    assert denied["Message"] == (
        f"User: {sandbox.SERVICE_USER_ARN} is not authorized to perform: sts:AssumeRole on resource: {role}"
    )


def test_the_callers_policy_wants_the_external_id(
    connect: Connect, management: Any, simulator: SimulatorClient
) -> None:
    account_id = simulator.operator("create_account", name="older", email="older@example.com")["account"]
    assert error_of(lambda: assume(management, access_role(account_id), None))["Code"] == "AccessDenied"
    assert assume(management, access_role(account_id))
    simulator.operator("create_role", account=account_id, role="OtherRole")
    assert error_of(lambda: assume(management, access_role(account_id, "OtherRole")))["Code"] == "AccessDenied"
    simulator.operator("suspend_account", account=account_id)
    assert error_of(lambda: assume(management, access_role(account_id)))["Code"] == "AccessDenied"


def test_the_direct_user_of_the_management_account(connect: Connect, simulator: SimulatorClient) -> None:
    roles = [sandbox.DEFAULT_ACCESS_ROLE]
    account_id = simulator.operator("create_account", name="direct", email="direct@example.com", roles=roles)["account"]
    assert assume(connect("sts", DIRECT_USER), access_role(account_id, sandbox.DEFAULT_ACCESS_ROLE))


def test_durations(connect: Connect, management: Any, simulator: SimulatorClient) -> None:
    account_id = simulator.operator("create_account", name="long", email="long@example.com")["account"]
    chained = error_of(lambda: assume(management, access_role(account_id), DurationSeconds=3601))
    assert chained["Code"] == "ValidationError"
    assert "role chaining" in chained["Message"]
    service_user = connect("sts", SERVICE_USER)
    refused = error_of(lambda: assume(service_user, sandbox.MANAGEMENT_ROLE_ARN, DurationSeconds=3601))
    assert refused["Code"] == "ValidationError"
    credentials = assume(service_user, sandbox.MANAGEMENT_ROLE_ARN, DurationSeconds=900)
    asked_at = simulator.calls()[-1].time  # by the simulator's clock, which tests may put forward
    assert credentials["Expiration"].timestamp() - asked_at == pytest.approx(900, abs=1)


def test_keys_that_nobody_gave_out(connect: Connect) -> None:
    unknown = {"AccessKeyId": "AKIAUNKNOWN000000000", "SecretAccessKey": "x"}
    query = error_of(lambda: connect("sts", unknown).get_caller_identity())
    assert (query["Code"], query["status"]) == ("InvalidClientTokenId", 403)
    assert error_of(lambda: connect("organizations", unknown).list_roots())["Code"] == "UnrecognizedClientException"
    forged = {**SERVICE_USER, "SecretAccessKey": "wrong"}
    assert error_of(lambda: connect("sts", forged).get_caller_identity())["Code"] == "SignatureDoesNotMatch"
    assert error_of(lambda: connect("organizations", forged).list_roots())["Code"] == "InvalidSignatureException"
    session = assume(connect("sts", SERVICE_USER), sandbox.MANAGEMENT_ROLE_ARN)
    untied = {**session, "SessionToken": "another"}
    assert error_of(lambda: connect("sts", untied).get_caller_identity())["Code"] == "InvalidClientTokenId"


def test_web_identity(connect: Connect) -> None:
    sts = connect("sts", signature_version=UNSIGNED)

    def ask(token: str, role: str = sandbox.ENTRY_ROLE_ARN) -> Any:
        return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="web", WebIdentityToken=token)

    for token, code in (
        ("unknown", "InvalidIdentityToken"),
        (f"{make_token()}x", "InvalidIdentityToken"),
        (make_token(issuer="https://else.where"), "InvalidIdentityToken"),
        (make_token(audience="vault"), "InvalidIdentityToken"),
        (make_token(expires=1_000_000_000), "ExpiredTokenException"),
        (make_token(subject="somebody"), "AccessDenied"),
    ):
        assert error_of(partial(ask, token))["Code"] == code, token
    assert error_of(lambda: ask(make_token(), sandbox.MANAGEMENT_ROLE_ARN))["Code"] == "AccessDenied"
    credentials = ask(make_token())["Credentials"]
    assert connect("sts", credentials).get_caller_identity()["Account"] == sandbox.MESHCLOUD_ACCOUNT_ID
    assert assume(connect("sts", credentials), sandbox.MANAGEMENT_ROLE_ARN)  # in place of the service user


def test_published_policies_are_enforced_on_demand(connect: Connect, simulator: SimulatorClient) -> None:
    simulator.set_options(enforce_policies=True)
    credentials = assume(connect("sts", SERVICE_USER), sandbox.MANAGEMENT_ROLE_ARN)
    organizations = connect("organizations", credentials)
    made = organizations.create_account(AccountName="least", Email="least@example.com", RoleName=sandbox.ACCESS_ROLE)
    eventually(
        lambda: organizations.describe_create_account_status(CreateAccountRequestId=made["CreateAccountStatus"]["Id"])[
            "CreateAccountStatus"
        ].get("AccountId")
    )
    account_id = simulator.account("least")["id"]
    organizations.list_tags_for_resource(ResourceId=account_id)
    refused = error_of(organizations.list_create_account_status)
    assert refused["Code"] == "AccessDeniedException"
    assert "is not authorized to perform: organizations:ListCreateAccountStatus" in refused["Message"]
    organizations.move_account(
        AccountId=account_id, SourceParentId=sandbox.ROOT_ID, DestinationParentId=sandbox.DEVELOPMENT_OU_ID
    )
    organizations.close_account(AccountId=account_id)
    assert connect("organizations").list_create_account_status()["CreateAccountStatuses"]


def test_a_session_ends(connect: Connect, simulator: SimulatorClient) -> None:
    credentials = assume(connect("sts", SERVICE_USER), sandbox.MANAGEMENT_ROLE_ARN, DurationSeconds=900)
    connect("organizations", credentials).list_roots()
    simulator.operator("pass_time", seconds=901)
    ended = error_of(lambda: connect("organizations", credentials).list_roots())
    assert (ended["Code"], ended["status"]) == ("ExpiredTokenException", 400)
    assert error_of(lambda: connect("sts", credentials).get_caller_identity())["Code"] == "ExpiredToken"
