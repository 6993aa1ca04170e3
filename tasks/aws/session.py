"""Who we are in which account: the role chain, and the clients that use it.

    service user ─► MeshfedServiceRole (management) ─► access role (member account)
                 └► MeshfedAutomationRole (automation)

botocore refreshes the credentials by itself before they expire. Sessions and clients are kept per process, because
making a client costs some 20 ms and an AssumeRole a round trip. This is the only place that knows botocore's config.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from threading import RLock
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
    FileWebIdentityTokenLoader,
)

from config.platform import CredentialAuth, Platform
from tasks.errors import AccessDenied

SESSION_NAME = "meshstack-aws-connector"  # shown in the accounts' CloudTrail
DURATION_SECONDS = 3600  # role chaining allows no longer session
CLIENTS_KEPT = 256  # member accounts' clients, some 100 kB each
TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 (the name of the SDK's variable, no token)
CONFIG = Config(
    connect_timeout=5,  # seconds; AWS's endpoints answer in milliseconds or not at all
    read_timeout=60,  # seconds; CreateAccount and CreateStackInstances take some
    retries={"total_max_attempts": 1},  # a lost CreateAccount must not be sent twice: steps retry, the SDK never does
    max_pool_connections=64,  # one for each thread of a worker
    user_agent_extra=SESSION_NAME,
    ignore_configured_endpoint_urls=False,
)


class Sessions:
    """Credentials and clients of every platform and account that this process has worked in."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._loader = botocore.session.get_session().get_component("data_loader")  # service models, parsed once
        self._credentials: dict[tuple[str, str], Credentials] = {}
        self._clients: OrderedDict[tuple[str, str, str, str], Any] = OrderedDict()

    def management(self, platform: Platform, service: str) -> Any:
        """Return a client that acts as the management account's role."""
        role = platform.management_role_arn
        return self._client(platform, role, service, platform.region, lambda: self._management(platform))

    def automation(self, platform: Platform, service: str, region: str) -> Any:
        """Return a client that acts as the automation account's role; AccessDenied when none is configured."""
        role = platform.automation_role_arn
        if role is None:
            raise AccessDenied(
                "NoAutomationAccount",
                f"platform {platform.identifier} has no automationAccountRole",
                remedy="Add accessConfig.automationAccountRole to the platform document, then retry.",
            )
        external_id = _secret(platform.automation_external_id)
        return self._client(
            platform, role, service, region, lambda: self._assumed(platform, self._user(platform), role, external_id)
        )

    def member(self, platform: Platform, account_id: str, service: str, region: str) -> Any:
        """Return a client that acts as the access role of a member account."""
        role = f"arn:{platform.partition}:iam::{account_id}:role/{platform.account_access_role}"
        external_id = _secret(platform.management_external_id)
        return self._client(
            platform,
            role,
            service,
            region,
            lambda: self._assumed(platform, self._management(platform), role, external_id),
        )

    def _client(
        self, platform: Platform, role: str, service: str, region: str, credentials: Callable[[], Credentials]
    ) -> Any:
        key = (platform.identifier, role, service, region)
        with self._lock:  # making a client is not thread-safe; using one is
            if key not in self._clients:
                self._clients[key] = self._session(region, credentials()).client(service, config=CONFIG)
            self._clients.move_to_end(key)
            while len(self._clients) > CLIENTS_KEPT:
                self._clients.popitem(last=False)
            return self._clients[key]

    def _management(self, platform: Platform) -> Credentials:
        return self._assumed(
            platform, self._user(platform), platform.management_role_arn, _secret(platform.management_external_id)
        )

    def _user(self, platform: Platform) -> Credentials:
        """The service user's key, or the entry role of a workload identity."""
        auth = platform.auth
        if isinstance(auth, CredentialAuth):
            return Credentials(auth.access_key.get_secret_value(), auth.secret_key.get_secret_value())
        return self._kept(platform, auth.role_arn, lambda: self._web_identity(platform, auth.role_arn))

    def _web_identity(self, platform: Platform, role: str) -> Credentials:
        token_file = os.environ.get(TOKEN_FILE)
        if not token_file:
            raise AccessDenied(
                "NoWebIdentityToken",
                f"platform {platform.identifier} uses a workload identity, but {TOKEN_FILE} is not set",
                remedy=f"Set {TOKEN_FILE} to the file that your cluster writes the token to.",
            )
        fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
            client_creator=self._session(platform.region).client,
            web_identity_token_loader=FileWebIdentityTokenLoader(token_file),
            role_arn=role,
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
        def create(service: str, **keys: Any) -> Any:
            with self._lock:
                return self._session(platform.region).client(service, config=CONFIG, **keys)

        return create

    def _session(self, region: str, credentials: Credentials | None = None) -> boto3.Session:
        session = botocore.session.get_session()
        session.register_component("data_loader", self._loader)
        if credentials is not None:
            session._credentials = credentials  # noqa: SLF001 (botocore's own way in for refreshable credentials)
        return boto3.Session(botocore_session=session, region_name=region)


def _secret(value: Any) -> str | None:
    return value.get_secret_value() if value is not None else None
