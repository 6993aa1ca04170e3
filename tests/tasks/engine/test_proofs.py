"""Nothing is touched that does not prove to be ours, from the order to its end: real workers, AWS over its wire."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.model.replication import State
from tasks.names import TENANT_TAG
from tasks.orders.producer import RequestRefused
from tests.support.cluster import ACCESS, ONE_ROLE, Cluster, configuration, desired, running_cluster
from workers.sandbox import organization

ANOTHER = "777777777777"  # the automation account of the other platform of the organization
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
    other = Path(documents) / "platform-scim.yaml"
    other.write_text(other.read_text().replace(organization.AUTOMATION_ACCOUNT_ID, ANOTHER))
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


@pytest.mark.thorough
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
        "the group 'mst-7.admin' belongs to tenant likvid.first.aws.sandbox, AWS role admin, not to tenant "
        "likvid.second.aws.sandbox, AWS role admin"
    )
    assert "groupNamePattern" in error.remedy
    assert [step.name for step in refused.steps if step.state is State.FAILED] == ["sync_groups"]
    assert groups(cluster, 7) == {"mst-7.admin": ["alice@example.com"]}
    assert (len(assigned(cluster, "first")), assigned(cluster, "second")) == (1, [])

    cluster.succeeded(cluster.order("second", {**second, "tenantPlatformNumber": 8}))
    cluster.succeeded(cluster.order("first", {**first, "access": []}))
    assert (groups(cluster, 7), groups(cluster, 8)) == ({}, {"mst-8.admin": ["carol@example.com"]})


def test_an_account_is_found_by_its_tag_when_all_else_is_forgotten(cluster: Cluster) -> None:
    numbered = {**ONE_ROLE, "tenantPlatformNumber": 20}
    cluster.succeeded(cluster.order("renamed", numbered))
    made = cluster.simulator.operator("create_account", name="older", email="older@example.org")["account"]
    cluster.succeeded(cluster.order("imported", {**numbered, "tenantPlatformNumber": 21, "platformTenantId": made}))
    before = cluster.account("renamed")["id"]
    cluster.simulator.operator("rename_account", account=before, name="ours now", email="owner@example.org")
    cluster.redis.client.flushall()
    mark = cluster.simulator.mark()

    renamed = cluster.succeeded(cluster.order("renamed", numbered))
    imported = cluster.succeeded(cluster.order("imported", {**numbered, "tenantPlatformNumber": 21}))

    assert (renamed.account_id, imported.account_id) == (before, made)
    # What templates are told of the account has changed; else nothing.
    assert {call.operation for call in cluster.simulator.writes_since(mark)} <= {"UpdateStackInstances", "UpdateStack"}


@pytest.mark.parametrize(
    "first",
    [pytest.param(None, marks=pytest.mark.thorough), "assign_permission_sets"],
    ids=["from the start", "from a later step on"],
)
def test_in_an_account_that_is_another_tenants_by_now_nothing_goes_on(cluster: Cluster, first: str | None) -> None:
    project, number = ("handed", 40) if first is None else ("later", 41)
    order = desired(access=ACCESS, tenantPlatformNumber=number)
    cluster.succeeded(cluster.order(project, order))
    account = cluster.account(project)["id"]
    cluster.simulator.operator("tag_account", account=account, tags={TENANT_TAG: "likvid.another.aws.sandbox"})
    mark = cluster.simulator.mark()

    changed = {**order, "landingZone": "production"}
    failed = cluster.ended(cluster.order(project, changed) if first is None else cluster.retry(project, first))

    assert failed.last_error is not None
    assert failed.last_error.code == "AnotherTenant"
    assert [step.name for step in failed.steps if step.state is State.FAILED] == ["tag_account"]
    assert assigned(cluster, project) == []
    assert set().union(*groups(cluster, number).values()) == set()
    assert {call.operation for call in cluster.simulator.writes_since(mark)} <= {
        "DeleteGroupMembership",
        "DeleteAccountAssignment",
    }


def test_while_tags_are_read_the_replication_says_how_far_it_is(cluster: Cluster) -> None:
    for number in range(100):
        cluster.simulator.operator("create_account", name=f"x{number}", email=f"x{number}@example.org")
    cluster.redis.client.flushall()

    replications = [
        cluster.order(f"waits{number}", {**ONE_ROLE, "tenantPlatformNumber": 30 + number}) for number in (0, 1)
    ]

    notes = [
        event["note"]
        for replication in replications
        if cluster.succeeded(replication)
        for event in events(cluster, replication)
        if event.get("name") == "create_account" and event.get("note")
    ]
    assert [note for note in notes if note.startswith("reading the tags of the organization's accounts: 40 of 1")]
    names = Counter(account["name"] for account in cluster.simulator.state()["accounts"].values())
    assert (names["likvid.waits0"], names["likvid.waits1"]) == (1, 1)


def test_no_tenant_imports_an_account_by_which_another_platform_works(cluster: Cluster) -> None:
    with pytest.raises(RequestRefused, match=r"is the automation account of aws-scim\.sandbox"):
        cluster.order("greedy", desired(platformTenantId=ANOTHER))


def events(cluster: Cluster, replication: str) -> list[dict[str, Any]]:
    """Return what was told of a replication's steps, the oldest first."""
    found = cluster.connector.store.replications.find(replication)
    assert found is not None
    rows = cluster.redis.client.xrange(f"connector:events:{found.tenant}")
    told = [json.loads(fields["data"]) for _, fields in rows]
    return [event for event in told if event["type"] == "step" and event["replication"] == replication]
