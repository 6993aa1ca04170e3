"""A company's identity provider, as the sign-in to the page speaks with it: OpenID Connect, code flow with PKCE.

Sources: OpenID Connect Core 1.0, OpenID Connect Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (iss). Authlib speaks the
protocol and checks the ID token. What a person may do follows from their groups, by `CONNECTOR_OIDC_GROUPS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx2
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from config.api_token import Scope
from config.environment import SettingsError
from config.settings import Settings
from tasks import outgoing

ASKED = "openid profile email"
WHOLE_SECONDS = 10.0  # for one exchange with the provider
KEPT_SECONDS = 3600.0  # what the provider says of itself
LEEWAY_SECONDS = 60  # clocks differ
# What a client secret cannot sign: a token that is signed with it proves nothing about the provider's keys.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
NAMES = ("email", "preferred_username", "name", "sub")  # the first that the provider tells is the person's name
LONGEST_NAME = 200


class ProviderAway(Exception):
    """The identity provider cannot be reached, or answers nonsense."""


@dataclass(frozen=True)
class Person:
    """Who the provider says has signed in."""

    name: str
    scopes: frozenset[Scope]


class Provider:
    """One identity provider, and what it says of itself. Safe for several threads."""

    def __init__(
        self, issuer: str, client_id: str, secret: str | None, claim: str, groups: Mapping[str, frozenset[Scope]]
    ) -> None:
        """Name it; nothing is asked yet. `groups` says what members of which group may do; `claim` names theirs."""
        self.issuer = issuer.rstrip("/")
        self._id, self._secret = client_id, secret
        self._claim, self._groups = claim, groups
        self._transport = outgoing.transport(issuer)
        self._http = httpx2.Client(transport=self._transport, timeout=WHOLE_SECONDS)
        self._asked_at = 0.0
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None

    def begin(self, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Return where to send the browser."""
        address, _ = self._client(redirect).create_authorization_url(
            self.metadata()["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
        )
        return str(address)

    def finish(self, redirect: str, code: str, nonce: str, verifier: str) -> Person:
        """Trade the code for an ID token; raises ProviderAway, AuthlibBaseError or JoseError otherwise."""
        with outgoing.within(WHOLE_SECONDS):
            try:
                token = self._client(redirect).fetch_token(
                    self.metadata()["token_endpoint"],
                    code=code,
                    code_verifier=verifier,
                    grant_type="authorization_code",
                )
            except httpx2.HTTPError as error:
                raise ProviderAway(str(error)) from error
            except (TypeError, AttributeError) as error:  # Authlib takes any JSON for an object
                raise ProviderAway("its answer is not a JSON object") from error
        if not isinstance(token.get("id_token"), str):
            raise ProviderAway("it sent no ID token")
        return self._person(self._checked(token["id_token"], nonce, token))

    def metadata(self) -> dict[str, Any]:
        """Return what the provider says of itself."""
        if monotonic() - self._asked_at > KEPT_SECONDS or not self._metadata:
            found = self._read(f"{self.issuer}/.well-known/openid-configuration")
            if str(found.get("issuer", "")).rstrip("/") != self.issuer:
                raise ProviderAway(f"it calls itself {found.get('issuer')!r}, not {self.issuer}")
            if not all(isinstance(found.get(each), str) for each in NEEDED):
                raise ProviderAway(f"it does not name all of {', '.join(NEEDED)}")
            self._metadata, self._keys, self._asked_at = found, None, monotonic()
        return self._metadata

    def _checked(self, text: str, nonce: str, token: dict[str, Any]) -> CodeIDToken:
        try:
            found = jwt.decode(text, self._key_set(), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):  # the provider may have new keys
            self._keys = None
            found = jwt.decode(text, self._key_set(), algorithms=list(ALGORITHMS))
        expected = {
            "iss": {"essential": True, "value": self.metadata()["issuer"]},
            "aud": {"essential": True, "value": self._id},
        }
        params = {"nonce": nonce, "client_id": self._id, "access_token": token.get("access_token")}
        claims = CodeIDToken(found.claims, found.header, expected, params)
        claims.validate(leeway=LEEWAY_SECONDS)
        return claims

    def _key_set(self) -> KeySet:
        if self._keys is None:
            found = self._read(self.metadata()["jwks_uri"])
            try:
                self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise ProviderAway(f"its keys cannot be read: {type(error).__name__}") from error
        return self._keys

    def _person(self, claims: CodeIDToken) -> Person:
        found = claims.get(self._claim)
        listed = found if isinstance(found, list) else [found]
        named = {each for each in listed if isinstance(each, str)}
        scopes = frozenset().union(*(scopes for group, scopes in self._groups.items() if group in named))
        if claims.get("email_verified") is False:  # anybody may have told it, also that of a colleague
            claims.pop("email", None)
        name = next(str(claims[each]) for each in NAMES if claims.get(each))
        return Person("".join(each for each in name if each.isprintable())[:LONGEST_NAME], scopes)

    def _client(self, redirect: str) -> OAuth2Client:
        return OAuth2Client(
            self._id,
            self._secret,
            scope=ASKED,
            redirect_uri=redirect,
            code_challenge_method="S256",
            transport=self._transport,
            timeout=WHOLE_SECONDS,
        )

    def _read(self, address: str) -> dict[str, Any]:
        try:
            with outgoing.within(WHOLE_SECONDS):
                found = self._http.get(address).raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderAway(f"{address}: {error}") from error
        if not isinstance(found, dict):
            raise ProviderAway(f"{address} is not a JSON object")
        return found


def provider_of(settings: Settings) -> Provider | None:
    """Return the provider that the settings name; raises SettingsError."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    file, text = settings.oidc_client_secret_file, settings.oidc_client_secret
    try:
        secret = file.read_text(encoding="utf-8").strip() if file else text.get_secret_value() if text else None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"CONNECTOR_OIDC_CLIENT_SECRET_FILE = {file} cannot be read as text."]) from error
    return Provider(
        settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_groups_claim, settings.oidc_groups
    )
