"""The audit log: no write is sent before it is noted, none is lost by a crash, and nothing secret is in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis, RedisError

from config.log import MASKER, register_secrets
from tasks.aws.calls import Calls, Observer
from tasks.documents import UNKNOWN, AuditPage
from tasks.model.call import CallRecord, Intent
from tasks.state.audit import Trail, shortened
from tasks.state.store import Store

YEAR = timedelta(days=365)
SECRET = "external-id-that-nobody-sees"


@pytest.fixture(autouse=True)
def secrets() -> Iterator[None]:
    register_secrets([SECRET])
    yield
    MASKER.forget()


def trail(store: Store, tenant: str = "likvid.shop.aws.sandbox", kept: timedelta = YEAR) -> Trail:
    about = {"tenant": tenant, "replication": "r1", "step": "move_to_ou", "asked_by": "producer"}
    return Trail(store.audit, kept, about)


def intent(**arguments: Any) -> Intent:
    return Intent("organizations", "move_account", None, arguments)


def ended(code: str | None = None) -> CallRecord:
    return CallRecord("organizations", "move_account", True, None, "request-1", code, 0.1)


def everything(store: Store, **chosen: Any) -> AuditPage:
    return store.audit.page(**{"size": 100, "since": None, "after": None, "tenant": None, **chosen})


def test_a_write_is_there_before_it_is_sent_and_its_end_after(store: Store) -> None:
    noted = trail(store)
    noted.intend(intent(AccountId="111111111111"))

    [before] = everything(store).entries
    assert (before.outcome, before.request_id) == (UNKNOWN, None)
    noted.ended(ended())

    [after] = everything(store).entries
    assert after.model_dump(exclude={"id", "at"}) == {
        "asked_by": "producer",
        "tenant": "likvid.shop.aws.sandbox",
        "replication": "r1",
        "step": "move_to_ou",
        "call": "organizations:move_account",
        "what": None,
        "account": None,
        "arguments": {"AccountId": "111111111111"},
        "names": {},
        "outcome": "OK",
        "request_id": "request-1",
    }


def test_a_refused_write_shows_its_code(store: Store) -> None:
    noted = trail(store)
    noted.intend(intent())
    noted.ended(ended("AccessDeniedException"))

    assert [entry.outcome for entry in everything(store).entries] == ["AccessDeniedException"]


def test_nothing_secret_and_nothing_long_is_noted(store: Store) -> None:
    trail(store).intend(
        intent(ExternalId="x", Body="t" * 60_000, Tags=[{"Key": "a", "Value": f"<{SECRET}>"}], Raw=b"1")
    )

    [entry] = everything(store).entries
    text = str(entry.arguments)
    assert SECRET not in text
    assert "'ExternalId': '***'" in text
    assert "(60000 characters)" in text
    assert len(text) < 300
    assert shortened(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01 00:00:00+00:00"


def test_pages_follow_each_other_and_pair_what_other_writes_stand_between(store: Store) -> None:
    trails = [trail(store, f"likvid.shop{number}.aws.sandbox") for number in range(7)]
    for each in trails:
        each.intend(intent())
    for each in trails:
        each.ended(ended())

    names, after = [], None
    while True:
        found = everything(store, size=3, after=after)
        names += [entry.tenant for entry in found.entries]
        assert {entry.outcome for entry in found.entries} <= {"OK"}
        after = found.next
        if after is None:
            break

    assert names == [f"likvid.shop{number}.aws.sandbox" for number in range(7)]
    assert [entry.tenant for entry in everything(store, tenant=names[4]).entries] == [names[4]]
    assert everything(store, since=datetime.now(UTC) + timedelta(minutes=1)).entries == []


def test_a_page_that_ends_with_an_open_write_hides_none_behind_it(store: Store) -> None:
    trail(store, "likvid.open.aws.sandbox").intend(intent())
    later = trail(store, "likvid.later.aws.sandbox")
    later.intend(intent())
    later.ended(ended())

    first = everything(store, size=1)
    second = everything(store, size=1, after=first.next)

    assert [entry.outcome for entry in first.entries] == [UNKNOWN]
    assert first.next is not None
    assert [entry.tenant for entry in second.entries] == ["likvid.later.aws.sandbox"]


def test_entries_leave_by_age(store: Store, redis: Any) -> None:
    for number in range(1, 1001):
        redis.xadd("connector:audit", {"data": "{}"}, id=f"{number}-0")

    trail(store).intend(intent())

    assert redis.xlen("connector:audit") < 200, "Redis trims whole nodes of a hundred entries"


def test_what_cannot_be_noted_is_not_sent() -> None:
    sent: list[str] = []
    model = SimpleNamespace(service_name="organizations", resolved_protocol="json")
    client = SimpleNamespace(
        meta=SimpleNamespace(service_model=model), move_account=lambda **_: sent.append("move_account")
    )
    with Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True) as away:
        noted = trail(Store(away, YEAR, 10))
        calls = Calls(client, Observer(lambda _: None, lambda _: None, note_write=noted.intend))

        with pytest.raises(RedisError):
            calls.write("move_account", AccountId="111111111111")

    assert sent == []
