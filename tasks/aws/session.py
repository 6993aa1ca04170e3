"""Who we are in which account: the role chain, and the clients that use it.

    service user ─► MeshfedServiceRole (management) ─► access role (member account)
                 └► MeshfedAutomationRole (automation)
    direct: service user of the management account ─► access role (member account)
    metering user ─► MeshCostExplorerServiceRole (management); direct: a user of the management account

Credentials are kept for each role, with sessionTags for each replication too, and made anew ahead of their end, in the
background: an AssumeRole is a round trip, which nobody who has work to do should wait for.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
)

from config.platform import Auth, CredentialAuth, DefaultAuth, Platform, ScimAccess, WorkloadIdentityAuth
from tasks.aws.ambient import Ambient
from tasks.aws.clients import Acting, Clients
from tasks.aws.metadata_source import MetadataSource
from tasks.aws.purpose import CONNECTOR, PRODUCT, Purpose
from tasks.aws.recent_facts import Recent
from tasks.aws.scim_client import ScimClient
from tasks.aws.sign_in import of_platform
from tasks.aws.web_identity import TokenFile
from tasks.errors import AccessDenied, SignInRefused
from tasks.model.lane import sign_in_to

DURATION_SECONDS = 3600  # role chaining allows no longer session
ROLES_KEPT = 1024  # credentials of as many roles, some 3 kB each; those of an account are used within minutes
TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 (the name of the SDK's variable, no token)
SCIM_ENDPOINTS = ("AWS_ENDPOINT_URL_SCIM", "AWS_ENDPOINT_URL")  # as the SDK reads them for services that it knows


class Entry(NamedTuple):
    """What credentials are kept for. Another key or external id makes others: what was rotated is used at once."""

    platform: str  # its identifier
    auth: Auth  # who signs in
    role: str = ""  # ARN; empty: none is assumed
    session: str = PRODUCT  # its name
    external_id: str | None = None
    tags: tuple[tuple[str, str], ...] = ()  # of the session: name and value


class Sessions:
    """Credentials and clients of every platform and account that this process has worked in."""

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        metadata: MetadataSource | None = None,
        clients: Clients | None = None,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        """Read what the SDK and the proxies are told by the environment. Raises SettingsError.

        refused   is called when AWS knows a key no more: it may have been rotated
        """
        self.refused = refused
        self.metadata = metadata or MetadataSource()
        self._now = now
        self._clients = clients or Clients()
        self.recent = Recent()
        self._lock = RLock()
        self._renewing = ThreadPoolExecutor(max_workers=2, thread_name_prefix="credentials")
        self._credentials: OrderedDict[Entry, Credentials] = OrderedDict()
        self._scim: dict[tuple[str, str], ScimClient] = {}

    def apart(self) -> Sessions:
        """Return sessions that have not signed in anywhere."""
        return Sessions(self._now, self.metadata, self._clients, self.refused)

    def user(self, platform: Platform, service: str) -> Acting:
        """Return a client that acts as whoever signs in, before any role."""
        return self._clients.acting(service, platform.region, self._user(platform))

    def management(self, platform: Platform, service: str, purpose: Purpose = CONNECTOR) -> Acting:
        """Return a client that acts in the management account."""
        return self._clients.acting(service, platform.region, self._management(platform, purpose))

    def automation(
        self,
        platform: Platform,
        service: str,
        region: str,
        patience: timedelta | None = None,
        purpose: Purpose = CONNECTOR,
    ) -> Acting:
        """Return a client that acts as the automation account's role; AccessDenied when none is configured.

        patience  how long one answer is waited for; None: as long as any of the service's
        """
        role = platform.automation_role_arn
        if role is None:
            raise AccessDenied(
                "NoAutomationAccount",
                f"platform {platform.identifier} has no automationAccountRole",
                remedy="Add accessConfig.automationAccountRole to the platform document, then retry.",
            )
        external_id, tags = _secret(platform.automation_external_id), _tags(platform, purpose)
        entry = Entry(platform.identifier, platform.auth, role, external_id=external_id, tags=tags)
        assumed = self._assumed(platform, self._user(platform), entry)
        return self._clients.acting(service, region, assumed, patience)

    def metering(self, platform: Platform, service: str) -> Acting:
        """Return a client that acts as who reads the costs; the platform must have metering configured."""
        metering = platform.metering
        assert metering is not None
        user = self._signed_in(platform, metering.auth)
        if metering.management_role_arn is not None:
            external_id = _secret(metering.management_external_id)
            entry = Entry(platform.identifier, metering.auth, metering.management_role_arn, external_id=external_id)
            user = self._assumed(platform, user, entry)
        return self._clients.acting(service, platform.region, user)

    def member(
        self, platform: Platform, account_id: str, service: str, region: str, purpose: Purpose = CONNECTOR
    ) -> Acting:
        """Return a client that acts as the access role of a member account, in a session that names the tenant."""
        credentials = self._inside(platform, account_id, platform.account_access_role, purpose)
        return self._clients.acting(service, region, credentials)

    def imported(self, platform: Platform, account_id: str, service: str, purpose: Purpose = CONNECTOR) -> Acting:
        """Return a client that acts as the import role of an account that is taken over; there must be one."""
        assert platform.import_role is not None
        credentials = self._inside(platform, account_id, platform.import_role, purpose)
        return self._clients.acting(service, platform.region, credentials)

    def _inside(self, platform: Platform, account_id: str, name: str, purpose: Purpose) -> Credentials:
        role = f"arn:{platform.partition}:iam::{account_id}:role/{name}"
        external_id = _secret(platform.management_external_id)
        entry = Entry(platform.identifier, platform.auth, role, purpose.session_name, external_id)
        return self._assumed(platform, self._management(platform, purpose), entry)

    def scim(self, access: ScimAccess) -> ScimClient:
        """Return a client of a SCIM endpoint; its access token is all that it signs in with."""
        key = (_scim_endpoint(access.scim_endpoint), access.access_token.get_secret_value())
        with self._lock:
            if key not in self._scim:
                self._scim[key] = ScimClient(*key, user_agent=PRODUCT, transport=self._scim_transport())
            return self._scim[key]

    def forget(self, platform: Platform) -> None:
        """Sign in anew for everything that is called on a platform from now on."""
        with self._lock:
            for entry in [each for each in self._credentials if each.platform == platform.identifier]:
                del self._credentials[entry]

    def _scim_transport(self) -> httpx2.BaseTransport | None:
        """What SCIM's requests go through; None: what leads to the endpoint."""
        return None

    def _management(self, platform: Platform, purpose: Purpose) -> Credentials:
        """The management account's role; in direct mode the service user, who lives there."""
        role = platform.management_role_arn
        if role is None:
            return self._user(platform)
        external_id, tags = _secret(platform.management_external_id), _tags(platform, purpose)
        entry = Entry(platform.identifier, platform.auth, role, external_id=external_id, tags=tags)
        return self._assumed(platform, self._user(platform), entry)

    def _user(self, platform: Platform) -> Credentials:
        return self._signed_in(platform, platform.auth)

    def _signed_in(self, platform: Platform, auth: Auth) -> Credentials:
        """A user's key, the entry role of a workload identity, or what the environment says."""
        if isinstance(auth, CredentialAuth):
            return Credentials(auth.access_key.get_secret_value(), auth.secret_key.get_secret_value())
        entry = Entry(platform.identifier, auth)
        if isinstance(auth, DefaultAuth):
            return self._kept(entry, lambda: Ambient(auth.profile))
        return self._kept(entry, lambda: self._web_identity(platform, auth))

    def _web_identity(self, platform: Platform, auth: WorkloadIdentityAuth) -> Credentials:
        token_file = auth.token_file or os.environ.get(TOKEN_FILE)
        if not token_file:
            refused = SignInRefused(
                "NoWebIdentityToken",
                f"platform {platform.identifier} uses a workload identity, but names no tokenFile, and {TOKEN_FILE} is "
                "not set",
                remedy=f"Set {TOKEN_FILE} or tokenFile to the file that your cluster writes the token to.",
            )
            refused.gate = sign_in_to("AWS", platform.identifier)
            raise refused
        fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
            client_creator=lambda service, **_: self._clients.unsigned(service, platform.region),
            web_identity_token_loader=TokenFile(Path(token_file), auth.audience, self._now),
            role_arn=auth.role_arn,
            extra_args={"RoleSessionName": PRODUCT, "DurationSeconds": DURATION_SECONDS},
        )
        return Renewed(of_platform(fetcher.fetch_credentials), "assume-role-with-web-identity", self._renewing)

    def _assumed(self, platform: Platform, source: Credentials, entry: Entry) -> Credentials:
        own = entry.role in (platform.management_role_arn, platform.automation_role_arn)

        def make() -> Credentials:
            fetcher = AssumeRoleCredentialFetcher(
                client_creator=self._creator(platform),
                source_credentials=source,
                role_arn=entry.role,
                extra_args={
                    "RoleSessionName": entry.session,
                    "DurationSeconds": DURATION_SECONDS,
                    **({"ExternalId": entry.external_id} if entry.external_id else {}),
                    **({"Tags": [{"Key": name, "Value": text} for name, text in entry.tags]} if entry.tags else {}),
                },
            )
            fetch = of_platform(fetcher.fetch_credentials) if own else fetcher.fetch_credentials
            return Renewed(fetch, "assume-role", self._renewing)

        return self._kept(entry, make)

    def _creator(self, platform: Platform) -> Callable[..., Acting]:
        """Return what botocore makes a client with that acts by keys of its source, which are valid by then."""

        def create(
            service: str, aws_access_key_id: str, aws_secret_access_key: str, aws_session_token: str | None, **_: Any
        ) -> Acting:
            keys = Credentials(aws_access_key_id, aws_secret_access_key, aws_session_token)
            return self._clients.acting(service, platform.region, keys)

        return create

    def _kept(self, entry: Entry, make: Callable[[], Credentials]) -> Credentials:
        with self._lock:
            if entry not in self._credentials:
                self._credentials[entry] = make()
            self._credentials.move_to_end(entry)
            while len(self._credentials) > ROLES_KEPT:
                self._credentials.popitem(last=False)
            return self._credentials[entry]


class Renewed(DeferredRefreshableCredentials):  # type: ignore[misc]  # botocore has no types
    """A role's credentials. Near their end they are made anew in the background, while they still serve."""

    def __init__(self, fetch: Callable[[], dict[str, Any]], method: str, background: ThreadPoolExecutor) -> None:
        super().__init__(fetch, method)
        self._background = background
        self._asked = False  # the background has been asked to make them anew

    def _refresh(self) -> None:
        """Wait for new ones only when there are none, or when these end within minutes (botocore: 10)."""
        if self.refresh_needed(self._mandatory_refresh_timeout):
            super()._refresh()
        elif self.refresh_needed(self._advisory_refresh_timeout) and not self._asked:
            self._asked = True
            self._background.submit(self._ahead)

    def _ahead(self) -> None:
        try:
            super()._refresh()
        finally:
            self._asked = False


def _scim_endpoint(configured: str) -> str:
    """Return the endpoint that is spoken to: the configured one, or its path on the SDK's own custom endpoint."""
    custom = next((os.environ[name] for name in SCIM_ENDPOINTS if os.environ.get(name)), None)
    return configured if custom is None else custom.rstrip("/") + urlsplit(configured).path


def _tags(platform: Platform, purpose: Purpose) -> tuple[tuple[str, str], ...]:
    """Return what a session of a role of the platform's own accounts is tagged with."""
    return purpose.tags if platform.session_tags else ()


def _secret(value: Any) -> str | None:
    return value.get_secret_value() if value is not None else None
