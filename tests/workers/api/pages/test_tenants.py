from __future__ import annotations

import re

import httpx2
import pytest

from tasks.model.replication import WaitsFor
from tests.workers.api.pages.scene import ACCOUNT, QUOTA, Scene, text_of
from tests.workers.api.server import Api


def names(page: httpx2.Response) -> list[str]:
    assert page.status_code == 200, page.text
    return re.findall(r'id="row-likvid\.([^."]+)\.', page.text)


@pytest.fixture
def some(scene: Scene) -> Scene:
    scene.succeeded("alpha")
    scene.failed("beta")
    scene.waiting("gamma", waits_for=WaitsFor.PERSON, last_error=QUOTA)
    scene.order("delta")
    return scene


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["beta", "gamma", "delta", "alpha"]),
        ("?sort=name", ["alpha", "beta", "delta", "gamma"]),
        ("?sort=newest", ["delta", "gamma", "beta", "alpha"]),
        ("?sort=oldest", ["alpha", "beta", "gamma", "delta"]),
        ("?q=LTA", ["delta"]),
        ("?q=%25", []),
        ("?q=.*", []),
        (f"?q={ACCOUNT}", ["alpha"]),
        ("?q=999999999999", []),
        ("?state=FAILED", ["beta"]),
        ("?state=nonsense", ["beta", "gamma", "delta", "alpha"]),
        ("?zone=development&sort=name", ["alpha", "beta", "delta", "gamma"]),
        ("?zone=production", []),
        ("?platform=aws.sandbox&state=QUEUED&q=de", ["delta"]),
        ("?page=7", ["beta", "gamma", "delta", "alpha"]),  # the last page: the list has become shorter
        ("?page=7&state=FAILED", ["beta"]),
        ("?page=7&q=nobody", []),
    ],
)
@pytest.mark.usefixtures("some")
def test_tenants_are_found_filtered_and_sorted(pages: httpx2.Client, query: str, expected: list[str]) -> None:
    assert names(pages.get(f"/tenants{query}")) == expected


@pytest.mark.usefixtures("some")
def test_a_row_says_what_a_tenant_does_now(pages: httpx2.Client) -> None:
    page = pages.get("/tenants?q=gamma")
    assert 'aria-label="0 of 21 steps done, waiting at withdraw access"' in page.text
    assert '<i class="person"></i>' in page.text
    assert f"withdraw access: {QUOTA.code}" in text_of(page)


def test_pages_of_the_list_follow_each_other(scene: Scene, pages: httpx2.Client) -> None:
    for number in range(60):
        scene.order(f"p{number:02}")
    first = pages.get("/tenants?sort=name")
    assert names(first) == [f"p{number:02}" for number in range(50)]
    [following] = re.findall(r'rel="next" href="([^"]+)"', first.text)
    assert names(pages.get(following.replace("&amp;", "&"))) == [f"p{number:02}" for number in range(50, 60)]


def test_what_a_tenant_is_called_never_becomes_a_tag(pages: httpx2.Client) -> None:
    page = pages.get("/tenants?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page.text
    assert "No tenant fits." in text_of(page)


@pytest.mark.parametrize("query", ["?page=-1", "?page=x", "?sort=age", f"?q={'x' * 300}"])
def test_a_wrong_address_is_a_page_that_says_so(pages: httpx2.Client, query: str) -> None:
    answer = pages.get(f"/tenants{query}")
    assert answer.status_code == 422
    assert "address of this page is wrong" in answer.text


def test_who_waits_for_a_person_or_is_paused_is_found_by_that(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    scene.waiting("full", waits_for=WaitsFor.PERSON, last_error=QUOTA)
    scene.waiting("slow")
    api.store.pauses.pause("likvid.slow.aws.sandbox", by="ops", reason="audit")
    for state, project, said in (("PARKED", "full", "needs a person"), ("PAUSED", "slow", "paused")):
        page = text_of(pages.get(f"/tenants?state={state}"))
        assert "1 tenant" in page
        assert f"likvid.{project}.aws.sandbox" in page
        assert said in page.partition("Last change")[2]
        with api.client() as http:
            found = http.get("/api/v1/tenants", params={"status": state}).json()
        assert [each["project"] for each in found["tenants"]] == [project]
        assert found["page"]["totalElements"] == 1
        assert [each["heldBy"] for each in found["tenants"]] == [state]
        with api.client() as http:
            assert http.get(f"/api/v1/tenants/likvid/{project}/aws.sandbox").json()["heldBy"] == state
    assert "No tenant fits." in text_of(pages.get("/tenants?state=PARKED&q=slow"))
    api.store.pauses.pause("aws.sandbox", by="ops", reason="all")
    assert "2 tenants" in text_of(pages.get("/tenants?state=PAUSED"))


def test_what_was_cancelled_needs_nobody(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    tenant = scene.waiting("full", waits_for=WaitsFor.PERSON, last_error=QUOTA)
    record = api.store.tenants.find(tenant)
    assert record is not None
    api.store.orders.cancel(record.replication)
    row = text_of(pages.get("/tenants?q=full")).partition("Last change")[2]
    assert "cancelled" in row
    assert "needs a person" not in row
