from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from config.api_token import Scope
from tests.workers.api.pages.identity_provider import CLIENT, SECRET, IdentityProvider, identity_provider
from tests.workers.api.pages.scene import Scene, send, text_of
from tests.workers.api.server import Api, running

PLATFORM, TEAMS = "platform engineers", "teams"
GROUPS = {PLATFORM: frozenset({Scope.OPERATE, Scope.APPROVE}), TEAMS: frozenset({Scope.READ})}
ADA = {"email": "ada@example.com", "groups": [PLATFORM, "others"]}


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as made:
        yield made


@pytest.fixture
def company(running_api: Api, provider: IdentityProvider) -> Iterator[Api]:
    running_api.redis.client.flushall()
    with running(
        running_api.redis,
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT,
        oidc_client_secret=SecretStr(SECRET),
        oidc_groups=GROUPS,
    ) as api:
        yield api


def sign_in(http: httpx2.Client, there: str = "/") -> httpx2.Response:
    """Go to the provider and come back, as a browser does."""
    away = http.get("/sign-in/company", params={"next": there})
    assert away.status_code == 303, away.text
    back = httpx2.get(away.headers["location"], trust_env=False, verify=False)
    assert back.status_code == 303
    return http.get(back.headers["location"])


def test_a_person_may_do_what_their_groups_may(company: Api, provider: IdentityProvider) -> None:
    provider.claims = ADA
    Scene(company).succeeded("shop")
    with company.client(None) as http:
        assert "company" in http.get("/sign-in").text
        assert sign_in(http, "/tenants?q=shop").headers["location"] == "/tenants?q=shop"
        page = http.get("/tenants/likvid/shop/aws.sandbox")
        assert "ada@example.com" in page.text
        assert "/do/retry" in page.text
        assert "/do/delete" not in page.text
        send(http, "/tenants/likvid/shop/aws.sandbox/do/pause", reason="audit")
        assert "by ada@example.com" in text_of(http.get("/tenants/likvid/shop/aws.sandbox"))
        assert send(http, "/tenants/likvid/shop/aws.sandbox/do/delete").status_code == 403


@pytest.mark.parametrize("groups", [[], None, ["others"], "others", [7], {"platform engineers": True}])
def test_who_is_in_no_group_of_ours_may_do_nothing(company: Api, provider: IdentityProvider, groups: Any) -> None:
    provider.claims = {**ADA, "groups": groups}
    with company.client(None) as http:
        answer = sign_in(http)
        assert answer.status_code == 403
        assert "ada@example.com is in no group" in answer.text
        assert http.get("/").status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"nonce": "replayed"},
        {"nonce": None},
        {"sub": None},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_not_believed(
    company: Api, provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    provider.claims = {**ADA, **claims}
    with company.client(None) as http:
        answer = sign_in(http)
        assert answer.status_code == 403
        assert "could not be verified" in answer.text
        assert not company.redis.client.keys("*:session:*")


def test_a_token_that_another_key_or_nobody_has_signed_is_not_believed(
    company: Api, provider: IdentityProvider
) -> None:
    provider.claims = ADA
    with company.client(None) as http:
        provider.published = RSAKey.generate_key(2048, parameters={"kid": "one"})
        assert sign_in(http).status_code == 403
        provider.published, provider.algorithm = None, "none"
        assert sign_in(http).status_code == 403


@pytest.mark.parametrize("answer", [[], "text", None, 7, {}, {"keys": 7}, {"keys": [{}]}, {"id_token": 7}])
@pytest.mark.parametrize("where", ["configuration", "keys", "token"])
def test_a_provider_that_answers_nonsense_signs_nobody_in_and_is_told(
    company: Api, provider: IdentityProvider, where: str, answer: Any
) -> None:
    provider.claims, provider.nonsense = ADA, {where: answer}
    with company.client(None) as http:
        away = http.get("/sign-in/company")
        if away.status_code == 303:
            back = httpx2.get(away.headers["location"], trust_env=False, verify=False)
            away = http.get(back.headers["location"])
        assert away.status_code in (403, 503), away.text
        assert "text/html" in away.headers["content-type"]
        assert not company.redis.client.keys("*:session:*")


def test_an_email_address_that_nobody_has_verified_names_nobody(company: Api, provider: IdentityProvider) -> None:
    provider.claims = {**ADA, "email_verified": False, "preferred_username": "mallory"}
    with company.client(None) as http:
        assert sign_in(http).status_code == 303
        page = http.get("/").text
        assert "mallory" in page
        assert "ada@example.com" not in page


def test_new_keys_of_the_provider_are_read_at_once(company: Api, provider: IdentityProvider) -> None:
    provider.claims = ADA
    with company.client(None) as http:
        assert sign_in(http).status_code == 303
        provider.key = RSAKey.generate_key(2048, parameters={"kid": "one"})
        assert sign_in(http).status_code == 303


def test_a_sign_in_that_another_browser_began_or_that_was_used_is_refused(
    company: Api, provider: IdentityProvider
) -> None:
    provider.claims = ADA
    with company.client(None) as attacker, company.client(None) as victim:
        away = attacker.get("/sign-in/company")
        back = httpx2.get(away.headers["location"], trust_env=False, verify=False).headers["location"]
        assert victim.get(back).status_code == 403
        assert attacker.get(back).status_code == 303
        assert attacker.get(back).status_code == 403
        assert victim.get("/sign-in/company/back?state=&code=x").status_code == 403


def test_sessions_end_when_the_groups_change(company: Api, provider: IdentityProvider) -> None:
    provider.claims = ADA
    with company.client(None) as http:
        sign_in(http)
        assert http.get("/").status_code == 200
        company.connector.settings.__dict__["oidc_groups"] = {TEAMS: frozenset({Scope.ADMIN})}
        assert http.get("/").status_code == 303


def test_while_the_provider_is_away_a_token_still_signs_in(company: Api, provider: IdentityProvider) -> None:
    provider.away = True
    with company.client(None) as http:
        answer = http.get("/sign-in/company")
        assert answer.status_code == 503
        assert "sign in with an API token" in answer.text


def test_without_a_provider_there_is_none(api: Api) -> None:
    with api.client(None) as http:
        assert http.get("/sign-in/company").status_code == 404
        assert "company" not in http.get("/sign-in").text
