"""The workers' threads among several platforms: each finds some, whatever another one's AWS does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from celery import Celery
from redis import Redis

from config.threads import Threads
from tasks.chain import REPLICATION
from tasks.engine.pump import Pump
from tasks.model.desired import Desired, TenantId
from tasks.model.handles import Group, Handles
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import Begun, Dispatch, StepRecord
from tasks.state.store import Store
from tasks.state.work import Following
from tests.support.waiting import eventually

DEVELOPMENT = Desired(landing_zone="development")
LEASE = timedelta(seconds=30)
THREADS = 32  # of the one worker there is
KEPT = 4  # besides, for who may have access to take away
UNRESPONSIVE, OTHER = "aws.unresponsive", "aws.other"


def order(store: Store, platform: str, count: int) -> list[str]:
    return [
        store.orders.submit(Order(TenantId("likvid", f"p{number:05}", platform), DEVELOPMENT))
        for number in range(count)
    ]


def pump(store: Store, lease: timedelta = LEASE) -> list[Dispatch]:
    return store.work.pump("queue", THREADS, lease, timedelta(minutes=10), "w", kept=KEPT)


def another_worker(store: Store, threads: int) -> list[Dispatch]:
    return store.work.pump("queue", threads, LEASE, timedelta(minutes=10), "another", kept=1)


def of(platform: str, dispatches: list[Dispatch]) -> list[str]:
    return [dispatch.replication for dispatch in dispatches if dispatch.tenant.endswith(platform)]


def begin(store: Store, dispatch: Dispatch, lease: timedelta = LEASE) -> None:
    assert store.work.begin(dispatch, dispatch.replication, lease)


def record(store: Store, replication: str, *, responded: bool | None, due: float = 3600) -> None:
    """Record that a step waits; `due` in seconds."""
    document = StepState(name=REPLICATION.steps[0].name, state=State.WAITING)
    waiting = StepRecord(0, document, State.WAITING, due=timedelta(seconds=due), responded=responded)
    assert store.work.record(replication, replication, waiting)


@pytest.mark.parametrize("told", [1, 2, 9, 32, 100])
def test_every_worker_keeps_a_thread_and_has_those_for_everybody_that_it_is_told(told: int) -> None:
    threads = Threads.of(told)

    assert threads.kept >= 1
    assert threads.room == max(told, 2)


def test_one_platform_alone_has_every_thread(store: Store) -> None:
    order(store, OTHER, 40)

    assert len(pump(store)) == THREADS


def test_no_platform_has_more_than_half_of_the_threads(store: Store) -> None:
    first = order(store, UNRESPONSIVE, 1000)
    order(store, OTHER, 40)

    taken = pump(store)
    assert len(of(UNRESPONSIVE, taken)) == THREADS // 2
    for _ in range(3):  # so many of the first came before the other's
        taken += pump(store)
    assert len(of(OTHER, taken)) == THREADS // 2

    begin(store, taken[0])
    record(store, taken[0].replication, responded=True)
    [following] = pump(store)
    assert following.replication in first, "who gives a thread back wakes the next in line"


def test_a_worker_that_stops_counts_with_what_it_still_runs(store: Store, redis: Redis) -> None:
    order(store, OTHER, 3)
    for dispatch in another_worker(store, 8):
        begin(store, dispatch)
    running, rooms = [3], store.keys.rooms
    stopping = Pump(Celery(), store, "another", Threads.of(8), timedelta(), LEASE, lambda: running[0])

    stopping.start()
    stopping.stop()

    eventually(lambda: redis.hget(rooms, "another") == "3 0")
    order(store, OTHER, 3 + 2 * THREADS)
    assert len(pump(store)) == THREADS
    running[0] = 0
    eventually(lambda: not redis.hexists(rooms, "another"))


def test_two_workers_have_twice_the_threads(store: Store) -> None:
    another_worker(store, THREADS)
    order(store, UNRESPONSIVE, 40)
    order(store, OTHER, 1)

    assert len(of(UNRESPONSIVE, pump(store))) == THREADS


def test_of_workers_with_different_numbers_of_threads_each_counts_with_its_own(store: Store) -> None:
    """As while somebody gives all of them more, one after the other; what is too much would stand in the queue."""
    few = 4
    another_worker(store, few)
    order(store, OTHER, 3 * THREADS)

    taken = [*pump(store), *pump(store), *pump(store), *another_worker(store, few)]

    assert len(taken) == THREADS + few


def test_the_next_step_of_a_chain_has_the_same_thread(store: Store) -> None:
    order(store, UNRESPONSIVE, 40)
    order(store, OTHER, 1)
    dispatch = pump(store)[0]
    begin(store, dispatch)
    done = StepState(name=REPLICATION.steps[0].name, state=State.SUCCEEDED)

    assert store.work.record(
        dispatch.replication, dispatch.replication, StepRecord(0, done, State.RUNNING, LEASE, True)
    )

    assert of(UNRESPONSIVE, pump(store)) == []
    assert store.work.begin(replace(dispatch, step=1), "next", LEASE)
    assert of(UNRESPONSIVE, pump(store)) == []


@pytest.mark.parametrize("begun", [False, True])
def test_a_thread_of_a_dead_worker_or_a_lost_message_is_free_after_the_lease(store: Store, *, begun: bool) -> None:
    waiting = set(order(store, UNRESPONSIVE, 40))
    order(store, OTHER, 1)
    short = timedelta(milliseconds=50)
    taken = pump(store, lease=short)
    for dispatch in taken if begun else []:
        begin(store, dispatch, short)

    again = eventually(lambda: of(UNRESPONSIVE, pump(store, lease=short)))

    assert set(again) <= waiting
    assert len(again) <= THREADS // 2


def test_nobody_is_given_the_threads_of_a_worker_that_has_died(store: Store, redis: Redis) -> None:
    """What is dispatched for them would have the kept threads of the others, and stand before withdrawals."""
    order(store, OTHER, 4 * THREADS)
    dead = [each.replication for each in another_worker(store, THREADS)]
    pump_and_begin(store)
    redis.zincrby("connector:workers", -6_500, "another")  # ms; it was killed then, and its leases have ended
    redis.zadd(f"connector:holders:threads of {OTHER}", dict.fromkeys(dead, 1))

    assert pump(store) == []


def test_an_unresponsive_platform_is_only_probed_until_it_answers(store: Store) -> None:
    order(store, UNRESPONSIVE, 40)
    order(store, OTHER, 1)
    taken = of(UNRESPONSIVE, pump_and_begin(store))
    for replication in taken:
        record(store, replication, responded=False)

    probes = pump_and_begin(store)
    assert len(of(UNRESPONSIVE, probes)) == THREADS // 16
    assert pump(store) == []
    record(store, probes[0].replication, responded=None)
    [probe] = pump_and_begin(store)
    assert of(UNRESPONSIVE, [probe]), "a step that calls nobody says nothing"

    record(store, probe.replication, responded=True)

    assert len(of(UNRESPONSIVE, pump(store))) == THREADS // 2 - 1, "one is still asking"


def test_who_holds_a_place_comes_first(store: Store) -> None:
    order(store, UNRESPONSIVE, 40)
    order(store, OTHER, 1)
    holder, other, *_ = of(UNRESPONSIVE, pump_and_begin(store))
    assert store.limits.enter("account creation", "place", holder, 5) == -1

    record(store, holder, responded=True, due=0)
    first = of(UNRESPONSIVE, pump(store))
    record(store, other, responded=True)

    assert holder in first + of(UNRESPONSIVE, pump(store)), "behind one that was woken before at most, with 24 in line"


def test_cancelled_and_ended_replications_hold_and_want_no_thread(store: Store, redis: Redis) -> None:
    replications = order(store, UNRESPONSIVE, 40)
    order(store, OTHER, 1)
    taken = pump_and_begin(store)
    for replication in replications:
        store.orders.cancel(replication)
    for dispatch in taken:
        record(store, dispatch.replication, responded=None)

    assert redis.keys("connector:holders:*") == redis.keys("connector:waiters:*") == []


def test_a_long_line_of_one_platform_is_passed_in_a_few_looks(store: Store) -> None:
    order(store, UNRESPONSIVE, 1500)
    [other] = order(store, OTHER, 1)

    looks = 1
    while other not in of(OTHER, pump(store)):
        looks += 1

    assert looks < 6


def pump_and_begin(store: Store) -> list[Dispatch]:
    """Take what is due and begin it, as workers with free threads do."""
    taken = pump(store)
    for dispatch in taken:
        begin(store, dispatch)
    return taken


def with_people(store: Store, platform: str, count: int) -> list[TenantId]:
    """Order tenants, and let each have a group with somebody in it."""
    tenants = [TenantId("likvid", f"given{number}", platform) for number in range(count)]
    for tenant in tenants:
        store.orders.submit(Order(tenant, DEVELOPMENT))
    for dispatch in pump_and_begin(store):
        handles = Handles(groups={dispatch.tenant: Group("admin", f"g-{dispatch.tenant}", people=("alice",))})
        done = StepRecord(0, StepState(name="x"), State.SUCCEEDED, handles=handles, advance=True)
        assert store.work.record(dispatch.replication, dispatch.replication, done)
    return tenants


def fewer(store: Store, tenants: list[TenantId]) -> set[str]:
    return {store.orders.submit(Order(tenant, Desired(landing_zone="production"))) for tenant in tenants}


def test_no_more_is_taken_than_there_are_threads_but_for_who_may_have_to_go(store: Store) -> None:
    """A call that AWS does not answer holds a thread, and a withdrawal must find one all the same."""
    leaving = with_people(store, OTHER, 6)
    order(store, OTHER, 40)
    taken = pump_and_begin(store)
    assert len(taken) == THREADS
    assert pump(store) == []

    urgent = fewer(store, leaving)

    assert set(of(OTHER, pump_and_begin(store))) == urgent
    record(store, taken[0].replication, responded=None)
    assert pump(store) == [], "more than all threads are taken still"


def test_who_is_in_still_after_a_cancel_finds_a_thread_when_somebody_retries(store: Store) -> None:
    """Nobody orders anew then; but the day's replications of many such tenants would keep others waiting."""
    leaving = with_people(store, OTHER, 2)
    for replication in fewer(store, leaving):
        store.orders.cancel(replication)
    order(store, OTHER, 2 * THREADS)
    pump_and_begin(store)

    retried = store.orders.submit(Order(leaving[0], by="somebody"))
    store.orders.submit(Order(leaving[1], daily=True))

    assert of(OTHER, pump_and_begin(store)) == [retried]


def test_who_may_have_to_go_finds_a_thread_also_where_the_platform_has_used_its_share(store: Store) -> None:
    leaving = with_people(store, UNRESPONSIVE, 6)
    order(store, UNRESPONSIVE, 40)
    order(store, OTHER, 1)
    pump_and_begin(store)

    urgent = fewer(store, leaving)

    first = of(UNRESPONSIVE, pump_and_begin(store))
    assert len(first) == KEPT, "the other platform finds its own still"
    record(store, first[0], responded=None)
    [next_] = eventually(lambda: of(UNRESPONSIVE, pump(store)))
    assert {*first, next_} <= urgent


def test_who_may_have_to_go_finds_a_thread_also_where_the_platform_has_more_than_its_share(store: Store) -> None:
    """Calls that hang hold the threads that it was given when its share was larger."""
    leaving = with_people(store, UNRESPONSIVE, 2 * KEPT)
    order(store, UNRESPONSIVE, 40)
    order(store, OTHER, 1)
    taken = of(UNRESPONSIVE, pump_and_begin(store))
    for replication in taken[:3]:
        record(store, replication, responded=False)
    assert of(UNRESPONSIVE, pump(store)) == [], "what hangs is more than it may have"

    urgent = fewer(store, leaving)

    first = of(UNRESPONSIVE, pump_and_begin(store))
    assert len(first) == KEPT
    assert of(UNRESPONSIVE, pump(store)) == [], "no more than the kept ones"
    record(store, first[0], responded=None)
    [next_] = eventually(lambda: of(UNRESPONSIVE, pump(store)))
    assert {*first, next_} <= urgent


def test_who_may_have_to_go_comes_before_those_with_a_place_who_wait_for_a_thread(store: Store, redis: Redis) -> None:
    leaving = with_people(store, UNRESPONSIVE, 1)
    order(store, UNRESPONSIVE, 40)
    order(store, OTHER, 1)
    placed = of(UNRESPONSIVE, pump_and_begin(store))[: 2 * KEPT]
    for replication in placed:
        assert store.limits.enter("account assignment", replication, replication, len(placed)) == -1
        record(store, replication, responded=True)
    assert len(of(UNRESPONSIVE, pump_and_begin(store))) == len(placed), "others have their threads"
    for replication in placed:
        redis.zincrby(store.keys.due, -3_601_000, replication)  # ms: AWS has done their work
    assert of(UNRESPONSIVE, pump(store)) == []

    urgent = fewer(store, leaving)

    assert set(of(UNRESPONSIVE, pump(store))) == urgent


def withdrawn(store: Store, dispatch: Dispatch, begun: Begun) -> Begun | Following | None:
    """Record that access is taken away, while no message waits for the thread."""
    done = StepRecord(0, StepState(name="x", state=State.SUCCEEDED), State.RUNNING, LEASE, True)
    return store.work.go_on(dispatch, dispatch.replication, done, begun, None, None)


@pytest.mark.parametrize("platforms", [(OTHER,), (OTHER, UNRESPONSIVE)], ids=["alone", "beside another platform"])
def test_who_has_taken_access_away_leaves_a_kept_thread(store: Store, platforms: tuple[str, ...]) -> None:
    """What is left to do may hang there, and the next one who has to go would wait for it."""
    leaving = with_people(store, OTHER, KEPT + 1)
    for platform in platforms:
        order(store, platform, 40)
    shared = of(OTHER, pump_and_begin(store))  # they hang
    fewer(store, leaving[:KEPT])

    for dispatch in pump(store):
        begun = store.work.begin(dispatch, dispatch.replication, LEASE)
        assert begun is not None
        assert withdrawn(store, dispatch, begun) is Following.PUMP

    assert of(OTHER, pump(store)) == [], "it waits for one of the others"
    last = fewer(store, leaving[KEPT:])
    assert set(of(OTHER, pump_and_begin(store))) == last
    record(store, last.pop(), responded=None)
    record(store, shared[0], responded=None)
    assert len(eventually(lambda: of(OTHER, pump(store)))) == 1


def test_who_has_taken_access_away_goes_on_where_a_thread_is_free_for_everybody(store: Store) -> None:
    leaving = with_people(store, OTHER, 1)
    order(store, OTHER, THREADS - 1)
    pump_and_begin(store)
    fewer(store, leaving)
    [dispatch] = pump(store)
    begun = store.work.begin(dispatch, dispatch.replication, LEASE)
    assert begun is not None

    assert isinstance(withdrawn(store, dispatch, begun), Begun)


def test_who_may_have_to_go_does_not_wait_for_what_a_dead_worker_ran(store: Store, redis: Redis) -> None:
    """The worker that is left has no thread to go on with it, but it is to end: somebody has ordered anew."""
    short = timedelta(milliseconds=500)
    [leaving] = with_people(store, OTHER, 1)
    fewer(store, [leaving])
    [dispatch] = another_worker(store, 1)
    begin(store, dispatch, short)
    done = StepRecord(0, StepState(name="x", state=State.SUCCEEDED), State.RUNNING, short, True)
    assert store.work.record(dispatch.replication, dispatch.replication, done)
    begin(store, replace(dispatch, step=1), short)
    order(store, OTHER, 2 * THREADS)
    pump_and_begin(store)
    redis.zincrby("connector:workers", -6_500, "another")  # ms; it was killed then

    store.orders.submit(Order(leaving, Desired(landing_zone="staging")))

    [urgent] = eventually(lambda: pump(store))
    assert (urgent.tenant, urgent.step) == (str(leaving), 0)
