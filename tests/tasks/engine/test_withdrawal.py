"""Who is not ordered any more is out within seconds, whatever the tenant waits for: real workers, a real order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tasks.model.replication import State
from tasks.orders.deletion import request_deletion
from tests.support.cluster import Cluster, desired, running_cluster
from tests.support.waiting import eventually

BOUND = 15.0  # seconds from the accepted order, as docs/security.md promises
ALICE = {"username": "alice", "euid": "alice@example.com", "roles": ["admin"]}
BOB = {"username": "bob", "euid": "bob@example.com", "roles": ["user", "reader"]}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("withdrawal")) as running:
        yield running


def members(cluster: Cluster, project: str) -> set[str]:
    groups = cluster.simulator.state()["identity_store"]["groups"]
    return {each for group in groups if f".{project}." in group["name"] for each in group["members"]}


def given(cluster: Cluster, project: str) -> None:
    cluster.succeeded(cluster.order(project, desired(access=[ALICE, BOB])))
    assert members(cluster, project) == {"alice@example.com", "bob@example.com"}


def test_while_the_tenant_waits_for_its_stack(cluster: Cluster) -> None:
    given(cluster, "waits")
    cluster.simulator.set_options(stack_seconds=600)
    try:
        changed = desired(access=[ALICE, BOB], project={"createdBy": {"email": "second@example.com"}})
        waiting = cluster.order("waits", changed)
        cluster.until_waiting(waiting, "deploy_access_stack")

        cluster.order("waits", {**changed, "access": [ALICE]})
        eventually(lambda: members(cluster, "waits") == {"alice@example.com"}, BOUND)
    finally:
        cluster.simulator.set_options(stack_seconds=0.1)
    replaced = cluster.connector.store.replications.find(waiting)
    assert replaced is not None
    assert replaced.state is State.CANCELLED


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "DescribeAccount", "kind": "error", "code": "AccessDeniedException"},
        *(
            pytest.param({"operation": operation, "kind": "error", "code": code}, marks=pytest.mark.thorough)
            for operation, code in (("DescribeAccount", "ServiceException"), ("UpdateStack", "LimitExceededException"))
        ),
    ],
    ids=lambda fault: f"{fault['operation']} {fault['code']}",
)
def test_whatever_else_aws_refuses(cluster: Cluster, fault: dict[str, Any]) -> None:
    project = f"refused{fault['code'][:3].lower()}"
    given(cluster, project)
    cluster.simulator.inject(**fault, times=1000)
    try:
        cluster.order(project, desired(access=[ALICE], project={"createdBy": {"email": "second@example.com"}}))
        eventually(lambda: members(cluster, project) == {"alice@example.com"}, BOUND)
    finally:
        cluster.simulator.clear_faults()


def test_a_deletion_takes_everybody_out_before_it_looks_for_the_account(cluster: Cluster) -> None:
    given(cluster, "deleted")
    cluster.simulator.inject(operation="DescribeAccount", kind="error", code="AccessDeniedException", times=1000)
    record = cluster.connector.store.tenants.find(cluster.tenant_id("deleted"))
    assert record is not None
    try:
        request_deletion(record, cluster.connector, by=None)
        eventually(lambda: members(cluster, "deleted") == set(), BOUND)
    finally:
        cluster.simulator.clear_faults()


def test_a_retry_from_a_later_step_does_not_skip_it(cluster: Cluster) -> None:
    given(cluster, "later")
    fault = {"operation": "DeleteGroupMembership", "kind": "error", "code": "AccessDeniedException"}
    cluster.simulator.inject(**fault, times=1000)
    failed = cluster.ended(cluster.order("later", desired(access=[ALICE])))
    cluster.simulator.clear_faults()
    assert failed.state is State.FAILED

    cluster.succeeded(cluster.retry("later", first="assign_permission_sets"))

    assert members(cluster, "later") == {"alice@example.com"}
