"""AWS shows its own writes late: every step of a new tenant gets there all the same, and makes nothing twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from config.landing_zone import ServiceControlPolicy
from config.platform import AccountClosure
from tasks.chain import DELETION, REPLICATION
from tasks.errors import PermanentError, TransientError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.step import Step
from tasks.steps import function_of
from tasks.steps.enroll_in_control_tower import enroll_in_control_tower
from tests.tasks.steps.directory_world import ALICE, BOB, person
from tests.tasks.steps.test_deploy_stack_instances import Baseline
from tests.tasks.steps.test_enroll_in_control_tower import governed, records
from tests.tasks.steps.test_federate_identity import FEDERATION, shown
from tests.tasks.steps.world import SCIM, World
from workers.sandbox import organization
from workers.sandbox.organization import PRODUCTION_OU_ID

LAG = 0.6  # seconds
DEADLINE = 40.0  # seconds for the whole chain
PEOPLE = [person(ALICE, "admin"), person(BOB, "reader")]


@pytest.fixture(autouse=True)
def late(world: World) -> Iterator[None]:
    """Let AWS show what is written by chance up to LAG seconds later."""
    world.simulator.set_options(lag_seconds=LAG)
    world.young.grace = timedelta(seconds=20)
    yield
    world.simulator.set_options(lag_seconds=0)


def carried_out(world: World, tenant: Tenant, handles: Handles, steps: list[str]) -> Handles:
    """Run steps as the engine would: transient errors and waits are tried again."""
    deadline = time.monotonic() + DEADLINE
    world.remembered.append(handles)
    for name in steps:
        outcome: Any = None
        while not isinstance(outcome, Done):
            assert time.monotonic() < deadline, f"{name}: {outcome}"
            try:
                outcome = world.run(function_of(Step(name)), tenant, world.remembered[-1])
                world.remembered.append(outcome.handles)
            except TransientError as error:
                outcome = error
                time.sleep(0.05)  # between two looks at a condition
    return world.remembered[-1]


def outcomes_of(world: World, step: Callable[..., Outcome], tenant: Tenant, handles: Handles) -> Iterator[Outcome]:
    """Run a step that does not fail until it is done; yields all its answers."""
    deadline = time.monotonic() + DEADLINE
    outcome = world.run(step, tenant, handles)
    while not isinstance(outcome, Done):
        yield outcome
        assert time.monotonic() < deadline, outcome
        time.sleep(0.05)  # between two looks at a condition
        outcome = world.run(step, tenant, outcome.handles)


def names(chain: Any, *without: str) -> list[str]:
    return [step.name for step in chain.steps if step.name not in without]


@pytest.mark.parametrize("seed", [0, *(pytest.param(each, marks=pytest.mark.thorough) for each in (1, 2))])
def test_a_new_tenant_gets_there(world: World, seed: int) -> None:
    world.simulator.set_options(seed=seed)
    tenant = world.tenant(desired={"access": PEOPLE}, platform={"identity_federation": FEDERATION})

    handles = carried_out(world, tenant, Handles(), names(REPLICATION))
    writes = world.simulator.mark()
    world.simulator.show_everything()
    carried_out(world, tenant, handles, names(REPLICATION))

    assert len(world.accounts()) == 1
    assert world.simulator.writes_since(writes) == []


def test_who_is_withdrawn_right_after_is_out(world: World) -> None:
    tenant = world.tenant(desired={"access": PEOPLE})
    fewer = world.tenant(desired={"access": PEOPLE[1:]})

    handles = carried_out(world, tenant, Handles(), names(REPLICATION))
    carried_out(world, fewer, handles, ["withdraw_access"])

    groups = world.simulator.state()["identity_store"]["groups"]
    members = {group["name"]: group["members"] for group in groups if world.workspace in group["name"]}
    assert [name for name, people in members.items() if ALICE in people] == []


def test_a_workspaces_ou_that_somebody_else_has_just_made_is_used(world: World) -> None:
    nowhere = {"target_organizational_unit": None}
    first, second = (world.tenant(project, landing_zone=nowhere) for project in ("shop", "blog"))
    early = ["create_account", "wait_for_account", "tag_account", "move_to_ou"]

    units = {carried_out(world, tenant, Handles(), early).organizational_unit for tenant in (first, second)}

    assert len(units) == 1
    assert organization.ROOT_ID not in units


def test_a_tenant_that_is_deleted_right_after_leaves_nobody_in(world: World) -> None:
    tenant = world.tenant(desired={"access": PEOPLE})

    handles = carried_out(world, tenant, Handles(), names(REPLICATION))
    carried_out(world, tenant, handles, names(DELETION, "await_approval", "quarantine_account", "close_account"))

    groups = world.simulator.state()["identity_store"]["groups"]
    assert [group["name"] for group in groups if world.workspace in group["name"]] == []


def test_an_account_is_closed_in_the_quarantine_although_aws_shows_where_it_was(world: World) -> None:
    world.simulator.set_options(lag_seconds=0, enforce_policies=False)
    closure = AccountClosure(quarantine_unit=PRODUCTION_OU_ID, organizational_units=(PRODUCTION_OU_ID,))
    tenant = world.tenant(platform={"account_closure": closure}, landing_zone={"automate_deletion_replication": True})
    handles = world.created(tenant)
    world.simulator.delay(operation="MoveAccount", seconds=1)

    carried_out(world, tenant, handles, ["quarantine_account", "close_account"])

    assert [account["state"] for account in world.accounts()] == ["SUSPENDED"]


def test_an_account_that_is_shown_in_its_ou_late_is_enrolled_once(world: World) -> None:
    world.simulator.set_options(lag_seconds=0, enforce_policies=False)
    handles = world.created(tenant := governed(world))
    world.simulator.delay(kind="account", id=handles.account_id, seconds=2)

    outcomes = list(outcomes_of(world, enroll_in_control_tower, tenant, handles))

    assert records(world, handles) == ["PROVISION"]
    assert not any("pause" in outcome.note for outcome in outcomes)  # between two requests, a minute


def test_an_account_that_stack_sets_do_not_see_yet_gets_its_instance(world: World) -> None:
    world.simulator.set_options(lag_seconds=0)
    tenant = Baseline(world).tenant()
    handles = world.created(tenant)
    world.simulator.hide("account", handles.account_id or "", seconds=1)

    carried_out(world, tenant, handles, ["deploy_stack_instances"])


def test_a_stack_set_that_never_gets_in_fails_with_awss_reason(world: World) -> None:
    world.simulator.set_options(lag_seconds=0)
    tenant = Baseline(world).tenant()
    handles = world.created(tenant)
    world.simulator.hide("account", handles.account_id or "")
    world.ahead += timedelta(hours=1)  # so the account is young no more

    with pytest.raises(PermanentError, match="role with trust relationship"):
        carried_out(world, tenant, handles, ["deploy_stack_instances"])


def test_a_policy_that_is_not_shown_yet_is_made_and_attached_once(world: World) -> None:
    world.simulator.set_options(lag_seconds=0, enforce_policies=False)
    policy = ServiceControlPolicy(name=f"guard-{world.workspace}")
    tenant = world.tenant(landing_zone={"service_control_policy": policy})
    handles, mark = world.created(tenant), world.simulator.mark()
    world.simulator.set_options(lag_seconds=LAG)

    for _ in range(3):  # tenants of one OU
        carried_out(world, tenant, handles, ["attach_guard_rail"])

    done = [call.operation for call in world.simulator.writes_since(mark) if call.performed]
    assert sorted(done) == ["AttachPolicy", "CreatePolicy"]


def test_roles_that_are_wanted_again_right_after_they_were_deleted_are_made_anew(world: World) -> None:
    world.simulator.set_options(lag_seconds=0)
    tenant = world.tenant(platform={"identity_federation": FEDERATION})
    handles = carried_out(world, tenant, world.created(tenant), ["federate_identity"])
    world.simulator.make_stale("GetRole", seconds=5)

    handles = carried_out(world, tenant, handles, ["withdraw_federation"])
    handles = carried_out(world, tenant, handles, ["federate_identity"])

    world.simulator.show_everything()
    assert shown(world, handles).keys() == {"admin", "reader"}


@pytest.mark.parametrize("platform", [{}, {"identity_store": None, "scim": SCIM}], ids=["identity store", "scim"])
def test_groups_that_are_wanted_again_right_after_they_were_deleted_are_made_anew(
    world: World, platform: dict[str, Any]
) -> None:
    world.simulator.set_options(lag_seconds=0)
    tenant = world.tenant(desired={"access": PEOPLE}, platform=platform)
    handles = carried_out(world, tenant, world.created(tenant), ["sync_groups"])
    world.simulator.delay(kind="group", seconds=5, times=-1)

    handles = carried_out(world, tenant, handles, ["delete_groups"])
    carried_out(world, tenant, handles, ["sync_groups"])

    world.simulator.show_everything()
    found = [each for each in world.simulator.state()["identity_store"]["groups"] if world.workspace in each["name"]]
    assert [each["members"] for each in sorted(found, key=lambda each: each["name"])] == [[ALICE], [BOB]]
