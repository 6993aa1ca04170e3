"""Who we are in which account: the role chain, and the clients that use it.

    service user ─► MeshfedServiceRole (management) ─► access role (member account)
                 └► MeshfedAutomationRole (automation)
    direct: service user of the management account ─► access role (member account)

botocore refreshes the credentials by itself before they expire. Clients are kept per process and made by one session,
because a client costs some 10 ms, a session 30 ms, and an AssumeRole a round trip. This is the only place that knows
botocore's config.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
import httpx2
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ConfigParseError, ProfileNotFound

from config.environment import SettingsError
from config.platform import CredentialAuth, Platform, ScimAccess, WorkloadIdentityAuth
from config.proxies import Proxies
from tasks.aws.http_session import bound
from tasks.aws.metadata_source import MetadataSource
from tasks.aws.recent_facts import Recent
from tasks.aws.scim_client import ScimClient
from tasks.aws.web_identity import TokenFile
from tasks.errors import AccessDenied, PermanentError

SESSION_NAME = "meshstack-aws-connector"  # shown in the accounts' CloudTrail
DURATION_SECONDS = 3600  # role chaining allows no longer session
CLIENTS_KEPT = 256  # member accounts' clients, some 100 kB each
DIRECT = "direct"  # in place of a role's ARN: who signs in is in the management account already
MODELS = "data_loader"  # botocore's name of what has parsed the service models
USER = "user"  # in place of a role's ARN: who signs in, before any role
TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 (the name of the SDK's variable, no token)
SCIM_ENDPOINTS = ("AWS_ENDPOINT_URL_SCIM", "AWS_ENDPOINT_URL")  # as the SDK reads them for services that it knows
CONFIG = Config(
    connect_timeout=5,  # seconds; AWS's endpoints answer in milliseconds or not at all
    read_timeout=20,  # seconds; most calls answer within one, and one that does not holds a thread so long
    retries={"total_max_attempts": 1},  # a lost CreateAccount must not be sent twice: steps retry, the SDK never does
    max_pool_connections=64,  # one for each thread of a worker
    tcp_keepalive=True,  # a connection that waits for a Lambda function is silent for minutes
    user_agent_extra=SESSION_NAME,
    ignore_configured_endpoint_urls=False,
)
READ_SECONDS = {  # the services whose calls take longer
    "cloudformation": 60,  # reads a template from S3, and checks all of it, before it answers
    "servicecatalog": 60,  # the same
    "sts": 10,  # everybody else waits for the credentials
}


class Sessions:
    """Credentials and clients of every platform and account that this process has worked in."""

    def __init__(
        self, now: Callable[[], datetime] = lambda: datetime.now(UTC), metadata: MetadataSource | None = None
    ) -> None:
        """Read what the SDK and the proxies are told by the environment. Raises SettingsError."""
        self.metadata = metadata or MetadataSource()
        self._now = now
        self._proxies = Proxies.read(os.environ)
        self.recent = Recent()
        self._lock = RLock()
        self._session = _sdk_session()
        self._maker = boto3.Session(botocore_session=self._session)
        self._credentials: dict[tuple[str, str], Credentials] = {}
        self._clients: OrderedDict[tuple[str, str, str, str, timedelta | None], Any] = OrderedDict()
        self._scim: dict[tuple[str, str], ScimClient] = {}

    def apart(self) -> Sessions:
        """Return sessions without any credentials; the parsed service models, which cost the most, are shared."""
        other = Sessions(self._now, self.metadata)
        other._session.register_component(MODELS, self._session.get_component(MODELS))
        return other

    def user(self, platform: Platform, service: str) -> Any:
        """Return a client that acts as whoever signs in: the service user, or the entry role of a web identity."""
        return self._client(platform, USER, service, platform.region, lambda: self._user(platform))

    def management(self, platform: Platform, service: str) -> Any:
        """Return a client that acts in the management account."""
        role = platform.management_role_arn or DIRECT
        return self._client(platform, role, service, platform.region, lambda: self._management(platform))

    def automation(self, platform: Platform, service: str, region: str, patience: timedelta | None = None) -> Any:
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
        external_id = _secret(platform.automation_external_id)
        return self._client(
            platform,
            role,
            service,
            region,
            lambda: self._assumed(platform, self._user(platform), role, external_id),
            patience,
        )

    def member(self, platform: Platform, account_id: str, service: str, region: str) -> Any:
        """Return a client that acts as the access role of a member account."""
        return self._inside(platform, account_id, platform.account_access_role, service, region)

    def imported(self, platform: Platform, account_id: str, service: str) -> Any:
        """Return a client that acts as the import role of an account that is taken over; there must be one."""
        assert platform.import_role is not None
        return self._inside(platform, account_id, platform.import_role, service, platform.region)

    def _inside(self, platform: Platform, account_id: str, name: str, service: str, region: str) -> Any:
        role = f"arn:{platform.partition}:iam::{account_id}:role/{name}"
        external_id = _secret(platform.management_external_id)
        return self._client(
            platform,
            role,
            service,
            region,
            lambda: self._assumed(platform, self._management(platform), role, external_id),
        )

    def scim(self, access: ScimAccess) -> ScimClient:
        """Return a client of a SCIM endpoint; its access token is all that it signs in with."""
        key = (_scim_endpoint(access.scim_endpoint), access.access_token.get_secret_value())
        with self._lock:
            if key not in self._scim:
                self._scim[key] = ScimClient(*key, user_agent=SESSION_NAME, transport=self._scim_transport())
            return self._scim[key]

    def forget(self, platform: Platform) -> None:
        """Sign in anew for everything that is called on a platform from now on."""
        with self._lock:
            for role in [key for key in self._credentials if key[0] == platform.identifier]:
                del self._credentials[role]
            for client in [key for key in self._clients if key[0] == platform.identifier]:
                del self._clients[client]

    def _scim_transport(self) -> httpx2.BaseTransport | None:
        """What SCIM's requests go through; None: what leads to the endpoint."""
        return None

    def _client(
        self,
        platform: Platform,
        role: str,
        service: str,
        region: str,
        credentials: Callable[[], Credentials],
        patience: timedelta | None = None,
    ) -> Any:
        key = (platform.identifier, role, service, region, patience)
        with self._lock:  # making a client is not thread-safe; using one is
            if key not in self._clients:
                self._clients[key] = self._make(service, region, _config(service, patience), credentials())
            self._clients.move_to_end(key)
            while len(self._clients) > CLIENTS_KEPT:
                self._clients.popitem(last=False)
            return self._clients[key]

    def _management(self, platform: Platform) -> Credentials:
        """The management account's role; in direct mode the service user, who lives there."""
        role = platform.management_role_arn
        if role is None:
            return self._user(platform)
        return self._assumed(platform, self._user(platform), role, _secret(platform.management_external_id))

    def _user(self, platform: Platform) -> Credentials:
        """The service user's key, or the entry role of a workload identity."""
        auth = platform.auth
        if isinstance(auth, CredentialAuth):
            return Credentials(auth.access_key.get_secret_value(), auth.secret_key.get_secret_value())
        return self._kept(platform, auth.role_arn, lambda: self._web_identity(platform, auth))

    def _web_identity(self, platform: Platform, auth: WorkloadIdentityAuth) -> Credentials:
        token_file = auth.token_file or os.environ.get(TOKEN_FILE)
        if not token_file:
            raise AccessDenied(
                "NoWebIdentityToken",
                f"platform {platform.identifier} uses a workload identity, but names no tokenFile, and {TOKEN_FILE} is "
                "not set",
                remedy=f"Set {TOKEN_FILE} or tokenFile to the file that your cluster writes the token to.",
            )
        fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
            client_creator=self._sts(platform),
            web_identity_token_loader=TokenFile(Path(token_file), auth.audience, self._now),
            role_arn=auth.role_arn,
            extra_args={"RoleSessionName": SESSION_NAME, "DurationSeconds": DURATION_SECONDS},
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role-with-web-identity")

    def _assumed(self, platform: Platform, source: Credentials, role: str, external_id: str | None) -> Credentials:
        def make() -> Credentials:
            fetcher = AssumeRoleCredentialFetcher(
                client_creator=self._sts(platform),
                source_credentials=source,
                role_arn=role,
                extra_args={
                    "RoleSessionName": SESSION_NAME,
                    "DurationSeconds": DURATION_SECONDS,
                    **({"ExternalId": external_id} if external_id else {}),
                },
            )
            return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")

        return self._kept(platform, role, make)

    def _kept(self, platform: Platform, role: str, make: Callable[[], Credentials]) -> Credentials:
        key = (platform.identifier, role)
        with self._lock:
            if key not in self._credentials:
                self._credentials[key] = make()
            return self._credentials[key]

    def _sts(self, platform: Platform) -> Callable[..., Any]:
        def create(service: str, config: Config | None = None, **keys: Any) -> Any:
            ours = _config(service) if config is None else _config(service).merge(config)
            return self._make(service, platform.region, ours, **keys)

        return create

    def _make(
        self, service: str, region: str, config: Config, credentials: Credentials | None = None, **keys: Any
    ) -> Any:
        """Make a client, which keeps its credentials whatever the session is given for the next one."""
        with self._lock:
            self._session._credentials = credentials  # noqa: SLF001 (botocore's own way in for refreshable credentials)
            try:
                client = self._maker.client(service, region_name=region, config=config, **keys)
            except (BotoCoreError, ValueError) as error:
                raise _not_set_up(service, region, error) from error
        bound(client, self._proxies)
        return client


def _sdk_session() -> botocore.session.Session:
    """Make a session of the SDK; raises SettingsError when the profile that the environment names is none."""
    session = botocore.session.get_session()
    try:
        session.get_scoped_config()
    except (ProfileNotFound, ConfigParseError) as error:
        sentence = (
            f"The AWS SDK cannot read its configuration: {error}. Correct or unset AWS_PROFILE: the connector signs"
        )
        raise SettingsError([f"{sentence} in with what the platform documents say."]) from error
    return session


def _not_set_up(service: str, region: str, error: Exception) -> PermanentError:
    return PermanentError(
        type(error).__name__,
        f"the AWS SDK cannot speak to {service} in {region}: {error}",
        remedy="Correct the region in the document, or the SDK's own variables (AWS_…) in the worker's environment; "
        "then restart the worker and retry.",
    )


def _scim_endpoint(configured: str) -> str:
    """Return the endpoint that is spoken to: the configured one, or its path on the SDK's own custom endpoint."""
    custom = next((os.environ[name] for name in SCIM_ENDPOINTS if os.environ.get(name)), None)
    return configured if custom is None else custom.rstrip("/") + urlsplit(configured).path


def _config(service: str, patience: timedelta | None = None) -> Config:
    """Return how a service's clients send."""
    seconds = READ_SECONDS.get(service) if patience is None else patience.total_seconds()
    return CONFIG if seconds is None else CONFIG.merge(Config(read_timeout=seconds))


def _secret(value: Any) -> str | None:
    return value.get_secret_value() if value is not None else None
