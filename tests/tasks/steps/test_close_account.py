"""close_account and locate_account: the tenant's own account is closed, where that is allowed, and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from config.patterns import Pattern
from config.platform import AccountClosure
from tasks.errors import LaneFull, NotOurs, PermanentError, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Creation, Handles
from tasks.model.replication import Done, Wait
from tasks.names import TENANT_TAG
from tasks.steps.close_account import close_account
from tasks.steps.create_account import create_account
from tasks.steps.locate_account import locate_account
from tests.tasks.steps.world import World
from workers.sandbox.organization import DEVELOPMENT_OU_ID, ROOT_ID

BELOW_ROOT = AccountClosure(organizational_units=(ROOT_ID,))
CLOSES = {"automate_deletion_replication": True}
RANDOM = Pattern.parse("aws+#{rand:%.20s}@example.com")


@pytest.fixture(autouse=True)
def may_close(world: World) -> None:
    """Allow what the optional statement allows: the policies themselves are tested elsewhere."""
    world.simulator.set_options(enforce_policies=False)


def closable(world: World, closure: AccountClosure = BELOW_ROOT, **platform: Any) -> Tenant:
    return world.tenant(platform={"account_closure": closure, **platform}, landing_zone=CLOSES)


def state(world: World, account_id: str | None) -> Any:
    return world.simulator.state()["accounts"][account_id]["state"]


def test_the_account_is_closed_once_and_forgotten(world: World) -> None:
    handles = world.created(tenant := closable(world))
    mark = world.simulator.mark()

    done = world.finish(close_account, tenant, handles)
    again, reads, _ = world.counted(close_account, tenant, done.handles)

    assert state(world, handles.account_id) == "SUSPENDED"
    assert [call.operation for call in world.simulator.writes_since(mark)] == ["CloseAccount"]
    assert done.handles == Handles(closed_accounts=(str(handles.account_id),), doubt=None)
    assert (again, reads) == (Done(done.handles, "there is no account to close"), 0)


def test_a_crash_after_the_call_leaves_nothing_to_do(world: World) -> None:
    handles = world.created(tenant := closable(world))
    world.simulator.inject(operation="CloseAccount", kind="lost_response")

    with pytest.raises(Unanswered):
        world.run(close_account, tenant, handles)
    mark = world.simulator.mark()
    world.finish(close_account, tenant, world.remembered[-1])

    assert world.simulator.writes_since(mark) == []
    assert state(world, handles.account_id) == "SUSPENDED"


@pytest.mark.parametrize("closure", [AccountClosure(), AccountClosure(organizational_units=(DEVELOPMENT_OU_ID,))])
def test_nothing_is_closed_where_the_operator_does_not_list_it(world: World, closure: AccountClosure) -> None:
    handles = world.created(tenant := closable(world, closure))

    with pytest.raises(PermanentError, match="ClosureNotAllowed"):
        world.run(close_account, tenant, handles)

    assert state(world, handles.account_id) == "ACTIVE"


def test_a_listed_tag_allows_it(world: World) -> None:
    handles = world.created(tenant := closable(world, AccountClosure(tags={"disposable": "yes"})))
    world.simulator.operator("tag_account", account=handles.account_id, tags={"disposable": "yes"})

    world.finish(close_account, tenant, handles)

    assert state(world, handles.account_id) == "SUSPENDED"


@pytest.mark.parametrize("owner", ["somebody.else.aws.sandbox", None])
def test_an_account_that_is_not_provably_ours_is_never_closed(world: World, owner: str | None) -> None:
    handles = world.created(tenant := closable(world))
    world.simulator.operator("tag_account", account=handles.account_id, tags={TENANT_TAG: owner})

    with pytest.raises(NotOurs):
        world.run(close_account, tenant, replace(handles, creation=None))

    assert state(world, handles.account_id) == "ACTIVE"


def test_the_recorded_creation_is_proof_enough_when_the_tag_is_gone(world: World) -> None:
    handles = world.created(tenant := closable(world))
    world.simulator.operator("tag_account", account=handles.account_id, tags={TENANT_TAG: None})
    assert handles.creation is not None

    world.finish(close_account, tenant, handles)

    assert state(world, handles.account_id) == "SUSPENDED"


def test_an_account_that_is_gone_or_unknown_does_not_block(world: World) -> None:
    tenant = closable(world)

    done = world.finish(close_account, tenant, Handles(account_id="999999999999"))

    assert done.note == "account 999999999999 is no longer in the organization"


def test_awss_quota_is_waited_for_day_by_day(world: World) -> None:
    handles = world.created(tenant := closable(world))
    world.simulator.set_options(closures_quota=0)

    outcome = world.run(close_account, tenant, handles)

    assert isinstance(outcome, Wait)
    assert outcome.retry_in == timedelta(days=1)
    assert "quota" in outcome.note
    assert not any(world.places.taken.values())
    world.simulator.set_options(closures_quota=1000)
    world.finish(close_account, tenant, outcome.handles)
    assert state(world, handles.account_id) == "SUSPENDED"


def test_three_at_a_time(world: World) -> None:
    handles = world.created(tenant := closable(world))
    lane = f"account closure in {tenant.platform.management_account_id}"
    world.places.taken[lane] = ["one", "two", "three"]

    with pytest.raises(LaneFull):
        world.run(close_account, tenant, handles)

    assert state(world, handles.account_id) == "ACTIVE"


def test_a_landing_zone_may_leave_it_to_a_person(world: World) -> None:
    handles = world.created(tenant := world.tenant(platform={"account_closure": BELOW_ROOT}))

    outcome, reads, writes = world.counted(close_account, tenant, handles)

    assert (outcome.handles, reads, writes) == (handles, 0, 0)
    assert "stays open" in outcome.note


def test_the_next_account_has_another_email(world: World) -> None:
    tenant = closable(world, account_email_pattern=RANDOM)
    handles = world.finish(close_account, tenant, world.created(tenant)).handles

    world.finish(create_account, replace(tenant, accounts_before=1), handles)

    assert len({request["email"] for request in world.creations()}) == 2


def test_an_unanswered_creation_is_looked_for_before_there_is_nothing_to_close(world: World) -> None:
    tenant = closable(world)
    world.simulator.inject(operation="CreateAccount", kind="lost_response")
    intended = world.run(create_account, tenant).handles
    assert isinstance(intended.creation, Creation)
    assert intended.creation.request_id is None

    located = world.finish(locate_account, tenant, intended)

    assert [account["id"] for account in world.accounts()] == [located.handles.account_id]


def test_a_tenant_that_never_had_an_account_costs_a_look(world: World) -> None:
    outcome, _, writes = world.counted(locate_account, closable(world), Handles())

    assert outcome.note == "the tenant has no account"
    assert writes == 0
