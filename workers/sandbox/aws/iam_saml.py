"""IAM's SAML providers with AWS's rules: one of a name in an account, and a document that is SAML metadata.

Source: IAM API reference, CreateSAMLProvider. Errors: EntityAlreadyExists 409, NoSuchEntity 404, InvalidInput 400.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workers.sandbox.aws import shapes
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.shelf import Shelf
from workers.sandbox.aws.visibility_rules import Kind
from workers.sandbox.aws.world import World

VALID_SECONDS = 3650 * 24 * 3600.0


@dataclass(frozen=True)
class SamlProvider:
    """One provider; created in seconds since the epoch."""

    metadata: str
    created: float
    tags: tuple[dict[str, str], ...] = ()


@dataclass
class SamlProviders:
    """Every provider by its ARN."""

    providers: Shelf[str, SamlProvider] = field(default_factory=lambda: Shelf(Kind.SAML_PROVIDER))

    def of(self, account_id: str) -> dict[str, SamlProvider]:
        """Find those of an account."""
        return {arn: one for arn, one in self.providers.items() if arn.split(":")[4] == account_id}


@shapes.answer("iam", "CreateSAMLProvider")
def create_saml_provider(call: Call, world: World) -> Mapping[str, Any]:
    """Add a provider to the caller's account."""
    name, held = str(call.parameters["Name"]), world.state(SamlProviders)
    arn = f"arn:aws:iam::{call.caller.account_id}:saml-provider/{name}"
    if arn in held.providers:
        raise AwsError("EntityAlreadyExists", f"SAMLProvider {arn} already exists", 409)
    tags = tuple(call.parameters.get("Tags", ()))
    held.providers[arn] = SamlProvider(_metadata(call), call.now, tags)
    return {"SAMLProviderArn": arn, "Tags": tags}


@shapes.answer("iam", "UpdateSAMLProvider")
def update_saml_provider(call: Call, world: World) -> Mapping[str, Any]:
    """Give a provider another document."""
    _provider(call, world)
    arn = str(call.parameters["SAMLProviderArn"])
    if "SAMLMetadataDocument" in call.parameters:
        world.state(SamlProviders).providers.change(arn, metadata=_metadata(call))
    return {"SAMLProviderArn": arn}


@shapes.answer("iam", "GetSAMLProvider")
def get_saml_provider(call: Call, world: World) -> Mapping[str, Any]:
    """Show a provider."""
    provider = _provider(call, world)
    return {
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": provider.created,
        "ValidUntil": provider.created + VALID_SECONDS,
        "Tags": provider.tags,
    }


@shapes.answer("iam", "ListSAMLProviders")
def list_saml_providers(call: Call, world: World) -> Mapping[str, Any]:
    """List the providers of the caller's account."""
    found = world.state(SamlProviders).of(call.caller.account_id)
    return {"SAMLProviderList": [{"Arn": arn, "CreateDate": one.created} for arn, one in sorted(found.items())]}


@shapes.answer("iam", "DeleteSAMLProvider")
def delete_saml_provider(call: Call, world: World) -> Mapping[str, Any]:
    """Delete a provider; roles that trust it stay."""
    _provider(call, world)
    del world.state(SamlProviders).providers[str(call.parameters["SAMLProviderArn"])]
    return {}


def snapshot(world: World) -> dict[str, Any]:
    """Show every provider for the control API's state."""
    return {
        arn: {"metadata": one.metadata, "tags": {tag["Key"]: tag["Value"] for tag in one.tags}}
        for arn, one in world.state(SamlProviders).providers.items()
    }


def _provider(call: Call, world: World) -> SamlProvider:
    arn = str(call.parameters["SAMLProviderArn"])
    provider = world.named(lambda each: each.state(SamlProviders).of(call.caller.account_id).get(arn))
    if provider is None:
        raise AwsError("NoSuchEntity", f"SAMLProvider {arn} does not exist.", 404)
    return provider


def _metadata(call: Call) -> str:
    text = str(call.parameters["SAMLMetadataDocument"])
    if not re.search(r"<(\w+:)?EntityDescriptor\b", text) or not re.search(r"<(\w+:)?IDPSSODescriptor\b", text):
        raise AwsError("InvalidInput", "Could not parse metadata")
    return text
