"""A task runs the steps behind its own, as long as nobody waits for its thread and nothing has changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
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
from tasks.model.handles import Handles
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import Begun, Dispatch, StepRecord
from tasks.state.store import Store
from tasks.state.work import Renewal
from tests.tasks.state.as_worker import DEVELOPMENT, LEASE, PRODUCTION, SHOP, pump, state_of

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


def gone_on(store: Store, begun: tuple[Dispatch, Begun], queue: str | None = QUEUE) -> Begun | bool:
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


def somebody_waits(store: Store, redis: Redis, dispatch: Dispatch) -> None:
    redis.lpush(QUEUE, "a message")


def it_is_paused(store: Store, redis: Redis, dispatch: Dispatch) -> None:
    store.pauses.pause(str(SHOP))


def another_operation_works_for_it(store: Store, redis: Redis, dispatch: Dispatch) -> None:
    redis.hset(f"connector:replication:{dispatch.replication}", "joined", "{}")


@pytest.mark.parametrize("changed", [somebody_waits, it_is_paused, another_operation_works_for_it])
def test_a_message_begins_the_next_step_where(
    changed: Callable[[Store, Redis, Dispatch], None], store: Store, redis: Redis, begun: tuple[Dispatch, Begun]
) -> None:
    dispatch, _ = begun
    changed(store, redis, dispatch)

    assert gone_on(store, begun) is True

    assert redis.hget(f"connector:replication:{dispatch.replication}", "holder") == "", "the lease is given back"
    assert state_of(store, dispatch.replication) is State.RUNNING


def test_who_waits_in_the_queue_while_a_thread_is_free_needs_no_other(
    store: Store, redis: Redis, begun: tuple[Dispatch, Begun]
) -> None:
    redis.lpush(QUEUE, "a message")

    assert isinstance(gone_on(store, begun, queue=None), Begun)


def test_a_newer_order_ends_it_between_two_steps(store: Store, begun: tuple[Dispatch, Begun]) -> None:
    newer = store.orders.submit(Order(SHOP, PRODUCTION))

    assert gone_on(store, begun) is True

    assert state_of(store, begun[0].replication) is State.CANCELLED
    assert state_of(store, newer) is State.QUEUED


def test_who_has_lost_the_lease_goes_on_with_nothing(store: Store, redis: Redis, begun: tuple[Dispatch, Begun]) -> None:
    redis.hset(f"connector:replication:{begun[0].replication}", "holder", "somebody else")

    assert gone_on(store, begun) is False


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
