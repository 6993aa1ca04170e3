from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tasks.model.replication import State, StepState, WaitsFor
from tests.support.waiting import eventually
from tests.workers.api.pages.browser import CHROMIUM, Scheme, chromium, signed_in
from tests.workers.api.pages.scene import QUOTA, Scene
from tests.workers.api.server import WRITE, Api
from workers.api.pages.visitor import COOKIE

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")

SEEN = """seen => {
    Object.defineProperty(document, "hidden", { value: !seen, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
SHOP = "/tenants/likvid/shop/aws.sandbox"
EVERY = (
    "/", "/?wall", "/tenants", SHOP, "/tenants/likvid/broken/aws.sandbox", "/platforms", "/platforms/aws.sandbox",
    "/rollouts", "/unmanaged", "/drift", "/runs", "/costs", "/settings", "/sign-in", "/limits?name=lane",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def full(api: Api) -> Scene:
    """Tenants in every state."""
    scene = Scene(api)
    scene.succeeded("shop")
    scene.failed("broken")
    scene.waiting("full", waits_for=WaitsFor.PERSON, last_error=QUOTA)
    scene.waiting("slow")
    new = api.store.tenants.find(scene.order("new"))
    assert new is not None
    api.store.limits.enter("lane", "place", new.replication, 1)
    api.store.pauses.pause("likvid.slow.aws.sandbox", by="ops", reason="audit")
    return scene


@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 1280),
        pytest.param("dark", 1280, marks=pytest.mark.thorough),
        pytest.param("light", 360, marks=pytest.mark.thorough),
    ],
)
def test_every_page_can_be_used_by_everybody(full: Scene, browser: Browser, scheme: Scheme, width: int) -> None:
    with signed_in(browser, full.api.url, WRITE, scheme=scheme, width=width) as page:
        for path in EVERY:
            page.goto(path)
            found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{path} is {wide} px too wide"


def test_a_page_is_live_and_keeps_what_a_person_has_typed(full: Scene, browser: Browser) -> None:
    with signed_in(browser, full.api.url, WRITE) as page:
        page.goto(SHOP)
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        page.get_by_label("Why it is paused").fill("the books")
        page.get_by_label("Begin with the step").select_option("tag_account")
        expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
        tenant = full.order("shop", landingZone="production")
        expect(page.locator("#head .state")).to_have_text("queued")
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        page.evaluate(SEEN, False)
        page.evaluate(SEEN, True)  # all of the page is sent once more
        dispatch = full.begin(tenant)
        expect(page.locator("#head .state")).to_have_text("running")
        note = StepState(name="withdraw_access", state=State.WAITING, note="AWS thinks", attempts=1)
        full.end(dispatch, note, State.WAITING)
        expect(page.get_by_role("cell", name="AWS thinks")).to_be_visible()
        expect(page.get_by_label("Why it is paused")).to_have_value("the books")
        expect(page.get_by_label("Begin with the step")).to_have_value("tag_account")


def test_the_list_is_found_by_typing_and_its_address_can_be_kept(full: Scene, browser: Browser) -> None:
    with signed_in(browser, full.api.url, WRITE) as page:
        page.goto("/tenants")
        rows = page.locator("tr[data-row]")
        expect(rows).to_have_count(5)
        page.keyboard.press("/")
        page.keyboard.type("brok")
        expect(rows).to_have_count(1)
        expect(page).to_have_url(re.compile("q=brok"))
        page.reload()
        expect(rows).to_have_count(1)
        expect(page.get_by_label("Find", exact=True)).to_have_value("brok")
        page.get_by_label("Find", exact=True).fill("")
        page.locator("select[name=state]").select_option("QUEUED")
        expect(rows).to_contain_text(["likvid.new.aws.sandbox"])  # a list: this row and no other


def test_keys_move_among_the_rows_and_open_one(full: Scene, browser: Browser) -> None:
    with signed_in(browser, full.api.url, WRITE) as page:
        page.goto("/tenants?sort=name")
        for key in ("j", "j", "k", "j"):
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/tenants/likvid/full/"))
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        page.keyboard.press("o")
        expect(page).to_have_url(re.compile("/$"))


def test_times_are_those_of_the_reader(full: Scene, browser: Browser) -> None:
    with signed_in(browser, full.api.url, WRITE) as page:
        page.goto("/tenants")
        expect(page.get_by_text("Times in Europe/Berlin")).to_be_visible()
        assert re.search(r"CES?T$", page.locator("time").first.get_attribute("title") or "")


def test_a_failure_is_found_and_repaired_from_the_first_page(full: Scene, browser: Browser) -> None:
    with signed_in(browser, full.api.url, WRITE) as page:
        page.get_by_role("link", name="likvid.broken.aws.sandbox").click()
        expect(page.get_by_text("Give the role organizations:MoveAccount.").first).to_be_visible()
        page.get_by_role("button", name="Retry").click()
        expect(page.get_by_text("Retry started.")).to_be_visible()
        expect(page.locator("#head .state")).to_have_text("queued")


def test_without_a_script_everything_can_be_read_and_done(full: Scene, browser: Browser) -> None:
    with signed_in(browser, full.api.url, WRITE, java_script_enabled=False) as page:
        page.goto("/tenants?q=broken")
        expect(page.get_by_role("button", name="Show")).to_be_visible()
        page.get_by_role("link", name="likvid.broken.aws.sandbox").click()
        page.get_by_role("button", name="Retry").click()
        expect(page.locator("#head .state")).to_have_text("queued")


def test_a_page_says_that_its_session_has_ended(full: Scene, browser: Browser, page_of_overview: Page) -> None:
    [cookie] = [each["value"] for each in page_of_overview.context.cookies() if each["name"] == COOKIE]
    full.api.store.sessions.end(cookie)
    expect(page_of_overview.get_by_text("You are signed out. Load the page again to sign in")).to_be_visible()
    eventually(lambda: full.api.app.state.streams.open == 0)


def test_a_hidden_tab_gives_its_connection_back_and_is_live_when_it_is_seen_again(
    full: Scene, page_of_overview: Page
) -> None:
    streams = full.api.app.state.streams
    eventually(lambda: streams.open == 1)
    page_of_overview.evaluate(SEEN, False)
    eventually(lambda: streams.open == 0)
    full.failed("shop")
    page_of_overview.evaluate(SEEN, True)
    expect(page_of_overview.get_by_role("link", name="likvid.shop.aws.sandbox")).to_be_visible()
    assert streams.open == 1
    page_of_overview.goto("/settings")
    eventually(lambda: streams.open == 0)


def test_what_a_person_has_opened_and_where_they_are_stays_when_the_page_changes(full: Scene, browser: Browser) -> None:
    shop = full.order("shop", landingZone="production")
    full.api.store.events.emit(shop, full.write(shop, "organizations:move_account", {"AccountId": "1"}))
    with signed_in(browser, full.api.url, WRITE) as page:
        page.goto(SHOP)
        page.get_by_text("AccountId", exact=True).click()
        page.keyboard.press("j")
        page.keyboard.press("j")
        expect(page.locator("tr.at a")).to_be_focused()
        shown = page.locator("tr.at").inner_text()
        full.begin(shop)
        expect(page.locator("#head .state")).to_have_text("running")
        expect(page.get_by_text('"AccountId": "1"')).to_be_visible()
        expect(page.locator("tr.at a")).to_be_focused()
        assert page.locator("tr.at").inner_text().partition("\t")[0] == shown.partition("\t")[0]


@pytest.fixture
def page_of_overview(full: Scene, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=full.api.url)
    page = context.new_page()
    page.goto("/sign-in")
    page.fill("#token", WRITE)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    yield page
    context.close()
