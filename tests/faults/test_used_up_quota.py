"""A quota of the whole organization is used up: its tenants wait together, and one probes for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.orders.producer import replicate
from tests.faults.test_sign_in import the_probe
from tests.support.cluster import PLATFORM, Cluster, running_cluster
from tests.support.waiting import eventually

TENANTS = 6
ORDER = {"landingZone": "development"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("quota")) as running:
        yield running


def test_tenants_wait_for_more_accounts_together_and_continue_together(cluster: Cluster) -> None:
    cluster.simulator.set_options(accounts_limit=1)
    projects = [f"full{number}" for number in range(TENANTS)]
    replications = [cluster.order(project, ORDER) for project in projects]
    probe = eventually(lambda: the_probe(cluster, replications))
    cluster.connector.store.orders.cancel(probe)
    del projects[replications.index(probe)]
    replications.remove(probe)
    probe = eventually(lambda: the_probe(cluster, replications))

    cluster.simulator.set_options(accounts_limit=100)
    waiting = next(number for number, each in enumerate(replications) if each != probe)
    # Whoever has got more accounts tries one.
    again = replicate("likvid", projects[waiting], PLATFORM, ORDER, connector=cluster.connector, again=True)
    replications[waiting] = again.replication
    for replication in replications:
        cluster.succeeded(replication)
    assert not [lane for lane in cluster.redis.client.hkeys("connector:lanes") if lane.startswith("quota")]
