from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.redis import CheckedRedis
from tests.workers.api.meshobjects.objects import (
    WHOLE,
    Document,
    binding,
    location,
    platform,
    project,
    put,
    put_well,
    tenant,
    user,
    workspace,
    zone,
)
from tests.workers.api.server import BODY, ORDER, WRITE, Api, is_problem, make, serving
from workers.api.app import create_app
from workers.examples import EXAMPLES

WRITER = {"Authorization": f"Bearer {WRITE}"}


@pytest.fixture
def redis_of_its_own() -> Iterator[CheckedRedis]:
    with CheckedRedis(fsync="no") as redis:
        yield redis


def test_a_platform_is_used_without_a_restart(http: httpx2.Client) -> None:
    fresh = {**zone("fresh"), "spec": {**zone("fresh")["spec"], "platformRef": {"identifier": "aws.fresh"}}}
    put_well(http, location("fresh"), platform({"env": "MESHOBJECT_SECRET_KEY"}), fresh)
    named = {**tenant(landingZoneIdentifier="fresh")}
    named["metadata"] = {**named["metadata"], "platformIdentifier": "aws.fresh"}

    put_well(http, *WHOLE, named)

    assert http.get("/api/v1/tenants/likvid/shop/aws.fresh").status_code == 200
    assert [each["tenant"] for each in http.get("/api/v1/tenants").json()["tenants"]] == [
        *("likvid.shop.aws.fresh", "likvid.shop.aws.sandbox"),
    ]


def test_a_landing_zone_is_used_without_a_restart(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, zone("fresh"), project("b"), tenant("b", landingZoneIdentifier="fresh"))

    assert http.get("/api/v1/tenants/likvid/b/aws.sandbox").json()["landingZone"] == "fresh"
    body = {**BODY, "landingZone": "fresh"}
    assert http.put("/api/v1/tenants/likvid/c/aws.sandbox", json=body).status_code == 202


def test_mistakes_are_told_and_the_good_one_stays(http: httpx2.Client) -> None:
    put_well(http, zone("fresh"))

    rows = put(http, zone("fresh", awsTargetOrgUnitId="nonsense"), zone("other"))

    assert [row["status"] for row in rows] == ["FAILED", "SUCCESS"]
    assert "awsTargetOrgUnitId" in rows[0]["message"]
    for name in ("fresh", "other"):
        path = f"/api/v1/tenants/likvid/{name}/aws.sandbox"
        assert http.put(path, json={**BODY, "landingZone": name}).status_code == 202


@pytest.mark.parametrize(
    "aws",
    [
        {"accessStack": {"templateFile": "/etc/passwd"}},
        {"serviceControlPolicy": {"name": "x", "templateFile": "../x.json"}},
    ],
)
def test_no_file_of_a_workers_machine_is_read(http: httpx2.Client, aws: Document) -> None:
    [row] = put(http, zone("fresh", **aws))

    assert row["status"] == "FAILED"
    assert "names a file" in row["message"]


@pytest.mark.parametrize(
    "secret",
    [{"plaintext": "geheimnis"}, "geheimnis", {"file": "/run/secrets/geheimnis"}, {"env": "CONNECTOR_GEHEIMNIS"}],
)
def test_no_secret_comes_this_way_nor_is_sent_anywhere(api: Api, http: httpx2.Client, secret: Any) -> None:
    [row] = put(http, platform(secret))

    assert row["status"] == "FAILED"
    assert "MESHOBJECT_SECRET_" in row["message"]
    assert "geheimnis" not in json.dumps(row).lower().replace("connector_geheimnis", "")
    assert "connector:documents" not in api.keys()  # noqa: SIM118 (it is no dict)


def test_what_is_used_is_not_deleted(http: httpx2.Client) -> None:
    put_well(http, *WHOLE)
    zones = [zone("a"), zone("b"), zone("c")]
    put_well(http, *zones, meshObjectCollection="zones")
    put_well(http, tenant(landingZoneIdentifier="a"))

    rows = put(http, zones[1], zones[2], meshObjectCollection="zones")

    assert rows[-1]["status"] == "FAILED"
    assert "still use it" in rows[-1]["message"]
    assert [row["status"] for row in put(http, zones[0], zones[1], meshObjectCollection="zones")] == ["SUCCESS"] * 3
    body = {**BODY, "landingZone": "c"}
    is_problem(http.put("/api/v1/tenants/likvid/d/aws.sandbox", json=body), 422)


def test_what_another_process_takes_counts_for_the_next_order(api: Api, http: httpx2.Client) -> None:
    put_well(http, *WHOLE)
    put_well(http, zone("fresh"))
    orders = [f"/api/v1/tenants/likvid/{project}/aws.sandbox" for project in ("one", "two", "three")]
    answers = [http.put(orders[0], json={**BODY, "landingZone": "fresh"})]
    documents = api.store.documents.all()

    api.store.documents.change({}, ["meshLandingZone fresh"])
    answers.append(http.put(orders[1], json={**BODY, "landingZone": "fresh"}))
    api.store.documents.change(documents, [])
    answers.append(http.put(orders[2], json={**BODY, "landingZone": "fresh"}))

    assert [answer.status_code for answer in answers] == [202, 422, 202]


def test_a_broken_directory_refuses_every_document(redis_of_its_own: CheckedRedis, tmp_path: Path) -> None:
    directory = tmp_path / "config"
    shutil.copytree(EXAMPLES / "config", directory)
    connector = make(redis_of_its_own.url)
    mine = replace(connector, settings=connector.settings.model_copy(update={"config_dir": directory}))
    with serving(create_app(mine)) as url:
        (directory / "broken.yaml").write_text("kind: [")
        with httpx2.Client(base_url=url, headers=WRITER, timeout=30, verify=False) as http:
            rows = put(http, zone("fresh"), workspace())
    mine.store.close()
    assert [row["status"] for row in rows] == ["FAILED", "SUCCESS"]


def test_a_tenant_whose_platform_is_gone_fails_its_row_alone(redis_of_its_own: CheckedRedis, tmp_path: Path) -> None:
    """Its people cannot be taken out without the platform's document; all others are ordered."""
    directory = tmp_path / "config"
    shutil.copytree(EXAMPLES / "config", directory)
    connector = make(redis_of_its_own.url)
    gone = replace(
        connector,
        settings=connector.settings.model_copy(update={"config_dir": directory}),
        catalog=replace(connector.catalog, platforms={}),
    )
    with serving(create_app(connector)) as url, httpx2.Client(base_url=url, headers=WRITER, verify=False) as http:
        put_well(http, *WHOLE, user("bob"), binding("bob", name="b2"))
    with serving(create_app(gone)) as url, httpx2.Client(base_url=url, headers=WRITER, verify=False) as http:
        rows = put(http, binding("ada", name="b2"), workspace("other"))
    connector.store.close()
    assert [row["status"] for row in rows] == ["FAILED", "SUCCESS"]
    assert "unknown platform" in rows[0]["message"]


def test_what_a_file_describes_counts_as_the_file_says_it(http: httpx2.Client) -> None:
    [row] = put_well(http, zone("development"))

    assert "which takes precedence" in row["remarks"]


def test_who_may_only_order_changes_no_configuration(api: Api, http: httpx2.Client) -> None:
    zones = [zone(name) for name in "abc"]
    put_well(http, *zones, meshObjectCollection="zones")
    with api.client(ORDER) as orderer:
        put_well(orderer, *WHOLE)
        for refused in (location("fresh"), platform({"env": "MESHOBJECT_SECRET_KEY"}), zone("a")):
            [row] = put(orderer, refused)
            assert row["status"] == "FAILED"
            assert "admin" in row["message"]
        [*_, left_out] = put(orderer, workspace(), user("x"), user("y"), meshObjectCollection="zones", deletions=3)
    assert left_out["status"] == "FAILED"
    for name in "abc":
        path = f"/api/v1/tenants/likvid/{name}/aws.sandbox"
        assert http.put(path, json={**BODY, "landingZone": name}).status_code == 202
