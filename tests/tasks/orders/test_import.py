"""Existing accounts become tenants' accounts: the whole way, and every reason to leave one alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tasks import questions
from tasks.doctor.finding import Finding, Level
from tasks.documents import QuestionState
from tasks.model.replication import Replication, State
from tasks.names import TENANT_TAG
from tasks.orders.deletion import request_deletion
from tasks.orders.producer import RequestRefused
from tasks.questions.kinds import HEALTH
from tests.support.cluster import PLATFORM, Cluster, desired, running_cluster
from tests.support.waiting import eventually
from workers.sandbox import organization


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def existing(cluster: Cluster, **body: Any) -> str:
    """Let somebody have an account that is older than the connector; answers its id."""
    name = uuid4().hex
    return str(cluster.simulator.operator("create_account", name=name, email=f"{name}@example.com", **body)["account"])


def take_over(cluster: Cluster, project: str, account: str) -> str:
    return cluster.order(project, desired(platformTenantId=account))


def shown(cluster: Cluster, account: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.simulator.state()["accounts"][account]
    return found


def failed(cluster: Cluster, replication: str) -> Replication:
    ended = cluster.ended(replication)
    assert ended.state is State.FAILED
    assert ended.last_error is not None
    return ended


def test_an_account_is_taken_over_and_then_like_any_other(cluster: Cluster) -> None:
    account = existing(cluster, tags={"foreign": "stays"})

    ended = cluster.succeeded(take_over(cluster, "older", account))

    found = shown(cluster, account)
    assert ended.account_id == account
    assert found["parent_id"] == organization.DEVELOPMENT_OU_ID
    assert found["tags"][TENANT_TAG] == "likvid.older.aws.sandbox"
    assert found["tags"]["foreign"] == "stays"
    state = cluster.simulator.state()
    assert account in {stack["account"] for stack in state["cloudformation"]}
    assert [row for row in state["identity_center"]["assignments"] if row["AccountId"] == account]

    mark = cluster.simulator.mark()
    cluster.succeeded(cluster.order("older", desired()))  # meshStack need not name it for ever
    assert cluster.simulator.writes_since(mark) == []
    assert not [call for call in cluster.simulator.calls() if call.operation == "CreateAccount"]


def test_an_account_that_does_not_let_us_in_is_not_touched(cluster: Cluster) -> None:
    account = existing(cluster, roles=[])
    before = shown(cluster, account)

    ended = failed(cluster, take_over(cluster, "closed", account))

    assert ended.last_error is not None
    assert ended.last_error.code == "AccessDenied"
    assert organization.ACCESS_ROLE in ended.last_error.remedy
    assert shown(cluster, account) == before
    record = cluster.connector.store.tenants.find(cluster.tenant_id("closed"))
    assert record is not None
    assert record.handles.account_id is None

    other = existing(cluster)  # so another one can be ordered
    assert cluster.succeeded(take_over(cluster, "closed", other)).account_id == other


@pytest.mark.parametrize(
    ("project", "account", "code", "says"),
    [
        ("unknown", {"id": "999999999999"}, "AccountNotFoundException", "is not in the organization"),
        ("tagged", {"tags": {TENANT_TAG: "other.team.aws.sandbox"}}, "AnotherTenant", "other.team.aws.sandbox"),
        ("suspended", {"suspended": True}, "AccountClosed", "SUSPENDED"),
    ],
)
def test_why_an_account_is_left_alone(
    cluster: Cluster, project: str, account: dict[str, Any], code: str, says: str
) -> None:
    ordered = account.get("id") or existing(cluster, tags=account.get("tags", {}))
    if account.get("suspended"):
        cluster.simulator.operator("suspend_account", account=ordered)
    mark = cluster.simulator.mark()

    ended = failed(cluster, take_over(cluster, project, ordered))

    assert ended.last_error is not None
    assert ended.last_error.code == code
    assert says in ended.last_error.message
    assert cluster.simulator.writes_since(mark) == []


def test_one_account_is_one_tenants(cluster: Cluster) -> None:
    account = cluster.succeeded(cluster.order("first")).account_id
    assert account is not None

    with pytest.raises(RequestRefused, match=r"likvid\.first\.aws\.sandbox"):  # made by us, and never named in an order
        take_over(cluster, "second", account)
    with pytest.raises(RequestRefused, match=account):
        take_over(cluster, "first", existing(cluster))

    record = cluster.connector.store.tenants.find(cluster.tenant_id("first"))
    assert record is not None
    cluster.succeeded(request_deletion(record, cluster.connector, by="test").replication)
    ended = failed(cluster, take_over(cluster, "second", account))  # nobody's now, and closed
    assert ended.last_error is not None
    assert ended.last_error.code in ("AccountClosed", "AnotherTenant")


def test_a_worker_examines_the_platform_and_an_account_of_it(cluster: Cluster) -> None:
    cluster.succeeded(take_over(cluster, "examined", existing(cluster)))

    asked = questions.ask(cluster.connector, HEALTH, PLATFORM, PLATFORM)
    eventually(lambda: _answered(cluster, asked.id))

    answered = questions.look(cluster.connector, asked.id)
    assert answered is not None
    found = [Finding.model_validate(each) for each in answered.answer]
    assert {each.message for each in found if each.level is Level.ERROR} == set()
    assert [each.level for each in found if each.check == "workers"] == [Level.OK]
    [entered] = [each.message for each in found if each.check == "access role"]
    assert entered.startswith("signed in as arn:aws:sts::")


def _answered(cluster: Cluster, question: str) -> bool:
    found = questions.look(cluster.connector, question)
    return found is not None and found.state is QuestionState.DONE
