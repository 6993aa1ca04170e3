"""meshPlatform documents (v1, v2-preview, v2) as meshStack writes them, AWS part, and how they become a `Platform`.

The versions differ in a few places; where v1 writes something else, both spellings have a field here and one of them
must be filled.
Source: meshStack API reference, meshPlatform; docs.meshcloud.io "AWS: how to integrate".
"""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)

from config.access_document import AccessConfig, AwsIdentityStore, AwsSso
from config.arns import AccountId, ProductId, Region, RoleArn, RoleName, TargetUnitId, TenantName
from config.document_fields import Metadata, OwnPart, Part
from config.drift_mode import DriftMode
from config.federation_document import IdentityFederationDocument
from config.mapper_text import MapperText
from config.patterns import HOW_TENANTS_ARE_NAMED, Pattern, sanitise_tag_key, sanitise_tag_value
from config.platform import (
    AccountClosure,
    Enrollment,
    ExternalVending,
    Limits,
    Metering,
    Platform,
    TagMapper,
    TenantTags,
)
from config.secret import Secret


def _tag_key(text: str) -> str:
    if not text or sanitise_tag_key(text) != text:
        raise ValueError("must be a legal AWS tag key (letters, digits, spaces and _.:/=+-@, not aws:)")
    return text


TagKey = Annotated[str, AfterValidator(_tag_key)]


class TagMapperDocument(OwnPart):
    """One tag mapper."""

    key: str
    value_pattern: MapperText


class TenantTagsDocument(OwnPart):
    """The account tags under one prefix."""

    namespace_prefix: str
    tag_mappers: tuple[TagMapperDocument, ...] = ()
    multi_value_separator: Annotated[str, Field(min_length=1, max_length=10)] = "/"  # a setting of the connector only

    @field_validator("namespace_prefix")
    @classmethod
    def check_prefix(cls, prefix: str) -> str:
        """Refuse a prefix that would make tags of others ours, or that AWS refuses."""
        if not prefix:
            raise ValueError("must not be empty: the connector removes tags that start with it")
        if sanitise_tag_key(prefix) != prefix:
            raise ValueError("must be a legal start of an AWS tag key (letters, digits, spaces and _.:/=+-@, not aws:)")
        return prefix

    @field_validator("multi_value_separator")
    @classmethod
    def check_separator(cls, separator: str) -> str:
        """Refuse what AWS would not let stand between two values."""
        if sanitise_tag_value(separator) != separator:
            raise ValueError("must be legal in AWS tag values: letters, digits, spaces and _.:/=+-@")
        return separator

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
        return TenantTags(
            namespace_prefix=self.namespace_prefix, tag_mappers=mappers, separator=self.multi_value_separator
        )


class EnrollmentDocument(OwnPart):
    """Control Tower's account factory."""

    management_account_id: AccountId
    account_factory_product_id: ProductId
    sso_user_email: Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+$")] | None = None
    retry_window_minutes: Annotated[int, Field(ge=1, le=1440)] = 20

    def normalise(self) -> Enrollment:
        """Return the part as the layers above see it."""
        return Enrollment(
            management_account_id=self.management_account_id,
            account_factory_product_id=self.account_factory_product_id,
            sso_user_email=self.sso_user_email,
            retry_window_minutes=self.retry_window_minutes,
        )


class ExternalAvmDocument(OwnPart):
    """How the end of an external account vending machine is told (a setting of the connector only)."""

    product_name_tag: TagKey = "ProductName"
    stage_tag: TagKey = "Stage"
    deadline_minutes: Annotated[int, Field(ge=1, le=4320)] = 60

    @model_validator(mode="after")
    def check_keys(self) -> Self:
        """Refuse one tag for two values."""
        if self.product_name_tag == self.stage_tag:
            raise ValueError("must name two different tags")
        return self

    def normalise(self) -> ExternalVending:
        """Return the part as the layers above see it."""
        return ExternalVending(
            workspace_tag=self.product_name_tag,
            project_tag=self.stage_tag,
            deadline=timedelta(minutes=self.deadline_minutes),
        )


class LimitsDocument(OwnPart):
    """What this organization's AWS allows, where it is not what the settings say (a setting of the connector only)."""

    account_creations: Annotated[int, Field(ge=1)] | None = None
    account_assignments: Annotated[int, Field(ge=1)] | None = None
    stack_set_operations: Annotated[int, Field(ge=1)] | None = None
    account_closures: Annotated[int, Field(ge=1)] | None = None
    control_tower_operations: Annotated[int, Field(ge=1)] | None = None
    identity_center_calls_per_second: Annotated[int, Field(ge=1)] | None = None
    organizations_calls_per_second: Annotated[int, Field(ge=1)] | None = None


class AccountClosureDocument(OwnPart):
    """Which accounts may be closed when their tenant is deleted (a setting of the connector only)."""

    organizational_units: tuple[TargetUnitId, ...] = ()
    tags: dict[str, str] = Field(default_factory=dict)
    quarantine_organizational_unit_id: TargetUnitId | None = None

    def normalise(self) -> AccountClosure:
        """Return the part as the layers above see it."""
        return AccountClosure(
            organizational_units=self.organizational_units,
            tags=self.tags,
            quarantine_unit=self.quarantine_organizational_unit_id,
        )


class Replication(OwnPart):
    """How tenants become accounts."""

    access_config: AccessConfig
    automation_account_role: RoleArn | None = None
    automation_account_external_id: Secret | None = None
    account_access_role: RoleName = "OrganizationAccountAccessRole"  # AWS's own default
    account_alias_pattern: Pattern
    enforce_account_alias: StrictBool
    account_email_pattern: Pattern
    tenant_tags: TenantTagsDocument | None = None
    aws_sso: AwsSso | None = None
    aws_identity_store: AwsIdentityStore | None = None
    identity_federation: IdentityFederationDocument | None = None
    enrollment_configuration: EnrollmentDocument | None = None
    wait_for_external_avm: StrictBool = False
    external_avm: ExternalAvmDocument | None = None
    self_downgrade_access_role: StrictBool
    skip_user_group_permission_cleanup: StrictBool = False
    allow_hierarchical_organizational_unit_assignment: StrictBool = False
    limits: LimitsDocument = LimitsDocument()
    account_closure: AccountClosureDocument = AccountClosureDocument()
    manage_access_role_trust: StrictBool = False
    session_tags: StrictBool = False  # a setting of the connector only
    drift: DriftMode = "repair"  # a setting of the connector only
    import_role: RoleName | None = None
    management_account_tenant: TenantName | None = None

    @model_validator(mode="after")
    def check_direct(self) -> Self:
        """Refuse what a service user of the management account itself may not do."""
        if self.access_config.organization_root_account_role is None and self.tenant_tags is not None:
            raise ValueError(
                "must not hold tenantTags with organizationRootAccountId: the direct service user's policy allows no "
                "tagging; use organizationRootAccountRole"
            )
        if self.access_config.organization_root_account_role is None and self.wait_for_external_avm:
            raise ValueError(
                "must not hold waitForExternalAvm with organizationRootAccountId: the direct service user's policy "
                "allows no reading of tags; use organizationRootAccountRole"
            )
        return self

    @model_validator(mode="after")
    def check_vending(self) -> Self:
        """Refuse what is said of a vending machine that is not waited for."""
        if self.external_avm is not None and not self.wait_for_external_avm:
            raise ValueError("must not hold externalAvm without waitForExternalAvm: true")
        return self

    def vending(self) -> ExternalVending | None:
        """Return the vending machine that is waited for."""
        return (self.external_avm or ExternalAvmDocument()).normalise() if self.wait_for_external_avm else None

    @field_validator("account_alias_pattern")
    @classmethod
    def check_alias(cls, pattern: Pattern) -> Pattern:
        """Refuse a pattern that gives two tenants the same alias, which AWS gives one of them only."""
        if not pattern.names_tenants:
            raise ValueError(f"must give every tenant its own alias: {HOW_TENANTS_ARE_NAMED}")
        return pattern

    @field_validator("account_email_pattern")
    @classmethod
    def check_email(cls, pattern: Pattern) -> Pattern:
        """Refuse a pattern that gives two tenants the same address, or no address."""
        if not pattern.names_tenants:
            raise ValueError(f"must give every tenant its own address: {HOW_TENANTS_ARE_NAMED}")
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
    """How long daily costs are kept, in days."""

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
            direct_account_id=self.access_config.organization_root_account_id,
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
        federation = replication.identity_federation
        location, enrollment = self.spec.location_ref.text, replication.enrollment_configuration
        return Platform(
            identifier=f"{self.metadata.name}.{location}",
            name=self.metadata.name,
            location=location,
            uuid=self.metadata.uuid,
            region=self.spec.config.aws.region,
            auth=replication.access_config.entry(),
            management_role_arn=replication.access_config.organization_root_account_role,
            direct_account_id=replication.access_config.organization_root_account_id,
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
            identity_federation=None if federation is None else federation.normalise(),
            enrollment=None if enrollment is None else enrollment.normalise(),
            external_vending=replication.vending(),
            self_downgrade_access_role=replication.self_downgrade_access_role,
            skip_user_group_permission_cleanup=replication.skip_user_group_permission_cleanup,
            allow_hierarchical_organizational_unit_assignment=replication.allow_hierarchical_organizational_unit_assignment,
            metering=None if metering is None else metering.normalise(),
            limits=Limits(**replication.limits.model_dump()),
            account_closure=replication.account_closure.normalise(),
            manage_access_role_trust=replication.manage_access_role_trust,
            session_tags=replication.session_tags,
            drift=replication.drift,
            import_role=replication.import_role.removeprefix("/") if replication.import_role else None,
            management_account_tenant=replication.management_account_tenant,
        )
