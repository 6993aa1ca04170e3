from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.workers.api.meshobjects.objects import (
    NAME,
    ROOT,
    WHOLE,
    Document,
    project,
    put,
    put_well,
    tenant,
    updated,
    v4,
)
from tests.workers.api.server import is_problem

PATH = f"{ROOT}/meshtenants"


@pytest.fixture(autouse=True)
def ordered(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, *[each for name in "abcd" for each in (project(name), tenant(name))])


def shown(http: httpx2.Client, version: str = "v4", path: str = "", **query: Any) -> Document:
    answer = http.get(PATH + path, params=query, headers={"Accept": v4(version)})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == v4(version)
    found: Document = answer.json()
    return found


def names(http: httpx2.Client, **query: Any) -> list[str]:
    found = shown(http, "v3", **query)
    return [each["metadata"]["ownedByProject"] for each in found["_embedded"]["meshTenants"]]


def test_every_version(http: httpx2.Client) -> None:
    newest = shown(http, projectIdentifier="shop")["_embedded"]["meshTenants"][0]
    uuid = newest["metadata"]["uuid"]

    assert newest["spec"]["landingZoneRef"] == {"name": "development", "kind": "meshLandingZone"}
    assert newest["status"]["lifecycle"]["state"] == "ACTIVE"
    assert newest["status"]["tags"] == {"env": ["dev"], "costCenter": ["7"]}
    preview = shown(http, "v4-preview", f"/{uuid}")
    assert preview["apiVersion"] == "v4-preview"
    assert preview["spec"]["platformIdentifier"] == "aws.sandbox"
    oldest = shown(http, "v3", f"/{NAME}")
    assert oldest["metadata"]["tenantIdentifier"] == str(NAME)
    assert oldest["_links"]["self"]["href"].endswith(f"{PATH}/{NAME}")
    with httpx2.Client(headers=http.headers | {"Accept": v4()}, verify=False) as other:
        assert other.get(newest["_links"]["self"]["href"]).json() == newest


def test_what_is_shown_can_be_imported(http: httpx2.Client) -> None:
    before = updated(http)
    for version in ("v3", "v4-preview", "v4"):
        put_well(http, *shown(http, version)["_embedded"]["meshTenants"])

    assert updated(http) == before


def test_pages(http: httpx2.Client) -> None:
    first = shown(http, size=2, workspaceIdentifier="likvid")
    assert first["page"] == {"size": 2, "totalElements": 5, "totalPages": 3, "number": 0}
    seen, page = list(first["_embedded"]["meshTenants"]), first

    while "next" in page["_links"]:
        page = http.get(page["_links"]["next"]["href"], headers={"Accept": v4()}).json()
        seen += page["_embedded"]["meshTenants"]

    assert [each["metadata"]["ownedByProject"] for each in seen] == ["a", "b", "c", "d", "shop"]
    assert page["_links"].keys() == {"self", "first", "prev", "last"}
    assert shown(http, size=5000)["page"]["size"] == 1000
    assert shown(http)["_links"].keys() == {"self"}
    assert shown(http, page=9)["_embedded"] == {"meshTenants": []}


def test_filters(http: httpx2.Client) -> None:
    http.delete("/api/v1/tenants/likvid/a/aws.sandbox")

    assert names(http) == ["b", "c", "d", "shop"]
    assert names(http, state=["MARKED_FOR_DELETION"]) == ["a"]
    assert names(http, deletionState="MARKED_FOR_DELETION") == ["a"]
    assert names(http, state=["ACTIVE", "MARKED_FOR_DELETION"]) == ["a", "b", "c", "d", "shop"]
    assert names(http, projectIdentifier="c", platformIdentifier="aws.sandbox") == ["c"]
    for nothing in (
        {"workspaceIdentifier": "x"},
        {"platformTypeIdentifier": "AZURE"},
        {"landingZoneIdentifier": "production"},
        {"platformTenantId": "123456789012"},
        {"state": "DELETED"},
    ):
        assert names(http, **nothing) == []
    assert names(http, platformTypeIdentifier="AWS") == ["b", "c", "d", "shop"]


def test_what_is_not_there(http: httpx2.Client) -> None:
    is_problem(http.get(f"{PATH}/likvid.nothing.aws.sandbox"), 404)
    is_problem(http.get(f"{PATH}/7e63ef28-c38f-4f4b-90d8-920d1b49c4f8"), 404)
    is_problem(http.get(PATH, headers={"Accept": v4("v9")}), 406)
    is_problem(http.get(PATH, params={"state": "GONE"}), 422)


def test_the_uuid_of_meshstack_is_kept(http: httpx2.Client) -> None:
    uuid = "7e63ef28-c38f-4f4b-90d8-920d1b49c4f8"
    spec = {
        "platformRef": {"uuid": "5f0c1d3a-7b52-4c0e-9a55-0d3a1c9e7f10"},
        "landingZoneRef": {"name": "development"},
    }
    metadata = {"uuid": uuid, "ownedByWorkspace": "likvid", "ownedByProject": "shop"}
    put_well(http, {"apiVersion": "v4", "kind": "meshTenant", "metadata": metadata, "spec": spec})

    assert shown(http, path=f"/{uuid}")["metadata"]["ownedByProject"] == "shop"


def test_a_platform_that_only_meshstack_knows(http: httpx2.Client) -> None:
    metadata = {"ownedByWorkspace": "likvid", "ownedByProject": "shop"}
    spec = {"platformRef": {"uuid": "00000000-0000-4000-8000-000000000000"}}

    [row] = put(http, {"apiVersion": "v4", "kind": "meshTenant", "metadata": metadata, "spec": spec})

    assert row["status"] == "FAILED"
    assert "known platform" in row["message"]
