"""Somebody who has never seen the page answers five questions by it alone, and repairs a failure.

Each is one look at the overview and at most one click, so that the answer is found in under a minute. It is played as
people see the page: on a screen and on a phone, in light and dark.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tasks.model.desired import TenantId
from tasks.model.replication import State, WaitsFor
from tests.workers.api.pages.browser import CHROMIUM, Scheme, chromium, signed_in
from tests.workers.api.pages.scene import QUOTA, REFUSED, Scene
from tests.workers.api.server import WRITE, Api

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
LIMIT = "account creation in 111111111111"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def played(api: Api) -> Scene:
    """A failure, a tenant that waits for a person, a line for a place, and somebody who is still in."""
    scene, store = Scene(api), api.store
    store.work.pump("celery", 0, timedelta(seconds=60), timedelta(hours=1), "w1")  # a worker runs
    scene.failed("broken")
    scene.waiting("full", waits_for=WaitsFor.PERSON, last_error=QUOTA)
    for project in ("first", "second"):
        record = store.tenants.find(scene.order(project))
        assert record is not None
        store.limits.enter(LIMIT, str(record.id), record.replication, 1)
    shop = scene.succeeded("shop")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    added = scene.write(shop, "identitystore:create_group_membership", {"GroupId": "g-user"})
    store.events.emit(shop, {**added, "at": yesterday.isoformat()})
    _withdraw(scene, shop)
    return scene


def _withdraw(scene: Scene, tenant: TenantId) -> None:
    """Order it without its people, whom AWS then refuses to take out, some minutes ago."""
    scene.order("shop", access=[])
    dispatch = scene.begin(tenant)
    key = scene.api.store.keys.replication(dispatch.replication)
    scene.api.redis.client.hset(key, "urgent_since", (datetime.now(UTC) - timedelta(minutes=5)).timestamp() * 1000)
    step: dict[str, Any] = {"name": "withdraw_access", "waits_for": WaitsFor.RETRY, "last_error": REFUSED}
    scene.end(dispatch, scene.step(State.WAITING, **step), State.WAITING, error=REFUSED)


@pytest.mark.thorough
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_newcomer_finds_each_answer(played: Scene, browser: Browser, scheme: Scheme, width: int) -> None:
    with signed_in(browser, played.api.url, WRITE, scheme=scheme, width=width) as page:
        _which_tenant_is_stuck_and_why(page)
        _which_limit_holds_the_others_up(page)
        _who_can_enter_an_account(page)
        _what_changed_yesterday_and_who_asked(page)
        _repair_a_failure(page, played)


def _matter(page: Page, kind: str) -> Any:
    page.goto("/")
    return page.locator(f".matter.{kind}")


def _which_tenant_is_stuck_and_why(page: Page) -> None:
    matter = _matter(page, "parked")
    expect(matter).to_contain_text("the organization has as many accounts as it may")
    expect(matter).to_contain_text("Ask AWS for more accounts")
    matter.get_by_role("link", name="likvid.full.aws.sandbox").click()
    expect(page.locator("#head .state")).to_have_text("needs a person")
    expect(page.locator(".why")).to_contain_text("waits for a person")
    page.goto("/")
    page.get_by_role("link", name="waits for a person").click()
    expect(page.locator("tbody tr")).to_have_count(1)


def _which_limit_holds_the_others_up(page: Page) -> None:
    page.goto("/")
    row = page.locator("tr", has_text=LIMIT)
    for said in ("1 of 1", "1"):
        cell = row.get_by_role("cell", name=said, exact=True)
        box, screen = cell.bounding_box(), page.viewport_size
        assert box is not None
        assert screen is not None
        assert box["x"] + box["width"] <= screen["width"], "the number is beyond the edge of the screen"
    row.get_by_role("link").click()
    expect(page.locator("main")).to_contain_text("likvid.first.aws.sandbox")
    expect(page.locator("main")).to_contain_text("likvid.second.aws.sandbox")


def _who_can_enter_an_account(page: Page) -> None:
    matter = _matter(page, "withdrawn")
    expect(matter).to_contain_text("2 people without an order still have access.")
    expect(matter).to_contain_text("began 5 min ago")
    matter.get_by_role("link", name="likvid.shop.aws.sandbox").click()
    expect(page.locator(".why")).to_contain_text("2 people have access that no order gives them, since")
    page.get_by_role("link", name="Who has access").click()
    expect(page.locator("#people")).to_be_in_viewport()
    expect(page.locator("tr", has_text="bob@example.com")).to_contain_text("not ordered, still has access")


def _what_changed_yesterday_and_who_asked(page: Page) -> None:
    page.get_by_role("link", name="Changes", exact=True).click()
    expect(page.locator("#changes")).to_be_in_viewport()
    expect(page.locator("tr.day")).to_contain_text("Yesterday, ")
    expect(page.locator("tr", has_text="create_group_membership")).to_contain_text("meshstack")


def _repair_a_failure(page: Page, played: Scene) -> None:
    matter = _matter(page, "failed")
    expect(matter).to_contain_text("Give the role organizations:MoveAccount.")
    matter.get_by_role("link", name="likvid.broken.aws.sandbox").click()
    expect(page.locator(".why")).to_contain_text("Then use the button Retry below.")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_have_text("Retry started.")
    broken = TenantId("likvid", "broken", "aws.sandbox")
    record = played.api.store.tenants.find(broken)
    assert record is not None
    assert record.state is State.QUEUED
