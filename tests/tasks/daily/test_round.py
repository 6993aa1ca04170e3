"""The daily round end to end: few calls for what is right, drift repaired or reported, strangers left alone."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import boto3
import pytest

from config.settings import Settings
from tasks.connector import make_connector
from tasks.daily.round import PAGE, look_at_organizations, replicate_oldest
from tasks.documents import Drift
from tasks.model.desired import TenantId
from tasks.model.replication import Replication, State
from tasks.orders.producer import replicate
from tasks.organization import snapshot, unmanaged
from tasks.questions.plan import make_plan
from tasks.state.orders import Order
from tests.support.changed_zone import change, changed
from tests.support.cluster import ONE_ROLE, PLATFORM, QUICK, Cluster, configuration, running_cluster
from tests.support.redis import forget
from tests.support.waiting import LONG, eventually
from tests.tasks.engine.test_replication import access_of
from tests.tasks.steps.by_hand import by_hand as with_every_right
from tests.tasks.steps.world import World
from tests.workers.api.server import TOKENS, WRITE, serving
from tests.workers.cli.running import COMMAND, clean_environment
from workers.api.app import create_app
from workers.client import ConnectorClient
from workers.sandbox import organization

DAY = timedelta(days=1)
ROLLED = "rolled.yaml"  # a landing zone that is changed
READS = 5  # tags, alias, stack, members, assignment; the lists of accounts and stack instances are everybody's


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("daily")
    documents = configuration(directory)
    for name in ("platform.yaml", "landing-zones.yaml"):
        text = (Path(documents) / name).read_text()
        (Path(documents) / f"watched-{name}").write_text(watched(text))
    development, _, _ = text.partition("---")
    (Path(documents) / ROLLED).write_text(development.replace("name: development", "name: rolled"))
    at_once = QUICK.model_copy(update={"lag_seconds": 0})  # what is changed by hand is looked for right after it
    with running_cluster(
        directory,
        options=at_once,
        CONNECTOR_CONFIG_DIR=documents,
        CONNECTOR_ACCESS_GRACE_SECONDS="1",
        CONNECTOR_VISIBILITY_GRACE_SECONDS="0.001",
    ) as running:
        yield running


def watched(text: str) -> str:
    """Make another platform of a document, which only reports, and landing zones for it."""
    changes = {
        "name: aws\n": "name: aws-watched\n",
        "5f0c1d3a-7b52-4c0e-9a55-0d3a1c9e7f10": "5f0c1d3a-7b52-4c0e-9a55-0d3a1c9e7f11",
        "selfDowngradeAccessRole: false": "selfDowngradeAccessRole: false\n        drift: report",
        "name: development": "name: watched",
        "name: production": "name: watched-production",
        '"#{workspaceIdentifier}-#{projectIdentifier}"': '"watched-#{workspaceIdentifier}-#{projectIdentifier}"',
        "aws+#{workspaceIdentifier}": "aws-watched+#{workspaceIdentifier}",
        "#{projectIdentifier}.#{platformGroupAlias}": "#{projectIdentifier}.watched.#{platformGroupAlias}",
    }
    for before, after in changes.items():
        text = text.replace(before, after)
    return text


def now() -> datetime:
    return datetime.now(UTC)


def make_old(cluster: Cluster, *tenants: TenantId) -> None:
    """Let the last replication of these be long ago, and that of all others be new."""
    redis = cluster.redis.client
    for name in redis.zrange("connector:replicated", 0, -1):
        redis.zadd("connector:replicated", {name: (now() + DAY).timestamp() * 1000}, xx=True)
    for tenant in tenants:
        redis.zadd("connector:replicated", {str(tenant): 1}, xx=True)


def look_again(cluster: Cluster) -> None:
    """List the organization's accounts as if the last list were old, and no write of ours were young."""
    redis = cluster.redis.client
    redis.delete("connector:touched", *redis.keys("connector:listings:*"))
    assert look_at_organizations(cluster.worker, now()) == 1


def daily(cluster: Cluster, *projects: str) -> list[Replication]:
    """Run the daily round for these tenants."""
    tenants = [cluster.tenant_id(project) for project in projects]
    make_old(cluster, *tenants)
    assert replicate_oldest(cluster.connector, now()) == len(tenants)
    records = [cluster.connector.store.tenants.find(tenant) for tenant in tenants]
    ended = [cluster.succeeded(record.replication) for record in records if record is not None]
    # What is told follows a moment later.
    eventually(lambda: all(_tells_of(cluster, *each) for each in zip(projects, ended, strict=True)))
    return ended


def _tells_of(cluster: Cluster, project: str, replication: Replication) -> bool:
    """Say whether what is told of a tenant is what this replication found: something, or nothing."""
    told = found(cluster, project)
    return told is None or told.replication == replication.id


def by_hand(cluster: Cluster, project: str) -> None:
    """Take every member and the assignment from the tenant's one group, as a person in AWS's console does."""
    keys = {
        "aws_access_key_id": organization.ADMINISTRATOR_ACCESS_KEY,
        "aws_secret_access_key": organization.ADMINISTRATOR_SECRET_KEY,
    }
    store, instance = organization.IDENTITY_STORE_ID, organization.INSTANCE_ARN
    place = {"endpoint_url": cluster.simulator.url, "region_name": organization.REGION}
    people, access = (boto3.client(service, **place, **keys) for service in ("identitystore", "sso-admin"))
    state = cluster.simulator.state()
    [group] = [each for each in state["identity_store"]["groups"] if each["name"] == f"mst-likvid.{project}.admin"]
    for membership in people.list_group_memberships(IdentityStoreId=store, GroupId=group["id"])["GroupMemberships"]:
        people.delete_group_membership(IdentityStoreId=store, MembershipId=membership["MembershipId"])
    access.delete_account_assignment(
        InstanceArn=instance,
        TargetId=cluster.account(project)["id"],
        TargetType="AWS_ACCOUNT",
        PermissionSetArn=organization.ADMIN_PERMISSION_SET_ARN,
        PrincipalType="GROUP",
        PrincipalId=group["id"],
    )
    eventually(lambda: not access_of(cluster, project))


def found(cluster: Cluster, project: str) -> Drift | None:
    return cluster.connector.store.drifts.find(cluster.tenant_id(project))


def act(cluster: Cluster, action: str, **body: Any) -> None:
    cluster.simulator.operator(action, **body)


def test_an_unchanged_tenant_costs_few_calls(cluster: Cluster) -> None:
    projects = [f"calm{number}" for number in range(5)]
    for replication in [cluster.order(project, ONE_ROLE) for project in projects]:
        cluster.succeeded(replication)
    look_again(cluster)
    mark = cluster.simulator.mark()

    daily(cluster, *projects)

    calls = [call for call in cluster.simulator.calls(mark) if not call.operation.startswith("AssumeRole")]
    assert not any(call.write for call in calls)
    assert len(calls) / len(projects) <= READS, sorted(call.operation for call in calls)
    assert not any(found(cluster, project) for project in projects)


def test_what_people_changed_is_repaired_and_told_and_what_is_not_ours_stays(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("drifting", ONE_ROLE))
    account = cluster.account("drifting")["id"]
    look_again(cluster)
    act(cluster, "move_account", account=account, parent_id=organization.PRODUCTION_OU_ID)
    act(cluster, "tag_account", account=account, tags={"meshstack:tenant": None, "theirs": "kept"})
    by_hand(cluster, "drifting")
    look_again(cluster)

    daily(cluster, "drifting")

    after = cluster.account("drifting")
    assert after["parent_id"] == organization.DEVELOPMENT_OU_ID
    assert after["tags"]["meshstack:tenant"] == "likvid.drifting.aws.sandbox"
    assert after["tags"]["theirs"] == "kept"
    told = found(cluster, "drifting")
    assert told is not None
    assert not told.differs
    steps = {change.step: change for change in told.changes}
    assert steps["move_to_ou"].calls == ("organizations:move_account",)
    assert steps["move_to_ou"].note.startswith("moved from ")
    assert steps["tag_account"].note == "set meshstack:tenant"
    assert steps["sync_groups"].calls == ("identitystore:create_group_membership",)
    assert steps["assign_permission_sets"].calls == ("sso-admin:create_account_assignment",)
    assert access_of(cluster, "drifting") == {
        ("mst-likvid.drifting.admin", organization.ADMIN_PERMISSION_SET_ARN): {"alice@example.com"}
    }

    look_again(cluster)
    daily(cluster, "drifting")
    assert found(cluster, "drifting") is None


def test_what_changed_after_the_snapshot_shows_within_a_day(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("hidden", ONE_ROLE))
    account = cluster.account("hidden")["id"]
    look_again(cluster)
    act(cluster, "move_account", account=account, parent_id=organization.PRODUCTION_OU_ID)
    daily(cluster, "hidden")
    assert cluster.account("hidden")["parent_id"] == organization.PRODUCTION_OU_ID  # the snapshot is from before

    cluster.succeeded(cluster.connector.store.orders.submit(Order(cluster.tenant_id("hidden"))))

    assert cluster.account("hidden")["parent_id"] == organization.DEVELOPMENT_OU_ID  # an order asks AWS


def test_paused_ones_are_left_out_and_do_not_hold_up_the_round(cluster: Cluster) -> None:
    connector, napping = cluster.connector, cluster.tenant_id("napping")
    before = cluster.succeeded(cluster.order("napping", ONE_ROLE)).id
    cluster.succeeded(cluster.order("awake", ONE_ROLE))

    for name in (str(napping), napping.platform):
        connector.store.pauses.pause(name)
        make_old(cluster, napping, cluster.tenant_id("awake"))
        assert replicate_oldest(connector, now()) == (1 if name == str(napping) else 0)
        assert replicate_oldest(connector, now()) == 0, "a paused one has its turn again with the next round"
        assert connector.store.pauses.resume(name)
    record, other = connector.store.tenants.find(napping), connector.store.tenants.find(cluster.tenant_id("awake"))
    assert record is not None
    assert record.replication == before
    assert other is not None
    assert other.replication is not None
    cluster.succeeded(other.replication)  # that of the round, which the pause of the platform may have held up

    daily(cluster, "napping", "awake")


def test_what_a_plan_shows_as_changed_by_hand_the_daily_round_repairs_and_tells(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("stacked", ONE_ROLE))
    account = cluster.account("stacked")["id"]
    look_again(cluster)
    drop_instance(cluster, account)
    instance = {"deploy_stack_instances": ("cloudformation:create_stack_instances",)}

    assert to_repair(cluster, "stacked") == instance
    assert repaired(cluster, "stacked") == {}, "the list of instances is from before the change"
    look_again(cluster)
    assert repaired(cluster, "stacked") == instance

    change_alias(cluster, account)
    drop_instance(cluster, account)
    both = {"set_alias": ("iam:create_account_alias",), **instance}
    assert to_repair(cluster, "stacked") == both
    assert repaired(cluster, "stacked") == both
    assert cluster.account("stacked")["alias"] == "likvid-stacked"
    assert instances(cluster, account) == [organization.REGION]
    look_again(cluster)
    assert repaired(cluster, "stacked") == to_repair(cluster, "stacked") == {}


def to_repair(cluster: Cluster, project: str) -> dict[str, tuple[str, ...]]:
    """Plan the replication of a tenant; answers the calls by step."""
    plan = make_plan(cluster.worker, cluster.tenant_id(project), None)
    return {step.name: tuple(change.call for change in step.changes) for step in plan.steps if step.changes}


def repaired(cluster: Cluster, project: str) -> dict[str, tuple[str, ...]]:
    """Run the daily round for a tenant; answers what `drift` then says was repaired: calls by step."""
    daily(cluster, project)
    told = found(cluster, project)
    return {} if told is None or told.differs else {change.step: change.calls for change in told.changes}


def change_alias(cluster: Cluster, account: str) -> None:
    """Give the account another alias by hand."""
    worker = cluster.worker
    with with_every_right(World(cluster.simulator, worker.sessions, "by-hand")):
        iam = worker.sessions.member(worker.catalog.platforms[PLATFORM], account, "iam", organization.REGION)
        iam.create_account_alias(AccountAlias=f"by-hand-{account}")


def drop_instance(cluster: Cluster, account: str) -> None:
    """Delete the account's instance of the StackSet by hand: only the StackSet shows that."""
    name, client = stack_set(cluster)
    places = {"StackSetName": name, "Accounts": [account], "Regions": [organization.REGION]}
    with with_every_right(World(cluster.simulator, cluster.worker.sessions, "by-hand")):
        client.delete_stack_instances(**places, RetainStacks=False)
        eventually(lambda: not instances(cluster, account))


def instances(cluster: Cluster, account: str) -> list[str]:
    """List the regions in which the account has an instance of the landing zone's StackSet."""
    name, client = stack_set(cluster)
    listed = client.list_stack_instances(StackSetName=name, StackInstanceAccount=account)
    return [each["Region"] for each in listed["Summaries"]]


def stack_set(cluster: Cluster) -> tuple[str, Any]:
    """Return the landing zone's StackSet, and a client where it stands."""
    catalog = cluster.connector.catalog
    configured = catalog.landing_zones["development"].stack_set
    assert configured is not None
    clients = cluster.worker.sessions
    return configured.name, clients.automation(catalog.platforms[PLATFORM], "cloudformation", configured.region)


def test_no_snapshot_from_before_a_write_of_ours_is_believed(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("moved", ONE_ROLE))
    look_again(cluster)
    connector, account = cluster.connector, cluster.account("moved")["id"]
    assert snapshot.seen(connector.store, organization.MANAGEMENT_ACCOUNT_ID, account, now()) is not None
    assert (
        snapshot.seen(connector.store, organization.MANAGEMENT_ACCOUNT_ID, account, now() + snapshot.MOST_AGE) is None
    )

    cluster.succeeded(cluster.order("moved", {**ONE_ROLE, "landingZone": "production"}))

    assert snapshot.seen(connector.store, organization.MANAGEMENT_ACCOUNT_ID, account, now()) is None


def test_one_that_cannot_be_enqueued_and_a_failing_one_stop_nobody_and_are_tried_later_and_later(
    cluster: Cluster,
) -> None:
    connector, failing = cluster.connector, cluster.tenant_id("failing")
    cluster.succeeded(cluster.order("failing", ONE_ROLE))
    cluster.succeeded(cluster.order("beside", ONE_ROLE))
    account = cluster.account("failing")["id"]
    cluster.simulator.deny("iam:ListAccountAliases", account=account)

    for _ in range(2):
        make_old(cluster, failing, cluster.tenant_id("beside"))
        assert replicate_oldest(connector, now()) == 2
        records = [connector.store.tenants.find(tenant) for tenant in (failing, cluster.tenant_id("beside"))]
        states = [cluster.ended(record.replication).state for record in records if record is not None]
        assert states == [State.FAILED, State.SUCCEEDED]

    make_old(cluster)
    eventually(lambda: connector.store.retries.failures(failing) == 2)
    assert connector.store.retries.due(now() + timedelta(hours=1, minutes=59), 10) == []
    assert connector.store.retries.due(now() + timedelta(hours=2, minutes=1), 10) == [failing]
    cluster.simulator.allow_all()
    assert replicate_oldest(connector, now() + timedelta(hours=2, minutes=1)) == 1
    record = connector.store.tenants.find(failing)
    assert record is not None
    cluster.succeeded(record.replication)
    eventually(lambda: connector.store.retries.failures(failing) == 0)


def test_a_platform_that_only_reports_is_not_written_to(cluster: Cluster) -> None:
    connector, tenant = cluster.connector, TenantId("likvid", "watched", "aws-watched.sandbox")
    body = {**ONE_ROLE, "landingZone": "watched"}
    order = replicate("likvid", "watched", tenant.platform, body, connector=connector)
    cluster.succeeded(order.replication)
    account = cluster.account("watched")["id"]
    act(cluster, "move_account", account=account, parent_id=organization.PRODUCTION_OU_ID)
    look_again(cluster)
    make_old(cluster, tenant)
    mark = cluster.simulator.mark()

    assert replicate_oldest(connector, now()) == 1
    told = eventually(lambda: connector.store.drifts.find(tenant))

    assert isinstance(told, Drift)
    assert (told.mode, told.differs) == ("report", True)
    assert [(change.step, change.calls) for change in told.changes] == [("move_to_ou", ("organizations:move_account",))]
    assert told.changes[0].note.startswith("move ")
    assert cluster.simulator.writes_since(mark) == []
    cluster.succeeded(replicate("likvid", "watched", tenant.platform, body, connector=connector).replication)
    settled = eventually(lambda: (each := connector.store.drifts.find(tenant)) and not each.differs and each)
    assert isinstance(settled, Drift)
    assert cluster.account("watched")["parent_id"] == organization.DEVELOPMENT_OU_ID

    cluster.simulator.deny("organizations:MoveAccount")
    act(cluster, "move_account", account=account, parent_id=organization.PRODUCTION_OU_ID)
    failed = replicate("likvid", "watched", tenant.platform, body, connector=connector).replication
    assert cluster.ended(failed).state is State.FAILED
    eventually(lambda: connector.store.retries.failures(tenant) > 0)
    cluster.simulator.allow_all()
    make_old(cluster)
    assert replicate_oldest(connector, now() + timedelta(hours=2)) == 1  # what was ordered is tried again
    record = connector.store.tenants.find(tenant)
    assert record is not None
    cluster.succeeded(record.replication)
    assert cluster.account("watched")["parent_id"] == organization.DEVELOPMENT_OU_ID


def test_accounts_that_no_tenant_owns_are_listed(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("owned", ONE_ROLE))
    stranger = cluster.simulator.operator("create_account", name="stranger", email="s@example.com")["account"]
    mark = cluster.simulator.mark()
    look_again(cluster)  # three platforms in one organization

    listed = [call for call in cluster.simulator.calls(mark) if call.service == "organizations"]
    assert {call.operation for call in listed} == {"ListAccounts"}
    assert len(listed) == ceil(len(cluster.simulator.state()["accounts"]) / PAGE)
    assert look_at_organizations(cluster.worker, now()) == 0, "once a day, unless it saves calls"
    [first] = [each for each in unmanaged.listed(cluster.connector) if each.name == "stranger"]
    cluster.redis.client.hset(  # as a day later
        f"connector:listings:{organization.MANAGEMENT_ACCOUNT_ID}", "at", (now() - DAY).isoformat()
    )
    assert look_at_organizations(cluster.worker, now()) == 1
    [second] = [each for each in unmanaged.listed(cluster.connector, "aws.sandbox") if each.name == "stranger"]

    assert first.account_id == stranger
    assert first.organizational_unit == organization.ROOT_ID
    assert second.first_seen == first.first_seen < second.last_seen
    assert "aws.sandbox" in second.platforms
    ids = {each.account_id for each in unmanaged.listed(cluster.connector)}
    assert organization.MANAGEMENT_ACCOUNT_ID not in ids
    assert organization.AUTOMATION_ACCOUNT_ID not in ids
    assert organization.MESHCLOUD_ACCOUNT_ID not in ids, "our own user lives there"
    assert cluster.account("owned")["id"] not in ids


def test_a_changed_landing_zone_is_rolled_out_by_workers_that_know_it(cluster: Cluster) -> None:
    store, body, projects = cluster.connector.store, {**ONE_ROLE, "landingZone": "rolled"}, ["rolled1", "rolled2"]
    store.pauses.pause(str(cluster.tenant_id("resting")))
    cluster.order("resting", body)
    for replication in [cluster.order(project, body) for project in projects]:
        cluster.succeeded(replication)
    change(Path(cluster.environment["CONNECTOR_CONFIG_DIR"]) / ROLLED)
    cluster.kill(cluster.workers[0], signal.SIGTERM)
    with serving(create_app(make_connector(Settings(api_tokens=TOKENS)))) as url:
        rollout = interrupted(url)
        cluster.start_worker()
        with ConnectorClient(url, WRITE) as client:
            eventually(lambda: client.rollout(rollout).ended)
            found = client.rollout(rollout)
            mark = cluster.simulator.mark()
            again = client.roll_out("rolled")

        assert found.states == {State.SUCCEEDED: 2}
        assert {each.requested_by for each in found.replications} == {"producer"}
        assert changed(cluster, projects) == set(projects)
        for each in again.replications:
            cluster.succeeded(each.id)
        assert cluster.simulator.writes_since(mark) == []
    assert store.orders.cancel(cluster.order("resting", body))
    assert store.pauses.resume(str(cluster.tenant_id("resting")))


def interrupted(url: str) -> str:
    """Ask for the rollout and go while no worker is there; answers its id, as the command names it at its end."""
    command, environment = [*COMMAND, "rollout", "rolled"], clean_environment(CONNECTOR_URL=url, CONNECTOR_TOKEN=WRITE)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as gone:
        assert gone.stdout is not None
        assert "0 of 2 ended; 2 QUEUED" in gone.stdout.readline()
        gone.send_signal(signal.SIGINT)
        _, said = gone.communicate(timeout=LONG)
    assert gone.returncode == 130
    assert "skipped, because paused: likvid.resting.aws.sandbox" in said
    [found] = re.findall(r"the rollout continues; to see it: aws-connector rollout --watch (\w+)", said)
    return str(found)


def test_a_list_that_aws_refuses_stops_nothing(cluster: Cluster) -> None:
    cluster.simulator.deny("organizations:ListAccounts")
    forget(cluster.redis.client, "connector:listings:*")

    assert look_at_organizations(cluster.worker, now()) == 0

    cluster.simulator.allow_all()
