"""prepare_access_role and downgrade_access: the access role keeps what the connector needs, and never locks us out."""

from __future__ import annotations

from typing import Any

import pytest

from config.landing_zone import AccessStack
from tasks.aws.access_role import AccessRole
from tasks.errors import AccessDenied, NotReady, TransientError, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Wait
from tasks.permissions.access_role import POLICY, STACK_POLICY, wanted_policies, wanted_trust
from tasks.steps.deploy_access_stack import deploy_access_stack
from tasks.steps.downgrade_access import downgrade_access
from tasks.steps.prepare_access_role import prepare_access_role
from tasks.steps.set_alias import set_alias
from tests.tasks.steps.by_hand import by_hand
from tests.tasks.steps.world import World
from workers.sandbox import organization

TEMPLATE = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}"
TOPICS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:*", "Resource": "*"}]}
WITH_STACK = {"access_stack": AccessStack(template_body=TEMPLATE, policy=TOPICS)}
TRUSTING = {"manage_access_role_trust": True, "self_downgrade_access_role": False}


def role_of(world: World, tenant: Tenant, handles: Handles) -> AccessRole:
    return world.aws(tenant).access_role(handles.known_account())


def downgraded(world: World, tenant: Tenant) -> Handles:
    handles = world.finish(prepare_access_role, tenant, world.account(tenant)).handles
    return world.finish(downgrade_access, tenant, handles).handles


def prepare_and_downgrade(world: World, tenant: Tenant, handles: Handles) -> None:
    world.run(prepare_access_role, tenant, handles)
    world.run(downgrade_access, tenant, handles)


def put_by_hand(world: World, handles: Handles, name: str, document: Any) -> None:
    role = organization.ACCESS_ROLE
    world.simulator.operator("put_role_policy", account=handles.account_id, role=role, name=name, document=document)


def test_administrator_access_is_replaced_by_what_the_connector_needs(world: World) -> None:
    tenant = world.tenant(landing_zone=WITH_STACK)
    handles = downgraded(world, tenant)
    role = role_of(world, tenant, handles)

    assert not role.is_administrator()
    assert {name: role.policy(name) for name in (POLICY, STACK_POLICY)} == wanted_policies(tenant)
    assert world.counted(prepare_access_role, tenant, handles)[1:] == (2, 0)
    assert world.counted(downgrade_access, tenant, handles)[1:] == (1, 0)


def test_a_list_older_than_the_role_fails_nothing(world: World) -> None:
    tenant = world.tenant(landing_zone=WITH_STACK)
    handles = world.finish(prepare_access_role, tenant, world.account(tenant)).handles
    world.simulator.inject(operation="ListAttachedRolePolicies", kind="error", code="NoSuchEntity", status=404, times=1)

    with pytest.raises(NotReady, match="ListAttachedRolePolicies"):
        world.run(downgrade_access, tenant, handles)

    world.finish(downgrade_access, tenant, handles)
    assert not role_of(world, tenant, handles).is_administrator()


def test_the_connector_still_works_in_a_downgraded_account(world: World) -> None:
    tenant = world.tenant(landing_zone={"access_stack": AccessStack(template_body=TEMPLATE)})
    handles = downgraded(world, tenant)

    assert isinstance(world.run(set_alias, tenant, handles), Done)
    assert isinstance(world.finish(deploy_access_stack, tenant, handles), Done)
    with pytest.raises(AccessDenied, match="iam:CreateRole"):
        world.aws(tenant).access_role(handles.known_account()).create({})


def test_switched_off_it_costs_no_call(world: World) -> None:
    tenant = world.tenant(platform={"self_downgrade_access_role": False})
    handles = world.account(tenant)

    for step in (prepare_access_role, downgrade_access):
        outcome, reads, writes = world.counted(step, tenant, handles)
        assert (type(outcome), reads, writes) == (Done, 0, 0)


def test_a_new_version_gives_itself_what_it_needs_before_anything_else_runs(world: World) -> None:
    tenant = world.tenant()
    handles = downgraded(world, tenant)
    wanted = wanted_policies(tenant)[POLICY]
    fewer = [statement for statement in wanted["Statement"] if statement["Sid"] == "OwnRole"]
    put_by_hand(world, handles, POLICY, {**wanted, "Statement": fewer})
    with pytest.raises(AccessDenied):
        world.run(set_alias, tenant, handles)

    waiting = world.run(prepare_access_role, tenant, handles)

    assert isinstance(waiting, Wait)
    assert waiting.retry_in is not None  # a changed policy takes some seconds to hold
    assert isinstance(world.run(prepare_access_role, tenant, waiting.handles), Done)
    assert isinstance(world.run(set_alias, tenant, handles), Done)


@pytest.mark.parametrize("operation", ["PutRolePolicy", "DetachRolePolicy"])
@pytest.mark.parametrize("kind", ["lost_response", "error_before"])
def test_a_crash_at_any_write_is_repaired_by_the_next_run(world: World, operation: str, kind: str) -> None:
    tenant = world.tenant()
    handles = world.account(tenant)
    fault = {"kind": "lost_response"} if kind == "lost_response" else {"code": "ServiceFailure", "status": 500}
    world.simulator.inject(operation=operation, **fault)

    with pytest.raises(Unanswered):
        prepare_and_downgrade(world, tenant, handles)
    world.finish(prepare_access_role, tenant, handles)
    world.finish(downgrade_access, tenant, handles)

    assert not role_of(world, tenant, handles).is_administrator()
    assert isinstance(world.run(set_alias, tenant, handles), Done)


@pytest.mark.parametrize("document", [None, TOPICS], ids=["missing", "changed"])
def test_nothing_is_taken_away_before_the_policy_is_seen(world: World, document: Any) -> None:
    tenant = world.tenant()
    handles = world.account(tenant)
    if document is not None:
        put_by_hand(world, handles, POLICY, document)

    with pytest.raises(TransientError, match=POLICY):
        world.run(downgrade_access, tenant, handles)

    assert role_of(world, tenant, handles).is_administrator()
    world.run(downgrade_access, tenant, handles)  # the lack was repaired on the way
    assert not role_of(world, tenant, handles).is_administrator()


def test_administrator_access_that_somebody_attached_again_is_taken_away_again(world: World) -> None:
    tenant = world.tenant()
    handles = downgraded(world, tenant)
    with by_hand(world):
        role_of(world, tenant, handles).make_administrator()

    outcome, _, writes = world.counted(downgrade_access, tenant, handles)

    assert (outcome.note, writes) == (f"{organization.ACCESS_ROLE} was reduced to what the connector needs", 1)


def test_a_role_that_lost_all_rights_says_what_a_person_must_do(world: World) -> None:
    tenant = world.tenant()
    handles = downgraded(world, tenant)
    put_by_hand(world, handles, POLICY, TOPICS)

    with pytest.raises(AccessDenied, match="iam:GetRolePolicy") as denied:
        world.run(prepare_access_role, tenant, handles)

    assert f"Attach AdministratorAccess to the role {organization.ACCESS_ROLE}" in denied.value.remedy


def test_a_role_with_a_path(world: World) -> None:
    tenant = world.tenant(platform={"account_access_role": "mesh/access/Reach"})
    handles = world.account(world.tenant())
    name, administrator = "mesh/access/Reach", ["arn:aws:iam::aws:policy/AdministratorAccess"]
    world.simulator.operator(
        "create_role", account=handles.account_id, role=name, trust=wanted_trust(tenant), managed=administrator
    )
    everything = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::*:role/{name}"}
    world.simulator.operator(
        "put_role_policy",
        account=organization.MANAGEMENT_ACCOUNT_ID,
        role=organization.MANAGEMENT_ROLE,
        name="Path",
        document={"Version": "2012-10-17", "Statement": [everything]},
    )

    world.finish(prepare_access_role, tenant, handles)
    world.finish(downgrade_access, tenant, handles)

    assert not role_of(world, tenant, handles).is_administrator()
    assert isinstance(world.run(prepare_access_role, tenant, handles), Done)


def test_the_trust_names_the_management_role_with_its_external_id(world: World) -> None:
    tenant = world.tenant(platform=TRUSTING)
    handles = world.account(tenant)

    first = world.run(prepare_access_role, tenant, handles)
    second, reads, writes = world.counted(prepare_access_role, tenant, handles)

    assert "trust policy" in first.note
    assert (second.note, reads, writes) == ("the access role is up to date", 1, 0)
    trust = role_of(world, tenant, handles).trust()
    assert trust == wanted_trust(tenant)
    assert trust["Statement"][0]["Principal"] == {"AWS": organization.MANAGEMENT_ROLE_ARN}
    assert trust["Statement"][0]["Condition"] == {"StringEquals": {"sts:ExternalId": organization.EXTERNAL_ID}}


def test_a_trust_that_somebody_widened_is_repaired(world: World) -> None:
    tenant = world.tenant(platform={"manage_access_role_trust": True})
    handles = downgraded(world, tenant)
    open_to_all = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    with by_hand(world):
        role_of(world, tenant, handles).set_trust(open_to_all)

    world.run(prepare_access_role, tenant, handles)

    assert role_of(world, tenant, handles).trust() == wanted_trust(tenant)
