"""How often an organization's accounts are listed for tenants that are new, or whose records were lost."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from tests.support.cluster import ONE_ROLE, Cluster

PAGE = 20  # accounts of one ListAccounts
TENANTS = 8


@dataclass(frozen=True)
class Listings:
    """How often something was read of each account of the organization."""

    accounts: float
    tags: float


def fill(cluster: Cluster, strangers: int) -> None:
    """Give the organization accounts that are nobody's tenants."""
    for number in range(strangers):
        email = f"a{number}@another.example.com"
        cluster.simulator.operator("create_account", name=f"a{number}", email=email, tags={}, roles=[])


def order_all(cluster: Cluster, strangers: int) -> Listings:
    """Order the same eight tenants at once, and count what AWS was asked until all have succeeded."""
    mark = cluster.simulator.mark()
    for order in [cluster.order(f"p{number}", ONE_ROLE) for number in range(TENANTS)]:
        cluster.succeeded(order, 600)
    calls = [call.operation for call in cluster.simulator.calls(mark)]
    pages = ceil(strangers / PAGE)
    return Listings(calls.count("ListAccounts") / pages, calls.count("ListTagsForResource") / strangers)
