"""Settings of the sign-in to the page with a company's identity provider (OpenID Connect)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode

from config.api_token import Scope, read_scopes
from config.setting_types import is_web_address

_FORM = "each entry must be group=scope, where scope is one of those of tokens, or several as in order+operate"


def _groups(value: object) -> object:
    """Read `group=scope,…`. The names of groups are the provider's own, and may hold almost anything."""
    if not isinstance(value, str):
        return value
    found: dict[str, frozenset[Scope]] = {}
    for number, entry in enumerate(filter(None, map(str.strip, value.split(","))), start=1):
        name, equals, scopes = entry.rpartition("=")
        try:
            found[name.strip()] = read_scopes(scopes.strip())
        except ValueError:
            raise ValueError(f"entry {number} has an unknown scope; {_FORM}") from None
        if not equals or not name.strip():
            raise ValueError(f"entry {number} names no group; {_FORM}")
    return found


class SignInSettings(BaseSettings):
    """A part of the settings."""

    oidc_issuer: str | None = Field(
        default=None,
        description="Issuer of the identity provider with which people sign in to the page (docs/page.md).",
    )
    oidc_client_id: str | None = Field(default=None, description="Client id of the page at that provider.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="Client secret of the page there.")
    oidc_client_secret_file: Path | None = Field(
        default=None, description="File that holds this secret, in place of the variable."
    )
    oidc_groups_claim: str = Field(default="groups", description="Claim of the ID token that names a person's groups.")
    oidc_groups: Annotated[Mapping[str, frozenset[Scope]], NoDecode, BeforeValidator(_groups)] = Field(
        default={},
        description="What members of a group may do, comma-separated: group=scope, e.g. `platform=admin,teams=read`. "
        "People in none of these groups may do nothing.",
    )

    @field_validator("oidc_issuer")
    @classmethod
    def check_issuer(cls, url: str | None) -> str | None:
        """Refuse what is no web address."""
        if url is not None and not is_web_address(url):
            raise ValueError("must be a URL such as https://login.example.com/realms/company")
        return url

    @field_validator("oidc_groups")
    @classmethod
    def check_provider(
        cls, groups: Mapping[str, frozenset[Scope]], information: ValidationInfo
    ) -> Mapping[str, frozenset[Scope]]:
        """Refuse groups of a provider that nobody has named."""
        if groups and not (information.data.get("oidc_issuer") and information.data.get("oidc_client_id")):
            raise ValueError("needs CONNECTOR_OIDC_ISSUER and CONNECTOR_OIDC_CLIENT_ID")
        return groups
