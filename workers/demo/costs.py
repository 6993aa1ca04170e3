"""What the accounts of the example tenants cost this month in the simulated AWS, which makes costs up."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from tasks.metering.documents import CollectionDocument
from workers.client import ConnectorClient
from workers.demo.supervisor import Supervisor

PLATFORM = "aws.sandbox"  # the example that collects the costs of the organization
COLLECTED_WITHIN_SECONDS = 60.0  # two pages; a busy machine takes its time


def costs_of(client: ConnectorClient, processes: Supervisor) -> dict[str, str]:
    """Collect the costs of the current month, and return them by account, in words."""
    began = datetime.now(UTC)
    while _collected(client, processes).started_at < began:  # one that beat began before there were any tenants
        pass
    found: dict[str, list[str]] = {}
    for row in client.costs("account").rows:
        found.setdefault(row.name, []).append(f"{Decimal(row.amount):.2f} {row.currency}")
    return {account: " + ".join(amounts) for account, amounts in found.items()}


def _collected(client: ConnectorClient, processes: Supervisor) -> CollectionDocument:
    """Collect, or wait for the collection that runs."""
    begun = client.collect_costs(PLATFORM)

    def has_ended() -> bool:
        return client.collection(begun.id).state != "RUNNING"

    processes.wait("the costs of this month", has_ended, COLLECTED_WITHIN_SECONDS)
    return client.collection(begun.id)
