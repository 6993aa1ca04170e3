"""Settings: what a process is told by its environment, as one frozen object; read by `config.environment`."""

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from config.api_token import ApiToken, read_tokens
from config.day_window import DayWindow
from config.meshstack_settings import MeshStackSettings
from config.redis_address import RedisAddress
from config.setting_types import Positive, Seconds, is_web_address
from config.sign_in_settings import SignInSettings

PREFIX = "CONNECTOR_"
ENV_FILE = Path(".env")


class Settings(MeshStackSettings, SignInSettings, BaseSettings):
    """Everything a process is told by its environment. Durations are written in seconds and read as timedelta.

    `docs/settings.md` is made of the fields by `tests/config/settings_page.py`.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,  # the variable of a duration names its unit, the field what it is
    )

    mode: Literal["development", "production"] = Field(
        default="development",
        description="In production, no process starts with the sandbox's secrets, without API tokens or without a "
        "Redis password (docs/security.md).",
    )
    config_dir: Path = Field(
        default=Path("config.d"),
        description="Directory, or one file, with the platform and landing zone documents (docs/configuration.md).",
    )
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description="Redis for the queue, the state and the shared limits: redis://, rediss:// (TLS) or sentinel://.",
    )
    redis_sentinel_password: SecretStr | None = Field(
        default=None,
        description="Password of the Sentinels. The password in the URL is that of Redis itself.",
    )
    redis_replicas: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0,
        description="Number of Redis replicas that must have an order before it is accepted (docs/reliability.md).",
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto",
        description="Log lines as JSON for machines, or as text for people; auto: text on a terminal, JSON elsewhere "
        "(docs/logs.md).",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe level that is logged."
    )
    api_tokens: Annotated[tuple[ApiToken, ...], NoDecode, BeforeValidator(read_tokens)] = Field(
        default=(),
        description="Tokens of the API, comma-separated: name:scope:sha256, where scope is read, order, operate, "
        "approve or admin, or several as in order+operate, and sha256 is the SHA-256 of the token in hex. Without "
        "tokens, every call is refused.",
    )
    api_failure_limit: Positive = Field(
        default=20,
        description="Wrong tokens that one address may send in a minute before further ones are answered with 429.",
    )
    api_host: str = Field(default="127.0.0.1", description="Address on which the API listens.")
    api_port: Annotated[int, Field(ge=1, le=65_535)] = Field(
        default=8080, description="Port on which the API listens. PORT takes precedence when it is set."
    )
    page_url: str | None = Field(
        default=None, description="Address of the page, to which Flower links (docs/operations.md)."
    )
    flower_url: str | None = Field(
        default=None, description="Address of Flower, to which the page links (docs/operations.md)."
    )
    worker_concurrency: Positive = Field(
        default=32,
        description="Replications that one worker runs at once; they mostly wait for AWS. It starts more threads to "
        "remove access, and for questions and beat's tasks (docs/limits.md).",
    )
    lease: Seconds = Field(
        validation_alias="CONNECTOR_LEASE_SECONDS",
        default=timedelta(seconds=6),  # who is withdrawn must be out within 15 s, also when a worker dies meanwhile
        description="Time after which another worker takes over the work of one that has died.",
    )
    pump_interval: Seconds = Field(
        validation_alias="CONNECTOR_PUMP_SECONDS",
        default=timedelta(seconds=0.2),
        description="How often a worker looks for due work.",
    )
    poll_interval: Seconds = Field(
        validation_alias="CONNECTOR_POLL_SECONDS",
        default=timedelta(seconds=5),
        description="Time before the connector first checks on work that AWS has not finished. The interval grows to "
        "four times this value.",
    )
    step_deadline: Seconds = Field(
        validation_alias="CONNECTOR_STEP_DEADLINE_SECONDS",
        default=timedelta(minutes=30),
        description="How long a step is retried while AWS fails or throttles. Then it fails.",
    )
    wait_deadline: Seconds = Field(
        validation_alias="CONNECTOR_WAIT_DEADLINE_SECONDS",
        default=timedelta(hours=24),
        description="How long a step waits for work that AWS or somebody else does. Then it fails.",
    )
    parked_deadline: Seconds = Field(
        validation_alias="CONNECTOR_PARKED_DEADLINE_SECONDS",
        default=timedelta(days=3),
        description="How long a step waits for a person, for example to have an AWS quota raised. Then it fails.",
    )
    lookup_grace: Seconds = Field(
        validation_alias="CONNECTOR_LOOKUP_GRACE_SECONDS",
        default=timedelta(seconds=120),
        description="How long to search for an account that AWS may have created, before requesting a new one.",
    )
    visibility_grace: Seconds = Field(
        validation_alias="CONNECTOR_VISIBILITY_GRACE_SECONDS",
        default=timedelta(seconds=60),
        description="How long AWS may take to show its own writes everywhere. Until then, 'not found' is not final.",
    )
    users_kept: Seconds = Field(
        validation_alias="CONNECTOR_USERS_KEPT_SECONDS",
        default=timedelta(hours=12),
        description="How long a stored id of a person in the identity store is used again, for an unchanged order.",
    )
    access_grace: Seconds = Field(
        validation_alias="CONNECTOR_ACCESS_GRACE_SECONDS",
        default=timedelta(minutes=30),
        description="How long a new account may refuse access, because AWS is still creating its role and services.",
    )
    role_propagation: Seconds = Field(
        validation_alias="CONNECTOR_ROLE_PROPAGATION_SECONDS",
        default=timedelta(seconds=15),
        description="How long AWS may take until a change to the access role applies everywhere.",
    )
    enrollment_pause: Seconds = Field(
        validation_alias="CONNECTOR_ENROLLMENT_PAUSE_SECONDS",
        default=timedelta(minutes=1),
        description="Time between two requests to Control Tower for the same account.",
    )
    replication_interval: Seconds = Field(
        validation_alias="CONNECTOR_REPLICATION_INTERVAL_SECONDS",
        default=timedelta(hours=24),
        description="Time after which a tenant is replicated again without an order (docs/daily.md).",
    )
    replication_window: Annotated[DayWindow, NoDecode, BeforeValidator(DayWindow.parse)] = Field(
        default=DayWindow(),
        description="The part of the day, in UTC, over which daily replications are spread, such as 22:00-04:00.",
    )
    account_creation_limit: Positive = Field(
        default=5, description="Account creations in flight per organization. AWS allows 5."
    )
    account_closure_limit: Positive = Field(
        default=3, description="Account closures in flight per organization. AWS allows 3."
    )
    account_assignment_limit: Positive = Field(
        default=10, description="Account assignments in flight per Identity Center instance. AWS allows 10."
    )
    stack_set_operation_limit: Positive = Field(
        default=1, description="Operations in flight per StackSet. AWS allows 1."
    )
    control_tower_operation_limit: Positive = Field(
        default=5, description="Control Tower operations on accounts in flight per organization. AWS allows 5."
    )
    identity_center_calls_per_second: Positive = Field(
        default=20,
        description="Calls to Identity Center, its identity store and SCIM together, per organization. AWS allows 20.",
    )
    organizations_calls_per_second: Positive = Field(
        default=40,
        description="Calls to AWS Organizations, per organization. Fewer for a while after AWS has throttled.",
    )
    workspace_identifier_length: Positive = Field(default=16, description="Longest workspace identifier.")
    project_identifier_length: Positive = Field(default=30, description="Longest project identifier.")
    notification_url: SecretStr | None = Field(
        default=None,
        description="Web address that receives failures and whatever needs a person (docs/notifications.md).",
    )
    notification_secret: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        default=None,
        description="Key with which notifications are signed (HMAC-SHA256), at least 16 characters.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address on which a worker or runner serves its metrics (docs/metrics.md)."
    )
    metrics_port: Annotated[int, Field(ge=1, le=65_535)] | None = Field(
        default=None, description="Port on which a worker serves its metrics. Without one, it serves none."
    )
    data_dir: Path = Field(
        default=Path("data"),
        description="Directory for data on this machine: the embedded metering database (docs/metering.md).",
    )
    metering_database_url: SecretStr | None = Field(
        default=None,
        description="Database for costs: postgresql://user:password@host/name, or sqlite:///file. Without one, a file "
        "in CONNECTOR_DATA_DIR, which only processes of one machine can share.",
    )
    metering_dollars_per_day: Annotated[Decimal, Field(ge=0, le=10_000, allow_inf_nan=False)] = Field(
        default=Decimal(5),
        description="The most that questions about costs may cost per platform and day. AWS charges $0.01 a page.",
    )
    metering_interval: Seconds = Field(
        validation_alias="CONNECTOR_METERING_INTERVAL_SECONDS",
        default=timedelta(hours=24),
        description="Time after which the costs of a month that is not final are collected again.",
    )
    metering_budget_tag: str = Field(
        default="budget",
        description="Tag of a project that holds its monthly budget, such as 500 or 500 EUR.",
    )
    retention_days: Positive = Field(default=30, description="How long the record of an ended replication is kept.")
    event_history: Positive = Field(default=1000, description="Events kept per tenant.")
    audit_days: Positive = Field(
        default=90, description="How long the audit log keeps a write to AWS, at about 1 kB of Redis each."
    )

    @field_validator("redis_url")
    @classmethod
    def check_redis_url(cls, url: SecretStr) -> SecretStr:
        """Refuse what redis-py or Celery would not understand, without repeating the password."""
        RedisAddress.parse(url.get_secret_value())
        return url

    @field_validator("flower_url", "page_url")
    @classmethod
    def check_flower_url(cls, url: str | None) -> str | None:
        """Refuse what a browser could not open."""
        if url is not None and not is_web_address(url):
            raise ValueError("must be a URL such as https://ops.example.com")
        return url

    @field_validator("notification_url")
    @classmethod
    def check_notification_url(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse what is no web address, without repeating it: it may hold a token."""
        if url is not None and not is_web_address(url.get_secret_value()):
            raise ValueError("must be a URL such as https://hooks.example.com/aws-connector")
        return url

    @field_validator("mode", "log_level", "log_format", mode="before")
    @classmethod
    def lower(cls, value: object) -> object:
        """Accept INFO for info."""
        return value.lower() if isinstance(value, str) else value

    @property
    def retention(self) -> timedelta:
        """Return `retention_days` as a duration."""
        return timedelta(days=self.retention_days)

    @property
    def redis(self) -> RedisAddress:
        """Return where Redis is."""
        return RedisAddress.parse(self.redis_url.get_secret_value())

    @property
    def redis_sentinels(self) -> dict[str, Any]:
        """Return how the Sentinels are spoken to, in redis-py's words."""
        password = self.redis_sentinel_password
        return self.redis.sentinel_options(password.get_secret_value() if password else None)

    @property
    def secret_texts(self) -> tuple[str, ...]:
        """List the secrets among the settings, for masking in logs: the Redis password as written and decoded."""
        others = (
            *(self.redis_sentinel_password, self.notification_url, self.notification_secret),
            *(self.meshstack_client_secret, self.meshstack_api_user, self.oidc_client_secret),
            self.metering_database_url,
        )
        texts = [self.redis.written, self.redis.password, *(each.get_secret_value() for each in others if each)]
        if self.meshstack_api_user is not None:
            texts.append(self.meshstack_api_user.get_secret_value().partition(":")[2])
        return tuple(dict.fromkeys(text for text in texts if text))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings calls by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let PORT, as platforms that run containers set it, win over our own names."""
        return init_settings, _PortSource(settings_cls), env_settings, dotenv_settings


PORTS = {"api_port": ("PORT",), "runner_port": ("MANAGEMENT_PORT", "PORT")}
"""The variables that win over ours; the second row is that of meshStack's own runner."""


def port_variable(name: str) -> str | None:
    """Return the variable that tells a port in place of ours; None: none does."""
    return next((each for each in PORTS.get(name, ()) if os.environ.get(each)), None)


class _PortSource(PydanticBaseSettingsSource):
    """Reads PORT and MANAGEMENT_PORT."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 (the base class's own signature)
        """Return what the variables say of a port; None: nothing."""
        told_by = port_variable(field_name)
        return None if told_by is None else os.environ[told_by], field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(self.settings_cls.model_fields[name], name)[0] for name in PORTS}
        return {name: port for name, port in found.items() if port is not None}
