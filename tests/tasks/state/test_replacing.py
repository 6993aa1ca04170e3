"""A newer order replaces what is under way, inherits its places, and comes before all others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tasks.model.desired import TenantId
from tasks.model.handles import Group, Handles, SignInRole
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import Begun, Dispatch, StepRecord
from tasks.state.store import Store
from tasks.state.work import OwnedByAnother, Renewal
from tests.support.waiting import eventually
from tests.tasks.state.as_worker import BLOG, DEVELOPMENT, LEASE, PRODUCTION, SHOP, pump, run_one, state_of, step_done

WAITING = StepState(name="withdraw_access", state=State.WAITING)
GROUPS = Handles(account_id="111111111112", groups={"mst-a": Group("admin", "g-1", people=("alice",))})
ROLES = Handles(account_id="111111111112", sign_in_roles={"admin": SignInRole(policies=("AdministratorAccess",))})
LANE = "account creation in 1"


def waits(due: timedelta = timedelta(hours=1), **changes: Any) -> StepRecord:
    return StepRecord(step=0, document=WAITING, state=State.WAITING, due=due, **changes)


def pump_again(store: Store, replication: str) -> list[Dispatch]:
    """Dispatch what the chain's own message goes on with."""
    store._redis.zadd("connector:due", {replication: 0})
    return pump(store)


def test_what_waits_is_replaced_at_once(store: Store) -> None:
    old = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, waits())

    new = store.orders.submit(Order(SHOP, PRODUCTION))

    assert state_of(store, old) is State.CANCELLED
    [dispatch] = pump(store)
    assert dispatch.replication == new


def test_what_runs_is_replaced_after_its_call(store: Store) -> None:
    old = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)

    new = store.orders.submit(Order(SHOP, PRODUCTION))

    assert store.work.renew(old, "me", LEASE) is Renewal.CANCELLED
    assert store.work.record(old, "me", step_done(0))
    assert state_of(store, old) is State.CANCELLED
    [dispatch] = pump(store)
    assert dispatch.replication == new


def gives_way(store: Store) -> tuple[str, str]:
    """Let a newer order replace one whose call hangs; answers both replications."""
    old = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0))
    [dispatch] = [replace(each, step=1) for each in pump_again(store, old)]
    assert store.work.begin(dispatch, "old", LEASE)
    new = store.orders.submit(Order(SHOP, PRODUCTION))
    assert store.work.renew(old, "old", LEASE) is Renewal.CANCELLED
    assert store.work.renew(old, "old", LEASE, gives_way=True) is Renewal.LEFT
    return old, new


def test_what_hangs_in_a_call_gives_way_and_is_followed_beside_that_call(store: Store) -> None:
    old, new = gives_way(store)

    assert state_of(store, old) is State.CANCELLED
    [dispatch] = pump(store)
    begun = store.work.begin(dispatch, "new", LEASE)
    assert (dispatch.replication, dispatch.step) == (new, 0)
    assert begun is not None
    assert begun.stray is not None
    assert timedelta() < begun.stray <= LEASE
    assert store.work.renew(old, "old", LEASE) is Renewal.LEFT
    assert store.work.renew(old, "old", LEASE, GROUPS) is Renewal.LOST, "nothing is written any more"
    assert not store.work.record(old, "old", step_done(1, handles=GROUPS))


def test_when_the_stray_call_ends_the_first_step_comes_again_at_once_and_in_doubt(store: Store) -> None:
    _, new = gives_way(store)
    store.orders.doubt(SHOP)
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "first", LEASE)
    store.work.renew(new, "first", LEASE, GROUPS, doubted=True)
    assert store.work.record(new, "first", waits(beside=True))
    assert pump(store) == []

    assert store.work.settle(SHOP, "old", wrote=True, let_in=True)

    [dispatch] = pump(store)
    begun = store.work.begin(dispatch, "new", LEASE)
    assert begun is not None
    assert (begun.doubt, begun.doubted) == (True, False), "what was written down before is another doubt"
    assert begun.stray is not None
    assert begun.stray <= timedelta()
    assert store.work.record(new, "new", step_done(0))
    later = store.work.begin(replace(dispatch, step=1), "later", LEASE)
    assert later is not None
    assert later.stray is None


def test_a_stray_call_that_ends_during_the_first_step_makes_it_come_again(store: Store) -> None:
    _, new = gives_way(store)
    [dispatch] = pump(store)
    begun = store.work.begin(dispatch, "new", LEASE)
    assert store.work.settle(SHOP, "old", wrote=False, let_in=False)

    assert store.work.record(new, "new", waits(beside=True))

    [again] = pump(store)
    begun = store.work.begin(again, "again", LEASE)
    assert begun is not None
    assert not begun.doubt
    assert begun.stray is None


def test_a_stray_call_that_ends_after_somebody_has_gone_on_is_told(store: Store) -> None:
    gives_way(store)
    run_one(store, step_done(0))

    assert not store.work.settle(SHOP, "old", wrote=True, let_in=False)
    assert store.work.settle(SHOP, "old", wrote=False, let_in=False), "a read changes nothing"


def test_a_newer_order_replaces_also_when_another_one_waits_already(store: Store) -> None:
    old = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0))
    store.orders.submit(Order(SHOP, anew=True))

    store.orders.submit(Order(SHOP, PRODUCTION))

    assert state_of(store, old) is State.CANCELLED


def test_the_day_replaces_nothing(store: Store) -> None:
    old = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0))

    store.orders.submit(Order(SHOP, anew=True, daily=True))

    assert state_of(store, old) is State.RUNNING


def test_a_retry_of_what_can_only_fail_is_a_replication_of_its_own(store: Store) -> None:
    old = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, replace(step_done(0), failed=("withdraw_access",)))

    again = store.orders.submit(Order(SHOP, DEVELOPMENT))

    assert again != old
    assert state_of(store, old) is State.CANCELLED


def test_the_newer_one_has_the_places_of_the_older_one_and_its_turn(store: Store) -> None:
    first = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, waits())
    assert store.limits.enter(LANE, "shop", first, 1) == -1
    early = store.orders.submit(Order(BLOG, DEVELOPMENT))
    run_one(store, waits())
    assert store.limits.enter(LANE, "blog", early, 1) == 0
    late = TenantId("likvid", "late", "aws.sandbox")
    latecomer = store.orders.submit(Order(late, DEVELOPMENT))
    run_one(store, waits())
    assert store.limits.enter(LANE, "late", latecomer, 1) == 1

    holder = store.orders.submit(Order(SHOP, PRODUCTION))
    waiter = store.orders.submit(Order(BLOG, PRODUCTION))

    assert store.limits.enter(LANE, "shop", holder, 1) == -1
    assert store.limits.enter(LANE, "blog", waiter, 1) == 0
    store.limits.leave(LANE, "shop", first)  # who has been replaced holds nothing any more
    assert store.limits.enter(LANE, "late", latecomer, 1) == 1
    store.limits.leave(LANE, "shop", holder)
    assert store.limits.enter(LANE, "late", latecomer, 1) == 0
    assert store.limits.enter(LANE, "blog", waiter, 1) == -1


def test_a_place_that_the_newer_one_does_not_take_is_given_back_after_a_while(redis: Any) -> None:
    """Its landing zone has another StackSet; so long AWS may work on what the older one began."""
    store = Store(redis, timedelta(days=1), 100, linger=timedelta(milliseconds=80))
    holder = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, waits())
    assert store.limits.enter(LANE, "shop", holder, 1) == -1
    other = store.orders.submit(Order(BLOG, DEVELOPMENT))
    run_one(store, waits())
    assert store.limits.enter(LANE, "blog", other, 1) == 0

    newer = store.orders.submit(Order(SHOP, PRODUCTION))
    [dispatch] = pump(store)
    assert dispatch.replication == newer
    assert store.limits.enter(LANE, "blog", other, 1) == 0

    assert [each.replication for each in eventually(lambda: pump(store))] == [other]
    assert store.limits.enter(LANE, "blog", other, 1) == -1
    assert store.limits.enter(LANE, "shop", newer, 1) == 0, "which waits in turn"


def test_a_place_that_the_newer_one_takes_is_kept(redis: Any) -> None:
    store = Store(redis, timedelta(days=1), 100, linger=timedelta(milliseconds=20))
    holder = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, waits())
    assert store.limits.enter(LANE, "shop", holder, 1) == -1

    newer = store.orders.submit(Order(SHOP, PRODUCTION))
    assert store.limits.enter(LANE, "shop", newer, 1) == -1

    other = store.orders.submit(Order(BLOG, DEVELOPMENT))
    redis.blpop("nothing", timeout=0.06)  # longer than a place lingers, by Redis's own clock
    assert store.limits.enter(LANE, "blog", other, 1) == 0


@pytest.mark.parametrize("handles", [GROUPS, ROLES], ids=["groups", "roles"])
def test_who_may_have_to_go_comes_before_all_others(store: Store, redis: Any, handles: Handles) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0, handles=handles))
    for number in range(40):
        store.orders.submit(Order(TenantId("likvid", f"p{number}", "aws.sandbox"), DEVELOPMENT))
    redis.rpush("queue", *range(32))  # as many as the workers have threads

    urgent = store.orders.submit(Order(SHOP, PRODUCTION))
    taken = pump(store, room=32)

    assert [dispatch.replication for dispatch in taken] == [urgent]
    assert store.work.begin(taken[0], "me", LEASE)
    assert store.work.record(urgent, "me", step_done(0))
    assert redis.smembers("connector:urgent") == set()


@pytest.mark.parametrize(
    ("handles", "what"),
    [
        (Handles(account_id="111111111112"), "account 111111111112"),
        (Handles(alias="likvid-shop"), "alias likvid-shop"),
        (GROUPS, "account 111111111112"),
        (replace(GROUPS, account_id=None), "group g-1"),
    ],
)
def test_what_one_tenant_has_no_other_one_gets(store: Store, handles: Handles, what: str) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0, handles=handles))
    other = store.orders.submit(Order(TenantId("likvid", "shop", "aws.second"), DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)

    for write in (
        lambda: store.work.record(other, "me", step_done(0, handles=handles)),
        lambda: store.work.renew(other, "me", LEASE, handles),
    ):
        with pytest.raises(OwnedByAnother) as owned:
            write()
        assert (owned.value.what, owned.value.tenant) == (what, str(SHOP))
    record = store.tenants.find(TenantId("likvid", "shop", "aws.second"))
    assert record is not None
    assert record.handles == Handles()


def test_a_deleted_tenant_that_is_replicated_again_and_cancelled_is_not_kept_right(store: Store, redis: Any) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    redis.hset("connector:tenant:" + str(SHOP), "deleted_at", "2026-01-01T00:00:00+00:00")

    store.orders.cancel(dispatch.replication)

    assert redis.zscore("connector:replicated", str(SHOP)) is None


def test_since_when_people_are_to_be_out_survives_that_the_order_is_replaced(store: Store) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0, handles=GROUPS))
    store.orders.submit(Order(SHOP, PRODUCTION))
    [first] = pump(store)
    before = store.work.begin(first, "me", LEASE)
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    assert store.work.record(first.replication, "me", waits())
    [second] = pump(store)
    begun = store.work.begin(second, "me", LEASE)

    assert before is not None
    assert begun is not None
    assert before.urgent_since is not None
    assert begun.urgent_since == before.urgent_since
    after = store.work.go_on(second, "me", step_done(0), begun, begun.handles, None)
    assert isinstance(after, Begun)
    assert after.urgent_since is None
