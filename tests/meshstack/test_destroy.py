"""Runs that take a tenant away: the deletion's steps, the wait for an approval, and tenants that nobody knows."""

from __future__ import annotations

from tasks.model.desired import TenantId
from tasks.orders.deletion import approve, decline
from tests.meshstack.fake_run import FakeRun
from tests.meshstack.inputs import inputs, value
from tests.meshstack.scene import Scene
from tests.support.waiting import eventually

SHOP = TenantId("likvid", "shop", "aws.sandbox")


def ordered(played: Scene) -> FakeRun:
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.ended(run)
    assert run.status == "SUCCEEDED"
    return run


def test_a_deletion_waits_for_its_approval_and_then_ends(played: Scene) -> None:
    run = ordered(played)
    destroy = played.fake.queue(inputs("shop", "alice"), behavior="DESTROY", block=run.block)
    eventually(lambda: "Nobody has access any more" in str(destroy.last_messages))
    reports = destroy.reports
    eventually(lambda: destroy.reports > reports + 2)  # it waits, and is heard of
    record = played.connector.store.tenants.find(SHOP)
    assert record is not None
    assert record.deletion is not None
    assert record.deletion.requested_by == f"meshStack run {destroy.uuid}"

    approve(record, played.connector, by="ada")

    played.ended(destroy)
    assert destroy.status == "SUCCEEDED", destroy.operators_messages
    assert destroy.sent == {}
    deleted = played.connector.store.tenants.find(SHOP)
    assert deleted is not None
    assert deleted.deleted_at is not None


def test_a_deletion_that_is_declined_ends_failed(played: Scene) -> None:
    run = ordered(played)
    destroy = played.fake.queue(inputs("shop"), behavior="DESTROY", block=run.block)
    played.heard(destroy, "await_approval")
    record = played.connector.store.tenants.find(SHOP)
    assert record is not None
    decline(record, played.connector)
    played.ended(destroy)
    assert destroy.status == "FAILED"


def test_a_deletion_that_is_asked_for_again_is_done_already(played: Scene) -> None:
    run = ordered(played)
    destroy = played.fake.queue(inputs("shop"), behavior="DESTROY", block=run.block)
    played.heard(destroy, "await_approval")
    record = played.connector.store.tenants.find(SHOP)
    assert record is not None
    approve(record, played.connector, by="ada")
    played.ended(destroy)

    again = played.fake.queue(inputs("shop"), behavior="DESTROY", block=run.block)
    played.ended(again)
    assert again.status == "SUCCEEDED"


def test_a_tenant_that_nobody_knows_is_looked_for_and_taken_away(played: Scene) -> None:
    """Redis may have been lost, or the order was refused: its account, if there is one, is found by its tag."""
    run = played.fake.queue(inputs("shop"), behavior="DESTROY")
    played.start_runner()
    played.heard(run, "await_approval")
    record = played.connector.store.tenants.find(SHOP)
    assert record is not None
    approve(record, played.connector, by="ada")
    played.ended(run)
    assert run.status == "SUCCEEDED", run.operators_messages
    assert run.steps["locate_account"]["status"] == "SUCCEEDED"


def test_people_that_cannot_be_read_do_not_keep_a_deletion_from_being_done(played: Scene) -> None:
    run = ordered(played)
    destroy = played.fake.queue(
        inputs("shop", users=value("users", "nonsense", "CODE")), behavior="DESTROY", block=run.block
    )
    played.heard(destroy, "await_approval")
    record = played.connector.store.tenants.find(SHOP)
    assert record is not None
    approve(record, played.connector, by="ada")
    played.ended(destroy)
    assert destroy.status == "SUCCEEDED"


def test_a_platform_that_nobody_knows_fails_for_both_sides(played: Scene) -> None:
    run = played.fake.queue(inputs("shop", platform=value("platform", "aws.moon")), behavior="DESTROY")
    played.start_runner()
    played.ended(run)
    assert run.status == "FAILED"
    assert "'platform'" in run.last_messages[0]


def test_a_tenant_that_was_ordered_again_under_its_name_is_not_taken_away_by_the_former_one(played: Scene) -> None:
    played.start_runner()
    for uuid in ("t-1", "t-2"):
        played.ended(played.fake.queue(inputs("shop", "alice", tenant_uuid=value("tenant_uuid", uuid))))
    destroy = played.fake.queue(inputs("shop", tenant_uuid=value("tenant_uuid", "t-1")), behavior="DESTROY")
    played.ended(destroy)
    assert destroy.status == "FAILED"
    assert "ordered last by the tenant t-2 in meshStack, and this run is of t-1" in destroy.operators_messages[0]
    record = played.connector.store.tenants.find(SHOP)
    assert record is not None
    assert record.deletion is None


def test_a_defect_ends_the_run_after_some_tries(played: Scene) -> None:
    run = ordered(played)

    def broken(tenant: TenantId) -> str | None:
        raise ZeroDivisionError(tenant)

    played.connector.store.runs.named_tenant = broken  # type: ignore[method-assign]
    destroy = played.fake.queue(inputs("shop"), behavior="DESTROY", block=run.block)
    played.ended(destroy)
    assert destroy.status == "FAILED"
    assert "a bug in the connector (ZeroDivisionError)" in destroy.operators_messages[0]
