"""Backup and restore: the same tenants again, nothing of half a file, and never over what is there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.model.desired import Deletion, TenantId
from tasks.model.handles import Handles
from tasks.model.replication import State
from tasks.state import backup
from tasks.state.backup import BackupRefused
from tasks.state.objects import StoredObject
from tasks.state.orders import Order
from tasks.state.store import Store
from tests.tasks.state.as_worker import (
    BLOG,
    DEVELOPMENT,
    LEASE,
    PRODUCTION,
    SHOP,
    pump,
    run_one,
    step_done,
    step_failed,
)

GONE = TenantId("likvid", "gone", "aws.sandbox")
ACCOUNT = "111111111111"
ZONE = "meshLandingZone fresh"


@pytest.fixture
def saved(store: Store, redis: Any) -> list[str]:
    """Back up one tenant that has ended, one under way with an account, one to be deleted; and empty Redis."""
    store.orders.submit(Order(SHOP, DEVELOPMENT, by="ada"))
    run_one(store, step_failed(0))
    store.orders.submit(Order(BLOG, PRODUCTION))
    run_one(store, step_done(0, handles=Handles(account_id=ACCOUNT)))
    store.orders.submit(Order(GONE, DEVELOPMENT))
    store.orders.delete(GONE, Deletion(requested_at=datetime.now(UTC), requested_by="bob"))
    store.pauses.pause("aws.sandbox", reason="restore")
    store.objects.change(
        [StoredObject("meshUser ada", {"kind": "meshUser"}, ("x",), "c"), StoredObject(ZONE, {"a": 1})]
    )
    store.documents.change({ZONE: {"a": 1}}, [])
    written = list(backup.lines(store))
    redis.flushall()
    return written


def test_what_is_restored_is_what_was_there(store: Store, saved: list[str]) -> None:
    done = backup.restore(store, backup.read(saved), merge=False)

    assert sorted(done.added) == sorted(map(str, (SHOP, BLOG, GONE)))
    shop, blog, gone = (store.tenants.find(tenant) for tenant in (SHOP, BLOG, GONE))
    assert shop is not None
    assert blog is not None
    assert gone is not None
    assert (shop.state, shop.desired) == (State.FAILED, DEVELOPMENT)
    assert [(each.requested_by, each.state) for each in store.replications.history(SHOP, 9)] == [("ada", State.FAILED)]
    assert blog.handles.account_id == ACCOUNT
    assert [each.state for each in store.replications.history(BLOG, 9)] == [State.QUEUED, State.CANCELLED]
    assert gone.deletion is not None
    assert gone.deletion.requested_by == "bob"
    assert list(store.pauses.all()) == ["aws.sandbox"]


def test_mesh_objects_are_restored_and_newer_ones_stay(store: Store, saved: list[str]) -> None:
    store.objects.change([StoredObject("meshUser ada", {"kind": "meshUser", "newer": True})])

    backup.restore(store, backup.read(saved), merge=False)

    assert store.documents.all() == {ZONE: {"a": 1}}
    assert store.documents.version() is not None
    assert [each.document for each in store.objects.all()] == [{"a": 1}, {"kind": "meshUser", "newer": True}]
    assert store.objects.in_collection("c") == {}


def test_what_was_under_way_is_replicated_again_once_nothing_is_paused(store: Store, saved: list[str]) -> None:
    backup.restore(store, backup.read(saved), merge=False)
    assert pump(store) == []
    store.pauses.resume("aws.sandbox")

    dispatched = {each.tenant: each for each in pump(store)}

    assert dispatched.keys() == {str(BLOG), str(GONE)}
    again = dispatched[str(BLOG)]
    begun = store.work.begin(again, "me", LEASE)
    assert begun is not None
    assert begun.doubt, "the backup is older than AWS"
    assert dispatched[str(GONE)].chain.name == "deletion"


def test_a_backup_of_what_was_restored_is_the_same(store: Store, saved: list[str]) -> None:
    only_shop = [saved[0], *(line for line in saved if f'"{SHOP}"' in line), '{"end": 1}']
    backup.restore(store, backup.read(only_shop), merge=False)

    assert json.loads(list(backup.lines(store))[1]) == json.loads(only_shop[1])


def test_a_redis_with_tenants_is_refused_or_merged_without_touching_them(store: Store, saved: list[str]) -> None:
    store.orders.submit(Order(SHOP, PRODUCTION))
    with pytest.raises(BackupRefused, match="--merge"):
        backup.restore(store, backup.read(saved), merge=False)
    assert store.tenants.find(BLOG) is None

    done = backup.restore(store, backup.read(saved), merge=True)

    assert (done.kept, done.differing) == ([str(SHOP)], {str(SHOP): "desired state"})
    shop = store.tenants.find(SHOP)
    assert shop is not None
    assert shop.desired == PRODUCTION
    assert store.tenants.find(BLOG) is not None


def test_what_was_ordered_after_redis_was_lost_wins_and_what_differs_is_named(store: Store, saved: list[str]) -> None:
    store.orders.submit(Order(BLOG, PRODUCTION))
    store.orders.submit(Order(GONE, DEVELOPMENT))

    done = backup.restore(store, backup.read(saved), merge=True)

    assert done.added == [str(SHOP)]
    assert done.differing == {str(BLOG): f"account {ACCOUNT}, here none", str(GONE): "request to delete it"}
    again = backup.restore(store, backup.read(saved), merge=True)
    assert (again.added, again.differing) == ([], done.differing)
    record = store.tenants.find(GONE)
    assert record is not None
    assert record.deletion is None


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (lambda lines: lines[1:], "this is not a backup of the connector"),
        (lambda lines: lines[:-1], "not complete"),
        (lambda lines: [*lines[:2], *lines[3:]], "not complete"),
        (
            lambda lines: [lines[0].replace('"version": 2', '"version": 1'), *lines[1:]],
            "is 1, and this connector reads 2",
        ),
        (lambda lines: [lines[0], "{", *lines[2:]], "line 2: "),
        (lambda lines: [lines[0], "[]", *lines[2:]], "line 2: "),
        (lambda lines: [lines[0], lines[1].replace("landingZone", "zone"), *lines[2:]], "line 2: "),
        (lambda lines: [lines[0], lines[1].replace('"state":"', '"state":"X'), *lines[2:]], "line 2: "),
        (lambda lines: [lines[0], lines[2], *lines[2:]], "appears twice"),
    ],
)
def test_every_line_is_checked_before_anything_is_written(
    store: Store, saved: list[str], change: object, mistake: str, redis: Any
) -> None:
    assert callable(change)
    with pytest.raises(BackupRefused, match=mistake):
        backup.read(change(saved))
    assert redis.keys("*") == []


def test_a_backup_holds_no_more_than_it_says(saved: list[str]) -> None:
    kinds = [set(json.loads(line)) for line in saved]

    tenants = [{"tenant", "fields", "replications"}] * 3
    zone = {"mesh_object", "document", "listed_under", "configuration"}
    objects = [zone, zone | {"collection"}]
    assert kinds == [{"backup", "version", "taken_at"}, *tenants, {"pause", "document"}, *objects, {"end"}]
