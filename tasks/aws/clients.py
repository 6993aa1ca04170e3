"""The SDK's clients: one for each service and region, for all accounts; who acts is said with each call.

A client costs 10 to 30 ms and some 100 kB, and has connections of its own. Accounts can share one: AWS tells them apart
by the signature alone. So a worker that has seen 10,000 accounts holds no more than one that has seen ten. This is the
only place that knows botocore's config.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from threading import RLock
from typing import Any

from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ConfigParseError, ProfileNotFound
from botocore.session import Session

from config.environment import SettingsError
from config.proxies import Proxies
from tasks.aws.http_session import bound
from tasks.aws.purpose import CONNECTOR, PRODUCT, Purpose
from tasks.aws.service_models import sdk_session
from tasks.errors import PermanentError

CONFIG = Config(
    connect_timeout=5,  # seconds; AWS's endpoints answer in milliseconds or not at all
    read_timeout=20,  # seconds; most calls answer within one, and one that does not holds a thread so long
    retries={"total_max_attempts": 1},  # a lost CreateAccount must not be sent twice: steps retry, the SDK never does
    max_pool_connections=128,  # one for each thread of a worker with up to 58 for replications
    tcp_keepalive=True,  # a connection that waits for a Lambda function is silent for minutes
    user_agent_extra=PRODUCT,
    ignore_configured_endpoint_urls=False,
)
READ_SECONDS = {  # the services whose calls take longer
    "cloudformation": 60,  # reads a template from S3, and checks all of it, before it answers
    "servicecatalog": 60,  # the same
    "sts": 10,  # everybody else waits for the credentials
}
_who_acts: ContextVar[Credentials] = ContextVar("who_acts")
_what_for: ContextVar[Purpose] = ContextVar("what_for", default=CONNECTOR)


class _WhoActs(Credentials):  # type: ignore[misc]  # botocore has no types
    """What a shared client signs with: the credentials that its call was given."""

    def __init__(self) -> None:
        super().__init__(access_key="", secret_key="", method="who-acts")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return what to sign this call with; credentials that have ended are made anew by it."""
        return _who_acts.get().get_frozen_credentials()


class Acting:
    """A client together with who acts through it, and what for: its operations are called as those of the SDK's own."""

    def __init__(self, client: Any, credentials: Credentials, purpose: Purpose | None = None) -> None:
        self._client = client
        self._credentials = credentials
        self._purpose = purpose

    def made_for(self, purpose: Purpose) -> Acting:
        """Return the same whose requests say what they are for."""
        return Acting(self._client, self._credentials, purpose)

    @property
    def meta(self) -> Any:
        """What the SDK says of the client: service, region, protocol."""
        return self._client.meta

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        """Return an operation, which acts with these credentials. Threads may share it."""
        send = getattr(self._client, operation)

        def call(**parameters: Any) -> Any:
            before = _who_acts.set(self._credentials)
            # Whoever signs in for an account does so in the midst of its call, and for what that is for.
            meant = _what_for.set(self._purpose or _what_for.get())
            try:
                return send(**parameters)
            finally:
                _what_for.reset(meant)
                _who_acts.reset(before)

        return call


class Clients:
    """The clients of one process, made when they are first used."""

    def __init__(self) -> None:
        """Read what the SDK and the proxies are told by the environment. Raises SettingsError."""
        self._proxies = Proxies.read(os.environ)
        self._lock = RLock()
        self.session = _sdk_session()
        self.session._credentials = _WhoActs()  # noqa: SLF001 (botocore's own way in for credentials of another kind)
        self._made: dict[tuple[str, str, timedelta | None, bool], Any] = {}

    def acting(self, service: str, region: str, credentials: Credentials, patience: timedelta | None = None) -> Acting:
        """Return a client of a service that acts with some credentials.

        patience  how long one answer is waited for; None: as long as any of the service's
        Raises PermanentError when the SDK cannot speak to the service there.
        """
        return Acting(self._client(service, region, patience), credentials)

    def unsigned(self, service: str, region: str) -> Any:
        """Return a client that shows no credentials: what it sends proves itself."""
        return self._client(service, region, None, signed=False)

    def _client(self, service: str, region: str, patience: timedelta | None, *, signed: bool = True) -> Any:
        key = (service, region, patience, signed)
        with self._lock:  # making a client is not thread-safe; using one is
            if key not in self._made:
                self._made[key] = self._make(service, region, _config(service, patience, signed=signed))
            return self._made[key]

    def _make(self, service: str, region: str, config: Config) -> Any:
        # Without a text of ours the SDK puts its own together twice in each call: a tenth of what the call costs.
        named = config.merge(Config(user_agent=self.session.user_agent()))
        try:
            client = self.session.create_client(service, region_name=region, config=named)
        except (BotoCoreError, ValueError) as error:
            raise _not_set_up(service, region, error) from error
        bound(client, self._proxies)
        client.meta.events.register("before-send", _say_what_for)
        return client


def _say_what_for(request: AWSPreparedRequest, **_: Any) -> None:
    """Name the purpose in a request; the SDK does not sign the User-Agent, and CloudTrail keeps it."""
    if said := _what_for.get().user_agent:
        before = request.headers["User-Agent"]  # the SDK's headers are bytes by now
        request.headers["User-Agent"] = f"{before.decode() if isinstance(before, bytes) else before} {said}"


def _sdk_session() -> Session:
    """Make a session of the SDK; raises SettingsError when the profile that the environment names is none."""
    try:
        return sdk_session()
    except (ProfileNotFound, ConfigParseError) as error:
        sentence = (
            f"The AWS SDK cannot read its configuration: {error}. Correct or unset AWS_PROFILE: the connector signs"
        )
        raise SettingsError([f"{sentence} in with what the platform documents say."]) from error


def _not_set_up(service: str, region: str, error: Exception) -> PermanentError:
    return PermanentError(
        type(error).__name__,
        f"the AWS SDK cannot speak to {service} in {region}: {error}",
        remedy="Correct the region in the document, or the SDK's own variables (AWS_…) in the worker's environment; "
        "then restart the worker and retry.",
    )


def _config(service: str, patience: timedelta | None, *, signed: bool) -> Config:
    """Return how a service's clients send."""
    seconds = READ_SECONDS.get(service) if patience is None else patience.total_seconds()
    own = {} if seconds is None else {"read_timeout": seconds}
    return CONFIG.merge(Config(**own, **({} if signed else {"signature_version": UNSIGNED})))
