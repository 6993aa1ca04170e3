from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx2

from tasks.model.replication import State, StepState, WaitsFor
from tasks.orders.deletion import request_deletion
from tests.workers.api.pages.scene import QUOTA, REFUSED, Scene, text_of, visiting
from tests.workers.api.server import WRITE, Api, running


def look_for_work(api: Api) -> None:
    api.store.work.pump("celery", 0, timedelta(seconds=9), timedelta(hours=1), "w1")


def test_an_empty_connector_says_what_to_do_first(api: Api, pages: httpx2.Client) -> None:
    look_for_work(api)
    said = text_of(pages.get("/"))
    assert "Nothing. Every tenant is as it was ordered" in said
    assert "aws-connector apply FILE" in said
    assert "Nobody has ordered a tenant yet" in text_of(pages.get("/tenants"))


def test_failures_are_grouped_by_cause_with_the_remedy_and_the_tenants(
    api: Api, scene: Scene, pages: httpx2.Client
) -> None:
    look_for_work(api)
    for project in ("shop", "data"):
        scene.failed(project)
    page = pages.get("/")
    said = text_of(page)
    assert said.count(REFUSED.remedy) == 1
    assert f"{REFUSED.code}: {REFUSED.message}" in said
    assert "2 tenants" in said
    assert 'href="/tenants/likvid/shop/aws.sandbox"' in page.text
    [matter] = pages.get("/api/v1/overview", headers={"Authorization": "Bearer writing-token"}).json()["needs"]
    assert (matter["kind"], matter["number"], matter["step"]) == ("FAILED", 2, "withdraw_access")
    assert matter["tenants"] == ["likvid.data.aws.sandbox", "likvid.shop.aws.sandbox"]


def test_what_waits_for_a_person_is_told_by_its_cause(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    look_for_work(api)
    scene.waiting("full", note=str(QUOTA.message), waits_for=WaitsFor.PERSON, last_error=QUOTA)
    scene.waiting("slow")
    said = text_of(pages.get("/"))
    assert f"{QUOTA.code}: {QUOTA.message}" in said
    assert QUOTA.remedy in said
    assert "1 waits for a person" in said
    assert "1 waits the oldest" in said


def test_pauses_and_people_who_are_still_in_are_told(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    look_for_work(api)
    shop = scene.succeeded("shop")
    api.store.pauses.pause(str(shop), by="ops", reason="audit of the books")
    record = api.store.tenants.find(shop)
    assert record is not None
    request_deletion(record, api.connector, by="ops")
    assert "audit of the books" in text_of(pages.get("/"))
    assert "without an order" not in text_of(pages.get("/"))  # it takes seconds
    deletion = api.store.tenants.find(shop).replication  # type: ignore[union-attr]  # it is known
    api.redis.client.hset(api.store.keys.replication(deletion), "urgent_since", 1_767_225_600_000)
    assert "2 people without an order still have access." in text_of(pages.get("/"))


def test_a_worker_that_looks_seldom_as_it_is_told_is_not_missed(api: Api) -> None:
    look_for_work(api)
    api.redis.client.zincrby("connector:workers", -20_000, "w1")  # it looked 20 s ago
    for seconds, missed in ((0.2, True), (15, False)):
        with running(api.redis, pump_interval=timedelta(seconds=seconds)) as other, visiting(other) as http:
            assert ("No worker runs." in text_of(http.get("/"))) is missed
            metrics = http.get("/metrics", headers={"Authorization": f"Bearer {WRITE}"}).text
            assert f"connector_workers {0.0 if missed else 1.0}" in metrics


def test_it_is_told_when_nobody_works(scene: Scene, pages: httpx2.Client) -> None:
    scene.order("shop")
    said = text_of(pages.get("/"))
    assert "No worker runs. 1 replication cannot continue." in said


def test_the_page_links_to_flower_where_its_address_is_known(api: Api) -> None:
    address = "https://flower.example.com/connector"
    with running(api.redis, flower_url=address) as other, visiting(other) as http:
        assert f'href="{address}"' in http.get("/").text


def test_the_wall_shows_the_same_without_the_bar(pages: httpx2.Client) -> None:
    page = pages.get("/?wall")
    assert '<body class="wall">' in page.text


def test_who_should_be_out_is_named_however_often_it_is_tried(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    look_for_work(api)
    shop = scene.succeeded("shop")
    scene.order("shop", landingZone="production")  # which gives them nothing
    step = StepState(name="withdraw_access", state=State.WAITING, waits_for=WaitsFor.RETRY, last_error=REFUSED)
    scene.end(scene.begin(shop), step, State.WAITING)
    assert "without an order" not in text_of(pages.get("/"))  # it takes some seconds
    record = api.store.tenants.find(shop)
    assert record is not None
    ordered = (datetime.now(UTC) - timedelta(minutes=5)).timestamp() * 1000
    api.redis.client.hset(api.store.keys.replication(record.replication), "urgent_since", ordered)
    said = text_of(pages.get("/"))
    assert "2 people without an order still have access." in said
    assert "began 5 min ago" in said


def test_a_limit_shows_who_has_a_place_and_who_is_next(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    lane, limits = "account creation in 111111111111", api.store.limits
    ids = {project: api.store.tenants.find(scene.order(project)).replication for project in ("a", "b", "c")}  # type: ignore[union-attr]
    answers = [limits.enter(lane, f"place {project}", replication, 1) for project, replication in ids.items()]
    assert answers == [-1, 0, 1]
    there = "/limits?name=account%20creation%20in%20111111111111"
    assert f'href="{there}"' in pages.get("/").text
    said = text_of(pages.get(there))
    assert "1 of 1 places are in use, and 2 wait for one." in said
    assert re.findall(r"likvid\.(\w)\.", said) == ["a", "b", "c"]
    assert pages.get("/limits?name=none").status_code == 404
