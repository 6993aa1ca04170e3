"""A tenant in each state that there is, and then an order without one of its people: how soon is that person out?

As somebody from outside would try it: real workers with the lease of production, and an AWS that shows its writes late
and throttles. All tenants are brought into their state first; then all orders come at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from config.catalog import load_catalog
from tasks.orders.deletion import request_deletion
from tests.support.cluster import PLATFORM, QUICK, Cluster, configuration, desired, running_cluster
from tests.support.waiting import eventually, patience
from workers.sandbox import organization

pytestmark = pytest.mark.thorough
QUIET = 4.0  # seconds for which nothing changes any more: longer than AWS's lag
BOUND = 15.0  # seconds from the accepted order, as docs/security.md promises
ALICE = {"username": "alice", "euid": "alice@example.com", "roles": ["admin"]}
BOB = {"username": "bob", "euid": "bob@example.com", "roles": ["user", "reader"]}
BOTH, ONE = desired(access=[ALICE, BOB]), desired(access=[ALICE])
SECOND = {"createdBy": {"email": "second@example.com"}}

Bring = Callable[[Cluster, str], None]
GONE = "its-landing-zone-is-gone"
states: dict[str, Bring] = {}  # by project


def state(bring: Bring) -> Bring:
    """Bring a tenant, with both people in, into the state that the function's name says."""
    states[bring.__name__.replace("_", "-")] = bring
    return bring


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("states")
    options = QUICK.model_copy(update={"lag_seconds": 1.5})
    with running_cluster(
        directory,
        2,
        options,
        CONNECTOR_CONFIG_DIR=configuration(directory),
        CONNECTOR_LEASE_SECONDS="6",
        CONNECTOR_VISIBILITY_GRACE_SECONDS="20",
        CONNECTOR_WORKER_CONCURRENCY="16",
    ) as running:
        yield running


def account(cluster: Cluster, project: str) -> str:
    return str(cluster.account(project)["id"])


def inject(cluster: Cluster, operation: str, code: str, match: dict[str, str] | None = None, **more: Any) -> None:
    cluster.simulator.inject(operation=operation, kind="error", code=code, times=-1, match=match or {}, **more)


@state
def at_rest(cluster: Cluster, project: str) -> None:
    """Nothing is under way."""


@state
def waits_for_its_stack(cluster: Cluster, project: str) -> None:
    cluster.until_waiting(cluster.order(project, {**BOTH, "project": SECOND}), "deploy_access_stack")


@state
def describe_account_denied(cluster: Cluster, project: str) -> None:
    inject(cluster, "DescribeAccount", "AccessDeniedException", {"AccountId": account(cluster, project)}, status=400)
    cluster.ended(cluster.order(project, {**BOTH, "project": SECOND}))


@state
def organizations_fails(cluster: Cluster, project: str) -> None:
    inject(cluster, "DescribeAccount", "ServiceException", {"AccountId": account(cluster, project)})
    cluster.until_waiting(cluster.order(project, {**BOTH, "project": SECOND}), "wait_for_account")


@state
def parked(cluster: Cluster, project: str) -> None:
    fields = {"Reason": "ACCOUNT_NUMBER_LIMIT_EXCEEDED"}
    inject(
        cluster,
        "ListTagsForResource",
        "ConstraintViolationException",
        {"ResourceId": account(cluster, project)},
        status=400,
        fields=fields,
    )
    cluster.until_waiting(cluster.order(project, {**BOTH, "project": SECOND}), "tag_account")


@state
def parked_in_another_step(cluster: Cluster, project: str) -> None:
    of = {"AccountId": account(cluster, project)}
    cluster.simulator.operator("move_account", account=of["AccountId"], parent_id=organization.QUARANTINE_OU_ID)
    fields = {"Reason": "ACCOUNT_NUMBER_LIMIT_EXCEEDED"}
    inject(cluster, "MoveAccount", "ConstraintViolationException", of, status=400, fields=fields)
    cluster.until_waiting(cluster.order(project, {**BOTH, "project": SECOND}), "move_to_ou")


@state
def its_stack_instance_is_outdated(cluster: Cluster, project: str) -> None:
    """By somebody's update of a part of the StackSet, which takes ten minutes."""
    platform = cluster.connector.catalog.platforms[PLATFORM]
    client = cluster.worker.sessions.automation(platform, "cloudformation", organization.REGION)
    where = {"Accounts": [account(cluster, project)], "Regions": [organization.REGION]}
    client.update_stack_set(StackSetName=organization.STACK_SET_NAME, UsePreviousTemplate=True, **where)
    cluster.retry(project, first="withdraw_access")


@state
def its_account_is_suspended(cluster: Cluster, project: str) -> None:
    cluster.simulator.operator("suspend_account", account=account(cluster, project))
    cluster.ended(cluster.order(project, {**BOTH, "project": SECOND}))


@state
def paused(cluster: Cluster, project: str) -> None:
    """Until the order has come; an older one has come before."""
    cluster.connector.store.pauses.pause(str(cluster.tenant_id(project)))
    cluster.order(project, {**BOTH, "project": SECOND})


@state
def failed(cluster: Cluster, project: str) -> None:
    inject(cluster, "ListParents", "AccessDeniedException", {"ChildId": account(cluster, project)}, status=400)
    cluster.ended(cluster.order(project, {**BOTH, "project": SECOND}))


@state
def the_same_order_runs(cluster: Cluster, project: str) -> None:
    cluster.retry(project, first="withdraw_access")


@state
def let_in_just_now(cluster: Cluster, project: str) -> None:
    cluster.succeeded(cluster.order(project, ONE))
    mark = cluster.simulator.mark()
    cluster.order(project, BOTH)
    eventually(lambda: any(call.operation == "CreateGroupMembership" for call in cluster.simulator.calls(mark)))


@state
def a_call_hangs(cluster: Cluster, project: str) -> None:
    inject_hang = {"operation": "TagResource", "match": {"ResourceId": account(cluster, project)}}
    cluster.simulator.inject(kind="delay", seconds=60, times=-1, **inject_hang)
    body = {**BOTH, "project": SECOND}
    cluster.until_running(cluster.order(project, body), "tag_account")


@state
def its_landing_zone_is_gone(cluster: Cluster, project: str) -> None:
    """As `zone_is_gone` does to all of them."""
    cluster.succeeded(cluster.order(project, desired("production", access=[ALICE, BOB])))


def zone_is_gone(cluster: Cluster) -> None:
    """Take a landing zone's document away, and restart the workers."""
    path = Path(cluster.environment["CONNECTOR_CONFIG_DIR"])
    document = path / "landing-zones.yaml"
    document.write_text(document.read_text().partition("\n---\n")[0])
    (path / "prices.yaml").unlink()  # names it
    for worker in [*cluster.workers]:
        cluster.kill(worker)
        cluster.start_worker()
    cluster.connector = replace(cluster.connector, catalog=load_catalog([path]))


def members(groups: list[dict[str, Any]], project: str) -> set[str]:
    return {each for group in groups if f".{project}." in group["name"] for each in group["members"]}


@pytest.mark.timeout(400)
def test_who_is_withdrawn_is_out_in_time(cluster: Cluster) -> None:
    deleted = "deleted"
    for replication in [cluster.order(project, BOTH) for project in (*states, deleted)]:
        cluster.succeeded(replication)
    cluster.simulator.set_options(stack_seconds=600, stack_operation_seconds=600)
    states[GONE](cluster, GONE)
    zone_is_gone(cluster)
    for project, bring in states.items():
        if project != GONE:
            bring(cluster, project)
    cluster.simulator.inject(service="identitystore", kind="throttle", times=-1, chance=0.2)

    waiting: dict[str, tuple[float, set[str]]] = {}
    for project in states:
        zone = "production" if project == GONE else "development"
        cluster.order(project, desired(zone, access=[ALICE]))
        cluster.connector.store.pauses.resume(str(cluster.tenant_id(project)))
        waiting[project] = monotonic(), {"alice@example.com"}
    record = cluster.connector.store.tenants.find(cluster.tenant_id(deleted))
    assert record is not None
    request_deletion(record, cluster.connector, by=None)
    waiting[deleted] = monotonic(), set()

    assert too_long(cluster, waiting) == {}


@pytest.mark.timeout(400)
def test_who_is_withdrawn_right_after_a_loss_of_redis_is_out_in_time(cluster: Cluster) -> None:
    """The workers are killed besides, and AWS throttles still; the tenants are in the states of before."""
    waiting: dict[str, tuple[float, set[str]]] = {}
    cluster.redis.client.flushall()
    for worker in [*cluster.workers]:
        cluster.kill(worker)
    for project in states.keys() - {GONE}:  # that one's order is refused: nobody knows the tenant any more
        cluster.order(project, desired(access=[]))
        waiting[project] = monotonic(), set()
    cluster.start_worker()

    assert too_long(cluster, waiting) == {}


def too_long(cluster: Cluster, waiting: dict[str, tuple[float, set[str]]]) -> dict[str, float]:
    """Return which tenants had members that they must not have for longer than allowed, and how long (s).

    waiting  project -> when its order was accepted, and its members by that
    """
    took = dict.fromkeys(waiting, 0.0)  # until when somebody was seen who must not be in, or is missing
    most = BOUND  # on a machine as busy as it was meanwhile

    def at_rest_for_a_while() -> bool:
        nonlocal most
        most = max(most, patience(BOUND))
        groups = cluster.simulator.state()["identity_store"]["groups"]
        now = monotonic()
        for project, (accepted, wanted) in waiting.items():
            if members(groups, project) != wanted:
                took[project] = now - accepted
        return all(
            now - accepted > seconds + QUIET
            for seconds, (accepted, _) in zip(took.values(), waiting.values(), strict=True)
        )

    eventually(at_rest_for_a_while)
    return {project: round(seconds, 1) for project, seconds in took.items() if seconds > most}
