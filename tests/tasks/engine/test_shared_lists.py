"""However many tenants ask at once, through however many workers, an organization's accounts are listed once."""

from __future__ import annotations

from math import ceil
from pathlib import Path

from tests.bench.daily import OPTIONS, SETTINGS
from tests.support.cluster import ONE_ROLE, Cluster, running_cluster

PAGE = 20  # accounts of one ListAccounts
STRANGERS = 200
TENANTS = 8


def lists(cluster: Cluster) -> tuple[float, float]:
    """Order the tenants at once; answers how often all accounts were listed, and how often all tags were read."""
    mark = cluster.simulator.mark()
    for order in [cluster.order(f"p{number}", ONE_ROLE) for number in range(TENANTS)]:
        cluster.succeeded(order)
    calls = [call.operation for call in cluster.simulator.calls(mark)]
    return calls.count("ListAccounts") / ceil(STRANGERS / PAGE), calls.count("ListTagsForResource") / STRANGERS


def test_new_tenants_and_those_whose_records_were_lost_share_one_list(tmp_path: Path) -> None:
    with running_cluster(tmp_path, 2, OPTIONS, forked=True, **SETTINGS) as cluster:
        for number in range(STRANGERS):
            email = f"a{number}@another.example.com"
            cluster.simulator.operator("create_account", name=f"a{number}", email=email, tags={})

        listed, read = lists(cluster)
        assert listed < 1.5
        assert read < 1.5

        cluster.redis.client.flushall()
        listed, read = lists(cluster)
        assert listed < 1.5
        assert read < 1.5
