"""A task runs the steps behind its own, as long as nobody waits for its thread and nothing has changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state
from redis import Redis

from config.celery import QUEUE
from tasks.chain import REPLICATION
from tasks.engine.execution import Ended
from tasks.engine.host import Host
from tasks.errors import PermanentError
from tasks.model.desired import TenantId
from tasks.model.handles import Group, Handles
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import Begun, Dispatch, StepRecord
from tasks.state.store import Store
from tasks.state.work import Following, Renewal
from tests.tasks.state.as_worker import (
    DEVELOPMENT,
    LEASE,
    PRODUCTION,
    SHOP,
    pump,
    run_one,
    state_of,
    step_done,
)

MINE = Handles(account_id="111111111112")


@pytest.fixture
def begun(store: Store) -> tuple[Dispatch, Begun]:
    """Order a tenant and begin its first step."""
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    found = store.work.begin(dispatch, "me", LEASE)
    assert found is not None
    return dispatch, found


def done(index: int = 0, following: int = 1, **changes: Any) -> StepRecord:
    document = StepState(name=REPLICATION.steps[index].name, state=State.SUCCEEDED, attempts=1)
    return StepRecord(
        index, document, State.RUNNING, due=LEASE, advance=True, following=following, **{"handles": MINE, **changes}
    )


def gone_on(store: Store, begun: tuple[Dispatch, Begun], queue: str | None = QUEUE) -> Begun | Following | None:
    dispatch, before = begun
    return store.work.go_on(dispatch, "me", done(), before, before.handles, queue)


def test_the_next_step_begins_with_what_the_one_before_has_recorded(
    store: Store, begun: tuple[Dispatch, Begun]
) -> None:
    dispatch, _ = begun

    following = gone_on(store, begun)

    assert isinstance(following, Begun)
    assert (following.handles, following.step.name, following.late) == (MINE, "create_account", timedelta())
    assert store.work.begin(dispatch, "another", LEASE) is None, "the lease is kept"
    found = store.replications.find(dispatch.replication)
    assert found is not None
    assert [step.state for step in found.steps[:3]] == [State.SUCCEEDED, State.RUNNING, State.QUEUED]


def test_what_is_recorded_twice_because_the_answer_was_lost_answers_the_same(
    store: Store, begun: tuple[Dispatch, Begun]
) -> None:
    first = gone_on(store, begun)

    assert gone_on(store, begun) == first
    assert store.work.renew(begun[0].replication, "me", LEASE) is Renewal.KEPT


def test_handles_that_another_step_wrote_are_not_lost_where_they_are_the_stored_ones(
    store: Store, begun: tuple[Dispatch, Begun]
) -> None:
    """A step wrote its handles ahead and answered with the same: they are not sent again, and are those of the next."""
    dispatch, before = begun
    assert store.work.renew(dispatch.replication, "me", LEASE, MINE) is Renewal.KEPT

    following = store.work.go_on(dispatch, "me", done(), before, MINE, QUEUE)

    assert isinstance(following, Begun)
    assert following.handles == MINE
    record = store.tenants.find(SHOP)
    assert record is not None
    assert record.handles == MINE


def it_is_paused(store: Store, redis: Redis, dispatch: Dispatch) -> None:
    store.pauses.pause(str(SHOP))


def another_operation_works_for_it(store: Store, redis: Redis, dispatch: Dispatch) -> None:
    redis.hset(f"connector:replication:{dispatch.replication}", "joined", "{}")


@pytest.mark.parametrize("changed", [it_is_paused, another_operation_works_for_it])
def test_a_message_begins_the_next_step_where(
    changed: Callable[[Store, Redis, Dispatch], None], store: Store, redis: Redis, begun: tuple[Dispatch, Begun]
) -> None:
    dispatch, _ = begun
    changed(store, redis, dispatch)

    assert gone_on(store, begun) is Following.MESSAGE

    assert redis.hget(f"connector:replication:{dispatch.replication}", "holder") == "", "the lease is given back"
    assert state_of(store, dispatch.replication) is State.RUNNING


def test_the_pump_begins_the_next_step_where_somebody_waits_for_the_thread(
    store: Store, redis: Redis, begun: tuple[Dispatch, Begun]
) -> None:
    """In the queue it would count as one of those that the pump may send, and keep others out."""
    dispatch, _ = begun
    redis.lpush(QUEUE, "a message")

    assert gone_on(store, begun) is Following.PUMP

    assert redis.hget(f"connector:replication:{dispatch.replication}", "holder") == "", "the lease is given back"
    assert state_of(store, dispatch.replication) is State.RUNNING
    redis.delete(QUEUE)
    [again] = pump(store)
    assert (again.replication, again.step, again.number) == (dispatch.replication, 1, dispatch.number + 1)


def test_who_stood_back_comes_before_those_who_have_asked_later(
    store: Store, redis: Redis, begun: tuple[Dispatch, Begun]
) -> None:
    later = store.orders.submit(Order(TenantId.parse("likvid.later.aws.sandbox"), DEVELOPMENT))
    redis.lpush(QUEUE, "a message")
    gone_on(store, begun)
    redis.delete(QUEUE)

    assert [each.replication for each in pump(store)] == [begun[0].replication, later]


def test_who_stood_back_comes_before_them_also_where_platforms_share_the_threads(
    store: Store, redis: Redis, begun: tuple[Dispatch, Begun]
) -> None:
    """Each has half of the two threads; those who have asked later stand in line for it already."""
    for name in ("a.aws.sandbox", "b.aws.sandbox", "c.aws.other"):
        store.orders.submit(Order(TenantId.parse(f"likvid.{name}"), DEVELOPMENT))
    [other] = pump(store, room=2)
    assert other.tenant.endswith("other")
    redis.lpush(QUEUE, "a message")
    gone_on(store, begun)
    redis.delete(QUEUE)

    assert [each.replication for each in pump(store, room=2)] == [begun[0].replication]


def test_who_stood_back_is_not_overdue_since_it_was_ordered(
    store: Store, redis: Redis, begun: tuple[Dispatch, Begun]
) -> None:
    """It may have waited for AWS or a person for weeks, and nobody is late."""
    redis.hincrby(f"connector:replication:{begun[0].replication}", "asked", -3_600_000_000)  # microseconds
    redis.lpush(QUEUE, "a message")

    assert gone_on(store, begun) is Following.PUMP

    assert store.work.due() == 1
    assert store.work.overdue() < timedelta(minutes=5)
    overdue = store.orders.submit(Order(TenantId.parse("likvid.overdue.aws.sandbox"), DEVELOPMENT))
    redis.zincrby("connector:due", -600_000, overdue)  # ms; nobody has looked at this one since
    assert store.work.overdue() >= timedelta(minutes=10)


def test_the_lost_answer_that_the_pump_begins_the_next_step_is_given_again(
    store: Store, redis: Redis, begun: tuple[Dispatch, Begun]
) -> None:
    dispatch, _ = begun
    redis.lpush(QUEUE, "a message")
    gone_on(store, begun)

    assert gone_on(store, begun) is Following.PUMP, "a message would take the thread that others wait for"
    redis.delete(QUEUE)
    [again] = pump(store)

    assert gone_on(store, begun) is Following.MESSAGE
    assert store.work.begin(replace(dispatch, step=1), "the message's", LEASE) is None, "it is stale"
    assert store.work.begin(again, "the pump's", LEASE) is not None


def test_who_waits_in_the_queue_while_a_thread_is_free_needs_no_other(
    store: Store, redis: Redis, begun: tuple[Dispatch, Begun]
) -> None:
    redis.lpush(QUEUE, "a message")

    assert isinstance(gone_on(store, begun, queue=None), Begun)


def test_a_newer_order_ends_it_between_two_steps(store: Store, begun: tuple[Dispatch, Begun]) -> None:
    newer = store.orders.submit(Order(SHOP, PRODUCTION))

    assert gone_on(store, begun) is Following.MESSAGE

    assert state_of(store, begun[0].replication) is State.CANCELLED
    assert state_of(store, newer) is State.QUEUED


def test_who_has_lost_the_lease_goes_on_with_nothing(store: Store, redis: Redis, begun: tuple[Dispatch, Begun]) -> None:
    redis.hset(f"connector:replication:{begun[0].replication}", "holder", "somebody else")

    assert gone_on(store, begun) is None


def test_in_a_burst_everybody_who_may_lose_access_comes_before_anything_else(store: Store, redis: Redis) -> None:
    """Ten tenants with groups are ordered anew, and there is one thread."""
    tenants = [TenantId("likvid", f"burst{number}", "aws.sandbox") for number in range(10)]
    for tenant in tenants:
        store.orders.submit(Order(tenant, DEVELOPMENT))
        group = Group("admin", f"g-{tenant}", people=("alice",))
        run_one(store, step_done(0, last=True, handles=Handles(groups={f"mst-{tenant}": group})))
    for tenant in tenants:
        store.orders.submit(Order(tenant, PRODUCTION))

    steps = [dispatch.step for dispatch in one_thread(store, redis)]

    assert steps == sorted(steps)
    assert steps.count(0) == len(tenants)
    assert len(steps) == 2 * len(tenants) - 1, (
        "a message for its first step and one for the rest; behind the last is nobody"
    )


def one_thread(store: Store, redis: Redis) -> Iterator[Dispatch]:
    """Work as one thread of a worker does, until nothing is left; gives what its messages begin with."""
    sent: list[Dispatch] = []
    last = len(REPLICATION.steps) - 1
    while taken := [*sent, *pump(store, room=1, queue=QUEUE)]:
        dispatch, sent = taken[0], taken[1:]
        redis.delete(QUEUE)
        if sent:
            redis.rpush(QUEUE, *map(str, sent))
        yield dispatch
        next_is: Begun | Following | None = store.work.begin(dispatch, "me", LEASE)
        while isinstance(next_is, Begun):
            if dispatch.step == last:
                assert store.work.record(dispatch.replication, "me", step_done(last, last=True))
                break
            ended = done(dispatch.step, dispatch.step + 1, handles=next_is.handles)
            next_is = store.work.go_on(dispatch, "me", ended, next_is, next_is.handles, QUEUE)
            dispatch = replace(dispatch, step=dispatch.step + 1)
        if next_is is Following.MESSAGE:
            sent.append(dispatch)


class Listening:
    """Celery's dispatcher of events while Flower listens; `away` as long as its broker is away."""

    enabled = True

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def send(self, kind: str, **fields: Any) -> None:
        if self.away:
            raise OSError("broken pipe")
        self.sent.append((kind, fields))


def host(dispatcher: Listening) -> Host:
    made = Host()
    made.worker = SimpleNamespace(concurrency=1, consumer=SimpleNamespace(event_dispatcher=dispatcher))
    return made


class Running:
    """A task that a worker runs, as Celery keeps it."""


def test_a_worker_is_full_when_every_thread_runs_a_task() -> None:
    one_thread, task = host(Listening()), Running()
    assert not one_thread.is_full()

    state.active_requests.add(task)
    try:
        assert one_thread.is_full()
    finally:
        state.active_requests.discard(task)


def test_flower_sees_each_step_as_a_task_of_its_own() -> None:
    listening = Listening()
    dispatch = Dispatch("likvid.shop.aws.sandbox", "r-1", REPLICATION, 1, 7)

    host(listening).show(dispatch, lambda: Ended("account is known"))
    host(listening).show(replace(dispatch, step=2), lambda: Ended("no", failure=PermanentError("AccessDenied", "no")))

    assert [kind for kind, _ in listening.sent] == [
        *("task-received", "task-started", "task-succeeded"),
        *("task-received", "task-started", "task-failed"),
    ]
    first = listening.sent[0][1]
    assert (first["name"], first["args"]) == (
        "replication.create_account",
        "('likvid.shop.aws.sandbox', 'r-1', 7)",
    )
    assert [fields["uuid"] for kind, fields in listening.sent if kind == "task-started"] == [
        "likvid.shop.aws.sandbox/r-1/create_account/7",
        "likvid.shop.aws.sandbox/r-1/wait_for_account/7",
    ]


def test_a_broker_that_is_away_spoils_no_step() -> None:
    ended = Ended("done")

    assert host(Listening(away=True)).show(Dispatch("t", "r", REPLICATION, 1, 1), lambda: ended) is ended
