"""meshLandingZone documents (v1-preview, v1) as meshStack writes them, AWS part, and how they become a `LandingZone`.

meshStack's portal also asks for an access stack and a StackSet but does not write them into the document; here they
are the fields accessStack and stackSet.
Source: meshStack API reference, meshLandingZone; docs.meshcloud.io "AWS landing zones".
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, ValidationInfo, field_validator, model_validator

from config.arns import STACK_SET_ARN, HttpsAddress, LambdaArn, Region, StackSetArn, TargetUnitId
from config.document_fields import Metadata, OwnPart, Part, ProjectRoleReference
from config.landing_zone import AccessStack, LandingZone, LandingZoneRoleMapping, StackSet
from config.secret import SecretSources
from config.template import read_template


def _text(value: object) -> object:
    """Take a number or a yes or no for its text: CloudFormation's parameters are all texts."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


class AccessStackDocument(OwnPart):
    """A stack for every account: a template beside the document (`template_file` holds its body), or an address."""

    template_file: str | None = None
    template_url: HttpsAddress | None = None
    region: Region | None = None
    parameters: dict[str, Annotated[str, BeforeValidator(_text)]] = Field(default_factory=dict)

    @field_validator("template_file")
    @classmethod
    def read_file(cls, name: str | None, information: ValidationInfo) -> str | None:
        """Read the template, and refuse a file that is none before any account waits for it."""
        return None if name is None else read_template(_folder(information) / name)

    @model_validator(mode="after")
    def check_one_template(self) -> Self:
        """Refuse no template, and two."""
        if (self.template_file is None) == (self.template_url is None):
            raise ValueError("must hold exactly one of templateFile and templateUrl")
        return self

    def normalise(self) -> AccessStack:
        """Return the part as the layers above see it."""
        return AccessStack(
            template_body=self.template_file,
            template_url=self.template_url,
            region=self.region,
            parameters=self.parameters,
        )


class StackSetDocument(OwnPart):
    """A StackSet of the automation account."""

    arn: StackSetArn
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]

    @field_validator("regions")
    @classmethod
    def check_regions(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse a region twice."""
        if len(set(regions)) != len(regions):
            raise ValueError("names a region more than once")
        return regions

    def normalise(self) -> StackSet:
        """Return the part as the layers above see it, with the parts of its ARN."""
        match = STACK_SET_ARN.fullmatch(self.arn)
        if match is None:
            raise ValueError(f"'{self.arn}' is not the ARN of a StackSet")
        return StackSet(
            arn=self.arn, name=match["name"], account_id=match["account"], region=match["region"], regions=self.regions
        )


class RoleMappingDocument(OwnPart):
    """One role mapping."""

    project_role_ref: ProjectRoleReference
    platform_role: Annotated[str, Field(min_length=1)]
    policies: tuple[str, ...] = ()

    def normalise(self) -> LandingZoneRoleMapping:
        """Return the part as the layers above see it."""
        return LandingZoneRoleMapping(
            project_role=self.project_role_ref.name, platform_role=self.platform_role, policies=self.policies
        )


class AwsProperties(OwnPart):
    """The AWS part of a landing zone."""

    aws_target_org_unit_id: TargetUnitId | None = None
    aws_enroll_account: StrictBool = False
    aws_lambda_arn: LambdaArn | None = None
    aws_role_mappings: tuple[RoleMappingDocument, ...] = ()
    access_stack: AccessStackDocument | None = None
    stack_set: StackSetDocument | None = None


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class PlatformProperties(Part):
    """The properties of a landing zone of type AWS."""

    type: Annotated[Literal["aws"], BeforeValidator(_lower)]
    aws: AwsProperties


class PlatformReference(Part):
    """A platform: by uuid as meshStack writes it, or by name or full identifier (`aws.sandbox`)."""

    uuid: str | None = None
    name: str | None = None
    identifier: str | None = None


class LandingZoneSpec(Part):
    """The specification of a landing zone; what concerns only meshStack's portal is skipped."""

    display_name: str | None = None
    automate_deletion_approval: StrictBool = False
    automate_deletion_replication: StrictBool = False
    platform_ref: PlatformReference | None = None
    platform_properties: PlatformProperties


class LandingZoneStatus(Part):
    """The status of a landing zone."""

    disabled: StrictBool = False


class LandingZoneDocument(Part):
    """A meshLandingZone document of type AWS. Read it with `SecretSources` as pydantic's context, for its folder."""

    api_version: Literal["v1-preview", "v1"]
    kind: str
    metadata: Metadata
    spec: LandingZoneSpec
    status: LandingZoneStatus = LandingZoneStatus()

    def normalise(self, platform: str | None) -> LandingZone:
        """Return the landing zone as the layers above see it, for the platform with this identifier (None for all)."""
        aws = self.spec.platform_properties.aws
        return LandingZone(
            name=self.metadata.name,
            display_name=self.spec.display_name or self.metadata.name,
            platform=platform,
            target_organizational_unit=aws.aws_target_org_unit_id,
            enroll_account=aws.aws_enroll_account,
            lambda_arn=aws.aws_lambda_arn,
            role_mappings=tuple(mapping.normalise() for mapping in aws.aws_role_mappings),
            access_stack=aws.access_stack.normalise() if aws.access_stack else None,
            stack_set=aws.stack_set.normalise() if aws.stack_set else None,
            disabled=self.status.disabled,
            automate_deletion_approval=self.spec.automate_deletion_approval,
            automate_deletion_replication=self.spec.automate_deletion_replication,
        )


def _folder(information: ValidationInfo) -> Path:
    sources = information.context
    return sources.folder if isinstance(sources, SecretSources) else Path()
