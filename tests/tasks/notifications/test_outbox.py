"""People are told what needs them: once, grouped, signed, at least once, and never at a replication's cost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery

from config.catalog import load_catalog
from config.schedule import NOTIFY
from config.settings import Settings
from tasks.chain import DELETION, REPLICATION
from tasks.engine.lease import Leases
from tasks.engine.stretch import Stretch
from tasks.model.desired import Deletion, Desired, TenantId
from tasks.notifications.outbox import DEADLINE, GATHERED, MUTED, SHOWN, deliver, waiting
from tasks.notifications.webhook import signature
from tasks.state.counts import DROPPED
from tasks.state.orders import Order
from tasks.state.store import Store
from tasks.step import Chain
from tasks.worker import Worker
from tests.support.cluster import CONFIG_DIR
from tests.support.redis import forget
from tests.tasks.engine.test_execution import LEASE, QUOTA, SHOP, Refusing
from tests.tasks.notifications.receiver import Receiver, running_receiver
from workers.sandbox.organization import environment
from workers.schedule import register

WITH_ACCOUNT = '{"account_id": "500000000001", "doubt": null}'
SECRET = "a-key-for-signatures"
PLATFORM = "aws.sandbox"
ZONE = Desired(landing_zone="production")
BRISK = {"organizations_calls_per_second": 1000, "identity_center_calls_per_second": 1000}
DENIED = ("AccessDeniedException", dict[str, Any]())
LAST = (REPLICATION, len(REPLICATION.steps) - 1)
APPROVAL = (DELETION, [step.name for step in DELETION.steps].index("await_approval"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def worker(store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Return a worker whose AWS denies every CreateAccount, and that tells the receiver."""
    for name, value in environment("http://127.0.0.1:1", "redis://127.0.0.1:1/0").items():
        monkeypatch.setenv(name, value)
    rates = {"identity_center_calls_per_second": 1000}  # not what is looked at here
    settings = Settings.model_validate(
        {"notification_url": receiver.url, "notification_secret": SECRET, **rates, **BRISK}
    )
    return Worker(settings, load_catalog([CONFIG_DIR]), store, Refusing(*DENIED))


def run(worker: Worker, tenant: TenantId = SHOP, first: tuple[Chain, int] | None = None) -> str:
    """Run a tenant's replication until nothing of it is due; answers the replication's id."""
    worker.store.orders.submit(Order(tenant, None if first and first[0] is DELETION else ZONE, wake=True, first=first))
    replication = ""
    while taken := worker.store.work.pump("queue", 10, LEASE, LEASE, "w"):
        [dispatch] = taken
        while (following := Stretch(worker, Leases(), dispatch).run().following) is not None:
            dispatch = replace(dispatch, step=following)
        replication = dispatch.replication
    return replication


def give(redis: Any, tenant: TenantId, handles: str) -> None:
    """Let a tenant have these handles (JSON text)."""
    redis.hset(f"connector:tenant:{tenant}", "handles", handles)


def later(time: timedelta = GATHERED) -> datetime:
    """Return when alerts of now have been gathered, or later."""
    return datetime.now(UTC) + time + timedelta(seconds=1)


def test_a_failure_is_told_with_everything_that_helps(worker: Worker, receiver: Receiver) -> None:
    replication = run(worker)

    assert deliver(worker, datetime.now(UTC)) == 0
    assert deliver(worker, later()) == 1

    [message], [(headers, body)] = receiver.messages, receiver.requests
    [alert] = message["alerts"]
    assert (message["kind"], message["platform"], message["step"]) == ("failed", PLATFORM, "create_account")
    assert (alert["tenant"], alert["replication"]) == (str(SHOP), replication)
    assert alert["link"] == f"/api/v1/replications/{replication}"
    assert (alert["error"]["code"], alert["error"]["requestId"]) == ("AccessDeniedException", "r-1")
    assert alert["error"]["remedy"] in message["text"]
    assert "docs/errors.md#" in alert["error"]["documentation"]
    assert headers["connector-notification"] == message["id"]
    assert headers["connector-signature"] == signature(SECRET, headers["connector-timestamp"], body)


def test_the_same_is_told_once_until_it_is_well_again(worker: Worker, receiver: Receiver, redis: Any) -> None:
    for _ in range(3):
        run(worker)
    assert deliver(worker, later()) == 1
    assert receiver.messages[0]["count"] == 1

    give(redis, SHOP, WITH_ACCOUNT)
    run(worker, first=LAST)
    run(worker, first=LAST)
    assert deliver(worker, later()) == 1
    assert receiver.messages[1]["text"] == f"{SHOP}: recovered."

    give(redis, SHOP, "{}")
    run(worker)
    assert deliver(worker, later()) == 1
    assert [message["kind"] for message in receiver.messages] == ["failed", "resolved", "failed"]


def test_what_waits_for_a_person_is_told(worker: Worker, receiver: Receiver, redis: Any) -> None:
    run(replace(worker, sessions=Refusing(*QUOTA)))
    other = TenantId("likvid", "old", PLATFORM)
    give(redis, other, WITH_ACCOUNT)
    run(worker, other, LAST)
    worker.store.orders.cancel(
        worker.store.orders.delete(other, Deletion(requested_at=datetime.now(UTC), requested_by="ada"))
    )
    run(worker, other, APPROVAL)

    assert deliver(worker, later()) == 2
    told = {message["kind"]: message["text"] for message in receiver.messages}
    assert told["parked"].startswith(f"{SHOP}: create_account waits for a person: ")
    assert f"aws-connector approve {other}" in told["approval"]


def test_a_platform_that_is_broken_is_one_message_and_more_of_it_comes_an_hour_later(
    worker: Worker, receiver: Receiver, redis: Any
) -> None:
    tenants = [TenantId("likvid", f"p{number}", PLATFORM) for number in range(SHOWN + 2)]
    for tenant in tenants[:-1]:
        run(worker, tenant)
    assert deliver(worker, later()) == 1
    [message] = receiver.messages
    assert (message["count"], len(message["alerts"])) == (SHOWN + 1, SHOWN)
    assert message["text"].startswith(f"{SHOWN + 1} tenants of {PLATFORM}: create_account failed: Access")

    run(worker, tenants[-1])
    assert deliver(worker, later()) == 0
    forget(redis, "connector:muted:*")  # as Redis does an hour later
    assert deliver(worker, later(MUTED)) == 1


def test_a_lost_answer_sends_the_same_again_and_holds_up_nobody(worker: Worker, receiver: Receiver, redis: Any) -> None:
    run(worker)
    receiver.lost = True
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(deliver, worker, later())
        assert receiver.came.wait(60)
        assert deliver(worker, later()) == 0  # somebody else waits for the receiver
        assert 0 < redis.pttl("connector:lock:delivery") <= 60_000  # were that one dead, not for long
        run(worker, TenantId("likvid", "blog", PLATFORM))  # and replications end meanwhile
        receiver.goes_on.set()
        assert first.result(60) == 0
    [message] = waiting(worker.store)
    assert message.tries == 1

    receiver.lost = False
    assert deliver(worker, message.due) == 2
    one, same, _ = receiver.messages
    assert one == same
    assert waiting(worker.store) == []


def test_what_is_not_taken_is_tried_for_a_day(worker: Worker, receiver: Receiver) -> None:
    run(worker)
    receiver.status = 302  # a redirect is not followed
    written = now = later()
    distances = []
    for _ in range(3):
        assert deliver(worker, now) == 0
        [message] = waiting(worker.store)
        assert message.answer == "HTTP 302"
        distances.append((message.due - now).total_seconds())
        now = message.due
    assert distances == [30, 60, 120]

    assert deliver(worker, written + DEADLINE) == 0
    assert waiting(worker.store) == []
    assert worker.store.counts.all()[DROPPED] == 1
    assert len({message["id"] for message in receiver.messages}) == 1


def test_without_a_receiver_nothing_is_kept(worker: Worker, redis: Any) -> None:
    silent = replace(worker, settings=Settings())
    run(silent)
    assert deliver(silent, later()) == 0
    assert not redis.exists("connector:alerts", "connector:alerted")


def test_beat_has_it_delivered_whoever_ended_the_replication(worker: Worker, receiver: Receiver, redis: Any) -> None:
    app = Celery("another process", set_as_current=False)
    register(app, lambda: replace(worker))
    run(worker)
    [(_, alert)] = redis.xrange("connector:alerts")
    redis.delete("connector:alerts")
    redis.xadd("connector:alerts", alert, id="1-1")  # as if it had been gathered for long

    assert app.tasks[NOTIFY]() == "1 message taken"

    assert receiver.messages[0]["id"] == "1-1"
