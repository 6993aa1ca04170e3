"""AWS lets a platform in no more: its tenants wait together and none fails, one probes, and all go on by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.connector import Connector
from tasks.documents import Matter, MatterKind
from tasks.model.replication import Replication, State, WaitsFor
from tasks.overview.overview import overview
from tests.support.cluster import ONE_ROLE, Cluster, desired, running_cluster
from tests.support.waiting import eventually
from workers.sandbox.organization import MANAGEMENT_ROLE_ARN

TENANTS = 6
BOUND = 15.0  # seconds until nobody is in who should not be, once AWS lets us in
ALICE = {"username": "alice", "euid": "alice@example.com", "roles": ["admin"]}
BOB = {"username": "bob", "euid": "bob@example.com", "roles": ["user"]}
MANAGEMENT = {"RoleArn": MANAGEMENT_ROLE_ARN}
BAD_KEY = {"code": "UnrecognizedClientException", "status": 400, "times": -1}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("sign-in")) as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults(cluster: Cluster) -> Iterator[None]:
    yield
    cluster.simulator.clear_faults()


def probing(cluster: Cluster, replications: list[str]) -> list[str]:
    """Name those that look again by themselves; what waits for others is due at no time."""
    due = dict(cluster.redis.client.zrange("connector:due", 0, -1, withscores=True))
    return [each for each in replications if due[each] != float("inf")]


def the_probe(cluster: Cluster, replications: list[str]) -> str | None:
    """Return who probes while all wait; None: they do not all wait yet, or the next one is just being chosen."""
    probes = probing(cluster, replications)
    return probes[0] if len(probes) == 1 and parked(cluster.connector, replications) else None


def parked(connector: Connector, replications: list[str]) -> bool:
    found = list(connector.store.replications.those(replications))
    return len(found) == len(replications) and all(_waits_for_a_person(each) for each in found)


def _waits_for_a_person(replication: Replication) -> bool:
    return replication.state is State.WAITING and any(
        step.waits_for is WaitsFor.PERSON and step.last_error is not None for step in replication.steps
    )


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        *(
            pytest.param(
                name, {"operation": "AssumeRole", "match": MANAGEMENT, "code": code}, marks=pytest.mark.thorough
            )
            for name, code in (("key", "InvalidClientTokenId"), ("trust", "AccessDenied"))
        ),
        ("session", {"service": "organizations", "code": "UnrecognizedClientException"}),
    ],
)
def test_tenants_wait_for_their_platform_and_one_of_them_probes(
    cluster: Cluster, name: str, refusal: dict[str, object]
) -> None:
    if "match" in refusal:  # a worker that has signed in already would not notice for an hour
        cluster.kill(cluster.workers[0])
        cluster.start_worker()
    cluster.simulator.inject(status=403, times=-1, **refusal)
    replications = [cluster.order(f"{name}{number}", ONE_ROLE) for number in range(TENANTS)]
    eventually(lambda: the_probe(cluster, replications))

    def all_of_them() -> Matter | None:  # but for a moment in which one of them probes
        return next((each for each in overview(cluster.connector).needs if each.number == TENANTS), None)

    matter = eventually(all_of_them)
    assert matter.kind is MatterKind.PARKED
    assert matter.what == "AWS refuses the sign-in to the management account of aws.sandbox."
    assert (matter.detail or "").startswith(str(refusal["code"]))
    assert "All tenants that wait for it then continue automatically." in (matter.remedy or "")

    probe = eventually(lambda: the_probe(cluster, replications))
    cluster.connector.store.orders.cancel(probe)
    replications.remove(probe)
    eventually(lambda: len(probing(cluster, replications)) == 1)

    cluster.simulator.clear_faults()
    for replication in replications:
        cluster.succeeded(replication)
    assert not [lane for lane in cluster.redis.client.hkeys("connector:lanes") if lane.startswith("sign-in")]


def test_who_is_not_ordered_any_more_is_out_as_soon_as_aws_lets_us_in(cluster: Cluster) -> None:
    def members(project: str) -> set[str]:
        groups = cluster.simulator.state()["identity_store"]["groups"]
        return {each for group in groups if f".{project}." in group["name"] for each in group["members"]}

    for project in ("left1", "left2", "left3"):
        cluster.succeeded(cluster.order(project, desired(access=[ALICE, BOB])))
    cluster.simulator.inject(service="identitystore", **BAD_KEY)
    changed = [cluster.order(project, desired(access=[ALICE])) for project in ("left1", "left2", "left3")]
    eventually(lambda: parked(cluster.connector, changed))
    assert len(probing(cluster, changed)) == len(changed)  # whoever takes access away looks by itself

    cluster.simulator.clear_faults()
    eventually(lambda: all(members(project) == {"alice@example.com"} for project in ("left1", "left2", "left3")), BOUND)


@pytest.mark.thorough
def test_who_tries_again_and_again_does_not_fill_the_events_with_that(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("often", desired(access=[ALICE, BOB])))
    cluster.simulator.inject(service="identitystore", operation="DeleteGroupMembership", **BAD_KEY)
    changed = cluster.order("often", desired(access=[ALICE]))

    def attempts() -> int:
        found = cluster.connector.store.replications.find(changed)
        return max(step.attempts for step in found.steps) if found is not None else 0

    eventually(lambda: attempts() > 3)
    told = cluster.connector.store.events.newest(cluster.tenant_id("often"), 1000)
    assert len([each for each in told if each.get("code") == BAD_KEY["code"]]) == 1
    waited = [each for each in told if each.get("replication") == changed and each.get("state") == State.WAITING]
    assert len(waited) <= 2, "the replication, and its step"
