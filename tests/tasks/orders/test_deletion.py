"""Tenants go: access at once, the account after the approval, and never an account that is not provably theirs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.daily.round import replicate_oldest
from tasks.model.replication import ENDED, Replication, State
from tasks.orders.deletion import NotPossible, approve, decline, request_deletion
from tasks.state.records import TenantRecord
from tests.support.cluster import Cluster, desired, running_cluster
from tests.support.waiting import eventually
from workers.sandbox import organization

CLOSED = {"PENDING_CLOSURE", "SUSPENDED"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def record(cluster: Cluster, project: str) -> TenantRecord:
    found = cluster.connector.store.tenants.find(cluster.tenant_id(project))
    assert found is not None
    return found


def delete(cluster: Cluster, project: str) -> str:
    return request_deletion(record(cluster, project), cluster.connector, by="test").replication


def groups(cluster: Cluster, project: str) -> dict[str, list[str]]:
    found = cluster.simulator.state()["identity_store"]["groups"]
    return {group["name"]: group["members"] for group in found if group["name"].startswith(f"mst-likvid.{project}.")}


def note(replication: Replication, step: str) -> str:
    return next(each.note or "" for each in replication.steps if each.name == step)


def awaiting(cluster: Cluster, replication: str) -> Replication:
    def look() -> Replication | None:
        found = cluster.connector.store.replications.find(replication)
        return found if found and "requires approval" in note(found, "await_approval") else None

    found = eventually(look)
    assert found is not None
    return found


def test_an_approved_landing_zone_closes_the_account(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("gone"))

    ended = cluster.succeeded(delete(cluster, "gone"))

    account = cluster.account("gone")
    assert account["state"] in CLOSED
    assert account["parent_id"] == organization.QUARANTINE_OU_ID
    assert groups(cluster, "gone") == {}
    assert not [row for row in _assignments(cluster) if row["AccountId"] == account["id"]]
    assert note(ended, "report_deletion") == f"the tenant is deleted; account {account['id']} is closed"
    assert record(cluster, "gone").deleted_at is not None


def test_what_is_deleted_is_not_replicated_daily_nor_deleted_twice(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("quiet"))
    first = delete(cluster, "quiet")
    cluster.succeeded(first)

    assert delete(cluster, "quiet") == first
    assert str(cluster.tenant_id("quiet")) not in cluster.redis.client.zrange("connector:replicated", 0, -1)
    replicate_oldest(cluster.connector, datetime.now(UTC))


def test_a_new_account_needs_a_new_email(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("again"))
    cluster.succeeded(delete(cluster, "again"))

    ended = cluster.ended(cluster.order("again"))

    assert ended.state is State.FAILED
    assert ended.last_error is not None
    assert ended.last_error.code == "EmailOfClosedAccount"
    assert "#{rand" in ended.last_error.remedy
    cluster.succeeded(delete(cluster, "again"))


def test_access_is_off_before_anybody_approves_and_back_when_declined(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("kept", desired("production")))
    before = groups(cluster, "kept")
    assert any(before.values())

    awaiting(cluster, delete(cluster, "kept"))
    assert groups(cluster, "kept") == {name: [] for name in before}
    cluster.succeeded(decline(record(cluster, "kept"), cluster.connector).replication)

    assert groups(cluster, "kept") == before
    assert record(cluster, "kept").deletion is None
    with pytest.raises(NotPossible, match="Nobody has asked"):
        approve(record(cluster, "kept"), cluster.connector, by="test")


def test_after_the_approval_an_account_that_is_left_to_a_person_stays_open(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("open", desired("production")))
    deletion = delete(cluster, "open")
    awaiting(cluster, deletion)

    assert approve(record(cluster, "open"), cluster.connector, by="ada").replication == deletion
    ended = cluster.succeeded(deletion)

    assert note(ended, "await_approval").startswith("approved by ada")
    assert cluster.account("open")["state"] == "ACTIVE"
    assert cluster.account("open")["parent_id"] == organization.QUARANTINE_OU_ID
    assert groups(cluster, "open") == {}
    with pytest.raises(NotPossible, match="was deleted"):
        decline(record(cluster, "open"), cluster.connector)


def test_an_order_during_the_deletion_gives_everything_back(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("back", desired("production")))
    deletion = delete(cluster, "back")
    awaiting(cluster, deletion)

    cluster.succeeded(cluster.order("back", desired("production")))

    assert cluster.ended(deletion).state is State.CANCELLED
    assert any(groups(cluster, "back").values())
    assert record(cluster, "back").deletion is None


def test_what_was_decided_meanwhile_cannot_be_declined(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("late"))
    deletion = delete(cluster, "late")  # approved by its landing zone
    read_before = record(cluster, "late")
    cluster.succeeded(deletion)

    with pytest.raises(NotPossible, match="was deleted at"):
        decline(read_before, cluster.connector)

    assert record(cluster, "late").deleted_at is not None
    assert cluster.account("late")["state"] in CLOSED


@pytest.mark.parametrize(
    ("project", "step"), [("early", "create_account"), ("waiting", "wait_for_account"), ("late", "sync_groups")]
)
def test_a_deletion_during_the_creation_closes_whatever_that_yields(cluster: Cluster, project: str, step: str) -> None:
    creation = cluster.order(project)
    eventually(lambda: _began(cluster, creation, step))

    cluster.succeeded(delete(cluster, project))

    assert cluster.ended(creation).state in ENDED
    accounts = [each for each in cluster.simulator.state()["accounts"].values() if each["name"] == f"likvid.{project}"]
    assert len(accounts) <= 1  # none when the deletion came before CreateAccount was sent
    assert {each["state"] for each in accounts} <= CLOSED
    assert groups(cluster, project) == {}


@pytest.mark.thorough
def test_workers_killed_in_the_middle_of_it_close_it_once(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("killed"))
    cluster.simulator.inject(operation="CloseAccount", kind="delay", seconds=60, times=1)
    deletion = delete(cluster, "killed")
    cluster.until_running(deletion, "close_account")
    cluster.kill(cluster.workers[0])
    cluster.start_worker()

    cluster.succeeded(deletion)

    assert cluster.account("killed")["state"] in CLOSED


def _began(cluster: Cluster, replication: str, step: str) -> bool:
    found = cluster.connector.store.replications.find(replication)
    return found is not None and any(each.name == step and each.state is not State.QUEUED for each in found.steps)


def _assignments(cluster: Cluster) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.simulator.state()["identity_center"]["assignments"]
    return found
