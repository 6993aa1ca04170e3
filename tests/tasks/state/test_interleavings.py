"""Requests that come in an unlucky order, twice, or by the thousand: nothing is lost, and nobody waits for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.chain import DELETION
from tasks.model.desired import Deletion, TenantId
from tasks.model.handles import Group, Handles
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.parameters import Submit
from tasks.state.store import Store
from tasks.state.work import Renewal
from tests.tasks.state.as_worker import BLOG, DEVELOPMENT, LEASE, PRODUCTION, SHOP, pump, run_one, state_of, step_done

GROUPS = Handles(account_id="111111111112", groups={"mst-a": Group("admin", "g-1", people=("alice",))})
WAITING = StepState(name="withdraw_access", state=State.WAITING)
LANE = "operations of StackSet 1"


def waits(due: timedelta = timedelta(hours=1), step: int = 0, **changes: Any) -> StepRecord:
    return StepRecord(step=step, document=WAITING, state=State.WAITING, due=due, **changes)


def tenant(name: str, platform: str = "aws.sandbox") -> TenantId:
    return TenantId("likvid", name, platform)


def with_people(store: Store, *tenants: TenantId) -> None:
    """Order tenants, and give each of them a group with somebody in it."""
    for each in tenants:
        found = store.orders.submit(Order(each, DEVELOPMENT))
        [dispatch] = pump(store)
        handles = Handles(groups={f"mst-{each}": Group("admin", f"g-{each}", people=("alice",))})
        assert store.work.begin(dispatch, "me", LEASE)
        assert store.work.record(found, "me", step_done(0, last=True, handles=handles))


def test_a_request_that_runs_twice_spoils_nothing_of_the_replication_that_it_has_made(store: Store) -> None:
    """The answer to the first run was lost, and a worker was quick meanwhile."""
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0, last=True))
    request = Submit(verb="replicate", tenant=str(SHOP), replication="r-1", first=3, first_chain="replication")
    store.orders._run(request)
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)

    assert "r-1" in store.orders._run(request)

    assert store.work.record("r-1", "me", step_done(0, last=True))
    assert state_of(store, "r-1") is State.SUCCEEDED
    assert store.orders.submit(Order(SHOP, DEVELOPMENT)) != "r-1"


def test_a_deletion_keeps_no_place_that_only_the_replication_needed(store: Store, redis: Any) -> None:
    """It waits for a person, and all others who want an operation on the StackSet would wait with it."""
    old = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, waits())
    assert store.limits.enter(LANE, "shop", old, 1) == -1

    deletion = store.orders.delete(SHOP, Deletion(requested_at=datetime.now(UTC)))
    [dispatch] = pump(store)
    assert (dispatch.replication, dispatch.chain) == (deletion, DELETION)

    # AWS goes on with it for a while, and then others have the place.
    assert (
        redis.zscore(f"connector:holders:{LANE}", "shop") < (datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1000
    )


@pytest.mark.parametrize("state", [State.CANCELLED, State.FAILED])
def test_a_doubt_outlives_the_replication_that_did_not_get_to_it(store: Store, state: State) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0, last=True, handles=GROUPS))
    doubtful = store.orders.doubt(SHOP)
    if state is State.FAILED:
        run_one(store, StepRecord(step=0, document=WAITING, state=State.FAILED))
    else:
        run_one(store, waits())
        store.orders.cancel(doubtful)
    assert state_of(store, doubtful) is state

    store.orders.submit(Order(SHOP, PRODUCTION))

    [dispatch] = pump(store)
    begun = store.work.begin(dispatch, "me", LEASE)
    assert begun is not None
    assert begun.doubt


@pytest.mark.parametrize("runs", [False, True])
def test_a_doubt_does_not_wait_for_what_the_tenant_waits_for(store: Store, redis: Any, *, runs: bool) -> None:
    """Somebody may be in again, by a write of a worker that had lost its lease, while a stack takes hours."""
    old = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0, handles=GROUPS))
    redis.zadd("connector:due", {old: 0})  # the chain's next message counts as lost
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "another", LEASE)
    waiting = waits(step=1)
    if not runs:
        assert store.work.record(old, "another", waiting)
    redis.rpush("queue", *range(32))

    doubtful = store.orders.doubt(SHOP)
    if runs:
        assert store.work.renew(old, "another", LEASE) is Renewal.CANCELLED
        assert store.work.record(old, "another", waiting)

    [dispatch] = pump(store, room=32)
    assert (dispatch.replication, dispatch.step) == (doubtful, 0)
    assert state_of(store, old) is State.CANCELLED


def test_a_doubt_outlives_the_order_that_replaces_it(store: Store) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0, last=True, handles=GROUPS))
    store.orders.doubt(SHOP)
    run_one(store, waits())

    store.orders.submit(Order(SHOP, PRODUCTION))

    [dispatch] = pump(store)
    begun = store.work.begin(dispatch, "me", LEASE)
    assert begun is not None
    assert begun.doubt


def test_who_replaces_somebody_urgent_is_urgent(store: Store, redis: Any) -> None:
    """To decline a deletion takes nothing away by itself, but the order before the deletion did."""
    with_people(store, SHOP)
    store.orders.submit(Order(SHOP, PRODUCTION))
    run_one(store, waits())
    store.orders.delete(SHOP, Deletion(requested_at=datetime.now(UTC)))
    run_one(store, waits())
    redis.rpush("queue", *range(32))

    declined = store.orders.restore(SHOP)

    assert [dispatch.replication for dispatch in pump(store, room=32)] == [declined]


def test_thousands_who_wait_do_not_hide_who_is_urgent_now(store: Store, redis: Any) -> None:
    others = [tenant(f"p{number}", "aws.second") for number in range(300)]
    with_people(store, SHOP, *others)
    store.pauses.pause("aws.second")
    for each in others:
        store.orders.submit(Order(each, PRODUCTION))
    while pump(store, room=1000) or redis.zcount("connector:due", "-inf", datetime.now(UTC).timestamp() * 1000):
        pass  # until all are suspended
    redis.rpush("queue", *range(32))

    urgent = store.orders.submit(Order(SHOP, PRODUCTION))

    assert [dispatch.replication for dispatch in pump(store, room=32)] == [urgent]


def test_an_order_that_takes_away_leaves_the_line_for_threads(store: Store) -> None:
    """The replication that it joins has not begun: it stands in line behind others of its platform."""
    with_people(store, SHOP, BLOG, tenant("early"), tenant("other", "aws.second"))
    busy = store.orders.submit(Order(BLOG, daily=True))
    [first] = pump(store, room=2)  # of two threads each platform has one
    assert first.replication == busy
    early = store.orders.submit(Order(tenant("early"), daily=True))
    daily = store.orders.submit(Order(SHOP, daily=True))
    assert pump(store, room=2) == []

    assert store.orders.submit(Order(SHOP, PRODUCTION)) == daily

    assert pump(store, room=2) == []
    assert store.work.begin(first, "me", LEASE)
    assert store.work.record(busy, "me", step_done(0, last=True))
    assert [dispatch.replication for dispatch in pump(store, room=2)] == [daily]
    assert state_of(store, early) is State.QUEUED
