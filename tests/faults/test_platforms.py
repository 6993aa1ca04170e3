"""Several platforms in one cluster: AWS answers nothing to one, and the tenants of the other are as fast as before."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tasks.model.desired import TenantId
from tasks.model.replication import State
from tasks.orders.producer import replicate
from tests.faults.silence import SilentAws, silent_aws
from tests.support.cluster import CONFIG_DIR, Cluster, desired, running_cluster
from tests.support.waiting import eventually

SILENT = "silent.sandbox"
KEY = "AKIASILENTPLATFORM01"  # of its service user
PLATFORM_ID = "7a1c0d3a-7b52-4c0e-9a55-0d3a1c9e7f10"
ORGANIZATION = "444444444444"  # its own: limits are shared within one
INSTANCE = "sandbox000000001"  # of Identity Center
THREADS = 4  # fewer than new accounts at once, which is how many tenants of the silent platform call AWS
TENANTS = 4
BACKLOG = 8  # tenants of the silent platform


@pytest.fixture(scope="module")
def silent() -> Iterator[SilentAws]:
    with silent_aws(KEY) as front:
        yield front


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, silent: SilentAws) -> Iterator[Cluster]:
    documents = tmp_path_factory.mktemp("documents")
    shutil.copytree(CONFIG_DIR, documents, dirs_exist_ok=True)
    write_second_platform(documents)
    with running_cluster(
        tmp_path_factory.mktemp("platforms"),
        AWS_ENDPOINT_URL=silent.url,
        CONNECTOR_CONFIG_DIR=str(documents),
        CONNECTOR_WORKER_CONCURRENCY=str(THREADS),
        CONNECTOR_IDENTITY_CENTER_CALLS_PER_SECOND="200",  # rates are not what is measured
        CONNECTOR_ORGANIZATIONS_CALLS_PER_SECOND="200",
        SILENT_ACCESS_KEY=KEY,
    ) as running:
        silent.upstream = running.simulator.url
        yield running


def write_second_platform(documents: Path) -> None:
    """Make a document of the example's, with credentials and an organization of its own, and a landing zone on it."""
    yaml = YAML(typ="safe")
    for name in ("platform.yaml", "landing-zones.yaml"):
        text = (
            (documents / name).read_text().replace("111111111111", ORGANIZATION).replace(INSTANCE, "silent0000000001")
        )
        [document, *_] = yaml.load_all(text.replace("SANDBOX_ACCESS_KEY", "SILENT_ACCESS_KEY"))
        document["metadata"] = {"name": "silent", "uuid": PLATFORM_ID}
        if document["kind"] == "meshLandingZone":
            document["spec"]["platformRef"]["uuid"] = PLATFORM_ID
        with (documents / f"silent-{name}").open("w") as file:
            yaml.dump(document, file)


def seconds(cluster: Cluster, projects: list[str]) -> float:
    """Order tenants of the platform that works at once; answers the time until the last one's end."""
    ended = [cluster.succeeded(replication) for replication in [cluster.order(project) for project in projects]]
    first = min(each.requested_at for each in ended)
    return max(each.ended_at - first for each in ended if each.ended_at).total_seconds()


def order_silent(cluster: Cluster, project: str) -> str:
    tenant = TenantId("likvid", project, SILENT)
    body = desired("silent")
    return replicate(tenant.workspace, tenant.project, tenant.platform, body, connector=cluster.connector).replication


def waits_for_its_key(cluster: Cluster, replication: str) -> bool:
    found = cluster.connector.store.replications.find(replication)
    return found is not None and found.last_error is not None and found.last_error.code == "InvalidClientTokenId"


def overdue(cluster: Cluster) -> int:
    """Count the replications that nobody has looked at yet."""
    return int(cluster.redis.client.zcount("connector:due", "-inf", time.time() * 1000))


@pytest.mark.thorough
def test_tenants_of_one_platform_do_not_wait_for_another_ones_aws(cluster: Cluster, silent: SilentAws) -> None:
    seconds(cluster, ["warm"])
    before = seconds(cluster, [f"before{number}" for number in range(TENANTS)])

    # Else one tenant would look at the tags of its organization for all.
    cluster.connector.store.tag_index.end(ORGANIZATION, cluster.connector.store.now(), timedelta(minutes=5))
    replications = [order_silent(cluster, f"p{number}") for number in range(BACKLOG)]
    eventually(lambda: silent.held and not overdue(cluster))
    meanwhile = seconds(cluster, [f"meanwhile{number}" for number in range(TENANTS)])

    # Without shares of the threads each of some 15 steps waits for time-outs of 10 s; the machine may be busy.
    assert meanwhile < 2 * before + 60
    assert all(cluster.connector.store.replications.find(each).state is not State.FAILED for each in replications)  # type: ignore[union-attr]  # known

    silences = cluster.redis.client
    eventually(lambda: silences.hget("connector:unresponsive", SILENT))  # STS's time-out: 10 s
    silent.answer()  # with what the simulator says to a key that it does not know
    for replication in replications:  # none of them fails: they wait until somebody has mended the key
        eventually(partial(waits_for_its_key, cluster, replication))
    assert silences.hlen("connector:unresponsive") == 0
