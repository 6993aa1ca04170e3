"""Settings of what speaks with meshStack: the runner, the pull, and what is sent there."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from config.setting_types import Positive, Seconds, is_web_address


class MeshStackSettings(BaseSettings):
    """A part of the settings."""

    meshstack_url: str | None = Field(
        default=None, description="Address of meshStack, whose runs the runner claims (docs/meshstack.md)."
    )
    meshstack_client_id: str | None = Field(default=None, description="Client id of the API key in meshStack.")
    meshstack_client_secret: SecretStr | None = Field(
        default=None, description="Client secret of the API key in meshStack."
    )
    meshstack_client_secret_file: Path | None = Field(
        default=None, description="File that holds the client secret, in place of the variable."
    )
    meshstack_ca_file: Path | None = Field(
        default=None,
        description="PEM file with certificate authorities to trust for meshStack, in addition to the usual ones.",
    )
    meshstack_pull_interval: Seconds | None = Field(
        validation_alias="CONNECTOR_MESHSTACK_PULL_SECONDS",
        default=None,
        description="How often tenants are read from meshStack (docs/meshstack.md). Without it, never.",
    )
    meshstack_api_user: Annotated[SecretStr, Field(min_length=3)] | None = Field(
        default=None, description="API user of meshStack, `name:password`, with which usage reports are sent there."
    )
    meshstack_tell_accounts: bool = Field(
        default=False,
        description="Send accounts of tenants of the pull to meshStack, as that API user (docs/meshstack.md).",
    )
    meshstack_metering_url: str | None = Field(
        default=None,
        description="Address of meshStack's metering API, which accepts usage reports. Without it, it is "
        "CONNECTOR_MESHSTACK_URL.",
    )
    runner_uuid: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")] | None = Field(
        default=None, description="Identifier (UUID) of the runner in meshStack."
    )
    runner_private_key_file: Path | None = Field(
        default=None, description="PEM file with the RSA key for encrypted inputs (`aws-connector runner keygen`)."
    )
    runner_concurrent_runs: Positive = Field(default=50, description="The most runs that one runner has in progress.")
    runner_poll_interval: Seconds = Field(
        validation_alias="CONNECTOR_RUNNER_POLL_SECONDS",
        default=timedelta(seconds=10),
        description="Time until the runner asks meshStack again when there was no run.",
    )
    runner_port: Annotated[int, Field(ge=1, le=65_535)] | None = Field(
        default=None,
        description="Port of the runner's `/healthz` and `/metrics`, on `CONNECTOR_METRICS_HOST`. Without one it is "
        "8100, or if that is taken a free one, which the log names. MANAGEMENT_PORT takes precedence, and then PORT.",
    )

    @field_validator("meshstack_pull_interval")
    @classmethod
    def check_pull(cls, interval: timedelta | None, information: ValidationInfo) -> timedelta | None:
        """Refuse to look at a meshStack that nobody has named."""
        known = information.data
        if interval is not None and not (known.get("meshstack_url") and known.get("meshstack_client_id")):
            raise ValueError("needs CONNECTOR_MESHSTACK_URL and CONNECTOR_MESHSTACK_CLIENT_ID")
        return interval

    @field_validator("meshstack_tell_accounts")
    @classmethod
    def check_telling(cls, tells: bool, information: ValidationInfo) -> bool:  # pydantic calls it so
        """Refuse to tell accounts when nothing is pulled, or as nobody."""
        known = information.data
        if tells and not (known.get("meshstack_pull_interval") and known.get("meshstack_api_user")):
            raise ValueError("needs CONNECTOR_MESHSTACK_PULL_SECONDS and CONNECTOR_MESHSTACK_API_USER")
        return tells

    @field_validator("meshstack_url", "meshstack_metering_url")
    @classmethod
    def check_meshstack_url(cls, url: str | None) -> str | None:
        """Refuse what is no web address, without repeating it: somebody may have put a password in."""
        if url is not None and not is_web_address(url):
            raise ValueError("must be a URL such as https://meshstack.example.com")
        return url
