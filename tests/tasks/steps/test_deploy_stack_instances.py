"""deploy_stack_instances: the account has its instances, with the tenant's parameters, one operation at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.landing_zone import StackSet
from tasks.aws import Aws, Lane
from tasks.aws.calls import Calls, Response
from tasks.aws.stack_sets import DetailedStatus, InstanceOperation, InstanceStatus, StackInstance, StackSets
from tasks.digest import digest
from tasks.errors import AccessDenied, LaneFull, NotFound, PermanentError, Throttled, Unanswered
from tasks.model.batch import Wants, joined
from tasks.model.desired import Tenant, TenantId
from tasks.model.handles import Deployment, Handles
from tasks.model.replication import Done, Wait
from tasks.stacks.instances import ENDED_BADLY, QUEUED_WITHIN, SHOWN_WITHIN, Sending, Standing, is_queued, judge, plan
from tasks.steps.deploy_stack_instances import deploy_stack_instances
from tests.support.waiting import eventually
from tests.tasks.steps.by_hand import by_hand
from tests.tasks.steps.world import World
from workers.sandbox import organization

HOME, AWAY = organization.REGION, "eu-west-1"
TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: unset}
  TagOwner: {Type: String, Default: unset}
  tagCostCenter: {Type: String, Default: unset}
Resources:
  Topic: {Type: "AWS::SNS::Topic"}
"""
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Baseline:
    """A StackSet of one test."""

    def __init__(self, world: World, name: str | None = None, template: str = TEMPLATE, **more: Any) -> None:
        self.world = world
        self.client: Any = world.sessions.automation(world.tenant().platform, "cloudformation", HOME)
        self.name = name or f"baseline-{world.workspace}"
        self.arn = f"arn:aws:cloudformation:{HOME}:{organization.AUTOMATION_ACCOUNT_ID}:stackset/{self.name}:1"
        with by_hand(world):
            self.client.create_stack_set(StackSetName=self.name, TemplateBody=template, **more)

    def tenant(self, *regions: str, cost_center: str = "1", name: str | None = None) -> Tenant:
        """A tenant whose landing zone has this StackSet."""
        stack_set = StackSet(
            arn=self.arn,
            name=name or self.name,
            account_id=organization.AUTOMATION_ACCOUNT_ID,
            region=HOME,
            regions=regions or (HOME,),
        )
        desired = {"project": {"tags": {"costCenter": [cost_center]}}}
        return self.world.tenant(desired=desired, landing_zone={"stack_set": stack_set})

    def instances(self) -> dict[str, tuple[str, dict[str, str]]]:
        """Status and overrides by region."""
        return {item["region"]: (item["status"], item["overrides"]) for item in self._shown()["instances"]}

    def accounts(self) -> dict[str, str]:
        """Status by account."""
        return {item["account"]: item["status"] for item in self._shown()["instances"]}

    def operations(self) -> list[str]:
        """The ids of all operations, oldest first."""
        return list(self._shown()["operations"])

    def change(self, template: str) -> None:
        """Give the StackSet another template, which an operation brings into all instances."""
        with by_hand(self.world):
            self.client.update_stack_set(StackSetName=self.name, TemplateBody=template)

    def remove(self, account_id: str | None, region: str) -> None:
        """Delete an instance; returns when it is gone."""
        with by_hand(self.world):
            self.client.delete_stack_instances(
                StackSetName=self.name, Accounts=[account_id], Regions=[region], RetainStacks=False
            )
        eventually(lambda: region not in self.instances())

    def fail(self, account_id: str | None, reason: str | None) -> None:
        """Let the stacks of this StackSet fail in an account."""
        self.world.simulator.operator("fail_stack", account=account_id, name=self.name, reason=reason)

    def _shown(self) -> dict[str, Any]:
        (found,) = [item for item in self.world.simulator.state()["stack_sets"] if item["name"] == self.name]
        return dict(found)


@pytest.fixture
def baseline(world: World) -> Baseline:
    return Baseline(world)


def free(world: World) -> bool:
    """Tell whether nobody holds a place in any lane."""
    return not any(world.places.taken.values())


def failure(world: World, tenant: Tenant, handles: Handles) -> PermanentError:
    with pytest.raises(PermanentError) as caught:
        world.finish(deploy_stack_instances, tenant, handles)
    return caught.value


def test_without_a_stack_set_nothing_is_asked(world: World) -> None:
    outcome, reads, writes = world.counted(deploy_stack_instances, world.tenant(), Handles(account_id="123456789012"))

    assert outcome == Done(Handles(account_id="123456789012"), "the landing zone has no StackSet")
    assert (reads, writes) == (0, 0)


def test_a_new_account_gets_an_instance_in_every_region_by_one_operation(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant(HOME, AWAY)
    handles = world.account(tenant)
    mark = world.simulator.mark()

    outcome = world.finish(deploy_stack_instances, tenant, handles)

    overrides = {"Stage": "shop", "tagCostCenter": "1"}
    assert baseline.instances() == {HOME: ("CURRENT", overrides), AWAY: ("CURRENT", overrides)}
    assert [call.operation for call in world.simulator.writes_since(mark)] == ["CreateStackInstances"]
    assert all(deployment.sent_at is None for deployment in outcome.handles.stack_instances.values())
    assert free(world)


def test_an_unchanged_tenant_costs_one_read(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant(HOME, AWAY)
    handles = world.finish(deploy_stack_instances, tenant, world.account(tenant)).handles

    outcome, reads, writes = world.counted(deploy_stack_instances, tenant, handles)

    assert outcome == Done(handles, f"{baseline.name} is up to date in {HOME}, {AWAY}")
    assert (reads, writes) == (1, 0)


def test_after_a_loss_of_redis_the_operations_name_tells_what_was_sent(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant()
    handles = world.account(tenant)
    kept = world.finish(deploy_stack_instances, tenant, handles).handles

    outcome, reads, writes = world.counted(deploy_stack_instances, tenant, handles)

    assert outcome.handles == kept
    assert (reads, writes) == (2, 0)


def test_a_changed_tag_updates_the_instances(world: World, baseline: Baseline) -> None:
    handles = world.account(tenant := baseline.tenant(HOME, AWAY))
    handles = world.finish(deploy_stack_instances, tenant, handles).handles
    mark = world.simulator.mark()

    world.finish(deploy_stack_instances, baseline.tenant(HOME, AWAY, cost_center="2"), handles)

    assert {overrides["tagCostCenter"] for _, overrides in baseline.instances().values()} == {"2"}
    assert [call.operation for call in world.simulator.writes_since(mark)] == ["UpdateStackInstances"]
    assert free(world)


def test_a_change_that_the_template_does_not_declare_is_not_sent(world: World, baseline: Baseline) -> None:
    handles = world.account(tenant := baseline.tenant())
    handles = world.finish(deploy_stack_instances, tenant, handles).handles
    renamed = replace(
        tenant,
        desired=tenant.desired.model_copy(
            update={"project": tenant.desired.project.model_copy(update={"tags": {"costCenter": ["1"], "x": ["y"]}})}
        ),
    )

    outcome, reads, writes = world.counted(deploy_stack_instances, renamed, handles)
    again, rereads, _ = world.counted(deploy_stack_instances, renamed, outcome.handles)

    assert isinstance(outcome, Done)
    assert (reads, writes, rereads) == (2, 0, 1)
    assert again.handles == outcome.handles


def test_a_parameter_that_the_template_declares_later_is_sent(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant()
    handles = world.finish(deploy_stack_instances, tenant, world.account(tenant)).handles
    template = TEMPLATE.replace("TagOwner", "ProductName")
    baseline.change(template)

    world.finish(deploy_stack_instances, tenant, handles)

    assert baseline.instances()[HOME][1]["ProductName"] == world.workspace


def test_somebody_elses_operation_costs_one_more_read_once(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant()
    handles = world.finish(deploy_stack_instances, tenant, world.account(tenant)).handles
    template = TEMPLATE.replace("Topic:", "Subject:")
    baseline.change(template)
    settled = world.finish(deploy_stack_instances, tenant, handles).handles

    outcome, reads, writes = world.counted(deploy_stack_instances, tenant, settled)

    assert outcome.handles == settled
    assert (reads, writes) == (1, 0)
    assert len(baseline.operations()) == 2


def test_an_instance_deleted_by_hand_comes_back(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant(HOME, AWAY)
    handles = world.finish(deploy_stack_instances, tenant, world.account(tenant)).handles
    baseline.remove(handles.account_id, AWAY)

    world.finish(deploy_stack_instances, tenant, handles)

    assert {status for status, _ in baseline.instances().values()} == {"CURRENT"}
    assert set(baseline.instances()) == {HOME, AWAY}


def test_a_region_added_to_the_landing_zone_gets_its_instance(world: World, baseline: Baseline) -> None:
    handles = world.account(tenant := baseline.tenant())
    handles = world.finish(deploy_stack_instances, tenant, handles).handles

    world.finish(deploy_stack_instances, baseline.tenant(HOME, AWAY), handles)

    assert set(baseline.instances()) == {HOME, AWAY}
    assert len(baseline.operations()) == 2


def test_a_region_that_the_landing_zone_names_no_more_is_left_and_told(world: World, baseline: Baseline) -> None:
    handles = world.account(tenant := baseline.tenant(HOME, AWAY))
    handles = world.finish(deploy_stack_instances, tenant, handles).handles

    outcome, reads, writes = world.counted(deploy_stack_instances, baseline.tenant(HOME), handles)

    assert f"its instances in {AWAY} are no longer in the landing zone" in outcome.note
    assert (reads, writes) == (1, 0)
    assert set(baseline.instances()) == {HOME, AWAY}
    baseline.remove(handles.account_id, AWAY)
    assert "left" not in world.finish(deploy_stack_instances, baseline.tenant(HOME), outcome.handles).note


def test_instances_of_another_stack_set_are_left_and_told(world: World, baseline: Baseline) -> None:
    handles = world.account(tenant := baseline.tenant())
    handles = world.finish(deploy_stack_instances, tenant, handles).handles
    second = Baseline(world, f"second-{world.workspace}")

    outcome = world.finish(deploy_stack_instances, second.tenant(), handles)

    assert f"instances of {baseline.arn} are no longer in the landing zone" in outcome.note
    assert (set(baseline.instances()), set(second.instances())) == ({HOME}, {HOME})
    assert world.counted(deploy_stack_instances, second.tenant(), outcome.handles) == (outcome, 2, 0)

    without = world.finish(deploy_stack_instances, world.tenant(), outcome.handles)
    assert all(each.arn in without.note for each in (baseline, second))
    baseline.remove(handles.account_id, HOME)
    second.remove(handles.account_id, HOME)
    without = world.finish(deploy_stack_instances, world.tenant(), without.handles)
    assert without == Done(replace(without.handles, former_stack_sets=()), "the landing zone has no StackSet")
    assert world.counted(deploy_stack_instances, world.tenant(), without.handles)[1:] == (0, 0)


def test_with_managed_execution_nobody_waits_for_a_turn(world: World) -> None:
    """AWS lets the second operation wait for the first; it is sent once and shown late."""
    managed = Baseline(world, f"managed-{world.workspace}", ManagedExecution={"Active": True})
    handles = world.account(tenant := managed.tenant())
    world.simulator.set_options(stack_operation_seconds=0.5)
    with by_hand(world):
        managed.client.create_stack_instances(
            StackSetName=managed.name, Accounts=[handles.account_id], Regions=[AWAY], ParameterOverrides=[]
        )
        managed.client.create_stack_instances(
            StackSetName=managed.name, Accounts=[handles.account_id], Regions=[HOME, AWAY], ParameterOverrides=[]
        )
    world.aws(tenant).enter(Lane.STACK_SET_OPERATION, managed.arn, "another.tenant")
    mark = world.simulator.mark()

    world.finish(deploy_stack_instances, tenant, handles)

    assert [call.outcome for call in world.simulator.writes_since(mark)] == ["ok"]
    assert managed.instances()[HOME] == ("CURRENT", {"Stage": "shop", "tagCostCenter": "1"})
    assert world.counted(deploy_stack_instances, tenant, handles)[2] == 0


@pytest.mark.parametrize(("managed", "limit"), [(False, SHOWN_WITHIN), (True, QUEUED_WITHIN)])
def test_an_accepted_operation_is_not_sent_again_before_its_time(managed: bool, limit: timedelta) -> None:
    sent = Deployment("all", "declared", "op-1", NOW, accepted=True, managed=managed)
    handles = Handles(stack_instances={HOME: sent})
    foreign = {HOME: replace(CURRENT, operation="foreign")}
    late = NOW + limit

    assert all(is_queued(found, handles, HOME, "all", late - timedelta(seconds=1)) for found in ({}, foreign))
    assert not is_queued({}, handles, HOME, "all", late)
    assert not is_queued({HOME: CURRENT}, handles, HOME, "all", NOW)
    assert not is_queued({}, handles, HOME, "other", NOW)
    assert not is_queued({}, handles, AWAY, "all", NOW)
    for other in (replace(sent, accepted=False), replace(sent, sent_at=None)):
        assert not is_queued({}, Handles(stack_instances={HOME: other}), HOME, "all", NOW)


@pytest.mark.parametrize("operation", ["CreateStackInstances", "UpdateStackInstances"])
def test_a_lost_answer_starts_no_second_operation(world: World, baseline: Baseline, operation: str) -> None:
    tenant = baseline.tenant()
    handles = world.account(tenant)
    expected = 1
    if operation == "UpdateStackInstances":
        handles = world.finish(deploy_stack_instances, tenant, handles).handles
        tenant, expected = baseline.tenant(cost_center="2"), 2
    world.simulator.inject(service="cloudformation", operation=operation, kind="lost_response")

    with pytest.raises(Unanswered):
        world.run(deploy_stack_instances, tenant, handles)
    world.finish(deploy_stack_instances, tenant, world.remembered[-1])

    assert len(baseline.operations()) == expected
    assert free(world)


def test_whatever_was_remembered_last_leads_to_the_same_end(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant(HOME, AWAY)
    account = world.account(tenant)
    world.remembered.clear()
    handles = world.finish(deploy_stack_instances, tenant, account).handles

    for remembered in (account, *world.remembered):
        outcome, _, writes = world.counted(deploy_stack_instances, tenant, remembered)
        assert outcome.handles == handles
        assert writes == 0


def test_an_operation_that_aws_does_not_show_yet_is_asked_again_under_its_id(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant()
    handles = world.account(tenant)
    world.simulator.inject(service="cloudformation", operation="CreateStackInstances", kind="reset")
    with pytest.raises(Unanswered):
        world.run(deploy_stack_instances, tenant, handles)
    intended = world.remembered[-1].stack_instances[HOME].operation

    world.finish(deploy_stack_instances, tenant, world.remembered[-1])

    assert baseline.operations() == [intended]


def test_an_id_that_aws_has_already_is_waited_for(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant()
    handles = world.account(tenant)
    accepted = world.run(deploy_stack_instances, tenant, handles).handles
    world.finish(deploy_stack_instances, tenant, accepted)
    baseline.remove(handles.account_id, HOME)

    outcome = world.run(deploy_stack_instances, tenant, accepted)  # as if the new instance were not listed yet
    assert isinstance(outcome, Wait)
    assert baseline.instances() == {}

    world.ahead = SHOWN_WITHIN + timedelta(seconds=1)
    world.finish(deploy_stack_instances, tenant, outcome.handles)
    assert baseline.instances()[HOME][0] == "CURRENT"


def test_tenants_take_turns_at_one_stack_set(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant()
    arn = tenant.landing_zone.stack_set.arn if tenant.landing_zone.stack_set else ""
    handles = world.account(tenant)
    world.aws(tenant).enter(Lane.STACK_SET_OPERATION, arn, "another.tenant")
    mark = world.simulator.mark()

    with pytest.raises(LaneFull):
        world.run(deploy_stack_instances, tenant, handles)

    assert world.simulator.writes_since(mark) == []
    world.aws(tenant).leave(Lane.STACK_SET_OPERATION, arn, "another.tenant")
    world.finish(deploy_stack_instances, tenant, handles)


def test_an_operation_of_somebody_else_is_waited_for(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant()
    handles = world.account(tenant)
    world.simulator.set_options(stack_operation_seconds=60)
    baseline.client.create_stack_instances(
        StackSetName=baseline.name, Accounts=[organization.MESHCLOUD_ACCOUNT_ID], Regions=[HOME]
    )

    with pytest.raises(Throttled) as caught:
        world.run(deploy_stack_instances, tenant, handles)

    assert caught.value.code == "OperationInProgressException"


def test_an_instance_that_failed_shows_the_reason_and_the_next_replication_tries_again(
    world: World, baseline: Baseline
) -> None:
    tenant = baseline.tenant(HOME, AWAY)
    handles = world.account(tenant)
    baseline.fail(handles.account_id, "The security token is not valid")

    error = failure(world, tenant, handles)

    assert error.code == "FAILED"
    assert "The security token is not valid" in error.message
    assert free(world)
    baseline.fail(handles.account_id, None)
    world.finish(deploy_stack_instances, tenant, world.remembered[-1])
    assert {status for status, _ in baseline.instances().values()} == {"CURRENT"}


def test_a_suspended_account_fails(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant()
    handles = world.account(tenant)
    world.simulator.operator("suspend_account", account=handles.account_id)

    assert failure(world, tenant, handles).code in {"SKIPPED_SUSPENDED_ACCOUNT", "FAILED"}


def test_refusals_are_told_and_free_the_lane(world: World, baseline: Baseline) -> None:
    tenant = baseline.tenant()
    handles = world.account(tenant)
    assert isinstance(failure(world, baseline.tenant(name="no-such-set"), handles), NotFound)
    world.simulator.deny("cloudformation:CreateStackInstances")

    error = failure(world, tenant, handles)

    assert isinstance(error, AccessDenied)
    assert free(world)
    world.simulator.allow_all()
    world.finish(deploy_stack_instances, tenant, world.remembered[-1])


class Canned(Calls):
    """Answers from a list: what the simulator never says."""

    def __init__(self, **answers: dict[str, Any]) -> None:
        self.answers = answers

    def read(self, operation: str, **parameters: Any) -> Response:
        return Response(self.answers[operation])


class CannedAws(Aws):
    """An AWS whose StackSets answer from a list."""

    def __init__(self, **answers: dict[str, Any]) -> None:
        self.canned = StackSets(Canned(**answers))

    def stack_sets(self, region: str) -> StackSets:
        return self.canned

    def now(self) -> datetime:
        return NOW

    def seen_instances(self, stack_set: str, account_id: str) -> None:
        return None


def test_service_managed_stack_sets_are_refused(world: World, baseline: Baseline) -> None:
    aws = CannedAws(
        list_stack_instances={"Summaries": []},
        describe_stack_set={"StackSet": {"PermissionModel": "SERVICE_MANAGED"}},
    )

    with pytest.raises(PermanentError, match="service-managed permissions"):
        deploy_stack_instances(baseline.tenant(), Handles(account_id="123456789012"), aws)


def test_instances_of_other_accounts_are_never_taken_for_ours() -> None:
    listed = [{"Account": "210987654321", "Region": HOME, "Status": "CURRENT"}]

    assert StackSets(Canned(list_stack_instances={"Summaries": listed})).instances("set", "123456789012") == {}


def test_a_status_that_nobody_knows_is_an_error() -> None:
    listed = [{"Account": "123456789012", "Region": HOME, "Status": "TRANSMUTING"}]

    with pytest.raises(PermanentError, match="TRANSMUTING"):
        StackSets(Canned(list_stack_instances={"Summaries": listed})).instances("set", "123456789012")


def test_every_status_of_aws_is_known(world: World) -> None:
    model = world.sessions.management(world.tenant().platform, "cloudformation").meta.service_model

    assert sorted(InstanceStatus) == sorted(model.shape_for("StackInstanceStatus").enum)
    detailed = model.shape_for("StackInstanceDetailedStatus").enum
    assert sorted(DetailedStatus) == sorted(detailed) == sorted(ENDED_BADLY)


SENT = Deployment("all", "declared", "op-1", NOW)
CONFIRMED = replace(SENT, sent_at=None)
CURRENT = StackInstance(InstanceStatus.CURRENT, DetailedStatus.SUCCEEDED, "op-1")
FAILED = StackInstance(InstanceStatus.OUTDATED, DetailedStatus.FAILED, "op-1", "why")


@pytest.mark.parametrize(
    ("instance", "sent", "standing"),
    [
        (None, None, Standing.UNSURE),
        (None, SENT, Standing.UNSURE),
        (CURRENT, SENT, Standing.CURRENT),
        (CURRENT, CONFIRMED, Standing.CURRENT),
        (CURRENT, None, Standing.UNSURE),
        (CURRENT, replace(CONFIRMED, digest="other"), Standing.UNSURE),
        (replace(CURRENT, operation="foreign"), CONFIRMED, Standing.UNSURE),
        (replace(CURRENT, status=InstanceStatus.OUTDATED), CONFIRMED, Standing.UNSURE),
        (replace(CURRENT, status=InstanceStatus.OUTDATED, detail=None), SENT, Standing.BUSY),
        (replace(CURRENT, status=InstanceStatus.OUTDATED, detail=None), CONFIRMED, Standing.UNSURE),
        (replace(FAILED, detail=DetailedStatus.RUNNING), None, Standing.BUSY),
        (replace(FAILED, detail=DetailedStatus.PENDING), SENT, Standing.BUSY),
        (replace(FAILED, detail=DetailedStatus.PENDING), None, Standing.UNSURE),  # somebody updates other accounts
        (replace(FAILED, detail=DetailedStatus.PENDING, operation="foreign"), SENT, Standing.UNSURE),
        (FAILED, SENT, Standing.FAILED),
        (FAILED, None, Standing.UNSURE),
        (FAILED, CONFIRMED, Standing.UNSURE),
        (FAILED, replace(SENT, digest="other"), Standing.UNSURE),
        (replace(FAILED, detail=DetailedStatus.CANCELLED), SENT, Standing.FAILED),
        (replace(FAILED, status=InstanceStatus.INOPERABLE, detail=DetailedStatus.INOPERABLE), None, Standing.STUCK),
    ],
)
def test_each_instance_has_its_standing(
    instance: StackInstance | None, sent: Deployment | None, standing: Standing
) -> None:
    assert judge(instance, sent, "all") is standing


SENDING = Sending("123456789012", (HOME, AWAY), {"Stage": "shop"})
DECLARED = digest({"Stage": "shop"})
OURS = f"{DECLARED}-1"


def planned(
    found: dict[str, StackInstance], sent: dict[str, Deployment], now: datetime = NOW
) -> InstanceOperation | None:
    return plan(found, sent, SENDING, SENDING.overrides(frozenset({"Stage"})), now)[0]


def under(operation: str, regions: Iterable[str] = (HOME, AWAY)) -> dict[str, StackInstance]:
    return dict.fromkeys(regions, replace(CURRENT, operation=operation))


def test_nothing_is_planned_when_every_instance_has_the_parameters() -> None:
    pending = Deployment("old", DECLARED, "foreign", NOW)

    assert planned(under(OURS), {}) is None
    assert planned(under("foreign"), dict.fromkeys((HOME, AWAY), replace(pending, sent_at=None))) is None
    assert planned(under("foreign"), dict.fromkeys((HOME, AWAY), pending)) is None


def test_missing_instances_come_first() -> None:
    operation = planned(under("foreign", [AWAY]), {})

    assert operation is not None
    assert (operation.create, operation.regions) == (True, (HOME,))


def test_outdated_instances_are_updated() -> None:
    operation = planned({**under(OURS, [HOME]), **under("foreign", [AWAY])}, {})

    assert operation is not None
    assert (operation.create, operation.regions) == (False, (AWAY,))


def test_an_id_is_kept_until_it_is_answered_or_too_old_or_other_parameters_are_wanted() -> None:
    pending = dict.fromkeys((HOME, AWAY), Deployment(SENDING.digest, DECLARED, OURS, NOW))
    other = {region: replace(sent, declared="other") for region, sent in pending.items()}
    ended = {region: replace(sent, sent_at=None) for region, sent in pending.items()}
    later = NOW + SHOWN_WITHIN

    ids = [operation.id for operation in (planned({}, pending), planned({}, pending, later)) if operation]
    ids += [operation.id for operation in (planned({}, other, later), planned({}, ended, later)) if operation]

    assert ids[0] == OURS
    assert OURS not in ids[1:]
    assert all(name.startswith(f"{DECLARED}-") and len(name) <= 128 for name in ids)


def waiting_with(world: World, baseline: Baseline, name: str) -> tuple[Tenant, Handles, Wants]:
    """Let another tenant stand in line for the same; answers it, its handles and what it wants."""
    tenant = replace(baseline.tenant(), id=TenantId(world.workspace, name, "aws.sandbox"))
    handles = world.account(tenant)
    world.places.enter(f"{Lane.STACK_SET_OPERATION} in {baseline.arn}", "somebody", 1)
    with pytest.raises(LaneFull):
        world.run(deploy_stack_instances, tenant, handles)
    world.places.leave(f"{Lane.STACK_SET_OPERATION} in {baseline.arn}", "somebody")
    return tenant, world.remembered[-1], world.places.wanted[-1]


def taken_along(world: World, handles: Handles, wants: Wants, leader: Tenant) -> Handles:
    """What the other tenant finds in its handles then."""
    batch = world.places.gathered[-1]
    noted = {"operation": batch.operation, "sent_at": batch.sent_at.isoformat(), "leader": str(leader.id)}
    return joined(handles, {**asdict(wants), **noted})


@pytest.fixture
def common(world: World) -> Baseline:
    """A StackSet that declares nothing of ours, so that all tenants want the same of it."""
    return Baseline(world, f"common-{world.workspace}", template='Resources: {Topic: {Type: "AWS::SNS::Topic"}}')


def test_who_waits_for_the_same_is_taken_along_and_sees_its_own_part(world: World, common: Baseline) -> None:
    other, handles, wants = waiting_with(world, common, "blog")
    tenant = common.tenant()
    account = world.account(tenant)
    world.places.waiting = [wants]
    mark = world.simulator.mark()

    outcome = world.finish(deploy_stack_instances, tenant, account)
    second = world.finish(deploy_stack_instances, other, taken_along(world, handles, wants, tenant))

    assert [call.operation for call in world.simulator.writes_since(mark)] == ["CreateStackInstances"]
    assert common.accounts() == {account.account_id: "CURRENT", handles.account_id: "CURRENT"}
    kept = {each.stack_instances[HOME].operation for each in (outcome.handles, second.handles)}
    assert kept == {common.operations()[0]}
    assert {each.stack_instances[HOME].leader for each in (outcome.handles, second.handles)} == {None}
    assert world.counted(deploy_stack_instances, other, second.handles)[1:] == (1, 0)
    assert free(world)


def test_one_that_fails_spoils_nothing_of_the_others(world: World, common: Baseline) -> None:
    other, handles, wants = waiting_with(world, common, "blog")
    tenant = common.tenant()
    account = world.account(tenant)
    world.places.waiting = [wants]
    common.fail(handles.account_id, "no such thing")

    world.finish(deploy_stack_instances, tenant, account)

    with pytest.raises(PermanentError, match="no such thing"):
        world.finish(deploy_stack_instances, other, taken_along(world, handles, wants, tenant))
    assert common.accounts()[str(account.account_id)] == "CURRENT"


def test_what_is_sent_again_takes_along_the_same(world: World, common: Baseline) -> None:
    _, handles, wants = waiting_with(world, common, "blog")
    tenant = common.tenant()
    account = world.account(tenant)
    world.places.waiting = [wants]
    world.simulator.inject(service="cloudformation", operation="CreateStackInstances", kind="reset")
    with pytest.raises(Unanswered):
        world.run(deploy_stack_instances, tenant, account)

    world.finish(deploy_stack_instances, tenant, world.remembered[-1])

    assert len(common.operations()) == 1
    assert set(common.accounts()) == {account.account_id, handles.account_id}


def test_who_was_taken_along_sends_nothing_before_its_time(world: World, common: Baseline) -> None:
    other, handles, wants = waiting_with(world, common, "blog")
    tenant = common.tenant()
    account = world.account(tenant)
    world.places.waiting = [wants]
    world.simulator.inject(service="cloudformation", operation="CreateStackInstances", kind="reset")
    with pytest.raises(Unanswered):
        world.run(deploy_stack_instances, tenant, account)
    along = taken_along(world, handles, wants, tenant)

    outcome, _, writes = world.counted(deploy_stack_instances, other, along)
    assert (isinstance(outcome, Wait), writes) == (True, 0)
    world.places.leave(f"{Lane.STACK_SET_OPERATION} in {common.arn}", str(tenant.id))
    world.ahead = SHOWN_WITHIN + timedelta(seconds=1)
    world.finish(deploy_stack_instances, other, outcome.handles)

    assert common.accounts() == {handles.account_id: "CURRENT"}


def test_when_aws_refuses_the_others_ask_by_themselves(world: World, common: Baseline) -> None:
    other, handles, wants = waiting_with(world, common, "blog")
    tenant = common.tenant()
    account = world.account(tenant)
    world.places.waiting = [wants]
    world.simulator.inject(
        service="cloudformation",
        operation="CreateStackInstances",
        kind="error",
        code="AccessDenied",
        status=403,
        times=1,
    )
    with pytest.raises(AccessDenied):
        world.run(deploy_stack_instances, tenant, account)
    assert world.places.disbanded == [world.places.gathered[-1].operation]

    along = joined(taken_along(world, handles, wants, tenant), {"refused": world.places.disbanded[0]})
    assert world.finish(deploy_stack_instances, other, along).handles.stack_instances[HOME].leader is None
