"""enroll_in_control_tower: the account is governed, once, whatever Control Tower does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from config.platform import Enrollment
from tasks.accounts.enrollment import Next, decide
from tasks.aws import Lane
from tasks.aws.service_catalog import ProductStatus, ProvisionedProduct
from tasks.errors import AccessDenied, LaneFull, NotFound, PermanentError, Refused, TransientError, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Wait
from tasks.steps.enroll_in_control_tower import enroll_in_control_tower
from tasks.steps.move_to_ou import move_to_ou
from tests.tasks.steps.by_hand import by_hand
from tests.tasks.steps.world import World
from workers.sandbox import organization
from workers.sandbox.organization import DEVELOPMENT_OU_ID, PRODUCTION_OU_ID, ROOT_ID

FACTORY = Enrollment(
    management_account_id=organization.MANAGEMENT_ACCOUNT_ID,
    account_factory_product_id=organization.ACCOUNT_FACTORY_PRODUCT_ID,
)
BUSY = "because another AWS Control Tower operation is in progress. Try again later."
NO_CONFIG = "AWS Control Tower cannot enroll an account with an existing AWS Config recorder."
MINUTE = timedelta(minutes=1)
CALLS = (
    "DescribeProvisionedProduct",
    "SearchProvisionedProducts",
    "ListLandingZones",
    "GetLandingZone",
    "GetRole",
    "CreateRole",
    "ListAttachedRolePolicies",
    "AttachRolePolicy",
    "DescribeProduct",
    "DescribeAccount",
    "DescribeOrganizationalUnit",
    "ProvisionProduct",
    "DescribeRecord",
    "TerminateProvisionedProduct",
    "UpdateProvisionedProduct",
)


@pytest.fixture(autouse=True)
def open_doors(world: World) -> Iterator[None]:
    """Enrollment needs statements that the sandbox's roles have only where a platform has configured it."""
    world.simulator.set_options(enrollment_seconds=0.02)
    with by_hand(world):
        yield


def governed(world: World, project: str = "shop", **changes: Any) -> Tenant:
    """Build a tenant whose landing zone enrolls its accounts."""
    factory = changes.pop("factory", FACTORY)
    zone = {"enroll_account": True, **changes.pop("landing_zone", {})}
    platform = {"enrollment": factory, **changes.pop("platform", {})}
    return world.tenant(project, platform=platform, landing_zone=zone, **changes)


def parent(world: World, handles: Handles) -> Any:
    return world.simulator.state()["accounts"][handles.account_id]["parent_id"]


def enrolled(world: World, handles: Handles) -> Any:
    return world.simulator.state()["control_tower"]["enrolled"].get(handles.account_id)


def records(world: World, handles: Handles) -> list[str]:
    """List the operations of Control Tower on the account, oldest first."""
    email = world.simulator.state()["accounts"][handles.account_id]["email"]
    found = world.simulator.state()["service_catalog"]["records"]
    return [each["type"].split("_")[0] for each in found if each["parameters"]["AccountEmail"] == email]


def test_a_new_account_is_enrolled_once(world: World) -> None:
    handles = world.account(tenant := governed(world))
    assert world.run(move_to_ou, tenant, handles).note == "Control Tower moves the account to its OU"
    assert parent(world, handles) == ROOT_ID

    done = world.finish_at_once(enroll_in_control_tower, tenant, handles)
    again, reads, writes = world.counted(enroll_in_control_tower, tenant, done.handles)

    assert enrolled(world, handles) == parent(world, handles) == DEVELOPMENT_OU_ID == done.handles.organizational_unit
    assert records(world, handles) == ["PROVISION"]
    assert isinstance(again, Done)
    assert again.handles == done.handles
    assert (reads, writes) == (2, 0)
    assert "AWSControlTowerExecution" in world.accounts()[0]["roles"]
    assert not any(world.places.taken.values())


def test_control_tower_is_told_what_aws_has(world: World) -> None:
    handles = world.account(tenant := governed(world, factory=FACTORY.model_copy(update={"sso_user_email": "a@b.org"})))

    world.finish_at_once(
        enroll_in_control_tower, tenant, replace(handles, email="changed@example.com", account_name="changed")
    )

    [product] = [each for each in provisioned(world) if each["account"] == handles.account_id]
    assert product["artifact"] == "pa-sandbox0000new"
    assert product["name"] == f"meshstack-{handles.account_id}"
    assert product["parameters"] == {
        "AccountEmail": f"aws+{world.workspace}.shop@example.com",
        "AccountName": f"{world.workspace}.shop",
        "ManagedOrganizationalUnit": f"Development ({DEVELOPMENT_OU_ID})",
        "SSOUserEmail": "a@b.org",
        "SSOUserFirstName": world.workspace,
        "SSOUserLastName": "shop",
    }


def provisioned(world: World) -> list[dict[str, Any]]:
    return list(world.simulator.state()["service_catalog"]["provisioned"])


def test_a_landing_zone_without_enrolment_costs_no_call(world: World) -> None:
    _, reads, writes = world.counted(enroll_in_control_tower, world.tenant(), Handles())

    assert (reads, writes) == (0, 0)


@pytest.mark.parametrize("lost", [False, True], ids=["killed", "lost response"])
def test_killed_after_provision_product(world: World, lost: bool) -> None:
    """Nothing was recorded after the call: what it made is found by its name, and made once."""
    handles = world.account(tenant := governed(world))
    if lost:
        world.simulator.inject(operation="ProvisionProduct", kind="lost_response")
        with pytest.raises(Unanswered):
            world.run(enroll_in_control_tower, tenant, handles)
    else:
        world.run(enroll_in_control_tower, tenant, handles)

    continued = world.run(enroll_in_control_tower, tenant, world.remembered[-1])

    assert world.remembered[-1].enrollment is not None
    assert (
        world.finish_at_once(enroll_in_control_tower, tenant, continued.handles).handles.organizational_unit
        == DEVELOPMENT_OU_ID
    )
    assert records(world, handles) == ["PROVISION"]


def test_killed_before_provision_product(world: World) -> None:
    handles = world.account(tenant := governed(world))
    world.simulator.inject(operation="ProvisionProduct", kind="reset")
    with pytest.raises(Unanswered):
        world.run(enroll_in_control_tower, tenant, handles)

    world.finish_at_once(enroll_in_control_tower, tenant, world.remembered[-1])

    assert records(world, handles) == ["PROVISION"]


def test_everything_is_found_again_when_redis_is_lost(world: World) -> None:
    handles = world.account(tenant := governed(world))
    done = world.finish_at_once(enroll_in_control_tower, tenant, handles)

    again, _, writes = world.counted(enroll_in_control_tower, tenant, handles)

    assert isinstance(again, Done)
    assert again.handles.enrollment == done.handles.enrollment
    assert writes == 0


def test_an_imported_account_that_somebody_enrolled_is_found(world: World) -> None:
    handles = world.account(tenant := governed(world))
    world.simulator.operator(
        "enrolled_before", account=handles.account_id, unit=DEVELOPMENT_OU_ID, name=f"Enroll-Account-{world.workspace}"
    )

    outcome, _, writes = world.counted(enroll_in_control_tower, tenant, handles)

    assert isinstance(outcome, Done)
    assert writes == 0


def test_a_nested_ou_is_named_with_its_id(world: World) -> None:
    below = world.simulator.operator("create_ou", name="Nested", parent_id=DEVELOPMENT_OU_ID)["id"]
    world.simulator.operator("register_ou", unit=below)
    handles = world.account(tenant := governed(world, landing_zone={"target_organizational_unit": below}))

    world.finish_at_once(enroll_in_control_tower, tenant, handles)

    assert enrolled(world, handles) == parent(world, handles) == below


def test_another_ou_is_reached_by_control_tower_itself(world: World) -> None:
    handles = world.account(tenant := governed(world))
    done = world.finish_at_once(enroll_in_control_tower, tenant, handles)
    elsewhere = governed(world, landing_zone={"target_organizational_unit": PRODUCTION_OU_ID})

    world.run(move_to_ou, elsewhere, done.handles)
    moved = world.finish_at_once(enroll_in_control_tower, elsewhere, done.handles)
    _, _, writes = world.counted(enroll_in_control_tower, elsewhere, moved.handles)

    assert enrolled(world, handles) == parent(world, handles) == PRODUCTION_OU_ID
    assert records(world, handles) == ["PROVISION", "UPDATE"]
    assert writes == 0
    assert handles.account_id not in world.simulator.state()["control_tower"]["drifted"]


def test_an_account_moved_by_hand_comes_back_without_drift(world: World) -> None:
    handles = world.account(tenant := governed(world))
    done = world.finish_at_once(enroll_in_control_tower, tenant, handles)
    world.simulator.operator("move_account", account=handles.account_id, parent_id=PRODUCTION_OU_ID)

    world.finish_at_once(enroll_in_control_tower, tenant, done.handles)

    assert parent(world, handles) == DEVELOPMENT_OU_ID
    assert handles.account_id not in world.simulator.state()["control_tower"]["drifted"]


@pytest.mark.parametrize("deep", [True, False])
def test_below_the_target_is_right_where_the_platform_allows_it(world: World, deep: bool) -> None:
    platform = {"allow_hierarchical_organizational_unit_assignment": deep}
    handles = world.account(tenant := governed(world, platform=platform))
    below = world.simulator.operator("create_ou", name=f"Below {deep}", parent_id=DEVELOPMENT_OU_ID)["id"]
    world.simulator.operator("enrolled_before", account=handles.account_id, unit=below, name=f"by-hand-{deep}")

    outcome = world.run(enroll_in_control_tower, tenant, handles)

    assert isinstance(outcome, Done) is deep


def test_a_failed_enrolment_is_taken_back_and_tried_again(world: World) -> None:
    handles = world.account(tenant := governed(world))
    world.simulator.operator("fail_enrollment", account=handles.account_id, reason=NO_CONFIG)

    done = world.finish_at_once(enroll_in_control_tower, tenant, handles)

    assert records(world, handles) == ["PROVISION", "TERMINATE", "PROVISION"]
    assert done.handles.enrollment is not None
    assert (done.handles.enrollment.attempt, done.handles.enrollment.failing_since) == (2, None)


def test_after_the_window_the_failure_is_visible_and_a_retry_starts_afresh(world: World) -> None:
    handles = world.account(tenant := governed(world, factory=FACTORY.model_copy(update={"retry_window_minutes": 3})))
    world.simulator.operator("fail_enrollment", account=handles.account_id, reason=NO_CONFIG, times=100)

    with pytest.raises(PermanentError, match="existing AWS Config recorder") as failed:
        world.finish_at_once(enroll_in_control_tower, tenant, handles)
    assert failed.value.request_id
    assert 2 <= records(world, handles).count("PROVISION") <= 5
    assert not any(world.places.taken.values())

    world.simulator.operator("fail_enrollment", account=handles.account_id, reason="", times=0)
    world.finish_at_once(enroll_in_control_tower, tenant, world.remembered[-1])
    assert enrolled(world, handles) == DEVELOPMENT_OU_ID


def test_a_failed_update_is_repeated_and_never_terminated(world: World) -> None:
    handles = world.account(tenant := governed(world))
    done = world.finish_at_once(enroll_in_control_tower, tenant, handles)
    world.simulator.operator("fail_enrollment", account=handles.account_id, reason=NO_CONFIG)
    elsewhere = governed(world, landing_zone={"target_organizational_unit": PRODUCTION_OU_ID})

    world.finish_at_once(enroll_in_control_tower, elsewhere, done.handles)

    assert records(world, handles) == ["PROVISION", "UPDATE", "UPDATE"]
    assert parent(world, handles) == PRODUCTION_OU_ID


@pytest.mark.parametrize("kind", ["lost_response", "throttle", "malformed", "error"])
def test_every_call_survives_every_fault(world: World, kind: str) -> None:
    """Through a failure, a second try and a move, each call is struck once: the end is the same, nothing is twice."""
    handles = world.account(tenant := governed(world))
    world.simulator.operator("fail_enrollment", account=handles.account_id, reason=NO_CONFIG)
    elsewhere = governed(world, landing_zone={"target_organizational_unit": PRODUCTION_OU_ID})
    world.simulator.inject(*({"operation": name, "kind": kind, "code": "InternalFailure"} for name in CALLS))

    persistent(world, elsewhere, persistent(world, tenant, handles).handles)

    assert {fault["struck"] for fault in world.simulator.faults()} == {1}
    assert records(world, handles) == ["PROVISION", "TERMINATE", "PROVISION", "UPDATE"]
    assert enrolled(world, handles) == parent(world, handles) == PRODUCTION_OU_ID
    assert not any(world.places.taken.values())


def persistent(world: World, tenant: Tenant, handles: Handles) -> Done:
    """Run to the end; what fails for a while goes on from what was remembered, as with another worker."""
    world.remembered.append(handles)
    for _ in range(len(CALLS)):
        try:
            return world.finish_at_once(enroll_in_control_tower, tenant, world.remembered[-1])
        except TransientError:
            continue
    raise AssertionError("it fails again and again")


def test_another_operation_in_progress_is_waited_for(world: World) -> None:
    """Refused at once, or told later by the record: neither counts as a failure."""
    handles = world.account(tenant := governed(world, factory=FACTORY.model_copy(update={"retry_window_minutes": 1})))
    code = "InvalidParametersException"
    world.simulator.inject(operation="ProvisionProduct", code=code, message=BUSY, status=400)
    world.simulator.operator("fail_enrollment", account=handles.account_id, reason=BUSY, times=3)

    first = world.run(enroll_in_control_tower, tenant, handles)
    world.finish_at_once(enroll_in_control_tower, tenant, first.handles)

    assert isinstance(first, Wait)
    assert (first.note, first.retry_in) == ("another operation of Control Tower is in progress", MINUTE)
    assert enrolled(world, handles) == DEVELOPMENT_OU_ID


def test_in_a_queue_nothing_is_asked_of_aws(world: World) -> None:
    handles = world.account(tenant := governed(world))
    world.limits = {**world.limits, Lane.CONTROL_TOWER: 1}
    lane = f"{Lane.CONTROL_TOWER} in {organization.MANAGEMENT_ACCOUNT_ID}"
    world.places.enter(lane, "somebody else", 1)
    with pytest.raises(LaneFull):
        world.run(enroll_in_control_tower, tenant, handles)

    mark = world.simulator.mark()
    with pytest.raises(LaneFull):
        world.run(enroll_in_control_tower, tenant, world.remembered[-1])
    assert world.simulator.calls(mark) == []

    world.places.leave(lane, "somebody else")
    world.finish_at_once(enroll_in_control_tower, tenant, world.remembered[-1])
    assert world.places.taken[lane] == []


def test_the_landing_zones_own_accounts_are_left_alone(world: World) -> None:
    handles = world.account(tenant := governed(world))
    world.simulator.operator("name_in_manifest", account=handles.account_id, part="securityRoles")

    outcome, _, writes = world.counted(enroll_in_control_tower, tenant, handles)

    assert outcome.note == f"account {handles.account_id} is Control Tower's own"
    assert writes == 0


def test_a_lost_execution_role_policy_is_attached(world: World) -> None:
    handles = world.account(tenant := governed(world))
    world.simulator.inject(operation="AttachRolePolicy", kind="reset")
    with pytest.raises(Unanswered):
        world.run(enroll_in_control_tower, tenant, handles)

    world.finish_at_once(enroll_in_control_tower, tenant, handles)

    assert enrolled(world, handles) == DEVELOPMENT_OU_ID


def test_in_a_governed_ou_the_missing_role_is_explained(world: World) -> None:
    handles = world.account(tenant := governed(world))
    world.simulator.operator("move_account", account=handles.account_id, parent_id=DEVELOPMENT_OU_ID)

    with pytest.raises(AccessDenied) as denied:
        world.run(enroll_in_control_tower, tenant, handles)

    assert "iam:CreateRole" in denied.value.message
    assert "move the account to the root first" in denied.value.remedy
    assert not any(world.places.taken.values())


def test_an_unregistered_ou_and_a_closed_portfolio_say_what_to_do(world: World) -> None:
    unit = world.simulator.operator("create_ou", name="Unregistered")["id"]
    handles = world.account(tenant := governed(world, landing_zone={"target_organizational_unit": unit}))
    with pytest.raises(Refused, match="not enrolled in AWS Control Tower") as refused:
        world.run(enroll_in_control_tower, tenant, handles)
    assert "registered in Control Tower" in refused.value.remedy

    role = organization.MANAGEMENT_ROLE_ARN
    world.simulator.operator("catalog_access", principal=role, allowed=False)
    with pytest.raises(NotFound, match="No launch paths found") as missing:
        world.run(enroll_in_control_tower, tenant, handles)
    world.simulator.operator("catalog_access", principal=role, allowed=True)
    assert "accountFactoryProductId" in missing.value.remedy


@pytest.mark.parametrize(
    "changes",
    [{"platform": {"enrollment": None}}, {"landing_zone": {"target_organizational_unit": ROOT_ID}}],
    ids=["no enrollmentConfiguration", "the root"],
)
def test_what_the_documents_lack_is_said(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match="enrolls accounts in Control Tower"):
        world.run(enroll_in_control_tower, governed(world, **changes), Handles(account_id="1" * 12))


@pytest.mark.parametrize(
    ("status", "succeeded_once", "in_place", "following"),
    [
        (None, False, False, Next.PROVISION),
        (ProductStatus.AVAILABLE, True, True, Next.NOTHING),
        (ProductStatus.AVAILABLE, True, False, Next.MOVE),
        (ProductStatus.UNDER_CHANGE, True, True, Next.WAIT),
        (ProductStatus.PLAN_IN_PROGRESS, False, False, Next.WAIT),
        (ProductStatus.TAINTED, True, True, Next.REPAIR),
        (ProductStatus.TAINTED, False, False, Next.TERMINATE),
        (ProductStatus.ERROR, True, False, Next.REPAIR),
        (ProductStatus.ERROR, False, False, Next.TERMINATE),
    ],
)
def test_decisions(status: ProductStatus | None, succeeded_once: bool, in_place: bool, following: Next) -> None:
    product = None if status is None else ProvisionedProduct("pp-1", status, "rec-1", succeeded_once)

    assert decide(product, in_place=in_place) is following
