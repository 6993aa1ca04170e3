"""Flower sees every step as a task of its own, although one task runs many of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from celery import Celery

from tests.support.cluster import ONE_ROLE, QUICK, Cluster, running_cluster
from tests.support.waiting import LONG, eventually


@contextmanager
def listening(cluster: Cluster) -> Iterator[dict[str, list[str]]]:
    """Listen as Flower does; gives the names of the tasks by the kind of event, as they come."""
    names: dict[str, str] = {}
    seen: dict[str, list[str]] = {"task-received": [], "task-succeeded": [], "ids": []}

    def note(event: dict[str, Any]) -> None:
        if event["type"] == "task-received":
            names[event["uuid"]] = event["name"]
            seen["ids"].append(event["uuid"])
        if event["type"] in seen:
            seen[event["type"]].append(names[event["uuid"]])

    app = Celery(broker=cluster.redis.url)
    with app.connection() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": note})
        thread = Thread(target=receiver.capture, daemon=True)
        thread.start()
        eventually(lambda: cluster.redis.client.exists("_kombu.binding.celeryev"))
        eventually(lambda: app.control.enable_events(reply=True, timeout=1))
        yield seen
        receiver.should_stop = True
        thread.join(LONG)


def test_flower_sees_every_step(tmp_path: Path) -> None:
    with running_cluster(tmp_path, 1, QUICK) as cluster, listening(cluster) as seen:
        found = cluster.succeeded(cluster.order("seen", ONE_ROLE))

        ran = {f"replication.{step.name}" for step in found.steps if step.attempts}
        eventually(lambda: set(seen["task-succeeded"]) == ran)
        assert set(seen["task-received"]) == ran
        assert len(set(seen["ids"])) == len(seen["ids"])
        start = f"{cluster.tenant_id('seen')}/{found.id[:8]}"
        assert {each.rpartition("/")[0] for each in seen["ids"]} == {f"{start}/{name.split('.')[1]}" for name in ran}
