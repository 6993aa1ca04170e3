from __future__ import annotations

from datetime import timedelta

import httpx2
import pytest

from tests.support.redis import CheckedRedis
from tests.workers.api.pages.scene import csrf_of, send, visiting
from tests.workers.api.server import ORDER, READ, WRITE, Api, running

PAGES = (
    "/",
    "/tenants",
    "/platforms",
    "/platforms/aws.sandbox",
    "/rollouts",
    "/unmanaged",
    "/drift",
    "/runs",
    "/costs",
    "/settings",
)


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_who_has_not_signed_in(api: Api, path: str) -> None:
    with api.client(None) as http:
        answer = http.get(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("token", [WRITE, READ, ORDER])
def test_whoever_has_a_token_sees_every_page(api: Api, path: str, token: str) -> None:
    with visiting(api, token) as http:
        answer = http.get(path)
        assert answer.status_code == 200, answer.text
        assert "unsafe-inline" not in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert " style=" not in answer.text
        assert "<script>" not in answer.text


def test_a_page_comes_back_after_the_sign_in(api: Api) -> None:
    with api.client(None) as http:
        form = http.get(http.get("/tenants?state=FAILED").headers["location"])
        assert 'value="/tenants?state=FAILED"' in form.text
        answer = http.post("/sign-in", data={"token": WRITE, "next": "/tenants?state=FAILED"})
        assert answer.headers["location"] == "/tenants?state=FAILED"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie


@pytest.mark.parametrize(
    "there", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nb"]
)
def test_the_sign_in_leads_to_no_other_site(api: Api, there: str) -> None:
    with api.client(None) as http:
        answer = http.post("/sign-in", data={"token": WRITE, "next": there})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_wrong_token_is_told_and_many_are_slowed_down(api: Api) -> None:
    with api.client(None) as http:
        answer = http.post("/sign-in", data={"token": "guessed"})
        assert answer.status_code == 401
        assert "does not know this token" in answer.text
        assert "guessed" not in answer.text
        answers = [http.post("/sign-in", data={"token": f"guess-{each}"}) for each in range(30)]
        assert answers[-1].status_code == 429


def test_behind_tls_the_cookie_goes_over_tls_only(api: Api) -> None:
    with api.client(None) as http:
        answer = http.post("/sign-in", data={"token": WRITE}, headers={"X-Forwarded-Proto": "https"})
        assert "Secure" in answer.headers["set-cookie"]


def test_signing_out_ends_the_session_for_every_browser(api: Api, pages: httpx2.Client) -> None:
    cookies = dict(pages.cookies)
    assert send(pages, "/sign-out").headers["location"] == "/sign-in"
    with api.client(None) as http:
        http.cookies.update(cookies)
        assert http.get("/").status_code == 303


def test_redis_holds_nothing_with_which_a_session_can_be_entered(api: Api, pages: httpx2.Client) -> None:
    [cookie] = pages.cookies.values()
    [key] = api.redis.client.keys("*:session:*")
    assert cookie not in key
    assert cookie not in str(api.redis.client.get(key))
    assert timedelta() < timedelta(milliseconds=api.redis.client.pttl(key)) <= timedelta(hours=12)


def test_a_token_that_is_drawn_anew_ends_its_sessions() -> None:
    with CheckedRedis(fsync="no") as redis:
        with running(redis) as before, visiting(before) as http:
            cookies = dict(http.cookies)
        with running(redis) as after, after.client(None) as http:
            http.cookies.update(cookies)
            assert http.get("/").status_code == 200
            first = after.connector.settings.api_tokens[0]
            after.connector.settings.__dict__["api_tokens"] = (first.model_copy(update={"sha256": "0" * 64}),)
            assert http.get("/").status_code == 303


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({}, {"reason": "none"}),
        ({}, {"csrf": "guessed"}),
        ({"Sec-Fetch-Site": "cross-site"}, None),
        ({"Sec-Fetch-Site": "same-site"}, None),
    ],
)
def test_no_form_of_another_site_does_anything(
    api: Api, pages: httpx2.Client, headers: dict[str, str], fields: dict[str, str] | None
) -> None:
    sent = {"csrf": csrf_of(pages.get("/"))} if fields is None else fields
    answer = pages.post("/platforms/aws.sandbox/do/pause", data=sent, headers=headers)
    assert answer.status_code == 403
    assert not api.store.pauses.all()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "https://connector.example", "X-Forwarded-Host": "connector.example"}, 303),
        ({"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://connector.example", "Sec-Fetch-Site": "same-origin"}, 303),
        ({}, 303),
    ],
)
def test_no_other_site_signs_a_person_in_as_somebody_else(api: Api, headers: dict[str, str], status: int) -> None:
    with api.client(None) as http:
        assert http.post("/sign-in", data={"token": WRITE}, headers=headers).status_code == status
        assert http.post("/sign-in", data={"token": WRITE}, headers={"Origin": api.url}).status_code == 303


def test_a_form_that_is_too_long_is_refused(pages: httpx2.Client) -> None:
    assert pages.post("/sign-in", data={"token": "x" * 20_000}).status_code == 413
    assert pages.post("/sign-in", json={"token": "x"}).status_code == 415


def test_assets_are_kept_and_nothing_else_is_sent(pages: httpx2.Client) -> None:
    page = pages.get("/").text
    for name in ("style.css", "page.js", "htmx.min.js", "sse.min.js", "idiomorph.min.js", "icon.svg"):
        assert f"/assets/{name}?" in page
        answer = pages.get(f"/assets/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    for name in ("../overview.py", "..%2Foverview.py", "nothing.js"):
        assert pages.get(f"/assets/{name}").status_code == 404
