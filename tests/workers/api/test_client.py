from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tasks.model.desired import Desired, TenantId
from tasks.model.replication import State
from tests.workers.api.server import BODY, READ, WRITE, Api, serving
from workers.client import ApiProblem, ConnectorClient

SHOP = "likvid.shop.aws.sandbox"


@pytest.fixture
def client(api: Api) -> Iterator[ConnectorClient]:
    with ConnectorClient(api.url, WRITE) as client:
        yield client


@pytest.fixture
def paging(api: Api) -> Iterator[ConnectorClient]:
    with ConnectorClient(api.url, WRITE, page_size=2) as client:
        yield client


def test_the_client_speaks_every_call(api: Api, client: ConnectorClient) -> None:
    accepted = client.put_tenant(SHOP, BODY)
    assert accepted.state is State.QUEUED
    desired = Desired.model_validate(BODY)
    assert client.put_tenant(TenantId.parse(SHOP), desired).replication_id == accepted.replication_id
    assert client.replicate(SHOP).replication_id == accepted.replication_id
    assert client.tenant(SHOP).desired["landingZone"] == "development"
    assert client.replication(accepted.replication_id).state is State.QUEUED
    [event] = islice(client.events(SHOP), 1)
    assert (event.type, event.data["state"]) == ("replication", "QUEUED")
    assert client.cancel(accepted.replication_id).state is State.CANCELLED
    [event] = islice(client.events(SHOP, after=event.id), 1)
    assert event.data["state"] == "CANCELLED"
    assert client.ready().workers == 0
    api.store.work.pump("celery", 0, timedelta(seconds=9), timedelta(hours=1), "w1")
    assert client.ready().workers == 1


def test_lists_go_over_all_pages(paging: ConnectorClient) -> None:
    assert list(paging.tenants()) == []
    for project in "abcde":
        paging.put_tenant(f"likvid.{project}.aws.sandbox", BODY)
    assert [row.project for row in paging.tenants()] == list("abcde")
    rows = paging.tenants(
        workspace="likvid", project="c", platform="aws.sandbox", landing_zone="development", status=State.QUEUED
    )
    assert [row.project for row in rows] == ["c"]


def test_a_refusal_names_status_and_fields(api: Api, client: ConnectorClient) -> None:
    with pytest.raises(ApiProblem) as raised:
        client.put_tenant(SHOP, {"landingZone": "nowhere"})
    assert raised.value.status == 422
    assert [error.field for error in raised.value.errors] == ["landingZone"]
    assert "landingZone" in str(raised.value)
    with pytest.raises(ApiProblem) as raised:
        list(client.events("no.such.aws.sandbox"))
    assert raised.value.status == 404
    with ConnectorClient(api.url, READ) as reader, pytest.raises(ApiProblem) as raised:
        reader.put_tenant(SHOP, BODY)
    assert raised.value.status == 403


def test_a_proxys_own_error_page_is_a_problem_too(api: Api) -> None:
    page = Starlette(routes=[Route("/{path:path}", lambda _: PlainTextResponse("upstream broke", 502))])
    with serving(page) as url, ConnectorClient(url, WRITE) as client, pytest.raises(ApiProblem) as raised:
        client.tenant(SHOP)
    assert (raised.value.status, raised.value.title, raised.value.detail) == (502, "Bad Gateway", "upstream broke")


def test_nobody_answers() -> None:
    with ConnectorClient("http://127.0.0.1:1", WRITE) as client, pytest.raises(httpx2.ConnectError):
        client.ready()
