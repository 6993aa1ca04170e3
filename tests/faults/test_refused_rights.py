"""The platform's own role lacks a right: its tenants wait together for that, and whatever needs it not goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tasks.documents import Matter, MatterKind
from tasks.model.replication import Replication, State
from tasks.overview.overview import overview
from tests.faults.test_sign_in import parked, probing
from tests.support.cluster import ONE_ROLE, PLATFORM, Cluster, desired, running_cluster
from tests.support.waiting import eventually
from workers.sandbox import organization

TENANTS = 4
BOUND = 15.0  # seconds until nobody is in who should not be, once AWS allows it
ALICE = {"username": "alice", "euid": "alice@example.com", "roles": ["admin"]}
BOB = {"username": "bob", "euid": "bob@example.com", "roles": ["user"]}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("rights"), CONNECTOR_ROLE_PROPAGATION_SECONDS="0.5") as running:
        yield running


@pytest.fixture(autouse=True)
def allowed_again(cluster: Cluster) -> Iterator[None]:
    yield
    cluster.simulator.allow_all()
    cluster.simulator.clear_faults()


def shown(cluster: Cluster, replication: str) -> Replication:
    found = cluster.connector.store.replications.find(replication)
    assert found is not None
    return found


def states(replication: Replication) -> dict[str, State]:
    return {step.name: step.state for step in replication.steps}


def members(cluster: Cluster, project: str) -> set[str]:
    groups = cluster.simulator.state()["identity_store"]["groups"]
    return {each for group in groups if f".{project}." in group["name"] for each in group["members"]}


def test_tenants_wait_for_a_right_together_while_other_calls_go_on(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("before", ONE_ROLE))
    cluster.simulator.deny("organizations:CreateAccount")
    waiting = [cluster.order(f"new{number}", ONE_ROLE) for number in range(TENANTS)]
    eventually(lambda: parked(cluster.connector, waiting) and len(probing(cluster, waiting)) == 1)
    cluster.succeeded(cluster.order("before", desired(access=[ALICE])))

    def all_of_them() -> Matter | None:  # but for a moment in which one of them probes
        return next((each for each in overview(cluster.connector).needs if each.number == TENANTS), None)

    matter = eventually(all_of_them)
    assert matter.kind is MatterKind.PARKED
    assert matter.what == f"AWS refuses the permission organizations:CreateAccount of {PLATFORM}."
    assert (matter.detail or "").startswith("AccessDeniedException: organizations:CreateAccount: User: ")
    assert (matter.remedy or "").startswith("Allow organizations:CreateAccount in the policy of the role")
    assert (matter.remedy or "").endswith("All tenants that wait for it then continue automatically.")

    cluster.simulator.allow_all()
    for replication in waiting:
        cluster.succeeded(replication)


def test_what_needs_the_right_not_goes_on_and_ends_without_a_failure(cluster: Cluster) -> None:
    cluster.simulator.deny("cloudformation:CreateStackInstances")
    replication = cluster.order("partly", desired("production", access=[ALICE]))
    eventually(lambda: shown(cluster, replication).gate is not None)

    found = shown(cluster, replication)
    assert found.gate == f"permission cloudformation:CreateStackInstances of {PLATFORM}"
    assert states(found)["deploy_stack_instances"] is State.WAITING
    assert states(found)["assign_permission_sets"] is State.SUCCEEDED
    assert members(cluster, "partly") == {"alice@example.com"}

    cluster.simulator.allow_all()
    cluster.succeeded(replication)


def test_what_is_refused_to_one_tenant_only_fails_it(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("one", ONE_ROLE))
    cluster.succeeded(cluster.order("other", ONE_ROLE))
    account = cluster.account("one")["id"]
    fault: dict[str, Any] = {"operation": "MoveAccount", "code": "AccessDeniedException", "status": 400, "times": -1}
    cluster.simulator.inject(match={"AccountId": account}, **fault)
    for project in ("one", "other"):
        moved = cluster.account(project)["id"]
        cluster.simulator.operator("move_account", account=moved, parent_id=organization.QUARANTINE_OU_ID)
    refused = cluster.order("one", {**ONE_ROLE, "tenantPlatformNumber": 7})

    def ended() -> Replication | None:
        """Look whether it has ended, and let AWS move another account meanwhile."""
        moved = cluster.account("other")["id"]
        cluster.simulator.operator("move_account", account=moved, parent_id=organization.QUARANTINE_OU_ID)
        cluster.succeeded(cluster.retry("other", first="withdraw_access"))
        found = shown(cluster, refused)
        return found if found.state is State.FAILED else None

    failed = eventually(ended)
    assert states(failed)["move_to_ou"] is State.FAILED
    assert failed.last_error is not None
    assert "Allow the call in the policy" in failed.last_error.remedy
    assert failed.last_error.remedy.endswith("then retry.")


def test_who_must_go_is_out_as_soon_as_aws_allows_it(cluster: Cluster) -> None:
    projects = ("left1", "left2")
    for project in projects:
        cluster.succeeded(cluster.order(project, desired(access=[ALICE, BOB])))
    cluster.simulator.deny("identitystore:DeleteGroupMembership")
    changed = [cluster.order(project, desired(access=[ALICE])) for project in projects]
    eventually(lambda: parked(cluster.connector, changed))
    assert len(probing(cluster, changed)) == len(changed)  # whoever takes access away looks by itself

    cluster.simulator.allow_all()
    eventually(lambda: all(members(cluster, project) == {"alice@example.com"} for project in projects), BOUND)
    for replication in changed:
        cluster.succeeded(replication)


def test_who_tries_again_and_again_does_not_fill_the_events_with_that(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("often", desired(access=[ALICE, BOB])))
    cluster.simulator.deny("identitystore:DeleteGroupMembership")
    changed = cluster.order("often", desired(access=[ALICE]))
    eventually(lambda: attempts(cluster, changed) > 3)

    told = cluster.connector.store.events.newest(cluster.tenant_id("often"), 1000)
    refused = [each for each in told if each.get("code") == "AccessDeniedException"]
    assert len(refused) == 1
    waited = [each for each in told if each.get("replication") == changed and each.get("state") == State.WAITING]
    assert len(waited) <= 2, "the replication, and its step"


def attempts(cluster: Cluster, replication: str) -> int:
    return max(step.attempts for step in shown(cluster, replication).steps)
