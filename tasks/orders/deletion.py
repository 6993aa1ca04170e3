"""The producer of deletions: ask for one, approve it, or decline it. The steps of it stand in `tasks/chain.py`.

A tenant whose deletion was asked for may be ordered again at any time; the newest word counts. What is deleted by then
stays deleted: a closed account is followed by a new one.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tasks.connector import Connector
from tasks.model.desired import Deletion
from tasks.orders.producer import Accepted
from tasks.state.orders import Order
from tasks.state.records import TenantRecord


class NotPossible(ValueError):
    """What is asked for does not fit how far the deletion is; nothing was changed."""


def request_deletion(record: TenantRecord, connector: Connector, *, by: str | None) -> Accepted:
    """Delete a tenant: access ends at once, the rest follows the approval. Again it is the same request.

    by   who asks, for the record
    """
    deletion = Deletion(requested_at=datetime.now(UTC), requested_by=by)
    return Accepted(str(record.id), connector.store.orders.delete(record.id, deletion))


def approve(record: TenantRecord, connector: Connector, *, by: str | None) -> Accepted:
    """Approve the request to delete a tenant, which cannot be undone; raises NotPossible when there is none."""
    if connector.store.orders.approve(record.id, by) is None:
        raise NotPossible(_nothing_to_decide(record))
    return Accepted(str(record.id), connector.store.orders.submit(Order(record.id, by=by, wake=True)))


def decline(record: TenantRecord, connector: Connector, *, by: str | None = None) -> Accepted:
    """Withdraw the request to delete a tenant and restore its access; raises NotPossible when that is too late."""
    replication = connector.store.orders.restore(record.id, by)
    if replication is None:
        raise NotPossible(_too_late(connector.store.tenants.find(record.id) or record))
    return Accepted(str(record.id), replication)


def _too_late(record: TenantRecord) -> str:
    if record.deletion is None or record.deletion.approved_at is None or record.deleted_at is not None:
        return _nothing_to_decide(record)
    return (
        f"The deletion of {record.id} was approved at {record.deletion.approved_at:%F %R} UTC, and that cannot be "
        "undone. Order the tenant again (PUT) to get it back, with a new account if the old one is closed by then."
    )


def _nothing_to_decide(record: TenantRecord) -> str:
    if record.deleted_at is not None:
        return f"The tenant {record.id} was deleted at {record.deleted_at:%F %R} UTC."
    return f"Nobody has asked to delete the tenant {record.id}."
