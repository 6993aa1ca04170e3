"""meshPlatform documents (v1, v2-preview, v2) as meshStack writes them, AWS part, and how they become a `Platform`.

The versions differ in a few places; where v1 writes something else, both spellings have a field here and one of them
must be filled.
Source: meshStack API reference, meshPlatform; docs.meshcloud.io "AWS: how to integrate".
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, ValidationInfo, field_validator, model_validator

from config.access_document import AccessConfig, AwsIdentityStore, AwsSso
from config.arns import AccountId, ProductId, Region, RoleArn, RoleName
from config.document_fields import Metadata, OwnPart, Part
from config.mapper_text import MapperText
from config.patterns import Pattern, sanitise_tag_key
from config.platform import Enrollment, Limits, Metering, Platform, TagMapper, TenantTags
from config.secret import Secret


class TagMapperDocument(OwnPart):
    """One tag mapper."""

    key: str
    value_pattern: MapperText


class TenantTagsDocument(OwnPart):
    """The account tags under one prefix."""

    namespace_prefix: str
    tag_mappers: tuple[TagMapperDocument, ...] = ()

    @field_validator("namespace_prefix")
    @classmethod
    def check_prefix(cls, prefix: str) -> str:
        """Refuse a prefix that would make tags of others ours, or that AWS refuses."""
        if not prefix:
            raise ValueError("must not be empty: the connector removes tags that start with it")
        if sanitise_tag_key(prefix) != prefix:
            raise ValueError("must be a legal start of an AWS tag key (letters, digits, spaces and _.:/=+-@, not aws:)")
        return prefix

    @model_validator(mode="after")
    def check_keys(self) -> Self:
        """Refuse two mappers that write the same tag."""
        keys = [sanitise_tag_key(self.namespace_prefix + mapper.key) for mapper in self.tag_mappers]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"writes the tag {', '.join(twice)} more than once")
        return self

    def normalise(self) -> TenantTags:
        """Return the part as the layers above see it."""
        mappers = tuple(TagMapper(key=mapper.key, value=mapper.value_pattern) for mapper in self.tag_mappers)
        return TenantTags(namespace_prefix=self.namespace_prefix, tag_mappers=mappers)


class EnrollmentDocument(OwnPart):
    """Control Tower's account factory."""

    management_account_id: AccountId
    account_factory_product_id: ProductId


class LimitsDocument(OwnPart):
    """What this organization's AWS allows, where it is not what the settings say (a setting of the connector only)."""

    account_creations: Annotated[int, Field(ge=1)] | None = None
    account_assignments: Annotated[int, Field(ge=1)] | None = None
    stack_set_operations: Annotated[int, Field(ge=1)] | None = None
    identity_center_calls_per_second: Annotated[int, Field(ge=1)] | None = None
    organizations_calls_per_second: Annotated[int, Field(ge=1)] | None = None


class Replication(OwnPart):
    """How tenants become accounts."""

    access_config: AccessConfig
    automation_account_role: RoleArn | None = None
    automation_account_external_id: Secret | None = None
    account_access_role: RoleName
    account_alias_pattern: Pattern
    enforce_account_alias: StrictBool
    account_email_pattern: Pattern
    tenant_tags: TenantTagsDocument | None = None
    aws_sso: AwsSso | None = None
    aws_identity_store: AwsIdentityStore | None = None
    enrollment_configuration: EnrollmentDocument | None = None
    wait_for_external_avm: StrictBool = False
    self_downgrade_access_role: StrictBool
    skip_user_group_permission_cleanup: StrictBool = False
    allow_hierarchical_organizational_unit_assignment: StrictBool = False
    limits: LimitsDocument = LimitsDocument()

    @field_validator("account_email_pattern")
    @classmethod
    def check_email(cls, pattern: Pattern) -> Pattern:
        """Refuse a pattern that gives all tenants the same address, or no address."""
        if not pattern.placeholders:
            raise ValueError(
                "must give every tenant its own address: use #{workspaceIdentifier} with #{projectIdentifier}, "
                "or #{meshProjectId}, #{tenantPlatformNumber} or #{rand:%.8s}"
            )
        if "@" not in pattern.text:
            raise ValueError(
                "must be an email address, such as aws+#{workspaceIdentifier}.#{projectIdentifier}@example.com"
            )
        return pattern

    @field_validator("aws_identity_store")
    @classmethod
    def check_one_access(cls, store: AwsIdentityStore | None, information: ValidationInfo) -> AwsIdentityStore | None:
        """Refuse both ways of writing groups at once."""
        if store is not None and information.data.get("aws_sso") is not None:
            raise ValueError("excludes awsSso: configure one of them")
        return store


class Processing(OwnPart):
    """How long meshStack keeps metering data, in days."""

    compact_timelines_after_days: Annotated[int, Field(ge=1)] = 30
    delete_raw_data_after_days: Annotated[int, Field(ge=1)] = 65


class MeteringDocument(OwnPart):
    """How costs are read."""

    access_config: AccessConfig
    filter: Literal["NONE", "EXCLUDE_TAX"] = "NONE"
    reserved_instance_fair_chargeback: StrictBool = False
    savings_plan_fair_chargeback: StrictBool = False
    processing: Processing = Processing()

    def normalise(self) -> Metering:
        """Return the part as the layers above see it."""
        return Metering(
            management_role_arn=self.access_config.organization_root_account_role,
            management_external_id=self.access_config.organization_root_account_external_id,
            auth=self.access_config.entry(),
            filter=self.filter,
            reserved_instance_fair_chargeback=self.reserved_instance_fair_chargeback,
            savings_plan_fair_chargeback=self.savings_plan_fair_chargeback,
            compact_timelines_after_days=self.processing.compact_timelines_after_days,
            delete_raw_data_after_days=self.processing.delete_raw_data_after_days,
        )


class AwsConfig(OwnPart):
    """The AWS part of a platform."""

    region: Region
    replication: Replication
    metering: MeteringDocument | None = None


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class PlatformConfig(Part):
    """The configuration of a platform of type AWS."""

    type: Annotated[Literal["aws"], BeforeValidator(_lower)]
    aws: AwsConfig


class LocationReference(Part):
    """A location: `name`, in v1 `identifier`."""

    name: str | None = None
    identifier: str | None = None

    @model_validator(mode="after")
    def check_name(self) -> Self:
        """Refuse a reference to nothing."""
        if not self.text:
            raise ValueError("must name a location (name, in v1 identifier)")
        return self

    @property
    def text(self) -> str:
        """Return the location's name."""
        return self.name or self.identifier or ""


class PlatformSpec(Part):
    """The specification of a platform; what concerns only meshStack's portal is skipped."""

    location_ref: LocationReference
    config: PlatformConfig


class PlatformDocument(Part):
    """A meshPlatform document of type AWS. Read it with `SecretSources` as pydantic's context."""

    api_version: Literal["v1", "v2-preview", "v2"]
    kind: str
    metadata: Metadata
    spec: PlatformSpec

    def normalise(self) -> Platform:
        """Return the platform as the layers above see it, whatever version the document has."""
        replication = self.spec.config.aws.replication
        metering, tags = self.spec.config.aws.metering, replication.tenant_tags
        store, scim = replication.aws_identity_store, replication.aws_sso
        location = self.spec.location_ref.text
        return Platform(
            identifier=f"{self.metadata.name}.{location}",
            name=self.metadata.name,
            location=location,
            uuid=self.metadata.uuid,
            region=self.spec.config.aws.region,
            auth=replication.access_config.entry(),
            management_role_arn=replication.access_config.organization_root_account_role,
            management_external_id=replication.access_config.organization_root_account_external_id,
            automation_role_arn=replication.automation_account_role,
            automation_external_id=replication.automation_account_external_id,
            account_access_role=replication.account_access_role.removeprefix("/"),
            account_alias_pattern=replication.account_alias_pattern,
            enforce_account_alias=replication.enforce_account_alias,
            account_email_pattern=replication.account_email_pattern,
            tenant_tags=None if tags is None else tags.normalise(),
            identity_store=None if store is None else store.normalise(),
            scim=None if scim is None else scim.normalise(),
            enrollment=_enrollment(replication.enrollment_configuration),
            wait_for_external_avm=replication.wait_for_external_avm,
            self_downgrade_access_role=replication.self_downgrade_access_role,
            skip_user_group_permission_cleanup=replication.skip_user_group_permission_cleanup,
            allow_hierarchical_organizational_unit_assignment=replication.allow_hierarchical_organizational_unit_assignment,
            metering=None if metering is None else metering.normalise(),
            limits=Limits(**replication.limits.model_dump()),
        )


def _enrollment(document: EnrollmentDocument | None) -> Enrollment | None:
    if document is None:
        return None
    return Enrollment(
        management_account_id=document.management_account_id,
        account_factory_product_id=document.account_factory_product_id,
    )
