from __future__ import annotations

from datetime import UTC, datetime

import httpx2
import pytest

from tasks.documents import Drift, DriftChange, UnmanagedAccount
from tests.workers.api.pages.scene import Scene, send, text_of
from tests.workers.api.server import Api


def test_a_platform_is_examined_paused_and_resumed(api: Api, pages: httpx2.Client) -> None:
    here = "/platforms/aws.sandbox"
    assert "Not checked in the last hour." in text_of(pages.get(here))
    assert send(pages, f"{here}/do/health").headers["location"] == here
    assert "A worker looks at AWS." in text_of(pages.get(here))
    send(pages, f"{here}/do/pause", reason="a new contract")
    assert "a new contract" in text_of(pages.get(here))
    assert api.store.pauses.all()["aws.sandbox"].paused_by == "producer"
    send(pages, f"{here}/do/resume")
    assert not api.store.pauses.all()
    assert send(pages, f"{here}/do/close").status_code == 404
    assert pages.get("/platforms/gcp.nowhere").status_code == 404


def test_no_page_shows_a_secret(api: Api, pages: httpx2.Client) -> None:
    shown = "".join(
        pages.get(path).text for path in ("/platforms/aws.sandbox", "/platforms/aws-scim.sandbox", "/settings")
    )
    assert "***" in shown
    password = api.connector.settings.redis_url.get_secret_value()
    assert password not in shown
    for token in api.connector.settings.api_tokens:
        assert token.sha256 not in shown


def test_a_rollout_is_begun_and_followed(scene: Scene, pages: httpx2.Client) -> None:
    scene.succeeded("shop")
    assert "Nobody has rolled out" in text_of(pages.get("/rollouts"))
    there = send(pages, "/rollouts", zone="development").headers["location"]
    assert "0 of 1 replication has ended." in text_of(pages.get(there))
    assert there in pages.get("/rollouts").text
    assert send(pages, "/rollouts", zone="nowhere").status_code == 404
    assert pages.get("/rollouts/none").status_code == 404


def test_an_unmanaged_account_shows_the_order_that_takes_it_over(api: Api, pages: httpx2.Client) -> None:
    assert "None. Every account belongs to a tenant." in text_of(pages.get("/unmanaged"))
    organization = api.connector.catalog.platforms["aws.sandbox"].management_account_id
    now = datetime.now(UTC)
    account = UnmanagedAccount(
        account_id="444444444444", name="old", email="old@example.com", state="ACTIVE", first_seen=now, last_seen=now,
        management_account_id=organization,
    )  # fmt: skip
    api.store.unmanaged.replace(organization, {account.account_id: account})
    assert 'platformTenantId: "444444444444"' in text_of(pages.get("/unmanaged"))
    assert "Accounts without a tenant 1" in text_of(pages.get("/"))


def test_drift_says_what_differs(api: Api, pages: httpx2.Client) -> None:
    now = datetime.now(UTC)
    change = DriftChange(step="move_to_ou", note="moved back", calls=("organizations:MoveAccount",))
    drift = Drift(
        tenant="likvid.shop.aws.sandbox", mode="report", differs=True, since=now, looked_at=now, changes=(change,)
    )
    api.store.drifts.keep(drift)
    assert "move to ou: moved back" in text_of(pages.get("/drift"))


def test_costs_say_that_nothing_is_known_yet(pages: httpx2.Client) -> None:
    for by in ("tenant", "workspace", "project", "service", "day", "account"):
        assert "No costs of this month yet." in text_of(pages.get(f"/costs?by={by}"))
    assert pages.get("/costs?month=2026-13").status_code == 422
    assert pages.get("/costs?by=color").status_code == 422


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing-here", 404), ("GET", "/sign-out", 405), ("POST", "/tenants", 405)],
)
def test_who_comes_astray_with_a_browser_gets_a_page(pages: httpx2.Client, method: str, path: str, status: int) -> None:
    answer = pages.request(method, path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert '<a href="/">Overview</a>' in answer.text
    assert pages.request(method, path).headers["content-type"] == "application/problem+json"


def test_the_api_answers_with_problems_whatever_is_accepted(api: Api) -> None:
    with api.client() as http:
        answer = http.get("/api/v1/nothing", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
