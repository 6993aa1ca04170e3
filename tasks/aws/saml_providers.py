"""The SAML providers of a member account: whom its IAM roles may trust to say who somebody is.

Source: docs.aws.amazon.com/IAM/latest/APIReference.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.aws.calls import Calls
from tasks.errors import NotFound


@dataclass(frozen=True)
class SamlProvider:
    """A SAML provider as IAM keeps it."""

    metadata: str  # the document that it was given
    tags: dict[str, str]


class SamlProviders:
    """The SAML providers of one member account; each is named by its ARN."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def find(self, arn: str) -> SamlProvider | None:
        """Return a provider; None when there is none."""
        try:
            answer = self._calls.read("get_saml_provider", SAMLProviderArn=arn)
        except NotFound:
            return None
        tags = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())}
        return SamlProvider(answer["SAMLMetadataDocument"], tags)

    def create(self, name: str, metadata: str, tags: dict[str, str]) -> None:
        """Create a provider; Conflict when the account has one of that name."""
        tagged = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
        self._calls.write("create_saml_provider", Name=name, SAMLMetadataDocument=metadata, Tags=tagged)

    def update(self, arn: str, metadata: str) -> None:
        """Give a provider another document."""
        self._calls.write("update_saml_provider", SAMLProviderArn=arn, SAMLMetadataDocument=metadata)
