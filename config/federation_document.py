"""Identity federation in a meshPlatform document: the SAML provider and the IAM roles of every account."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StrictBool, ValidationInfo, field_validator, model_validator

from config.arns import HttpsAddress, PolicyName, RolePath, SamlProviderName, WebAddress
from config.document_fields import OwnPart, ProjectRoleReference
from config.platform import FederatedRoleMapping, IdentityFederation
from config.saml_metadata import read_metadata
from config.secret import SecretSources


class FederatedRights(OwnPart):
    """What a role mapping says of the IAM role: which policies it has, or that somebody else makes it."""

    policies: tuple[PolicyName, ...] = ()
    external_role: StrictBool = False

    @model_validator(mode="after")
    def check_external(self) -> Self:
        """Refuse policies for a role that is not ours."""
        if self.external_role and self.policies:
            raise ValueError("must not hold policies beside externalRole: the role's creator gives it its policies")
        return self


class FederatedRoleMappingDocument(FederatedRights):
    """One role mapping: people with the project role may sign in as the IAM role."""

    project_role_ref: ProjectRoleReference
    aws_role: Annotated[str, Field(min_length=1)]

    def normalise(self) -> FederatedRoleMapping:
        """Return the part as the layers above see it."""
        return FederatedRoleMapping(
            project_role=self.project_role_ref.name,
            aws_role=self.aws_role,
            policies=self.policies,
            external=self.external_role,
        )


class IdentityFederationDocument(OwnPart):
    """Federation of an identity broker into IAM (`metadata_file` holds the document's text)."""

    saml_provider_name: SamlProviderName
    metadata_file: str | None = None
    metadata_url: HttpsAddress | None = None
    fail_if_not_found: StrictBool = True
    role_path: RolePath = "/"
    sign_in_url: WebAddress | None = None
    aws_role_mappings: tuple[FederatedRoleMappingDocument, ...] = ()

    @field_validator("metadata_file")
    @classmethod
    def read_file(cls, name: str | None, information: ValidationInfo) -> str | None:
        """Read the metadata, and refuse what AWS would refuse in every account."""
        sources = information.context
        folder = sources.folder if isinstance(sources, SecretSources) else Path()
        return None if name is None else read_metadata(folder / name)

    @model_validator(mode="after")
    def check_one_metadata(self) -> Self:
        """Refuse two sources; none means that somebody else makes the provider."""
        if self.metadata_file is not None and self.metadata_url is not None:
            raise ValueError("must not hold both metadataFile and metadataUrl")
        return self

    def normalise(self) -> IdentityFederation:
        """Return the part as the layers above see it."""
        return IdentityFederation(
            saml_provider_name=self.saml_provider_name,
            metadata=self.metadata_file,
            metadata_url=self.metadata_url,
            fail_if_not_found=self.fail_if_not_found,
            role_path=self.role_path,
            sign_in_url=self.sign_in_url,
            role_mappings=tuple(mapping.normalise() for mapping in self.aws_role_mappings),
        )
