"""A plan says what a replication would change, changes nothing, and the replication then does exactly that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from config.platform import AccountClosure
from tasks import questions
from tasks.aws.actions import Principal
from tasks.aws.session import Sessions
from tasks.chain import DELETION, REPLICATION
from tasks.documents import Plan, QuestionState
from tasks.model.desired import Desired, Tenant, TenantId
from tasks.model.handles import Handles
from tasks.names import TENANT_TAG
from tasks.orders.deletion import request_deletion
from tasks.orders.producer import replicate
from tasks.organization.tag_index import SharedTagIndex
from tasks.questions.kinds import PLAN, plan_text
from tasks.questions.plan import NothingToPlan, Planner, make_plan
from tasks.resolve import resolved
from tasks.state.questions import Question
from tasks.step import Chain
from tasks.worker import Worker
from tests.policies.replications import (
    Replications,
    change_roles,
    create_and_change,
    delete,
    fail_and_repair,
    guard,
    published,
    take_access_away,
)
from tests.support import drifts
from tests.support.cluster import ACCESS, PLATFORM, QUICK, Cluster, configuration, desired, running_cluster
from tests.support.saml import saml_metadata
from tests.support.waiting import eventually
from tests.tasks.steps.world import World
from workers.sandbox import organization


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    documents = configuration(directory, "control-tower.yaml", "federation.yaml", "function.yaml")
    (Path(documents) / "saml-metadata.xml").write_text(saml_metadata())
    still = QUICK.model_copy(update={"lag_seconds": 0})  # a plan is made of what AWS shows
    with running_cluster(
        directory, options=still, CONNECTOR_CONFIG_DIR=documents, CONNECTOR_VISIBILITY_GRACE_SECONDS="0.001"
    ) as running:
        yield running


def planned(cluster: Cluster, project: str, body: dict[str, Any] | None = None, platform: str = PLATFORM) -> Plan:
    """Plan in this process, and see that nothing was written."""
    mark = cluster.simulator.mark()
    wanted = None if body is None else Desired.model_validate(body)
    before = cluster.connector.store.tenants.find(TenantId("likvid", project, platform))
    plan = make_plan(cluster.worker, TenantId("likvid", project, platform), wanted)
    assert cluster.simulator.writes_since(mark) == []
    assert cluster.connector.store.tenants.find(TenantId("likvid", project, platform)) == before
    return plan


def calls(plan: Plan) -> Counter[str]:
    return Counter(change.call for step in plan.steps for change in step.changes)


def carried_out(cluster: Cluster, project: str, body: dict[str, Any], platform: str = PLATFORM) -> Counter[str]:
    """Replicate, and count the writes as plans name them."""
    mark = cluster.simulator.mark()
    cluster.succeeded(replicate("likvid", project, platform, body, connector=cluster.connector).replication)
    return Counter(
        f"{call.service}:{snake(call.operation)}" for call in cluster.simulator.writes_since(mark) if call.performed
    )


def snake(operation: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", operation).lower()


def sentences(plan: Plan) -> list[str]:
    return [change.sentence for step in plan.steps for change in step.changes]


def test_a_new_tenant_is_made_as_planned_and_then_nothing_is_planned(cluster: Cluster) -> None:
    project, platform, body = "governed", "aws-governed.sandbox", desired("control-tower")

    plan = planned(cluster, project, body, platform)

    assert [step.error for step in plan.steps if step.error] == []
    assert plan.changes == sum(calls(plan).values())
    assert calls(plan) == carried_out(cluster, project, body, platform)
    again = planned(cluster, project, platform=platform)
    assert (again.changes, again.errors) == (0, 0), again


def test_a_change_is_made_as_planned_and_reads_like_a_diff(cluster: Cluster) -> None:
    carried_out(cluster, "changed", desired())
    account = cluster.account("changed")["id"]
    people = [*ACCESS[:1], {"username": "carol", "euid": "carol@example.com", "roles": ["user"]}]
    creator = {"createdBy": {"email": "dave@example.com"}}
    body = desired(access=people, project=creator)
    cluster.simulator.operator("move_account", account=account, parent_id=organization.PRODUCTION_OU_ID)

    plan = planned(cluster, "changed", body)

    assert plan.errors == 0
    told = sentences(plan)
    assert f"move {account} from {organization.PRODUCTION_OU_ID} to {organization.DEVELOPMENT_OU_ID}" in told
    assert "remove bob@example.com from group mst-likvid.changed.user" in told
    assert "add carol@example.com to group mst-likvid.changed.user" in told
    assert "delete group mst-likvid.changed.reader" in told
    [stack] = [each for each in told if each.startswith("update stack meshstack-cf-access")]
    assert stack.endswith("ContactEmail = dave@example.com (currently unknown)")
    assert calls(plan) == carried_out(cluster, "changed", body)
    assert planned(cluster, "changed", body).changes == 0


def test_a_deletion_is_planned_to_its_end_although_it_waits_for_a_person(cluster: Cluster) -> None:
    carried_out(cluster, "leaving", desired("production"))
    record = cluster.connector.store.tenants.find(cluster.tenant_id("leaving"))
    assert record is not None
    deletion = request_deletion(record, cluster.connector, by="test").replication
    eventually(lambda: "requires approval" in str(cluster.connector.store.replications.find(deletion)))

    plan = planned(cluster, "leaving")

    assert plan.chain == "deletion"
    assert [step.name for step in plan.steps if step.waiting] == ["await_approval"]
    assert calls(plan)["identitystore:delete_group"] == 2
    assert calls(plan)["organizations:move_account"] == 1


def test_what_would_fail_is_said_and_what_needs_it_is_not_planned(cluster: Cluster) -> None:
    cluster.simulator.deny("cloudformation:DescribeStackSet")

    plan = planned(cluster, "failing", desired())

    cluster.simulator.allow_all()
    failed = {step.name: step for step in plan.steps if step.error is not None}
    assert list(failed) == ["deploy_stack_instances"]
    assert plan.errors == 1
    assert "AccessDenied" in failed["deploy_stack_instances"].note
    assert calls(plan)["identitystore:create_group"] == 3
    report = next(step for step in plan.steps if step.name == "report")
    assert report.note == "cannot be planned before deploy_stack_instances"


def test_a_worker_plans_what_the_api_was_asked_for(cluster: Cluster) -> None:
    wanted = Desired.model_validate(desired(access=[]))
    asked = questions.ask(cluster.connector, PLAN, "mine", plan_text(cluster.tenant_id("asked"), wanted))

    def answered() -> Question | None:
        found = questions.look(cluster.connector, asked.id)
        return found if found is not None and found.state is not QuestionState.PENDING else None

    found = eventually(answered)
    assert found is not None
    plan = Plan.model_validate(found.answer)
    assert plan.tenant == "likvid.asked.aws.sandbox"
    [first, *_] = [change for step in plan.steps for change in step.changes]
    assert first.sentence.startswith("create account likvid.asked ")
    assert cluster.connector.store.tenants.find(cluster.tenant_id("asked")) is None


def test_nobody_plans_what_nobody_has_ordered(cluster: Cluster) -> None:
    with pytest.raises(NothingToPlan, match="Nobody has ordered"):
        make_plan(cluster.worker, cluster.tenant_id("unknown"), None)


def test_a_plan_knows_the_tags_that_others_have_read_and_reads_none_of_all(cluster: Cluster) -> None:
    tenant = TenantId("likvid", "found", PLATFORM)
    account = cluster.simulator.operator("create_account", name="older", email="older@example.org")["account"]
    cluster.simulator.operator("tag_account", account=account, tags={TENANT_TAG: str(tenant)})
    index = SharedTagIndex(cluster.connector.store, organization.MANAGEMENT_ACCOUNT_ID)
    index.note(account, str(tenant), datetime.now(UTC))
    before = {key: cluster.redis.client.dump(key) for key in cluster.redis.client.keys("connector:tag*")}

    plan = planned(cluster, "found", desired())

    assert "organizations:create_account" not in calls(plan)
    assert f"move {account} from" in " ".join(sentences(plan))
    assert {key: cluster.redis.client.dump(key) for key in cluster.redis.client.keys("connector:tag*")} == before


@pytest.mark.parametrize("platform", [PLATFORM, "aws-scim.sandbox"])
def test_a_group_of_that_name_that_is_not_ours_is_in_the_plan_of_a_new_tenant(cluster: Cluster, platform: str) -> None:
    scim = platform != PLATFORM
    project = "taken-by-scim" if scim else "taken"
    name = f"mst-likvid.{project}.{'scim.' if scim else ''}admin"
    cluster.simulator.operator("add_group", name=name, user_names=["dave@example.com"])

    plan = planned(cluster, project, desired("development-scim" if scim else "development", access=ACCESS), platform)

    [step] = [step for step in plan.steps if step.name == "sync_groups"]
    assert step.error is not None
    assert step.error.code == "ForeignGroup"
    assert not [change for change in step.changes if name in change.sentence]


@pytest.mark.parametrize("platform", [PLATFORM, "aws-scim.sandbox"])
def test_a_group_that_would_be_adopted_is_in_the_plan(cluster: Cluster, platform: str) -> None:
    known = cluster.connector.catalog.platforms[platform]
    access = "scim" if known.scim else "identity_store"
    adopting = known.model_copy(update={access: getattr(known, access).model_copy(update={"adopt_groups": True})})
    catalog = replace(cluster.connector.catalog, platforms={**cluster.connector.catalog.platforms, platform: adopting})
    project = f"adopted-by-{access.replace('_', '-')}"
    body = desired("development-scim" if known.scim else "development", access=ACCESS[:1])
    carried_out(cluster, project, {**body, "access": []}, platform)
    name = f"mst-likvid.{project}.{'scim.' if known.scim else ''}admin"
    group = cluster.simulator.operator("add_group", name=name, user_names=["dave@example.com"])["group"]
    tenant = TenantId("likvid", project, platform)
    record = cluster.connector.store.tenants.find(tenant)
    assert record is not None
    account = record.handles.account_id or ""
    access_there = cluster.worker.sessions.management(known, "sso-admin")
    access_there.create_account_assignment(
        InstanceArn=organization.INSTANCE_ARN,
        TargetId=account,
        TargetType="AWS_ACCOUNT",
        PermissionSetArn=organization.ADMIN_PERMISSION_SET_ARN,
        PrincipalType="GROUP",
        PrincipalId=group,
    )
    cluster.simulator.operator("pass_time", seconds=5)
    mark = cluster.simulator.mark()
    forgotten = replace(record.handles, groups={})  # as after a first look without the operator's word

    asked = resolved(catalog, tenant, Desired.model_validate(body), forgotten, None)
    plan = Planner(replace(cluster.worker, catalog=catalog), asked, REPLICATION, forgotten).plan()

    assert cluster.simulator.writes_since(mark) == []
    assert [change.sentence for step in plan.steps if step.name == "sync_groups" for change in step.changes] == [
        f"adopt group {name} for tenant {tenant}, AWS role admin",
        f"remove {organization.USERS['dave@example.com']} from group {name}",
        f"add alice@example.com to group {name}",
    ]


@dataclass
class Foretold(Replications):
    """Whole replications, each of which must do what was planned right before it."""

    worker: Worker = None  # type: ignore[assignment]  # always given
    plans: int = 0

    def plan(self, tenant: Tenant, chain: Chain) -> Plan:
        """Plan as `make_plan` does, for a tenant that no store has."""
        mark = self.world.simulator.mark()
        plan = Planner(self.worker, tenant, chain, self.handles.get(tenant.id.project, Handles())).plan()
        assert self.world.simulator.writes_since(mark) == []
        self.plans += 1
        return plan

    def replicate(self, tenant: Tenant) -> Handles:
        """Plan, replicate, compare."""
        plan, mark = self.plan(tenant, REPLICATION), self.world.simulator.mark()
        handles = super().replicate(tenant)
        self.compare(plan, mark)
        return handles

    def delete(self, tenant: Tenant) -> None:
        """Plan, delete, compare."""
        plan, mark = self.plan(tenant, DELETION), self.world.simulator.mark()
        super().delete(tenant)
        self.compare(plan, mark)

    def restrict(self, account_id: str) -> None:
        """Leave the access role as AWS makes it: that is what plans expect."""

    def compare(self, plan: Plan, mark: int) -> None:
        """Check that what was sent is what was planned; an account that must let us in first hides the rest."""
        sent = Counter(
            f"{call.service}:{snake(call.operation)}"
            for call in self.world.simulator.writes_since(mark)
            if call.performed
        )
        if any(step.error and step.error.code == "NotPlannable" for step in plan.steps):
            assert calls(plan) <= sent
        else:
            assert calls(plan) == sent, plan


@pytest.mark.parametrize(
    ("platform", "zone", "by_hand"),
    [
        (PLATFORM, "development", {**drifts.EVERYWHERE, "drop_stack": drifts.drop_stack, **drifts.IDENTITY_CENTER}),
        pytest.param(
            *("aws-scim.sandbox", "development-scim", {**drifts.EVERYWHERE, **drifts.IDENTITY_CENTER}),
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            *("aws-federated.sandbox", "federated", {**drifts.EVERYWHERE, **drifts.FEDERATION}),
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_whatever_has_drifted_is_repaired_and_deleted_as_planned(
    cluster: Cluster, platform: str, zone: str, by_hand: Mapping[str, drifts.Drift]
) -> None:
    at_once = timedelta()  # what is changed by hand is looked for right after it
    world = World(cluster.simulator, Sessions(), workspace="drifts", visibility_grace=at_once)
    of = Foretold(world, cluster.connector.catalog, worker=replace(cluster.worker, sessions=world.sessions))
    closure = AccountClosure(organizational_units=(organization.QUARANTINE_OU_ID,))
    on = of.catalog.platforms[platform].model_copy(update={"account_closure": closure})
    automatic = {"automate_deletion_approval": True, "automate_deletion_replication": True}
    tenant = of.tenant(zone, zone=zone, platform=on, landing_zone=automatic)
    handles, chosen = of.replicate(tenant), Random(zone)

    for several in (2, len(by_hand)):
        for name in chosen.sample(sorted(by_hand), several):
            by_hand[name](world, tenant, handles)
        handles = of.replicate(tenant)
    assert of.plan(tenant, REPLICATION).changes == 0

    drifts.move(world, tenant, handles)
    of.delete(tenant)
    assert world.simulator.state()["accounts"][handles.account_id]["state"] in ("PENDING_CLOSURE", "SUSPENDED")


def test_everything_that_a_replication_may_do_is_planned(cluster: Cluster) -> None:
    world = World(cluster.simulator, Sessions(), workspace="least", visibility_grace=timedelta(seconds=2))
    of = Foretold(world, cluster.connector.catalog, worker=replace(cluster.worker, sessions=world.sessions))
    of.allow_management(published(of.platform)[Principal.MANAGEMENT_ROLE].policy)
    cluster.simulator.set_options(creation_seconds=0.05, role_delay_seconds=0)

    for part in (create_and_change, take_access_away, fail_and_repair, change_roles, guard, delete):
        part(of)

    assert of.plans > 12
