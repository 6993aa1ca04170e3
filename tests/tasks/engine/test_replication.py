"""The main job end to end: real workers, a real Redis-protocol server, AWS's wire protocol."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from config.settings import Settings
from tasks.chain import REPLICATION
from tasks.connector import make_connector
from tasks.documents import AuditEntry
from tasks.model.desired import TenantId
from tasks.model.replication import State
from tasks.orders.producer import replicate
from tasks.state.orders import Order
from tests.support.cluster import ACCESS, ONE_ROLE, PLATFORM, Cluster, configuration, desired, running_cluster
from tests.support.saml import saml_metadata
from tests.support.waiting import eventually
from tests.workers.api.server import READ, TOKENS, serving
from workers.api.app import create_app
from workers.cli.operations.audit import show_audit
from workers.cli.options import Access
from workers.client import ConnectorClient
from workers.sandbox import organization
from workers.sandbox.client import RecordedCall

VENDING_FUNCTION = "arn:aws:lambda:eu-central-1:333333333333:function:vend"
WRITES_OF_MEMBERSHIP = {"CreateGroupMembership", "DeleteGroupMembership"}
LOST = "lost_response"
READS_BESIDE_ROLES = 8
READS_PER_ROLE = 3


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    documents = configuration(directory, "control-tower.yaml", "federation.yaml", "function.yaml")
    (Path(documents) / "saml-metadata.xml").write_text(saml_metadata())
    governed = Path(documents) / "control-tower.yaml"
    governed.write_text(vending(governed.read_text()))
    with running_cluster(directory, workers=2, CONNECTOR_CONFIG_DIR=documents) as running:
        yield running


def vending(text: str) -> str:
    """Let the platform of a document wait for a vending machine, which a function of its landing zone starts."""
    changes = {
        "waitForExternalAvm: false": "waitForExternalAvm: true\n        externalAvm: {productNameTag: vended-for}",
        "awsEnrollAccount: true": f"awsEnrollAccount: true\n      awsLambdaArn: {VENDING_FUNCTION}",
    }
    for before, after in changes.items():
        assert before in text, before
        text = text.replace(before, after)
    return text


@pytest.fixture(autouse=True)
def no_faults(cluster: Cluster) -> Iterator[None]:
    yield
    cluster.simulator.clear_faults()
    cluster.simulator.allow_all()


def calls_of(cluster: Cluster, body: dict[str, Any], project: str) -> list[RecordedCall]:
    """Replicate and return the calls that it made, of what AWS shows by then."""
    cluster.simulator.show_everything()
    mark = cluster.simulator.mark()
    cluster.succeeded(cluster.order(project, body))
    return cluster.simulator.calls(mark)


def test_a_tenant_becomes_a_configured_account(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("whole"))

    account = cluster.account("whole")
    assert account["email"] == "aws+likvid.whole@example.com"
    assert account["parent_id"] == organization.DEVELOPMENT_OU_ID
    assert account["alias"] == "likvid-whole"
    assert account["tags"]["meshstack:tenant"] == "likvid.whole.aws.sandbox"
    assert access_of(cluster, "whole") == {
        ("mst-likvid.whole.admin", organization.ADMIN_PERMISSION_SET_ARN): {"alice@example.com"},
        ("mst-likvid.whole.user", organization.USER_PERMISSION_SET_ARN): {"bob@example.com"},
        ("mst-likvid.whole.reader", organization.READER_PERMISSION_SET_ARN): {"bob@example.com"},
    }


def test_the_accounts_cloudtrail_tells_which_tenant_and_replication_asked(cluster: Cluster) -> None:
    mark = cluster.simulator.mark()
    replication = cluster.order("named")
    cluster.succeeded(replication)

    name = str(cluster.tenant_id("named"))
    calls = [call for call in cluster.simulator.calls(mark) if f" tenant/{name} " in call.user_agent]
    assert {call.user_agent.rpartition(" replication/")[2] for call in calls} == {replication}
    assert {"CreateAccount", "AssumeRole", "CreateAccountAssignment"} <= {call.operation for call in calls}
    inside = {call.caller for call in calls if f":assumed-role/{organization.ACCESS_ROLE}/" in call.caller}
    assert {arn.rpartition("/")[2] for arn in inside} == {name}


def test_a_platform_with_scim_gives_the_same_access(cluster: Cluster) -> None:
    body = desired("development-scim")
    order = replicate("likvid", "by-scim", "aws-scim.sandbox", body, connector=cluster.connector)
    cluster.succeeded(order.replication)

    assert access_of(cluster, "by-scim") == {
        ("mst-likvid.by-scim.scim.admin", organization.ADMIN_PERMISSION_SET_ARN): {"alice@example.com"},
        ("mst-likvid.by-scim.scim.user", organization.USER_PERMISSION_SET_ARN): {"bob@example.com"},
        ("mst-likvid.by-scim.scim.reader", organization.READER_PERMISSION_SET_ARN): {"bob@example.com"},
    }


def test_people_sign_in_by_saml_on_a_platform_with_federation(cluster: Cluster) -> None:
    order = replicate("likvid", "by-saml", "aws-federated.sandbox", desired("federated"), connector=cluster.connector)
    cluster.succeeded(order.replication)

    state, account = cluster.simulator.state(), cluster.account("by-saml")["id"]
    provider = f"arn:aws:iam::{account}:saml-provider/mesh"
    roles = state["federated_roles"][account]
    assert state["saml_providers"][provider]["metadata"] == saml_metadata()
    assert {name: [arn.rpartition("/")[2] for arn in role["policies"]] for name, role in roles.items()} == {
        "ProjectAdmin": ["IAMReadOnlyAccess", "PowerUserAccess"],
        "ProjectReader": ["ReadOnlyAccess"],
    }
    assert all(provider in str(role["trust"]) for role in roles.values())
    assert access_of(cluster, "by-saml") == {}
    cluster.simulator.show_everything()
    mark = cluster.simulator.mark()
    cluster.succeeded(cluster.connector.store.orders.submit(Order(TenantId.parse(order.tenant))))
    assert cluster.simulator.writes_since(mark) == []


@pytest.mark.thorough
def test_accounts_are_enrolled_as_many_at_once_as_may_be_and_then_vended(cluster: Cluster) -> None:
    cluster.simulator.operator("offer_function", name="vend", answer={"started": True})
    cluster.simulator.set_options(enrollment_seconds=3)  # so that they meet, however busy the machine is
    projects = [f"governed{number}" for number in range(4)]
    orders = [govern(cluster, project) for project in projects]
    for order in orders:
        eventually(partial(_waits_at, cluster, order, "wait_for_vending"))
    assert not any(access_of(cluster, project) for project in projects)
    for told in told_to(cluster, "vend"):
        tags = {"vended-for": told["ProductName"], "Stage": told["Stage"]}
        cluster.simulator.operator("tag_account", account=told["AccountId"], tags=tags)
    for order in orders:
        cluster.succeeded(order)

    state, accounts = cluster.simulator.state(), [cluster.account(project) for project in projects]
    assert {account["parent_id"] for account in accounts} == {organization.PRODUCTION_OU_ID}
    assert {account["id"] for account in accounts} == state["control_tower"]["enrolled"].keys()
    assert state["service_catalog"]["in_flight_peak"] == 2  # as the platform's limits say; AWS would take five
    assert {group for project in projects for group, _ in access_of(cluster, project)} == {
        f"mst-likvid.{project}.governed.admin" for project in projects
    }
    mark = cluster.simulator.mark()
    cluster.succeeded(govern(cluster, projects[0]))
    assert [call.operation for call in cluster.simulator.writes_since(mark)] == ["Invoke"]


def govern(cluster: Cluster, project: str) -> str:
    """Order a tenant on the platform with Control Tower."""
    body = desired("control-tower", access=ACCESS[:1])
    return replicate("likvid", project, "aws-governed.sandbox", body, connector=cluster.connector).replication


def test_a_second_replication_writes_nothing_and_reads_little(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("calm"))

    calls = [call for call in calls_of(cluster, desired(), "calm") if call.operation != "AssumeRole"]

    assert [call.operation for call in calls if call.write] == []
    assert len(calls) <= READS_BESIDE_ROLES + READS_PER_ROLE * 3, [call.operation for call in calls]


def test_a_changed_user_list_writes_memberships_only(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("people"))
    changed = [*ACCESS[:1], {"username": "carol", "euid": "carol@example.com", "roles": ["user", "reader"]}]

    calls = calls_of(cluster, desired(access=changed), "people")

    assert {call.operation for call in calls if call.write} == WRITES_OF_MEMBERSHIP
    members = access_of(cluster, "people")
    assert members["mst-likvid.people.user", organization.USER_PERMISSION_SET_ARN] == {"carol@example.com"}


def test_nobody_keeps_access_who_lost_it(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("leaving"))

    cluster.succeeded(cluster.order("leaving", desired(access=[])))

    assert access_of(cluster, "leaving") == {}


def test_another_landing_zone_moves_the_account(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("moving"))

    cluster.succeeded(cluster.order("moving", desired("production")))

    assert cluster.account("moving")["parent_id"] == organization.PRODUCTION_OU_ID


def test_many_orders_at_once_give_each_tenant_one_account(cluster: Cluster) -> None:
    projects = [f"crowd{number}" for number in range(10)]
    with ThreadPoolExecutor(12) as pool:
        orders = random.Random(7).sample(projects * 3, 30)
        replications = set(pool.map(lambda project: cluster.order(project, ONE_ROLE), orders))

    for replication in replications:
        cluster.succeeded(replication)

    assert len(replications) == len(projects)
    for project in projects:
        assert cluster.account(project)["parent_id"] == organization.DEVELOPMENT_OU_ID
    assert cluster.simulator.state()["creations"]["in_flight_peak"] <= 5


def test_the_newest_order_wins(cluster: Cluster) -> None:
    for number in range(12):
        access = [{"username": "dave", "euid": "dave@example.com", "roles": ["user" if number % 2 else "admin"]}]
        last = cluster.order("hasty", desired(access=access, tenantPlatformNumber=number))

    cluster.succeeded(last)

    assert set(access_of(cluster, "hasty")) == {("mst-likvid.hasty.user", organization.USER_PERMISSION_SET_ARN)}


@pytest.mark.parametrize(
    ("project", "operation", "code", "step"),
    [
        ("denied-move", "organizations:MoveAccount", "AccessDeniedException", "move_to_ou"),
        pytest.param(
            *("denied-group", "identitystore:CreateGroup", "AccessDeniedException", "sync_groups"),
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_a_permission_error_fails_with_awss_words_and_retry_works(
    cluster: Cluster, project: str, operation: str, code: str, step: str
) -> None:
    cluster.simulator.deny(operation)
    failed = cluster.ended(cluster.order(project))

    assert failed.state is State.FAILED
    assert failed.last_error is not None
    assert failed.last_error.code == code
    assert "not authorized" in failed.last_error.message
    assert failed.last_error.request_id
    assert failed.last_error.remedy
    assert [each.name for each in failed.steps if each.state is State.FAILED] == [step]

    cluster.simulator.allow_all()
    cluster.succeeded(cluster.order(project))


def test_taking_access_away_does_not_wait_behind_a_broken_stack(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("broken"))
    cluster.simulator.deny("cloudformation:DescribeStacks")

    failed = cluster.ended(cluster.order("broken", desired(access=ACCESS[1:])))

    assert failed.state is State.FAILED
    assert failed.last_error is not None
    assert "DescribeStacks" in failed.last_error.message
    states = {step.name: step.state for step in failed.steps}
    assert states["deploy_access_stack"] is State.FAILED
    assert states["assign_permission_sets"] is State.SUCCEEDED
    assert {step.note for step in failed.steps if step.state is State.CANCELLED} == {
        "not run, because deploy_access_stack failed"
    }
    assert not any("admin" in group for group, _ in access_of(cluster, "broken"))


def test_a_lambda_function_is_told_of_each_replication_and_its_failure_is_a_remark(cluster: Cluster) -> None:
    error = {"errorType": "Refused", "errorMessage": f"no ticket for {organization.EXTERNAL_ID}"}
    cluster.simulator.operator("offer_function", name="on-account", answer=error, failure="Unhandled")
    first = cluster.succeeded(cluster.order("told", desired("told")))
    cluster.simulator.operator("offer_function", name="on-account")

    calls = calls_of(cluster, desired("told"), "told")

    note = next(step.note for step in first.steps if step.name == "invoke_lambda")
    assert note == "on-account ran and failed: Unhandled: Refused: no ticket for ***"
    assert [call.operation for call in calls if call.write] == ["Invoke"]
    account = cluster.account("told")["id"]
    assert [(each["AccountId"], each["Stage"]) for each in told_to(cluster, "on-account")] == [(account, "told")] * 2


def test_an_email_owned_by_a_foreign_account_is_final_and_names_it(cluster: Cluster) -> None:
    cluster.simulator.set_options(foreign_emails=["aws+likvid.foreign@example.com"])

    failed = cluster.ended(cluster.order("foreign"))

    assert failed.state is State.FAILED
    assert failed.last_error is not None
    assert "aws+likvid.foreign@example.com" in failed.last_error.message
    cluster.simulator.set_options(foreign_emails=[])
    cluster.succeeded(cluster.order("foreign"))


def test_after_redis_is_emptied_everything_is_rebuilt_from_aws(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("phoenix"))
    before = cluster.account("phoenix")
    cluster.redis.client.flushall()

    calls = calls_of(cluster, desired(), "phoenix")

    assert cluster.account("phoenix") == before
    assert [call.operation for call in calls if call.write] == []


def test_cancel_stops_it_and_a_new_order_finishes_the_same_account(cluster: Cluster) -> None:
    cluster.simulator.set_options(creation_seconds=3)
    replication = cluster.order("stopped")
    eventually(lambda: _waits_at(cluster, replication, "wait_for_account"))

    cluster.connector.store.orders.cancel(replication)

    assert cluster.ended(replication).state is State.CANCELLED
    cluster.simulator.set_options(creation_seconds=0.4)
    cluster.succeeded(cluster.order("stopped"))
    assert cluster.account("stopped")["alias"] == "likvid-stopped"


def test_every_write_stands_in_the_audit_log_and_in_its_export(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    since, mark = datetime.now(UTC).isoformat(), cluster.simulator.mark()
    cluster.simulator.inject(service="organizations", operation="MoveAccount", kind="lost_response", times=1)
    cluster.simulator.inject(service="iam", operation="CreateAccountAlias", kind="error", code="Throttling", times=1)
    platforms = {PLATFORM: "development", "aws-scim.sandbox": "development-scim"}
    orders = {
        f"likvid.audited.{platform}": replicate(
            "likvid", "audited", platform, desired(zone), by="meshstack", connector=cluster.connector
        ).replication
        for platform, zone in platforms.items()
    }
    for replication in orders.values():
        cluster.succeeded(replication)
    writes = cluster.simulator.writes_since(mark)

    with serving(create_app(make_connector(Settings(api_tokens=TOKENS)))) as url:
        with ConnectorClient(url, READ) as client:
            noted = list(client.audit(since=datetime.fromisoformat(since)))
        show_audit(since, None, Access(url, READ), as_json=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]  # and not the API's log
    exported = [AuditEntry.model_validate_json(line) for line in lines]

    assert exported == noted
    assert len(noted) == len(writes)
    assert Counter(entry.call for entry in noted) == Counter(
        f"{write.service}:{xform_name(write.operation)}" for write in writes
    )
    answered = {write.request_id: write.outcome.replace("ok", "OK") for write in writes if write.outcome != LOST}
    assert {entry.request_id: entry.outcome for entry in noted if entry.request_id} == answered
    assert [entry.call for entry in noted if entry.request_id is None] == ["organizations:move_account"]
    assert {(entry.asked_by, entry.tenant, entry.replication) for entry in noted} == {
        ("meshstack", tenant, replication) for tenant, replication in orders.items()
    }
    steps = {step.name for step in REPLICATION.steps}
    assert all(entry.step in steps and entry.arguments for entry in noted)
    named = {entry.account for entry in noted if entry.call == "iam:create_account_alias"}
    accounts = {found.account_id for found in map(cluster.connector.store.replications.find, orders.values()) if found}
    assert named == accounts


GROUPS = {PLATFORM: "mst-likvid.witnessed.admin", "aws-scim.sandbox": "mst-likvid.witnessed.scim.admin"}


@pytest.mark.parametrize(
    ("platform", "zone", "calls"),
    [
        (PLATFORM, "development", ("identitystore:create_group_membership", "identitystore:delete_group_membership")),
        pytest.param(
            *("aws-scim.sandbox", "development-scim", ("scim:patch_group", "scim:patch_group")),
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_the_audit_log_names_who_was_given_access_and_who_lost_it(
    cluster: Cluster, platform: str, zone: str, calls: tuple[str, str]
) -> None:
    people = [{"username": name, "euid": f"{name}@example.com", "roles": ["admin"]} for name in ("alice", "bob")]
    for access in (people, people[:1]):
        replication = replicate(
            "likvid", "witnessed", platform, desired(zone, access), by="meshstack", connector=cluster.connector
        ).replication
        cluster.succeeded(replication)

    tenant = f"likvid.witnessed.{platform}"
    noted = cluster.connector.store.audit.page(500, since=None, after=None, tenant=tenant).entries
    given = [entry for entry in noted if entry.call == calls[0] and entry is not noted[-1]]
    lost = next(entry for entry in reversed(noted) if entry.call == calls[1])
    assert {name for entry in given for name in entry.names.values()} >= {"alice@example.com", "bob@example.com"}
    unnamed = [entry for entry in given if GROUPS[platform] not in entry.names.values()]
    assert unnamed == [], "the group is a new one"
    assert all((entry.what or "").endswith(f" group {GROUPS[platform]}") for entry in given)
    assert set(lost.names.values()) == {"bob@example.com", GROUPS[platform]}
    assert lost.what == f"remove bob@example.com from group {GROUPS[platform]}"


def test_every_change_is_told_in_words(cluster: Cluster) -> None:
    began, audit = datetime.now(UTC), cluster.connector.store.audit
    cluster.succeeded(cluster.order("worded", desired("production")))

    noted = audit.page(500, since=began, after=None, tenant=str(cluster.tenant_id("worded")))
    said = {entry.call: entry.what or "" for entry in noted.entries}
    account = cluster.account("worded")["id"]
    assert all(said.values()), said
    assert said["organizations:create_account"].startswith("create account ")
    assert said["sso-admin:create_account_assignment"].startswith("give permission set ps-")
    assert f"in {account}" in said["sso-admin:create_account_assignment"]
    assert not [text for text in said.values() if "arn:" in text or "currently" in text]


def test_no_secret_is_in_redis_or_a_log(cluster: Cluster) -> None:
    cluster.succeeded(cluster.order("secretive"))
    redis = cluster.redis.client
    dump = b"".join(redis.dump(key) or b"" for key in redis.keys("*"))
    values = "".join(str(redis.xrange(key)) for key in redis.keys("connector:events:*"))
    logs = "".join(path.read_text() for path in Path(cluster.directory).glob("*.log"))

    secrets = (
        organization.SERVICE_USER_ACCESS_KEY,
        organization.SERVICE_USER_SECRET_KEY,
        organization.EXTERNAL_ID,
        organization.AUTOMATION_EXTERNAL_ID,
    )
    for secret in secrets:
        assert secret.encode() not in dump
        assert secret not in values
        assert secret not in logs


def access_of(cluster: Cluster, project: str) -> dict[tuple[str, str], set[str]]:
    """Return (group, permission set) -> user names of everything assigned in a tenant's account."""
    state, account = cluster.simulator.state(), cluster.account(project)["id"]
    groups = {group["id"]: group for group in state["identity_store"]["groups"]}
    found = {}
    for row in state["identity_center"]["assignments"]:
        group = groups.get(row["PrincipalId"])  # None: an assignment that outlived its group gives nobody access
        if row["AccountId"] == account and group is not None:
            found[group["name"], row["PermissionSetArn"]] = set(group["members"])
    return found


def told_to(cluster: Cluster, name: str) -> list[dict[str, str]]:
    """Return what a Lambda function was told, oldest first."""
    [function] = [each for each in cluster.simulator.state()["lambda"] if each["arn"].endswith(f":{name}")]
    return list(function["payloads"])


def _waits_at(cluster: Cluster, replication: str, name: str) -> bool:
    found = cluster.connector.store.replications.find(replication)
    assert found is not None
    return next(step.state is State.WAITING for step in found.steps if step.name == name)
