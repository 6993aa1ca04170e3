from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from starlette.requests import ClientDisconnect

from tests.workers.api.meshobjects.objects import (
    JSON,
    ROOT,
    WHOLE,
    YAML,
    Document,
    access,
    binding,
    project,
    put,
    put_well,
    refused,
    tenant,
    user,
    workspace,
)
from tests.workers.api.server import TENANT, WRITE, Api


def test_what_is_missing_is_deleted(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, user("bob"), binding("bob"), meshObjectCollection="c")

    rows = put_well(http, *WHOLE, user("bob"), meshObjectCollection="c")

    assert "missing in the collection" in rows[-1]["remarks"]
    assert access(http) == {"ada": ["admin"]}


def test_what_others_imported_stays(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, meshObjectCollection="c")
    put_well(http, user("bob"), binding("bob"), meshObjectCollection="d")
    put_well(http, user("cyd"), binding("cyd"), meshObjectCollection="c", owner="likvid")

    put_well(http, *WHOLE, meshObjectCollection="c")

    assert set(access(http)) == {"ada", "bob", "cyd"}


def test_no_collection_is_called_like_another_owners(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, user("bob"), binding("bob"), meshObjectCollection="c", owner="likvid")

    put_well(http, *WHOLE, meshObjectCollection="likvid/c")

    assert set(access(http)) == {"ada", "bob"}


def test_a_tenant_that_is_missing_goes_the_usual_way(http: httpx2.Client) -> None:
    objects = [*WHOLE, project("other"), tenant("other", landingZoneIdentifier="production")]
    put_well(http, *objects, meshObjectCollection="c")

    put_well(http, *objects[:-1], meshObjectCollection="c")

    shown = http.get("/api/v1/tenants/likvid/other/aws.sandbox").json()
    assert shown["deletion"]["requestedBy"] == "producer"
    assert shown["deletion"]["approvedAt"] is None
    assert shown["deletedAt"] is None
    assert http.get(TENANT).json()["deletion"] is None


def test_it_comes_back_when_it_is_imported_again(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, meshObjectCollection="c")
    put_well(http, *[each for each in WHOLE if each["kind"] != "meshTenant"], meshObjectCollection="c")
    assert http.get(TENANT).json()["deletion"] is not None

    put_well(http, *WHOLE, meshObjectCollection="c")

    assert http.get(TENANT).json()["deletion"] is None


@pytest.mark.parametrize("text", ["", "[]", " "])
def test_an_empty_body_deletes_nothing(http: httpx2.Client, text: str) -> None:
    put_well(http, *WHOLE, meshObjectCollection="c")

    query = {"meshObjectCollection": "c", "deletions": "1000"}
    for kind in (JSON, YAML):
        answer = http.put(ROOT, content=text, params=query, headers={"Content-Type": kind})
        assert answer.status_code in (400, 409)

    assert access(http) == {"ada": ["admin"]}
    assert http.get(TENANT).json()["deletion"] is None


def test_a_body_that_breaks_off_deletes_nothing(api: Api, http: httpx2.Client) -> None:
    """What has come of it by then could be read."""
    put_well(http, *WHOLE, meshObjectCollection="c")
    begun = "\n---\n".join(json.dumps(each) for each in WHOLE[:-1]) + "\n---\n"
    messages: Iterator[Document] = iter(
        [{"type": "http.request", "body": begun.encode(), "more_body": True}, {"type": "http.disconnect"}]
    )
    scope = {
        "type": "http",
        "method": "PUT",
        "path": ROOT,
        "raw_path": ROOT.encode(),
        "http_version": "1.1",
        "scheme": "http",
        "server": ("x", 80),
        "client": ("x", 1),
        "root_path": "",
        "app": api.app,
        "query_string": b"meshObjectCollection=c",
        "headers": [(b"authorization", f"Bearer {WRITE}".encode()), (b"content-type", YAML.encode())],
    }
    sent: list[Document] = []

    async def receive() -> Document:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    with suppress(ClientDisconnect):
        asyncio.run(api.app(scope, receive, send))

    assert not any(message.get("status") == 200 for message in sent)
    assert access(http) == {"ada": ["admin"]}


def test_a_body_without_an_object_that_can_be_read_deletes_nothing(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, meshObjectCollection="c")

    rows = put(http, *WHOLE[:-2], {"kind": "meshTenant"}, meshObjectCollection="c")

    assert "none of the" in rows[-1]["remarks"]
    assert access(http) == {"ada": ["admin"]}


def test_more_than_usual_is_deleted_only_when_the_request_says_how_many(http: httpx2.Client) -> None:
    more = [each for name in "abc" for each in (project(name), tenant(name))]
    put_well(http, *WHOLE, *more, meshObjectCollection="c")
    left = [*WHOLE, *more[:2]]

    assert "deletions=4" in refused(http, 409, *left, meshObjectCollection="c")
    assert "deletions=4" in refused(http, 409, *left, meshObjectCollection="c", deletions=3)
    assert http.get("/api/v1/tenants/likvid/b/aws.sandbox").json()["deletion"] is None
    put_well(http, *left, meshObjectCollection="c", deletions=4)

    assert http.get("/api/v1/tenants/likvid/b/aws.sandbox").json()["deletion"] is not None
    assert http.get("/api/v1/tenants/likvid/a/aws.sandbox").json()["deletion"] is None


def test_a_project_is_kept_as_long_as_something_belongs_to_it(http: httpx2.Client) -> None:
    put_well(http, *WHOLE[:-2], workspace("more"), user("x"), meshObjectCollection="c")
    put_well(http, *WHOLE[-2:])

    objects = [each for each in WHOLE[:-2] if each["kind"] != "meshProject"]
    rows = put(http, *objects, workspace("more"), user("x"), meshObjectCollection="c")

    assert rows[-1]["meshObject"] == "meshProject[likvid.shop]"
    assert rows[-1]["status"] == "FAILED"
    put_well(http, user(firstName="Countess"))
    assert http.get(TENANT).json()["desired"]["project"]["displayName"] == "Web shop"
