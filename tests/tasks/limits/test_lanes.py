"""AWS's limits shared by all: places in order of arrival with wake-up, rates without a step that begins again."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.platform import Limits
from config.settings import Settings
from tasks.aws import Lane
from tasks.chain import REPLICATION
from tasks.errors import LaneFull, RateReached
from tasks.limits.call_rates import BATCH, FIRST_GUESS, Allowance, ExpectedCalls
from tasks.limits.lanes import ReplicationPlaces, places, rates
from tasks.model.call import CallRecord
from tasks.model.desired import Deletion, Desired, TenantId
from tasks.model.handles import Group, Handles
from tasks.model.lane import Calls
from tasks.model.replication import State, StepState
from tasks.state.limits import Rate
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.store import Store
from tests.support.waiting import eventually
from tests.tasks.steps.world import PLATFORM

DEVELOPMENT, PRODUCTION = Desired(landing_zone="development"), Desired(landing_zone="production")
LEASE = timedelta(seconds=30)
LANE = "account creation in 111111111111"
RATE = Rate("Identity Center calls in 111111111111", per_second=20, burst=5)
SLOW = Rate("Organizations calls in 111111111111", per_second=1, burst=1)  # so that no test is quicker than the clock


def ordered(store: Store, count: int) -> list[str]:
    """Order tenants; answers their replications, which stand in the due index from then on."""
    return [
        store.orders.submit(Order(TenantId("likvid", f"p{number}", "aws.sandbox"), DEVELOPMENT))
        for number in range(count)
    ]


def sleeping(store: Store, replications: list[str], *, lane: str | None = None, parked: bool = False) -> None:
    """Run a step of each, which then waits for an hour."""
    waiting = StepRecord(
        step=0,
        document=StepState(name=REPLICATION.steps[0].name, state=State.WAITING, note="in line"),
        state=State.WAITING,
        due=timedelta(hours=1),
        lane=lane,
        parked=parked,
    )
    for dispatch in store.work.pump("queue", 1000, LEASE, LEASE, "w"):
        assert store.work.begin(dispatch, "me", LEASE)
        if dispatch.replication in replications:
            assert store.work.record(dispatch.replication, "me", waiting)


def woken(store: Store) -> list[str]:
    return [dispatch.replication for dispatch in store.work.pump("queue", 1000, LEASE, LEASE, "w")]


def test_a_lane_is_served_in_order_of_arrival_and_wakes_the_next(store: Store) -> None:
    first, second, third, fourth = replications = ordered(store, 4)

    def attempt(replication: str) -> int | None:
        return store.limits.enter(LANE, replication, replication, 2)

    assert [attempt(replication) for replication in replications] == [-1, -1, 0, 1]
    assert attempt(first) == -1, "a place is never counted twice"
    sleeping(store, [third, fourth], lane=LANE)
    assert woken(store) == []

    store.limits.leave(LANE, second, second)

    assert woken(store) == [third], "woken at once, and only the first"
    assert attempt(fourth) == 0, "nobody overtakes"
    assert attempt(third) == -1
    assert attempt(fourth) == 0, "now the first in line"


def test_a_place_outlives_the_worker_that_took_it(store: Store) -> None:
    first, second = ordered(store, 2)
    [dispatch, _] = store.work.pump("queue", 10, LEASE, LEASE, "w")
    assert store.work.begin(dispatch, "dead", timedelta(milliseconds=20))
    holder, other = (first, second) if dispatch.replication == first else (second, first)
    assert store.limits.enter(LANE, "place", holder, 1) == -1

    [again] = eventually(lambda: store.work.pump("queue", 10, LEASE, LEASE, "w"))

    assert again.replication == holder
    assert store.limits.enter(LANE, "other", other, 1) == 0
    assert store.limits.enter(LANE, "place", holder, 1) == -1, "the same place for the worker that goes on"


def test_how_long_a_place_was_waited_for_is_told_once(store: Store, redis: Redis) -> None:
    first, second = ordered(store, 2)
    at_once = store.limits.enter(LANE, "first", first, 1)
    store.limits.enter(LANE, "second", second, 1)
    redis.zincrby(f"connector:waiters:{LANE}", -90e6, second)
    since = store.limits.usage()[LANE].waiting_since
    assert since is not None
    assert store.now() - since > timedelta(seconds=89)
    store.limits.leave(LANE, "first", first)
    later, again = (store.limits.enter(LANE, "second", second, 1) for _ in range(2))

    assert at_once is not None
    assert later is not None
    assert again is not None
    assert (at_once, later, again) == (-1, -1, -1)
    assert at_once.waited is not None
    assert at_once.waited < timedelta(seconds=1)
    assert later.waited is not None
    assert timedelta(seconds=89) < later.waited < timedelta(seconds=100)
    assert again.waited is None, "it has the place already"
    assert store.limits.usage()[LANE].waiting_since is None


def test_what_ends_well_gives_its_places_back(store: Store) -> None:
    first, second = ordered(store, 2)
    store.limits.enter(LANE, "first", first, 1)
    store.limits.enter(LANE, "second", second, 1)
    sleeping(store, [second], lane=LANE)

    done = StepState(name="report", state=State.SUCCEEDED)
    assert store.work.record(first, "me", StepRecord(step=0, document=done, state=State.SUCCEEDED))

    assert woken(store) == [second]
    assert store.limits.enter(LANE, "second", second, 1) == -1


def test_what_is_cancelled_leaves_its_place_to_aws_for_a_while(redis: Redis) -> None:
    store = Store(redis, timedelta(days=1), 100, linger=timedelta(milliseconds=80))
    first, second = ordered(store, 2)
    store.limits.enter(LANE, "first", first, 1)
    store.limits.enter(LANE, "second", second, 1)
    sleeping(store, [second], lane=LANE)

    store.orders.cancel(first)
    store.work.record(first, "me", StepRecord(0, StepState(name="x"), State.WAITING))

    assert store.limits.enter(LANE, "second", second, 1) == 0, "AWS may still be creating the account"
    assert eventually(lambda: woken(store)) == [second], "and not only by polling"
    assert store.limits.enter(LANE, "second", second, 1) == -1


def test_who_may_have_to_go_has_the_whole_rate_while_all_others_have_slowed_down(store: Store) -> None:
    rate = Rate("Identity Center calls in 1", per_second=20, burst=5)
    store.limits.slow([rate.name])
    leaving, other = urgent(store, "leaving"), *ordered(store, 1)
    assert store.limits.take(rate, other, 5) == timedelta()
    store.limits.take(rate, other, 100, owed=True)

    assert store.limits.take(rate, leaving, 10) == timedelta(), "not for the debt of others"
    next_ = store.limits.take(rate, urgent(store, "next"), 10)
    assert timedelta(seconds=0.3) < next_ <= timedelta(seconds=0.5), "only for another one of its kind"
    assert store.limits.take(rate, other, 1) > timedelta(seconds=5)


def test_of_whom_nobody_knows_what_it_has_goes_between_those_who_may_have_to_go_and_all_others(store: Store) -> None:
    """As after a loss of Redis: it has no groups that anybody remembers, and new tenants look the same."""
    rate = Rate("Identity Center calls in 1", per_second=20, burst=5)
    store.limits.slow([rate.name])
    forgotten = store.orders.submit(Order(TenantId("likvid", "forgotten", "aws.sandbox"), DEVELOPMENT))
    known = urgent(store, "known")
    [other] = ordered(store, 1)
    for dispatch in store.work.pump("queue", 1000, LEASE, LEASE, "w"):
        if dispatch.replication == other:  # what must go is gone
            assert store.work.begin(dispatch, "me", LEASE)
            done = StepRecord(0, StepState(name="x"), State.RUNNING, advance=True, following=1, due=LEASE)
            assert store.work.record(other, "me", done)

    assert store.limits.take(rate, forgotten, 10) == timedelta()
    assert store.limits.take(rate, known, 10) == timedelta(), "it waits for none of those"
    again = store.orders.submit(Order(TenantId("likvid", "again", "aws.sandbox"), DEVELOPMENT))
    assert timedelta(seconds=0.7) < store.limits.take(rate, again, 10) <= timedelta(seconds=1)
    assert store.limits.take(rate, other, 10) > timedelta(seconds=1)


def urgent(store: Store, project: str) -> str:
    """Order a tenant with somebody in a group once more; answers the replication."""
    tenant = TenantId("likvid", project, "aws.sandbox")
    store.orders.submit(Order(tenant, DEVELOPMENT))
    [dispatch] = [each for each in store.work.pump("queue", 1000, LEASE, LEASE, "w") if each.tenant == str(tenant)]
    assert store.work.begin(dispatch, "me", LEASE)
    handles = Handles(groups={project: Group("admin", f"g-{project}", people=("alice",))})
    done = StepRecord(0, StepState(name="x"), State.SUCCEEDED, handles=handles, advance=True)
    assert store.work.record(dispatch.replication, "me", done)
    return store.orders.submit(Order(tenant, PRODUCTION))


def test_a_tenant_that_is_ordered_again_gets_its_lingering_place(store: Store) -> None:
    [first] = ordered(store, 1)
    store.limits.enter(LANE, "p0", first, 1)
    store.orders.cancel(first)

    [again] = ordered(store, 1)

    assert again != first
    assert store.limits.enter(LANE, "p0", again, 1) == -1


def test_a_resting_pump_hears_of_what_is_made_due_at_once(store: Store) -> None:
    first, second = ordered(store, 2)
    store.limits.enter(LANE, "first", first, 1)
    store.limits.enter(LANE, "second", second, 1)
    sleeping(store, [second], lane=LANE)
    store.work.rest(timedelta(milliseconds=1))  # what the orders themselves rang for
    with ThreadPoolExecutor(1) as pool:
        started = perf_counter()
        resting = pool.submit(store.work.rest, timedelta(seconds=4))
        store.limits.leave(LANE, "first", first)
        resting.result()

    assert perf_counter() - started < 2
    assert woken(store) == [second]


def test_one_that_ended_while_waiting_blocks_nobody(store: Store) -> None:
    first, second, third = ordered(store, 3)
    assert [store.limits.enter(LANE, each, each, 1) for each in (first, second, third)] == [-1, 0, 1]

    store.orders.cancel(second)
    store.limits.leave(LANE, first, first)

    assert store.limits.enter(LANE, third, third, 1) == -1


def test_one_that_goes_on_without_the_lane_blocks_nobody(store: Store) -> None:
    first, second, third = ordered(store, 3)
    assert [store.limits.enter(LANE, each, each, 1) for each in (first, second, third)] == [-1, 0, 1]
    sleeping(store, [])
    done = StepState(name=REPLICATION.steps[0].name, state=State.SUCCEEDED)
    assert store.work.record(second, "me", StepRecord(0, done, State.RUNNING, due=LEASE, following=1, advance=True))

    store.limits.leave(LANE, first, first)

    assert store.limits.enter(LANE, third, third, 1) == -1


def test_who_has_begun_gets_the_next_places_and_others_wait(store: Store) -> None:
    first, second = replications = ordered(store, 2)
    assert store.limits.enter(LANE, "first/a", first, 2) == -1
    assert store.limits.enter(LANE, "other", "nobody", 2) is None
    sleeping(store, replications)
    store.limits.enter(LANE, "second/a", second, 1)

    assert store.limits.enter(LANE, "second/a", second, 1) == 0
    assert store.limits.enter(LANE, "first/b", first, 2) == -1
    assert store.limits.enter(LANE, "first/c", first, 2) == 0


def test_one_that_polls_its_own_work_keeps_no_turn_from_the_others(store: Store) -> None:
    first, second, third = ordered(store, 3)
    assert store.limits.enter(LANE, "first/a", first, 1) == -1
    assert store.limits.enter(LANE, "first/b", first, 1) == 0, "it has one place and would like another"
    assert [store.limits.enter(LANE, each, each, 1) for each in (second, third)] == [1, 2]
    waiting = StepRecord(0, StepState(name="x", state=State.WAITING), State.WAITING, due=timedelta(hours=1), lane=LANE)
    for dispatch in store.work.pump("queue", 1000, LEASE, LEASE, "w"):
        assert store.work.begin(dispatch, "me", LEASE)
        polls = dispatch.replication == first
        assert store.work.record(
            dispatch.replication, "me", replace(waiting, lane=None if polls else LANE, polls=polls)
        )

    store.limits.leave(LANE, "first/a", first)

    assert woken(store) == [second]
    assert store.limits.enter(LANE, second, second, 1) == -1


def test_nobody_is_looked_at_before_its_place_is_free(store: Store, redis: Any) -> None:
    holder, *waiting = ordered(store, 30)
    assert [store.limits.enter(LANE, each, each, 1) for each in (holder, *waiting)] == [-1, *range(29)]
    sleeping(store, waiting, lane=LANE)

    assert {redis.zscore("connector:due", each) for each in waiting} == {math.inf}
    store.limits.leave(LANE, holder, holder)
    assert [redis.zscore("connector:due", each) == math.inf for each in waiting] == [False, *[True] * 28]


def test_a_pump_does_no_more_the_more_wait(store: Store, redis: Any) -> None:
    def commands() -> int:
        before = sum(each["calls"] for each in redis.info("commandstats").values())
        assert woken(store) == []
        return int(sum(each["calls"] for each in redis.info("commandstats").values()) - before)

    few = ordered(store, 3)
    for each in few:
        store.limits.enter(LANE, each, each, 1)
    sleeping(store, few[1:], lane=LANE)
    expected = commands()
    many = ordered(store, 400)[3:]
    for each in many:
        store.limits.enter(LANE, each, each, 1)
    sleeping(store, many, lane=LANE)

    # The clock is written down now and then, and where somebody waits a look at the lane is due every 10 s.
    assert min(commands(), commands()) <= expected + 1


def test_who_is_handed_a_place_comes_before_all_who_have_none(store: Store) -> None:
    first, second = ordered(store, 2)
    store.limits.enter(LANE, "first", first, 1)
    store.limits.enter(LANE, "second", second, 1)
    sleeping(store, [second], lane=LANE)
    ordered(store, 50)

    store.limits.leave(LANE, "first", first)

    [dispatch] = store.work.pump("queue", 2, LEASE, LEASE, "w")
    assert dispatch.replication == second


def test_nobody_overtakes_who_is_handed_a_place(store: Store) -> None:
    first, second, third = ordered(store, 3)
    store.limits.enter(LANE, "first", first, 1)
    store.limits.enter(LANE, "second", second, 1)
    sleeping(store, [second], lane=LANE)

    store.limits.leave(LANE, "first", first)

    assert store.limits.enter(LANE, "third", third, 1) == 0
    assert store.limits.enter(LANE, "second", second, 1) == -1


def test_who_does_not_come_loses_the_place_and_keeps_its_turn(store: Store, redis: Any) -> None:
    first, second, third = ordered(store, 3)
    for each in (first, second, third):
        store.limits.enter(LANE, each, each, 1)
    sleeping(store, [second, third], lane=LANE)
    store.limits.leave(LANE, first, first)
    assert woken(store) == [second]  # and the worker dies before it begins

    time_passes(redis)

    assert woken(store) == [third]
    assert store.limits.enter(LANE, third, third, 1) == -1
    latecomer = ordered(store, 4)[3]
    assert store.limits.enter(LANE, latecomer, latecomer, 1) == 0
    assert store.limits.enter(LANE, second, second, 1) == 0, "it came before"
    store.limits.leave(LANE, third, third)
    assert store.limits.enter(LANE, second, second, 1) == -1


@pytest.mark.parametrize("how", ["cancelled", "replaced", "paused", "deleted"])
def test_a_place_that_was_handed_to_somebody_who_needs_none_goes_on_at_once(store: Store, how: str) -> None:
    first, second, third = ordered(store, 3)
    for each in (first, second, third):
        store.limits.enter(LANE, each, each, 1)
    sleeping(store, [second, third], lane=LANE)
    store.limits.leave(LANE, first, first)
    tenant = TenantId("likvid", "p1", "aws.sandbox")

    if how == "cancelled":
        store.orders.cancel(second)
    elif how == "replaced":
        store.orders.submit(Order(tenant, PRODUCTION))
    elif how == "deleted":
        store.orders.delete(tenant, Deletion(requested_at=datetime.now(UTC)))
    else:
        store.pauses.pause(str(tenant))

    assert third in woken(store)
    assert store.limits.enter(LANE, third, third, 1) == -1


def test_a_place_that_becomes_free_while_the_first_in_line_still_runs_is_its(store: Store) -> None:
    first, second = ordered(store, 2)
    store.limits.enter(LANE, "first", first, 1)
    taken = store.work.pump("queue", 1000, LEASE, LEASE, "w")
    for dispatch in taken:
        assert store.work.begin(dispatch, "me", LEASE)
    store.limits.enter(LANE, "second", second, 1)

    store.limits.leave(LANE, "first", first)
    assert woken(store) == [], "it runs"
    waiting = StepState(name=REPLICATION.steps[0].name, state=State.WAITING)
    assert store.work.record(second, "me", StepRecord(0, waiting, State.WAITING, lane=LANE))

    assert woken(store) == [second]


def test_the_place_of_a_replication_that_is_gone_is_handed_on(store: Store, redis: Any) -> None:
    first, second = ordered(store, 2)
    store.limits.enter(LANE, "first", first, 1)
    store.limits.enter(LANE, "second", second, 1)
    sleeping(store, [second], lane=LANE)
    redis.zrem("connector:due", first)

    time_passes(redis)

    assert woken(store) == [second]


def test_to_take_access_away_waits_behind_nobody_in_line(store: Store, redis: Any) -> None:
    first, second, urgent = ordered(store, 3)
    for each in (first, second):
        store.limits.enter(LANE, each, each, 1)
    redis.zadd("connector:urgent", {urgent: 0})

    assert store.limits.enter(LANE, urgent, urgent, 1) == 0
    store.limits.leave(LANE, first, first)
    assert store.limits.enter(LANE, second, second, 1) == 0
    assert store.limits.enter(LANE, urgent, urgent, 1) == -1


def test_who_asks_is_told_where_it_stands_now_and_when_its_turn_comes(store: Store, redis: Any) -> None:
    first, second, third = ordered(store, 3)
    for each in (first, second, third):
        store.limits.enter(LANE, each, each, 1)
    sleeping(store, [second, third], lane=LANE)

    def told(replication: str) -> str | None:
        found = store.replications.find(replication)
        assert found is not None
        return found.steps[0].note

    assert [told(second), told(third)] == ["in line (0 ahead)", "in line (1 ahead)"]
    store.limits.leave(LANE, first, first)
    assert [told(second), told(third)] == ["in line", "in line (0 ahead)"]
    redis.hset("connector:pace", LANE, "240000 0")
    assert told(third) == "in line (0 ahead, about 4 min)"


def time_passes(redis: Any) -> None:
    """Let everything have ended that ends by itself, and the pumps look at all lanes again."""
    for place, until in redis.zrange(f"connector:holders:{LANE}", 0, -1, withscores=True):
        if until != math.inf:
            redis.zadd(f"connector:holders:{LANE}", {place: 0})
    redis.zadd("connector:looks", {LANE: 0})


def test_a_lane_that_aws_throttles_is_halved_and_recovers(store: Store, redis: Redis) -> None:
    replications = ordered(store, 6)

    def taken() -> int:
        return sum(store.limits.enter(LANE, each, each, 5) == -1 for each in replications)

    store.limits.enter(LANE, replications[0], replications[0], 5)
    store.limits.slow([LANE])
    store.limits.slow([LANE])  # another worker saw the same

    assert taken() == 2, "half of 5; slowed once a second at most"
    redis.hset("connector:slowed", LANE, "0.5 0")  # long ago
    assert taken() == 5


def test_what_is_parked_leaves_its_places_and_makes_way_for_a_newer_order(store: Store) -> None:
    first, second = ordered(store, 2)
    store.limits.enter(LANE, "first", first, 1)
    store.limits.enter(LANE, "second", second, 1)
    sleeping(store, [first], parked=True)

    assert store.limits.enter(LANE, "second", second, 1) == -1
    newer = store.orders.submit(Order(TenantId("likvid", "p0", "aws.sandbox"), PRODUCTION))

    assert newer != first
    assert getattr(store.replications.find(first), "state", None) is State.CANCELLED
    assert woken(store) == [newer]


def test_a_rate_lets_a_burst_pass_and_then_gives_turns_in_order(store: Store) -> None:
    assert not store.limits.take(RATE, "first", 5)
    turns = [store.limits.take(RATE, name, 5).total_seconds() for name in ("second", "third", "fourth")]

    assert turns == [pytest.approx(0.25 * turn, abs=0.1) for turn in (1, 2, 3)]
    assert store.limits.take(RATE, "second", 5).total_seconds() <= turns[0], "asking again does not lose the turn"
    assert eventually(lambda: not store.limits.take(RATE, "second", 5))
    assert store.limits.take(RATE, "newcomer", 1) > store.limits.take(RATE, "third", 5), "nobody overtakes"


def test_all_together_call_no_more_often_than_the_rate(store: Store) -> None:
    started, calls = perf_counter(), 0
    while calls < 25:
        turn = eventually(lambda: not store.limits.take(RATE, f"r{calls}", 5), every=0.005)  # noqa: B023 (called at once)
        calls += 5 * turn

    assert calls - RATE.burst <= (perf_counter() - started) * RATE.per_second * 1.01


def test_who_needs_more_than_expected_goes_on_and_later_ones_wait_for_the_debt(store: Store) -> None:
    mine = allowance(store, "first", rate=RATE)

    with mine:
        for _ in range(12):
            mine.use("sso-admin")

    with pytest.raises(RateReached) as told, allowance(store, "second", rate=RATE) as other:
        other.use("sso-admin")
    assert 0.2 < told.value.seconds < 1
    assert told.value.message == f"waiting for {RATE.name}"


def test_an_execution_is_refused_only_before_its_first_call(store: Store) -> None:
    with allowance(store, "first", rate=SLOW) as mine:
        for _ in range(3 * BATCH):
            mine.use("sso-admin")
        mine.use("cloudformation")  # not shared by the organization


def test_what_was_not_used_is_given_back_and_learned(store: Store) -> None:
    expected = ExpectedCalls()
    rate = Rate("r", 1, burst=8)
    for execution in range(6):
        with allowance(store, f"r{execution}", rate, expected) as mine:
            mine.use("sso-admin")

    assert expected.of("a step", rate) < FIRST_GUESS


def test_one_execution_with_very_many_calls_makes_no_other_one_ask_for_as_many() -> None:
    expected = ExpectedCalls()
    for _ in range(20):
        expected.learn("a step", RATE, 10_000)

    assert expected.of("a step", RATE) == RATE.per_second


def test_a_throttled_call_slows_the_api_and_a_throttled_write_its_lane(store: Store, redis: Redis) -> None:
    [replication] = ordered(store, 1)
    mine = allowance(store, replication, RATE)
    mine.places.enter(LANE, "place", 5)

    mine.observe(call("ConcurrentModificationException", write=True))
    assert redis.hgetall("connector:slowed") == {}
    mine.observe(call("ThrottlingException", write=False))
    assert set(redis.hgetall("connector:slowed")) == {RATE.name}
    mine.observe(call("ThrottlingException", write=True))
    assert set(redis.hgetall("connector:slowed")) == {RATE.name, LANE}


def test_a_slowed_rate_is_halved_for_everybody(store: Store) -> None:
    assert not store.limits.take(SLOW, "first", 1)
    before = store.limits.take(SLOW, "second", 1)
    store.limits.slow([SLOW.name])

    assert store.limits.take(SLOW, "second", 1) > before * 1.5


def test_redis_away_spoils_no_answer_of_aws(store: Store) -> None:
    mine = allowance(store, "first", RATE)
    mine.use("sso-admin")
    mine.places.store = Store(
        Redis(port=1, retry=Retry(NoBackoff(), 0)), timedelta(days=1), 100
    )  # nothing listens there

    mine.observe(call("ThrottlingException", write=True))
    mine.__exit__()


def test_a_full_lane_is_named_with_how_many_are_ahead(store: Store) -> None:
    first, second, third = ordered(store, 3)
    ReplicationPlaces(store, first).enter(LANE, first, 1)
    store.limits.enter(LANE, second, second, 1)

    with pytest.raises(LaneFull, match="waiting for account creation in 111111111111"):
        ReplicationPlaces(store, third).enter(LANE, third, 1)


def test_a_platform_overrides_the_settings() -> None:
    settings = Settings(account_creation_limit=4, organizations_calls_per_second=8)
    own = PLATFORM.model_copy(update={"limits": Limits(account_assignments=7, identity_center_calls_per_second=2)})

    assert places(settings, own) == {
        Lane.ACCOUNT_CREATION: 4,
        Lane.ACCOUNT_ASSIGNMENT: 7,
        Lane.ACCOUNT_CLOSURE: 3,
        Lane.ACCOUNT_LIST: 1,
        Lane.UNIT_LIST: 1,
        Lane.CONTROL_TOWER: 5,
        Lane.STACK_SET_OPERATION: 1,
    }
    found = rates(settings, own)
    assert found["organizations"] == Rate(f"{Calls.ORGANIZATIONS} in {own.management_account_id}", 8, 2)
    assert found["sso-admin"] == found["identitystore"] == found["scim"]
    assert found["sso-admin"] == Rate(f"{Calls.IDENTITY_CENTER} in {own.management_account_id}", 2, 1)


@pytest.mark.parametrize("calls", [1, 4, 8])
def test_the_calls_of_an_execution_cost_a_few_scripts_whatever_their_number(
    store: Store, redis: Any, calls: int
) -> None:
    wide, executions = Rate("wide", 1_000_000, 250_000), 10

    def scripts() -> int:
        return int(redis.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    before = scripts()
    for number in range(executions):
        with allowance(store, f"r{number}", wide, ExpectedCalls()) as mine:
            for _ in range(calls):
                mine.use("sso-admin")

    assert scripts() - before <= 3 * executions + 1  # to ask, to owe, to give back; the first one is sent as text, too


def allowance(store: Store, replication: str, rate: Rate, expected: ExpectedCalls | None = None) -> Allowance:
    places = ReplicationPlaces(store, replication)
    allowance = Allowance(places, expected or ExpectedCalls())
    allowance.begin(places, "a step", {"sso-admin": rate})
    return allowance


def call(code: str | None, *, write: bool) -> CallRecord:
    fields: dict[str, Any] = {"account_id": None, "request_id": "r-1", "seconds": 0.1}
    return CallRecord("sso-admin", "create_account_assignment", write, code=code, **fields)
