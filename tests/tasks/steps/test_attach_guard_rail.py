"""attach_guard_rail: the landing zone's OU has its service control policy, which keeps the connector's roles whole."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from config.landing_zone import ServiceControlPolicy
from tasks.accounts.guard_rail import guard_rail
from tasks.aws.actions import GUARD_RAILS, NEW_GUARD_RAILS
from tasks.aws.service_control_policies import ControlPolicy
from tasks.aws.session import Sessions
from tasks.errors import AccessDenied, NotOurs, Refused, Throttled, TransientError, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.permissions.iam_documents import documents, placeholders
from tasks.steps.attach_guard_rail import MARK, RECENTLY, Change, Standing, attach_guard_rail, decide
from tests.tasks.steps.world import World
from workers.sandbox import organization

CUSTOM = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Action": "iam:DeleteRole",
            "Resource": "arn:${PARTITION}:iam::*:role/${ACCOUNT_ACCESS_ROLE}",
        }
    ],
}


@pytest.fixture(scope="module", autouse=True)
def allowed(simulator_process: Any) -> None:
    """Give the management role the optional statements of guard rails."""
    policy = next(each.policy for each in documents(placeholders()) if each.principal == "management role")
    statements = [each for each in policy["Statement"] if each["Sid"] in (GUARD_RAILS.sid, NEW_GUARD_RAILS.sid)]
    text = json.dumps({**policy, "Statement": statements})
    simulator_process.operator(
        "put_role_policy",
        account=organization.MANAGEMENT_ACCOUNT_ID,
        role=organization.MANAGEMENT_ROLE,
        name="GuardRails",
        document=json.loads(text.replace("${MANAGEMENT_ACCOUNT_ID}", organization.MANAGEMENT_ACCOUNT_ID)),
    )


@pytest.fixture
def unit(world: World) -> str:
    """An OU of this test's own."""
    return str(world.simulator.operator("create_ou", name=world.workspace)["id"])


@pytest.fixture
def tenant(world: World, unit: str) -> Tenant:
    return guarded(world, unit)


def guarded(world: World, unit: str, template: dict[str, Any] | None = None) -> Tenant:
    policy = ServiceControlPolicy(name=f"guard-{world.workspace}", template=template)
    return world.tenant(landing_zone={"target_organizational_unit": unit, "service_control_policy": policy})


def policy_of(world: World) -> dict[str, Any]:
    found = [one for one in world.simulator.state()["control_policies"] if one["Name"] == f"guard-{world.workspace}"]
    assert len(found) == 1
    return dict(found[0])


def test_the_policy_is_created_and_attached_once(world: World, tenant: Tenant, unit: str) -> None:
    first = world.run(attach_guard_rail, tenant)
    moment, reads, writes = world.counted(attach_guard_rail, tenant, Handles())

    assert first.note == f"guard-{world.workspace} created and attached to {unit}"
    assert (type(moment), reads, writes) == (Done, 1, 0)  # that it is attached, and no more
    world.ahead = RECENTLY
    assert world.counted(attach_guard_rail, tenant, Handles())[1:] == (2, 0)
    policy = policy_of(world)
    assert (policy["Targets"], policy["Description"]) == ([unit], MARK)
    assert json.loads(policy["Content"]) == json.loads(guard_rail(tenant.platform, None))


def test_another_landing_zone_gets_the_same_policy(world: World, tenant: Tenant, unit: str) -> None:
    world.run(attach_guard_rail, tenant)
    other = str(world.simulator.operator("create_ou", name=f"{world.workspace}-2")["id"])

    assert world.run(attach_guard_rail, guarded(world, other)).note.endswith(f" attached to {other}")

    assert policy_of(world)["Targets"] == sorted([unit, other])


def test_without_an_ou_of_its_own_the_workspaces_ou_is_guarded(world: World, tenant: Tenant, unit: str) -> None:
    zone = tenant.landing_zone.model_copy(update={"target_organizational_unit": None})

    world.run(attach_guard_rail, replace(tenant, landing_zone=zone), Handles(workspace_unit=unit))

    assert policy_of(world)["Targets"] == [unit]


def test_one_that_somebody_detaches_is_attached_by_the_next_run(world: World, tenant: Tenant, unit: str) -> None:
    world.run(attach_guard_rail, tenant)
    world.simulator.operator("change_control_policy", name=f"guard-{world.workspace}", detach_from=unit)

    outcome = world.run(attach_guard_rail, tenant)

    assert outcome.note == f"guard-{world.workspace} attached to {unit}"
    assert policy_of(world)["Targets"] == [unit]


def test_drift_is_repaired(world: World, tenant: Tenant, unit: str) -> None:
    world.run(attach_guard_rail, tenant)
    name, mine = f"guard-{world.workspace}", json.dumps(CUSTOM)
    for change, note in (
        ({"content": mine}, f"{name} corrected"),
        ({"detach_from": unit}, f"{name} attached to {unit}"),
        ({"content": mine, "detach_from": unit}, f"{name} corrected and attached to {unit}"),
    ):
        world.simulator.operator("change_control_policy", name=name, **change)
        world.ahead += RECENTLY

        assert world.run(attach_guard_rail, tenant).note == note
        assert json.loads(policy_of(world)["Content"]) == json.loads(guard_rail(tenant.platform, None))
        assert policy_of(world)["Targets"] == [unit]


def test_a_changed_template_is_rolled_out_at_once(world: World, tenant: Tenant, unit: str) -> None:
    world.run(attach_guard_rail, tenant)

    world.run(attach_guard_rail, guarded(world, unit, CUSTOM))

    statement = json.loads(policy_of(world)["Content"])["Statement"][0]
    assert statement["Resource"] == f"arn:aws:iam::*:role/{organization.ACCESS_ROLE}"


def test_without_one_nothing_is_asked(world: World) -> None:
    assert world.counted(attach_guard_rail, world.tenant(), Handles())[1:] == (0, 0)


def test_a_policy_of_somebody_else_is_left_alone(world: World, tenant: Tenant) -> None:
    world.simulator.operator("change_control_policy", name=f"guard-{world.workspace}", description="mine")

    with pytest.raises(NotOurs, match="was not created by the connector") as refused:
        world.run(attach_guard_rail, tenant)

    assert MARK in refused.value.remedy


@pytest.mark.parametrize("operation", ["CreatePolicy", "AttachPolicy"])
def test_a_lost_answer_is_no_second_policy(world: World, tenant: Tenant, unit: str, operation: str) -> None:
    world.simulator.inject(operation=operation, kind="lost_response")

    with pytest.raises(Unanswered):
        world.run(attach_guard_rail, tenant)
    world.run(attach_guard_rail, tenant)

    assert policy_of(world)["Targets"] == [unit]


@pytest.mark.parametrize(
    ("operation", "code", "kind"),
    [
        ("CreatePolicy", "DuplicatePolicyException", TransientError),
        ("AttachPolicy", "PolicyNotFoundException", TransientError),
        ("AttachPolicy", "ConcurrentModificationException", Throttled),
        ("AttachPolicy", "PolicyChangesInProgressException", Throttled),
    ],
)
def test_another_worker_is_no_failure(
    world: World, tenant: Tenant, operation: str, code: str, kind: type[TransientError]
) -> None:
    world.simulator.inject(operation=operation, code=code, status=400)

    with pytest.raises(kind):
        world.run(attach_guard_rail, tenant)

    assert isinstance(world.run(attach_guard_rail, tenant), Done)


def test_another_worker_that_attached_it_first_is_fine(world: World, tenant: Tenant) -> None:
    world.simulator.inject(operation="AttachPolicy", code="DuplicatePolicyAttachmentException", before=False)

    assert isinstance(world.run(attach_guard_rail, tenant), Done)


def test_an_organization_without_service_control_policies(world: World, tenant: Tenant) -> None:
    world.simulator.operator("enable_control_policies", enabled=False)

    try:
        with pytest.raises(Refused) as refused:
            world.run(attach_guard_rail, tenant)
    finally:
        world.simulator.operator("enable_control_policies", enabled=True)

    assert "Enable service control policies" in refused.value.remedy


def test_a_policy_that_is_too_long_is_final(world: World, unit: str) -> None:
    long = {**CUSTOM, "Statement": [*CUSTOM["Statement"]] * 50}

    with pytest.raises(Refused) as refused:
        world.run(attach_guard_rail, guarded(world, unit, long))

    assert "templateFile" in refused.value.remedy


def test_the_guard_rail_binds_an_accounts_administrators_and_not_the_connector(
    world: World, tenant: Tenant, unit: str
) -> None:
    world.run(attach_guard_rail, tenant)
    handles = world.account(tenant)
    account = handles.known_account()
    world.simulator.operator("move_account", account=account, parent_id=unit)
    administrator = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    world.simulator.operator("create_role", account=account, role="Importer", managed=administrator)
    everything = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/Importer"}
    world.simulator.operator(
        "put_role_policy",
        account=organization.MANAGEMENT_ACCOUNT_ID,
        role=organization.MANAGEMENT_ROLE,
        name="Importer",
        document={"Version": "2012-10-17", "Statement": [everything]},
    )
    inside = replace(tenant, platform=tenant.platform.model_copy(update={"import_role": "Importer"}))
    other = replace(world, sessions=Sessions())

    with pytest.raises(AccessDenied, match="explicit deny in a service control policy"):
        other.aws(inside).access_role_from_outside(account).set_trust(CUSTOM)
    world.aws(tenant).access_role(account).detach_administrator()


OURS = ControlPolicy("p-1", "guard", MARK)


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing(None, None, attached=False), Change(create=True, update=False, attach=True)),
        (Standing(OURS, '{"a": 1}', attached=True), Change(create=False, update=False, attach=False)),
        (Standing(OURS, '{"a": 2}', attached=True), Change(create=False, update=True, attach=False)),
        (Standing(OURS, '{"a":1}', attached=False), Change(create=False, update=False, attach=True)),
        (Standing(OURS, "no json", attached=False), Change(create=False, update=True, attach=True)),
    ],
)
def test_what_is_written(standing: Standing, expected: Change) -> None:
    assert decide(standing, '{"a":1}') == expected


def test_looks_are_repeated_often_enough() -> None:
    assert timedelta(minutes=1) <= RECENTLY <= timedelta(hours=1)
