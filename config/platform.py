"""A platform: one AWS organization that meshStack may order accounts in, as the connector uses it.

`Platform` is what every layer above sees, whatever version of the meshPlatform document it was read from
(`config/platform_document.py`). Secrets are resolved and masked in every representation.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from config.arns import ROLE_ARN
from config.mapper_text import MapperText
from config.patterns import Pattern


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class CredentialAuth(_Frozen):
    """Sign in as the service user with its access key."""

    access_key: SecretStr
    secret_key: SecretStr


class WorkloadIdentityAuth(_Frozen):
    """Sign in with a web identity token (AssumeRoleWithWebIdentity); no long-lived secret."""

    role_arn: str


class TagMapper(_Frozen):
    """One account tag: the key without the platform's prefix, and its value with `${…}` parts."""

    key: str
    value: MapperText


class TenantTags(_Frozen):
    """The account tags that the connector owns: every key that starts with the prefix."""

    namespace_prefix: str
    tag_mappers: tuple[TagMapper, ...] = ()


class PlatformRoleMapping(_Frozen):
    """What people with one project role get: the AWS role names their group, the permission sets are its rights."""

    project_role: str
    aws_role: str
    permission_set_arns: tuple[str, ...] = ()


class IdentityStore(_Frozen):
    """IAM Identity Center, groups written through the Identity Store API."""

    identity_store_id: str
    instance_arn: str
    group_name_pattern: Pattern
    sign_in_url: str | None = None
    role_mappings: tuple[PlatformRoleMapping, ...] = ()


class ScimAccess(_Frozen):
    """IAM Identity Center, groups written through its SCIM endpoint."""

    scim_endpoint: str
    instance_arn: str
    access_token: SecretStr
    group_name_pattern: Pattern
    sign_in_url: str | None = None
    role_mappings: tuple[PlatformRoleMapping, ...] = ()


class Enrollment(_Frozen):
    """How accounts are enrolled in Control Tower: the account factory's Service Catalog product."""

    management_account_id: str
    account_factory_product_id: str


class Metering(_Frozen):
    """How costs are read: the entry of the metering user or role, and what to count. Days as meshStack writes them."""

    management_role_arn: str
    management_external_id: SecretStr | None = None
    auth: CredentialAuth | WorkloadIdentityAuth
    filter: Literal["NONE", "EXCLUDE_TAX"] = "NONE"
    reserved_instance_fair_chargeback: bool = False
    savings_plan_fair_chargeback: bool = False
    compact_timelines_after_days: int = 30
    delete_raw_data_after_days: int = 65


class Limits(_Frozen):
    """What this organization's AWS allows, where it differs from the settings. None: as the settings say."""

    account_creations: int | None = None  # in flight
    account_assignments: int | None = None  # outstanding, per Identity Center instance
    stack_set_operations: int | None = None  # in flight, per StackSet
    identity_center_calls_per_second: int | None = None
    organizations_calls_per_second: int | None = None


class Platform(_Frozen):
    """One AWS organization. `identifier` is `<name>.<location>`, as tenants name it."""

    identifier: str
    name: str
    location: str
    uuid: str | None = None
    region: str
    auth: CredentialAuth | WorkloadIdentityAuth
    management_role_arn: str
    management_external_id: SecretStr | None = None
    automation_role_arn: str | None = None
    automation_external_id: SecretStr | None = None
    account_access_role: str
    account_alias_pattern: Pattern
    enforce_account_alias: bool = False
    account_email_pattern: Pattern
    tenant_tags: TenantTags | None = None
    identity_store: IdentityStore | None = None
    scim: ScimAccess | None = None
    enrollment: Enrollment | None = None
    wait_for_external_avm: bool = False
    self_downgrade_access_role: bool = True
    skip_user_group_permission_cleanup: bool = False
    allow_hierarchical_organizational_unit_assignment: bool = False
    metering: Metering | None = None
    limits: Limits = Limits()

    @property
    def partition(self) -> str:
        """Name the AWS partition (aws, aws-cn, aws-us-gov, …), from the management account's role."""
        return _role_part(self.management_role_arn, "partition")

    @property
    def management_account_id(self) -> str:
        """Return the id (12 digits) of the management account, from its role."""
        return _role_part(self.management_role_arn, "account")

    @property
    def automation_account_id(self) -> str | None:
        """Return the id (12 digits) of the automation account, from its role; None without one."""
        return None if self.automation_role_arn is None else _role_part(self.automation_role_arn, "account")

    @property
    def role_mappings(self) -> tuple[PlatformRoleMapping, ...]:
        """List the role mappings of whichever access variant is configured; empty without one."""
        access = self.identity_store or self.scim
        return () if access is None else access.role_mappings


def _role_part(arn: str, part: str) -> str:
    match = ROLE_ARN.fullmatch(arn)
    if match is None:
        raise ValueError(f"'{arn}' is not the ARN of a role")
    return match[part]
