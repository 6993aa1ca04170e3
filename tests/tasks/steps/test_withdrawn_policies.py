"""withdraw_access: a role for federation that stays loses first what the newest order does not give it any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config.platform import FederatedRoleMapping
from tasks.aws.session import Sessions
from tasks.errors import NotReady, Refused, StepError, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Doubt, Handles, SignInRole
from tasks.model.replication import Done
from tasks.steps.federate_identity import federate_identity
from tasks.steps.withdraw_access import withdraw_access
from tests.tasks.steps.by_hand import by_hand
from tests.tasks.steps.test_federate_identity import (
    ADMIN,
    AUDITOR,
    AWS_POLICY,
    READER,
    iam_of,
    make_role,
    shown,
    tenant_with,
)
from tests.tasks.steps.world import World

NOTHING = "there is no access to remove"
POWER, READ, VIEW = (
    f"{AWS_POLICY}{name}" for name in ("AdministratorAccess", "ReadOnlyAccess", "job-function/ViewOnlyAccess")
)
REDUCED = ADMIN.model_copy(update={"policies": ("IAMReadOnlyAccess",)})


def given(world: World) -> Handles:
    tenant = tenant_with(world)
    return world.run(federate_identity, tenant, world.account(tenant)).handles


def ordering(world: World, *mappings: FederatedRoleMapping) -> Tenant:
    return tenant_with(world, role_mappings=mappings)


def policies(*names: str) -> FederatedRoleMapping:
    return READER.model_copy(update={"policies": names})


def detach(world: World, handles: Handles, role: str, arn: str) -> None:
    with by_hand(world):
        iam_of(world, handles).detach_role_policy(RoleName=role, PolicyArn=arn)


def test_what_no_mapping_gives_a_role_any_more_goes_with_nothing_but_the_role(world: World) -> None:
    handles = given(world)
    reduced = ordering(world, REDUCED, policies("ViewOnlyAccess"))

    done, reads, writes = world.counted(withdraw_access, reduced, handles)
    again = world.counted(withdraw_access, reduced, done.handles)

    assert shown(world, handles) == {"admin": set(), "reader": {VIEW}}
    assert done.note == f"{POWER} detached from admin; {READ} detached from reader"
    assert (reads, writes) == (2 * 2, 2)  # whose each role is, and what it has
    assert again == (Done(done.handles, NOTHING), 0, 0)


def test_roles_that_have_what_they_are_to_have_cost_no_call(world: World) -> None:
    handles = given(world)
    more = ordering(world, REDUCED.model_copy(update={"policies": ("PowerUserAccess", "AdministratorAccess")}), READER)

    for tenant in (tenant_with(world), more):
        assert world.counted(withdraw_access, tenant, handles) == (Done(handles, NOTHING), 0, 0)


def test_a_crash_after_a_policy_was_given_leaves_nothing_to_chance(world: World) -> None:
    handles = given(world)
    wider = ordering(world, ADMIN, policies("ReadOnlyAccess", "ViewOnlyAccess", "PowerUserAccess"))
    world.simulator.inject(operation="AttachRolePolicy", kind="lost_response")
    with pytest.raises(Unanswered):
        world.run(federate_identity, wider, handles)

    world.run(withdraw_access, tenant_with(world), world.remembered[-1])

    assert shown(world, handles)["reader"] == {READ, VIEW}


def test_in_doubt_the_policies_are_read(world: World) -> None:
    handles = replace(given(world), sign_in_roles=None, doubt=Doubt())

    done = world.run(withdraw_access, ordering(world, REDUCED, READER), handles)

    assert shown(world, handles) == {"admin": set(), "reader": {READ, VIEW}}
    assert (done.handles.sign_in_roles or {})["reader"].policies == (READ, VIEW)


def test_a_role_that_does_not_prove_to_be_ours_is_left_alone(world: World) -> None:
    known = {"auditor": SignInRole(policies=("SecurityAudit",)), "admin": SignInRole(policies=("AdministratorAccess",))}
    handles = world.account(tenant_with(world), sign_in_roles=known)
    for name, arn in (("admin", POWER), ("auditor", f"{AWS_POLICY}SecurityAudit")):
        make_role(world, handles, name, managed=[arn])

    done, _, writes = world.counted(withdraw_access, ordering(world, REDUCED, AUDITOR), handles)

    assert (done.note, writes) == (NOTHING, 0)
    assert shown(world, handles) == {"admin": {POWER}, "auditor": {f"{AWS_POLICY}SecurityAudit"}}
    assert world.counted(withdraw_access, ordering(world, REDUCED, AUDITOR), done.handles)[1:] == (0, 0)


def test_a_list_that_is_younger_than_the_gift_proves_nothing_gone(world: World) -> None:
    handles = given(world)
    reduced = ordering(world, REDUCED, READER)
    detach(world, handles, "admin", POWER)  # as if AWS did not show yet that it was given

    with pytest.raises(NotReady, match="AdministratorAccess"):
        world.run(withdraw_access, reduced, handles)

    world.ahead = world.aws(reduced).visibility_grace
    done = world.run(withdraw_access, reduced, world.remembered[-1])
    assert world.counted(withdraw_access, reduced, done.handles)[1:] == (0, 0)


def test_one_policy_that_stays_keeps_no_other(world: World) -> None:
    handles = given(world)
    world.simulator.inject(operation="DetachRolePolicy", kind="error", code="UnmodifiableEntity", status=400, times=1)

    with pytest.raises(Refused):
        world.run(withdraw_access, ordering(world, ADMIN, policies()), handles)
    assert len(shown(world, handles)["reader"]) == 1

    world.run(withdraw_access, ordering(world, ADMIN, policies()), world.remembered[-1])
    assert shown(world, handles)["reader"] == set()


@pytest.mark.parametrize("known", [True, False])
def test_an_account_that_lets_nobody_in_fails_only_where_something_is_known_to_go(world: World, known: bool) -> None:
    handles = given(world)
    roles: Any = handles.sign_in_roles if known else {name: SignInRole() for name in handles.sign_in_roles or {}}
    world.simulator.operator("suspend_account", account=handles.account_id)
    outside = replace(world, sessions=Sessions())

    if known:
        with pytest.raises(StepError):
            outside.run(withdraw_access, ordering(world, REDUCED, READER), handles)
    else:
        done = outside.run(withdraw_access, ordering(world, REDUCED, READER), replace(handles, sign_in_roles=roles))
        assert "policies of role admin could not be read" in done.note
