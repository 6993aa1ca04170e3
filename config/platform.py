"""A platform: one AWS organization that meshStack may order accounts in, as the connector uses it.

`Platform` is what every layer above sees, whatever version of the meshPlatform document it was read from
(`config/platform_document.py`). Secrets are resolved and masked in every representation.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from config.arns import ROLE_ARN, partition_of
from config.drift_mode import DriftMode
from config.java_format import JavaFormat
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
    token_file: str | None = None  # None: as the environment says
    audience: str = "sts.amazonaws.com"  # of the token


class DefaultAuth(_Frozen):
    """Sign in as the process's environment says: Pod Identity, IRSA, a task role, an instance profile, SSO."""

    profile: str | None = None  # of the SDK's configuration files; None: the SDK's own search
    principal_arn: str | None = None  # the role or user that this is; None: only AWS knows


Auth = CredentialAuth | WorkloadIdentityAuth | DefaultAuth


class TagMapper(_Frozen):
    """One account tag: the key without the platform's prefix, and its value with `${…}` parts."""

    key: str
    value: MapperText


TagSource = Literal["project", "paymentMethod", "workspace"]
TAG_SOURCES: tuple[TagSource, ...] = get_args(TagSource)
"""Whose tags a tenant has: the first that has a tag decides its value."""


class ReplicatedTag(_Frozen):
    """A tag of the project, payment method or workspace that its account gets under `key`, after the prefix."""

    source: TagSource
    tag: str
    key: str


class TenantTags(_Frozen):
    """The account tags that the connector owns: every key that starts with the prefix.

    replicated  in the order of precedence, from the meshTagDefinition documents
    separator   between the values of a tag that has several
    """

    namespace_prefix: str
    tag_mappers: tuple[TagMapper, ...] = ()
    replicated: tuple[ReplicatedTag, ...] = ()
    separator: str = "/"


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
    adopt_groups: bool = False  # take groups of that name over which prove nothing, of meshStack's own replicator
    euid_pattern: JavaFormat = JavaFormat()  # makes a person's userName of the euid
    sign_in_url: str | None = None
    role_mappings: tuple[PlatformRoleMapping, ...] = ()


class ScimAccess(_Frozen):
    """IAM Identity Center, groups written through its SCIM endpoint."""

    scim_endpoint: str
    instance_arn: str
    access_token: SecretStr
    group_name_pattern: Pattern
    adopt_groups: bool = False  # take groups of that name over which prove nothing, of meshStack's own replicator
    euid_pattern: JavaFormat = JavaFormat()  # makes a person's userName of the euid
    sign_in_url: str | None = None
    role_mappings: tuple[PlatformRoleMapping, ...] = ()


class FederatedRoleMapping(_Frozen):
    """People with one project role may sign in as an IAM role of the account, through the SAML provider."""

    project_role: str
    aws_role: str
    policies: tuple[str, ...] = ()  # names or ARNs of managed policies
    external: bool = False  # somebody else makes the role; only its trust is ours


class IdentityFederation(_Frozen):
    """An identity broker's SAML provider in every account, and the IAM roles that trust it.

    Neither metadata nor metadata_url: somebody else makes the provider.
    """

    saml_provider_name: str
    metadata: str | None = Field(default=None, repr=False)  # the text of the SAML metadata document
    metadata_url: str | None = None  # https; where the text is read from
    fail_if_not_found: bool = True  # False: a missing provider or external role is a remark
    role_path: str = "/"
    sign_in_url: str | None = None  # of the broker
    role_mappings: tuple[FederatedRoleMapping, ...] = ()


class Enrollment(_Frozen):
    """How accounts are enrolled in Control Tower: the account factory's Service Catalog product."""

    management_account_id: str
    account_factory_product_id: str
    sso_user_email: str | None = None  # of the Identity Center user that Control Tower makes; None: the account's own
    retry_window_minutes: int = 20  # for which an enrollment that AWS failed is tried again


class ExternalVending(_Frozen):
    """How the customer's own account vending machine tells its end: two tags of the account, within `deadline`."""

    workspace_tag: str = "ProductName"  # its value: the workspace's identifier
    project_tag: str = "Stage"  # its value: the project's identifier
    deadline: timedelta = timedelta(hours=1)


class Metering(_Frozen):
    """How costs are read: the entry of the metering user or role, and what to count. Days as meshStack writes them."""

    management_role_arn: str | None = None  # None: direct, the metering user lives in the management account itself
    direct_account_id: str | None = None  # direct: the management account, 12 digits
    management_external_id: SecretStr | None = None
    auth: Auth
    filter: Literal["NONE", "EXCLUDE_TAX"] = "NONE"
    reserved_instance_fair_chargeback: bool = False
    savings_plan_fair_chargeback: bool = False
    compact_timelines_after_days: int = 30
    delete_raw_data_after_days: int = 65

    @property
    def account_id(self) -> str:
        """Return the id (12 digits) of the account whose costs, with those of all its members, are read."""
        if self.management_role_arn is not None:
            return _role_part(self.management_role_arn, "account")
        assert self.direct_account_id is not None
        return self.direct_account_id


class Limits(_Frozen):
    """What this organization's AWS allows, where it differs from the settings. None: as the settings say."""

    account_creations: int | None = None  # in flight
    account_assignments: int | None = None  # outstanding, per Identity Center instance
    stack_set_operations: int | None = None  # in flight, per StackSet
    account_closures: int | None = None  # in flight
    control_tower_operations: int | None = None  # in flight
    identity_center_calls_per_second: int | None = None
    organizations_calls_per_second: int | None = None


class AccountClosure(_Frozen):
    """Which accounts may be closed: those below one of these OUs, or with one of these tags. Nothing: none."""

    organizational_units: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    quarantine_unit: str | None = None  # OU into which an account goes before it is closed


class Platform(_Frozen):
    """One AWS organization. `identifier` is `<name>.<location>`, as tenants name it."""

    identifier: str
    name: str
    location: str
    uuid: str | None = None
    region: str
    auth: Auth
    management_role_arn: str | None = None  # None: direct mode, the service user lives in the management account itself
    direct_account_id: str | None = None  # direct mode: the management account, 12 digits
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
    identity_federation: IdentityFederation | None = None
    enrollment: Enrollment | None = None
    external_vending: ExternalVending | None = None  # None: it is not waited for
    self_downgrade_access_role: bool = True
    skip_user_group_permission_cleanup: bool = False
    allow_hierarchical_organizational_unit_assignment: bool = False
    metering: Metering | None = None
    limits: Limits = Limits()
    account_closure: AccountClosure = AccountClosure()
    manage_access_role_trust: bool = False
    session_tags: bool = False  # sessions of the management and automation role name tenant and replication
    drift: DriftMode = "repair"
    import_role: str | None = None  # enters an account that is taken over and has no access role of ours
    management_account_tenant: str | None = None  # <workspace>.<project> that gives access to the management account
    neighbours: tuple[tuple[str, str], ...] = ()  # accounts that run other platforms of the organization: id, what for

    @property
    def is_direct(self) -> bool:
        """Whether the service user acts in the management account itself, without a role; it may not tag there."""
        return self.management_role_arn is None

    @property
    def partition(self) -> str:
        """Name the AWS partition (aws, aws-cn, aws-us-gov, …), from the management account's role or the region."""
        if self.management_role_arn is None:
            return partition_of(self.region)
        return _role_part(self.management_role_arn, "partition")

    @property
    def management_account_id(self) -> str:
        """Return the id (12 digits) of the management account: from its role, in direct mode as configured."""
        if self.management_role_arn is not None:
            return _role_part(self.management_role_arn, "account")
        if self.direct_account_id is None:
            raise ValueError(f"platform {self.identifier} names neither a management role nor a management account")
        return self.direct_account_id

    @property
    def automation_account_id(self) -> str | None:
        """Return the id (12 digits) of the automation account, from its role; None without one."""
        return None if self.automation_role_arn is None else _role_part(self.automation_role_arn, "account")

    @property
    def own_accounts(self) -> tuple[tuple[str, str], ...]:
        """List the accounts by which the platform works: id and what it is, the management account first."""
        metering = None if self.metering is None else self.metering.account_id
        accounts = (
            ("management account", self.management_account_id),
            ("automation account", self.automation_account_id),
            ("metering account", metering),
        )
        return tuple((account, f"the {what} of {self.identifier}") for what, account in accounts if account is not None)

    def reserved(self, account_id: str) -> str | None:
        """Say which platform of the organization works by an account, which can then be no tenant's; None: none."""
        return next((what for account, what in self.own_accounts + self.neighbours if account == account_id), None)

    @property
    def identity_center(self) -> IdentityStore | ScimAccess | None:
        """Give whichever way to IAM Identity Center is configured; None without one."""
        return self.identity_store or self.scim

    @property
    def role_mappings(self) -> tuple[PlatformRoleMapping, ...]:
        """List the role mappings of whichever access variant is configured; empty without one."""
        return () if self.identity_center is None else self.identity_center.role_mappings


def with_neighbours(platform: Platform, others: Iterable[Platform]) -> Platform:
    """Return the platform with the accounts by which the others of its organization work."""
    same = (each for each in others if each.management_account_id == platform.management_account_id)
    found = tuple(account for each in same if each.identifier != platform.identifier for account in each.own_accounts)
    return platform.model_copy(update={"neighbours": found})


def _role_part(arn: str, part: str) -> str:
    match = ROLE_ARN.fullmatch(arn)
    if match is None:
        raise ValueError(f"'{arn}' is not the ARN of a role")
    return match[part]
