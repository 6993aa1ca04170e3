"""An account that turns out to be another tenant's: what we have given there goes, and nothing else is touched."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tasks.aws.session import Sessions
from tasks.errors import AccountNotOurs
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.names import TENANT_TAG
from tasks.steps.quarantine_account import quarantine_account
from tasks.steps.tag_account import tag_account
from tests.support.waiting import eventually
from tests.tasks.steps.directory_world import ALICE, BOB, DirectoryWorld, groups, name, person
from tests.tasks.steps.test_federate_identity import FEDERATION, shown
from tests.tasks.steps.test_recall import READER, assigned, given, has_assignments, tenant_of
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

ANOTHER = "likvid.another.aws.sandbox"


@pytest.fixture(params=["identitystore", "scim"])
def world(request: pytest.FixtureRequest, simulator: SimulatorClient, sessions: Sessions) -> DirectoryWorld:
    simulator.set_options(enforce_policies=False)
    return DirectoryWorld(simulator, sessions, workspace=f"w{uuid4().hex[:10]}", service=request.param)


def ours(world: DirectoryWorld, **platform: Any) -> Tenant:
    return tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"), federation=FEDERATION, **platform)


def handed_over(world: DirectoryWorld, handles: Handles) -> None:
    """Somebody tags the account as another tenant's, whose group has access and whose role stands there."""
    account = handles.known_account()
    world.simulator.operator("tag_account", account=account, tags={TENANT_TAG: ANOTHER})
    theirs = world.aws(ours(world)).directory.create_group(
        f"theirs-{world.workspace}", f"meshstack.tenant.{ANOTHER}.role.admin"
    )
    access = world.aws(ours(world)).account_assignments.account(organization.INSTANCE_ARN, account)
    there = len(assigned(world, handles))
    access.assign(theirs or "", READER)
    eventually(lambda: has_assignments(world, handles, there + 1))
    world.simulator.operator("create_role", account=account, role="theirs")


@pytest.mark.parametrize("known", [True, False], ids=["remembered", "after a loss of Redis"])
def test_what_we_gave_goes_and_what_others_gave_stays(world: DirectoryWorld, known: bool) -> None:
    tenant = ours(world)
    handles = given(world, tenant)
    handed_over(world, handles)

    with pytest.raises(AccountNotOurs, match=ANOTHER):
        world.finish(tag_account, tenant, handles if known else Handles(account_id=handles.account_id))

    assert assigned(world, handles) == {(f"theirs-{world.workspace}", READER)}
    assert groups(world) == {
        name(world, "admin"): [],
        name(world, "reader"): [],
        f"theirs-{world.workspace}": [],
    }
    assert shown(world, handles).keys() == {"theirs"}
    assert world.simulator.state()["accounts"][handles.account_id]["tags"] == {TENANT_TAG: ANOTHER}


def test_when_nothing_is_left_it_only_says_so(world: DirectoryWorld) -> None:
    tenant = ours(world)
    handles = given(world, tenant)
    handed_over(world, handles)
    with pytest.raises(AccountNotOurs):
        world.finish(tag_account, tenant, handles)
    mark = world.simulator.mark()

    with pytest.raises(AccountNotOurs):
        world.run(tag_account, tenant, world.remembered[-1])

    assert world.simulator.writes_since(mark) == []


def test_what_cannot_be_taken_back_is_told_and_the_rest_goes(world: DirectoryWorld) -> None:
    tenant = ours(world)
    handles = given(world, tenant)
    handed_over(world, handles)
    refused = {"code": "AccessDeniedException", "status": 400, "times": -1}
    world.simulator.inject(service="sso-admin", operation="DeleteAccountAssignment", **refused)

    with pytest.raises(AccountNotOurs, match="could not be removed completely"):
        world.finish(tag_account, tenant, handles)

    assert groups(world)[name(world, "admin")] == []
    assert shown(world, handles).keys() == {"theirs"}


def test_the_roles_of_the_tenant_that_had_the_account_before_are_not_ours(world: DirectoryWorld) -> None:
    first = ours(world)
    handles = given(world, first)
    second = world.tenant("second", platform={"identity_federation": FEDERATION})

    with pytest.raises(AccountNotOurs):
        world.finish(tag_account, second, Handles(account_id=handles.account_id))

    assert shown(world, handles).keys() == {"admin", "reader"}
    assert groups(world)[name(world, "admin")] == [ALICE]


def test_a_deletion_moves_no_account_that_is_another_tenants(world: DirectoryWorld) -> None:
    tenant = ours(world)
    closure = tenant.platform.account_closure.model_copy(update={"quarantine_unit": organization.PRODUCTION_OU_ID})
    doomed = world.tenant(platform={"account_closure": closure})
    handles = world.created(doomed)
    handed_over(world, handles)
    mark = world.simulator.mark()

    with pytest.raises(AccountNotOurs):
        world.run(quarantine_account, doomed, handles)

    assert world.simulator.writes_since(mark) == []
