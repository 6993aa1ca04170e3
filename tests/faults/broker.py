"""What the tests of stops and of the broker share: a cluster, Redis frozen, and what is wrong in the end."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.soak.verdict import left_behind, wrong_tenants
from tests.support.cluster import QUICK, Cluster, running_cluster
from tests.support.waiting import eventually
from workers.sandbox import organization


def cluster_of(directory: Path, workers: int, lease: int) -> AbstractContextManager[Cluster]:
    """Start a cluster whose lease lasts that many seconds; AWS shows all at once, for these tests count its writes.

    AWS's rates are high: other tests wait for them.
    """
    return running_cluster(
        directory,
        workers,
        QUICK.model_copy(update={"lag_seconds": 0}),
        CONNECTOR_LEASE_SECONDS=str(lease),
        CONNECTOR_IDENTITY_CENTER_CALLS_PER_SECOND="200",
        CONNECTOR_ORGANIZATIONS_CALLS_PER_SECOND="200",
    )


def moved(cluster: Cluster) -> set[str]:
    """Name the accounts that stand where they belong."""
    accounts = cluster.simulator.state()["accounts"].values()
    return {account["name"] for account in accounts if account["parent_id"] == organization.DEVELOPMENT_OU_ID}


def wrong(cluster: Cluster, latest: dict[str, dict[str, Any]]) -> list[str]:
    """Say what differs from what was ordered, and what is left in Redis once all have ended."""
    eventually(lambda: cluster.redis.client.zcard("connector:due") == 0)
    return [*wrong_tenants(cluster.simulator.state(), latest), *left_behind(cluster)]
