"""What somebody puts into the queue by hand is dropped and counted; the worker lives and goes on."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.celery import QUEUE
from tasks.engine.message_guard import LARGEST, MessageRefused, check_message
from tests.support.cluster import Cluster, running_cluster
from tests.support.waiting import eventually

IDS = ["likvid.shop.aws.sandbox", "0" * 32, 1]
STEP = "replication.report"


def run_step(tenant: str, replication: str, dispatch: int) -> None:
    """Stand for a step's task."""


def tick() -> None:
    """Stand for a task of beat."""


RUNS: dict[str, Callable[..., Any]] = {STEP: run_step, "tenants.tick": tick, "celery.map": tick}


def signature(task: str = STEP, arguments: Any = IDS) -> dict[str, Any]:
    return {"task": task, "args": arguments, "kwargs": {}, "options": {}, "subtask_type": None, "immutable": True}


def body(arguments: Any = IDS, named: Any = None, **embedded: Any) -> bytes:
    return json.dumps([arguments, named or {}, {"chain": None, "chord": None, **embedded}]).encode()


def message(
    content: bytes | None = None,
    *,
    task: Any = STEP,
    headers: Any = None,
    kind: str = "application/json",
    coding: str = "utf-8",
    **fields: Any,
) -> bytes:
    """Write a message as Celery does, with whatever else is given."""
    made = {
        "body": b64encode(body() if content is None else content).decode(),
        "content-type": kind,
        "content-encoding": coding,
        "headers": {"task": task, "id": "1", "retries": 0, "timelimit": [None, None], **(headers or {})},
        "properties": {
            "delivery_tag": "t1",
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "priority": 0,
        },
        **fields,
    }
    return json.dumps(made).encode()


PROPERTIES = json.loads(message())["properties"]
PICKLE = b"cposix\nsystem\n(S'ls'\ntR."
PICKLED = "application/x-python-serialize"
FORGED: list[tuple[str, bytes]] = [
    ("no JSON", b"garbage"),
    ("no JSON", b""),
    ("no JSON", b"\xff\xfe\x00"),
    ("no JSON", b"[" * 50_000),
    ("no message of ours", b"[]"),
    ("no message of ours", b"{}"),
    ("no message of ours", b"null"),
    ("no message of ours", message(kind=PICKLED)),
    ("no message of ours", message(PICKLE, kind=PICKLED)),
    ("no message of ours", message(coding="binary")),
    ("no message of ours", message(body="not base64!")),
    ("no message of ours", message(body=5)),
    ("no message of ours", message(b"{}")),
    ("no message of ours", message(b"[[], {}]")),
    ("no message of ours", message(task=["replication.report"])),
    ("no message of ours", message(task="x" * 2000)),
    ("no message of ours", message(headers={"id": {}})),
    ("no message of ours", message(headers={"eta": "2099-01-01T00:00:00+00:00"})),
    ("no message of ours", message(headers={"compression": "application/x-gzip"})),
    ("no message of ours", message(headers={"timelimit": "5"})),
    ("no message of ours", message(headers={"retries": "many"})),
    ("no message of ours", message(properties={})),
    ("no message of ours", message(properties={**PROPERTIES, "delivery_tag": {}})),
    ("no message of ours", message(properties={**PROPERTIES, "delivery_info": {}})),
    ("no message of ours", message(body(errbacks=[signature()]))),
    ("no message of ours", message(body(callbacks=[signature()]))),
    ("no message of ours", message(body(chord=signature()))),
    ("no message of ours", message(body(chain=["x"]))),
    ("unknown task", message(task="os.system")),
    ("unknown task", message(task="celery.map")),
    ("unknown task", message(body(chain=[signature("celery.map")]))),
    ("wrong arguments", message(body([]))),
    ("wrong arguments", message(body([*IDS, 4]))),
    ("wrong arguments", message(body(IDS, {"other": 1}))),
    ("wrong arguments", message(body([1, 2, 3]))),
    ("wrong arguments", message(body([*IDS[:2], True]))),
    ("wrong arguments", message(body([*IDS[:2], "1"]))),
    ("wrong arguments", message(body([*IDS[:2], None]))),
    ("wrong arguments", message(body(chain=[signature(arguments=[])]))),
    ("wrong arguments", message(body(), task="tenants.tick")),
    ("too large", message(body(["x" * 10_000_000, *IDS[1:]]))),
    ("too large", message(headers={"argsrepr": "x" * LARGEST})),
]


@pytest.mark.parametrize(("reason", "forged"), FORGED)
def test_a_forged_message_is_refused_with_its_reason(reason: str, forged: bytes) -> None:
    with pytest.raises(MessageRefused, match=f"^{reason}$"):
        check_message(forged, RUNS)


@pytest.mark.parametrize(
    "ours",
    [
        message(),
        message(body(chain=[signature(), signature()])),
        message(body([]), task="tenants.tick", headers={"expires": "2026-01-01T00:00:00+00:00"}),
        message(headers={"redelivered": True}),
    ],
)
def test_a_message_of_ours_is_let_through(ours: bytes) -> None:
    check_message(ours, RUNS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=80)
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_else_is_raised_for_any_bytes(raw: bytes) -> None:
    with pytest.raises(MessageRefused):
        check_message(raw, RUNS)


@settings(max_examples=80)
@given(st.sampled_from(["body", "headers", "properties", "content-type"]), JSON, st.sampled_from(["task", "id", "x"]))
def test_nothing_else_is_raised_for_any_field(field: str, value: Any, name: str) -> None:
    changes: list[dict[str, Any]] = [{"headers": {name: value}}, {} if field == "headers" else {field: value}]
    for changed in (message(**change) for change in changes):
        try:
            check_message(changed, RUNS)
        except MessageRefused:
            continue


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=1) as running:
        yield running


def test_no_forged_message_ends_a_worker_and_all_are_counted(cluster: Cluster) -> None:
    store, redis, [worker] = cluster.connector.store, cluster.redis.client, cluster.processes.children
    unknown = [
        message(body(IDS)),
        message(body(["no tenant", *IDS[1:]])),
        message(body(["likvid.shop.aws.sandbox", "x" * 1000, 2**63])),
    ]
    expected = {"unknown replication": len(unknown)}
    for reason, _ in FORGED:
        expected[reason] = expected.get(reason, 0) + 1
    expected["unknown task"] += 1  # tenants.tick is no task of the real app
    expected["wrong arguments"] -= 1

    for forged in [*(forged for _, forged in FORGED), *unknown]:
        redis.lpush(QUEUE, forged)
    for channel in ("/0.celery.pidbox", "/0.celeryev/worker.heartbeat"):
        redis.publish(channel, b"garbage")
        redis.publish(channel, message(PICKLE, kind=PICKLED))

    eventually(lambda: store.counts.rejected() == expected)
    cluster.succeeded(cluster.order("after"))
    assert worker.process.poll() is None
    assert redis.llen(QUEUE) == 0
    text = worker.log.read_text()
    assert text.count("a message in the queue was rejected") == len(FORGED)
    assert "x" * 2000 not in text
    assert "Traceback" not in text


def test_a_message_for_a_tenant_that_the_replication_is_not_of_does_nothing(cluster: Cluster) -> None:
    store, redis = cluster.connector.store, cluster.redis.client
    cluster.simulator.inject(service="organizations", operation="MoveAccount", kind="delay", seconds=1, times=1)
    before = store.counts.rejected().get("unknown replication", 0)
    replication = cluster.order("victim")
    key = f"connector:replication:{replication}"
    eventually(lambda: redis.hget(key, "dispatch") not in (None, "0"))
    steps = ["create_account", "wait_for_account", "tag_account", "move_to_ou"]

    for step in steps:
        ids = ["likvid.other.aws.sandbox", replication, int(redis.hget(key, "dispatch"))]
        redis.lpush(QUEUE, message(body(ids), task=f"replication.{step}"))

    eventually(lambda: store.counts.rejected().get("unknown replication", 0) == before + len(steps))
    cluster.succeeded(replication)
    assert [a["name"] for a in cluster.simulator.state()["accounts"].values() if "other" in a["name"]] == []
