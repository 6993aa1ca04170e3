"""Nothing is touched that does not prove to be ours, from the order to its end: real workers, AWS over its wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.model.replication import State
from tests.support.cluster import ACCESS, Cluster, configuration, desired, running_cluster

BY_NUMBER = '"#{tenantPlatformNumber}.#{platformGroupAlias}"'


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a cluster whose groups are named by the number that an order gives: two orders may give the same."""
    directory = tmp_path_factory.mktemp("cluster")
    documents = configuration(directory)
    platform = Path(documents) / "platform.yaml"
    usual = '"#{workspaceIdentifier}.#{projectIdentifier}.#{platformGroupAlias}"'
    assert usual in platform.read_text()
    platform.write_text(platform.read_text().replace(usual, BY_NUMBER))
    with running_cluster(directory, CONNECTOR_CONFIG_DIR=documents) as running:
        yield running


def groups(cluster: Cluster, number: int) -> dict[str, list[str]]:
    """Return the members of the groups of a number."""
    found = cluster.simulator.state()["identity_store"]["groups"]
    return {group["name"]: group["members"] for group in found if group["name"].startswith(f"mst-{number}.")}


def assigned(cluster: Cluster, project: str) -> list[dict[str, Any]]:
    """Return what is assigned in a tenant's account."""
    account, state = cluster.account(project)["id"], cluster.simulator.state()
    return [row for row in state["identity_center"]["assignments"] if row["AccountId"] == account]


def test_two_projects_whose_groups_meet(cluster: Cluster) -> None:
    first = desired(access=ACCESS[:1], tenantPlatformNumber=7)
    second = desired(access=[{"username": "carol", "euid": "carol@example.com", "roles": ["admin"]}])
    cluster.succeeded(cluster.order("first", first))

    refused = cluster.ended(cluster.order("second", {**second, "tenantPlatformNumber": 7}))

    assert refused.state is State.FAILED
    error = refused.last_error
    assert error is not None
    assert error.code == "ForeignGroup"
    assert error.message == (
        "the group 'mst-7.admin' is that of tenant likvid.first.aws.sandbox, AWS role admin, and not of tenant "
        "likvid.second.aws.sandbox, AWS role admin"
    )
    assert "groupNamePattern" in error.remedy
    assert [step.name for step in refused.steps if step.state is State.FAILED] == ["sync_groups"]
    assert groups(cluster, 7) == {"mst-7.admin": ["alice@example.com"]}
    assert (len(assigned(cluster, "first")), assigned(cluster, "second")) == (1, [])

    cluster.succeeded(cluster.order("second", {**second, "tenantPlatformNumber": 8}))
    cluster.succeeded(cluster.order("first", {**first, "access": []}))
    assert (groups(cluster, 7), groups(cluster, 8)) == ({}, {"mst-8.admin": ["carol@example.com"]})
