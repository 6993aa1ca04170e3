"""The connector calls all that the published policies allow, and they allow all that it calls; nothing beyond."""

from __future__ import annotations

import pytest

from config.landing_zone import AccessStack
from tasks.aws.actions import OPERATIONS, Kind, Principal
from tasks.aws.identity_center import DELETION_REMEDY
from tasks.errors import AccessDenied
from tests.policies.replications import ADDRESS, IMPORT_ROLE, TEMPLATE, Replications, published
from workers.sandbox import organization
from workers.sandbox.client import RecordedCall

ACCOUNTS = {
    Principal.SERVICE_USER: organization.MESHCLOUD_ACCOUNT_ID,
    Principal.MANAGEMENT_ROLE: organization.MANAGEMENT_ACCOUNT_ID,
    Principal.AUTOMATION_ROLE: organization.AUTOMATION_ACCOUNT_ID,
    Principal.METERING_USER: organization.MESHCLOUD_ACCOUNT_ID,
    Principal.METERING_ROLE: organization.MANAGEMENT_ACCOUNT_ID,
}
NAMES = {
    f"user/{organization.SERVICE_USER}": Principal.SERVICE_USER,
    f"assumed-role/{organization.MANAGEMENT_ROLE}": Principal.MANAGEMENT_ROLE,
    f"assumed-role/{organization.AUTOMATION_ROLE}": Principal.AUTOMATION_ROLE,
    f"user/{organization.METERING_USER}": Principal.METERING_USER,
    f"assumed-role/{organization.METERING_ROLE}": Principal.METERING_ROLE,
    f"assumed-role/{organization.ACCESS_ROLE}": Principal.ACCESS_ROLE,
    f"assumed-role/{IMPORT_ROLE}": Principal.IMPORT_ROLE,
}
PREFIXES = {"sso-admin": "sso"}
ACTIONS = {"Invoke": "lambda:InvokeFunction"}
NEEDS_NO_PERMISSION = {(Principal.ACCESS_ROLE, "sts:GetCallerIdentity")}
ALLOWED = ("ok", "NoSuchEntity")  # IAM says that something is missing only to who may look
FORWARDED = {
    (row.statement.principal, row.action) for row in OPERATIONS if row.kind is Kind.FORWARDED and row.statement
}
"""What AWS itself does with our rights: no call of ours; the simulator asks for the right all the same."""
Used = set[tuple[Principal, str]]


def caller(call: RecordedCall) -> Principal:
    """Tell who made a call; KeyError for somebody who should make none."""
    return NAMES["/".join(call.caller.split(":")[5].split("/")[:2])]


def used(calls: list[RecordedCall]) -> Used:
    return {
        (caller(call), ACTIONS.get(call.operation, f"{PREFIXES.get(call.service, call.service)}:{call.operation}"))
        for call in calls
        if call.outcome in ALLOWED
    }


def allowed(replications: Replications) -> Used:
    statements = [
        (principal, statement)
        for principal, each in published(replications.platform).items()
        for statement in each.policy["Statement"]
    ]
    listed = [
        (who, each["Action"] if isinstance(each["Action"], list) else [each["Action"]]) for who, each in statements
    ]
    return {(principal, action) for principal, actions in listed for action in actions}


def test_no_call_is_denied(recorded: list[RecordedCall]) -> None:
    denied = [call.operation for call in recorded if call.outcome.startswith("AccessDenied")]
    assert denied == ["AssumeRole"]  # by the access role that an account which is taken over does not have yet


def test_every_action_of_the_policies_is_called(recorded: list[RecordedCall], replications: Replications) -> None:
    assert allowed(replications) - used(recorded) - FORWARDED == set()


def test_every_call_is_in_the_policies(recorded: list[RecordedCall], replications: Replications) -> None:
    assert used(recorded) - allowed(replications) == NEEDS_NO_PERMISSION


def test_an_account_is_entered_by_its_own_principal_only(recorded: list[RecordedCall]) -> None:
    entered = {(caller(call), call.account) for call in recorded}
    inside = (Principal.ACCESS_ROLE, Principal.IMPORT_ROLE)
    members = {account for who, account in entered if who in inside}

    assert len(members) == 6
    assert members.isdisjoint(ACCOUNTS.values())
    assert {(who, account) for who, account in entered if who not in inside} == set(ACCOUNTS.items())


def test_a_policy_with_less_is_noticed(replications: Replications) -> None:
    tenant = replications.tenant("noticed")
    whole = published(replications.platform)[Principal.MANAGEMENT_ROLE].policy
    rest = [each for each in whole["Statement"] if each["Sid"] != "OrgManagementAccessWrite"]
    replications.allow_management({**whole, "Statement": rest})

    try:
        with pytest.raises(AccessDenied, match="organizations:TagResource"):
            replications.replicate(tenant)
    finally:
        replications.allow_management(whole)
    replications.replicate(tenant)


def test_without_the_optional_statements_it_does_the_rest_and_says_what_is_missing(replications: Replications) -> None:
    replications.replicate(replications.tenant("optional"))
    fewer = replications.mapped(admin=(organization.USER_PERMISSION_SET_ARN,))
    roles = {optional: published(replications.platform, optional=optional) for optional in (True, False)}
    replications.allow_management(roles[False][Principal.MANAGEMENT_ROLE].policy)

    try:
        failed = replications.fail(replications.tenant("optional", people={"alice": ["admin"]}, platform=fewer))
    finally:
        replications.allow_management(roles[True][Principal.MANAGEMENT_ROLE].policy)

    assert isinstance(failed, AccessDenied)
    assert "sso:DeleteAccountAssignment" in failed.message
    assert failed.remedy == DELETION_REMEDY
    assert set(access(replications, "optional")) == {"mst-least.optional.admin"}  # the groups without people are gone
    assert access(replications, "optional")["mst-least.optional.admin"] == {
        organization.ADMIN_PERMISSION_SET_ARN,  # could not be taken away
        organization.USER_PERMISSION_SET_ARN,
    }
    replications.replicate(replications.tenant("optional", people={"alice": ["admin"]}, platform=fewer))
    assert access(replications, "optional") == {"mst-least.optional.admin": {organization.USER_PERMISSION_SET_ARN}}


def test_a_template_behind_an_address_needs_its_optional_statement(replications: Replications) -> None:
    replications.world.simulator.operator("offer_template", url=ADDRESS, body=TEMPLATE)
    plain = replications.platform.model_copy(update={"self_downgrade_access_role": False})
    first = replications.tenant("address", landing_zone={"access_stack": None}, platform=plain)
    account = replications.replicate(first).account_id
    role = replications.platform.account_access_role
    policy = published(replications.platform, optional=False)[Principal.ACCESS_ROLE].policy
    replications.world.simulator.operator("put_role_policy", account=account, role=role, name=role, document=policy)
    behind = replications.tenant(
        "address", platform=plain, landing_zone={"access_stack": AccessStack(template_url=ADDRESS)}
    )

    with pytest.raises(AccessDenied, match="cloudformation:GetTemplateSummary"):
        replications.replicate(behind)
    replications.replicate(replications.tenant("address", platform=plain))  # with the landing zone's own template


def access(replications: Replications, project: str) -> dict[str, set[str]]:
    """Return the permission sets of every group of a tenant."""
    state, account = replications.world.simulator.state(), replications.handles[project].account_id
    prefix = f"mst-{replications.world.workspace}.{project}."
    groups = {
        group["id"]: group["name"] for group in state["identity_store"]["groups"] if group["name"].startswith(prefix)
    }
    found: dict[str, set[str]] = {name: set() for name in groups.values()}
    for row in state["identity_center"]["assignments"]:
        if row["AccountId"] == account and row["PrincipalId"] in groups:
            found[groups[row["PrincipalId"]]].add(row["PermissionSetArn"])
    return found
