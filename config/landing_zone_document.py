"""meshLandingZone documents (v1-preview, v1) as meshStack writes them, AWS part, and how they become a `LandingZone`.

meshStack's portal also asks for an access stack and a StackSet but does not write them into the document; here they
are the fields accessStack and stackSet.
Source: meshStack API reference, meshLandingZone; docs.meshcloud.io "AWS landing zones".
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, ValidationInfo, field_validator, model_validator

from config.arns import LAMBDA_ARN, STACK_SET_ARN, HttpsAddress, LambdaArn, Region, StackSetArn, TargetUnitId
from config.document_fields import Metadata, OwnPart, Part, ProjectRoleReference
from config.federation_document import FederatedRights
from config.landing_zone import (
    AccessStack,
    Capability,
    LambdaHook,
    LandingZone,
    LandingZoneRoleMapping,
    ServiceControlPolicy,
    StackSet,
)
from config.patterns import Pattern
from config.policy_document import read_policy
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
    capabilities: tuple[Capability, ...] | None = None
    policy_file: Annotated[Any, Field(description="name of a file")] = None

    @field_validator("parameters")
    @classmethod
    def check_placeholders(cls, parameters: dict[str, str]) -> dict[str, str]:
        """Refuse placeholders that no tenant has, before one waits for its account."""
        for text in parameters.values():
            if "#{" in text:
                Pattern.parse(text)
        return parameters

    @field_validator("template_file")
    @classmethod
    def read_file(cls, name: str | None, information: ValidationInfo) -> str | None:
        """Read the template, and refuse a file that is none before any account waits for it."""
        return None if name is None else read_template(_folder(information) / name)

    @field_validator("policy_file")
    @classmethod
    def read_policy_file(cls, name: Any, information: ValidationInfo) -> dict[str, Any] | None:
        """Read the policy, and refuse a file that is none."""
        return None if name is None else read_policy(_folder(information) / str(name))

    @model_validator(mode="after")
    def check_one_template(self) -> Self:
        """Refuse no template, and two."""
        if (self.template_file is None) == (self.template_url is None):
            raise ValueError("must hold exactly one of templateFile and templateUrl")
        return self

    def normalise(self) -> AccessStack:
        """Return the part as the layers above see it."""
        stack = AccessStack(
            template_body=self.template_file,
            template_url=self.template_url,
            region=self.region,
            parameters=self.parameters,
            policy=self.policy_file,
        )
        return stack if self.capabilities is None else stack.model_copy(update={"capabilities": self.capabilities})


class ServiceControlPolicyDocument(OwnPart):
    """A guard rail on the landing zone's OU; without `template_file` (which holds the policy) the connector's own."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    template_file: Annotated[Any, Field(description="name of a file")] = None

    @field_validator("template_file")
    @classmethod
    def read_file(cls, name: Any, information: ValidationInfo) -> dict[str, Any] | None:
        """Read the policy, and refuse a file that is none."""
        return None if name is None else read_policy(_folder(information) / str(name))

    def normalise(self) -> ServiceControlPolicy:
        """Return the part as the layers above see it."""
        return ServiceControlPolicy(name=self.name, template=self.template_file)


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


class RoleMappingDocument(FederatedRights):
    """One role mapping."""

    project_role_ref: ProjectRoleReference
    platform_role: Annotated[str, Field(min_length=1)]

    def normalise(self) -> LandingZoneRoleMapping:
        """Return the part as the layers above see it."""
        return LandingZoneRoleMapping(
            project_role=self.project_role_ref.name,
            platform_role=self.platform_role,
            policies=self.policies,
            external=self.external_role,
        )


class AwsProperties(OwnPart):
    """The AWS part of a landing zone."""

    aws_target_org_unit_id: TargetUnitId | None = None
    aws_enroll_account: StrictBool
    aws_lambda_arn: LambdaArn | None = None
    lambda_timeout_seconds: Annotated[int, Field(ge=1, le=900)] | None = None  # Lambda lets no function run longer
    aws_role_mappings: tuple[RoleMappingDocument, ...] = ()
    access_stack: AccessStackDocument | None = None
    stack_set: StackSetDocument | None = None
    service_control_policy: ServiceControlPolicyDocument | None = None

    @model_validator(mode="after")
    def check_lambda(self) -> Self:
        """Refuse a time for no function."""
        if self.lambda_timeout_seconds is not None and self.aws_lambda_arn is None:
            raise ValueError("must not hold lambdaTimeoutSeconds without awsLambdaArn")
        return self

    def hook(self) -> LambdaHook | None:
        """Return the Lambda function as the layers above see it, with the parts of its ARN."""
        match = LAMBDA_ARN.fullmatch(self.aws_lambda_arn or "")
        if match is None:
            return None
        time = (
            {} if self.lambda_timeout_seconds is None else {"timeout": timedelta(seconds=self.lambda_timeout_seconds)}
        )
        return LambdaHook(arn=match.string, name=match["name"], region=match["region"], **time)


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
            lambda_hook=aws.hook(),
            role_mappings=tuple(mapping.normalise() for mapping in aws.aws_role_mappings),
            access_stack=aws.access_stack.normalise() if aws.access_stack else None,
            stack_set=aws.stack_set.normalise() if aws.stack_set else None,
            service_control_policy=aws.service_control_policy.normalise() if aws.service_control_policy else None,
            disabled=self.status.disabled,
            automate_deletion_approval=self.spec.automate_deletion_approval,
            automate_deletion_replication=self.spec.automate_deletion_replication,
        )


def _folder(information: ValidationInfo) -> Path:
    sources = information.context
    return sources.folder if isinstance(sources, SecretSources) else Path()
