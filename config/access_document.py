"""Who signs in and who gets access, in a meshPlatform document: accessConfig, awsSso, awsIdentityStore."""

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

from config import platform
from config.arns import (
    AccountId,
    IdentityStoreId,
    InstanceArn,
    PermissionSetArn,
    PrincipalArn,
    RoleArn,
    ScimEndpoint,
    WebAddress,
)
from config.document_fields import OwnPart, ProjectRoleReference
from config.java_format import JavaFormat
from config.patterns import HOW_TENANTS_ARE_NAMED, Pattern
from config.platform import (
    CredentialAuth,
    DefaultAuth,
    IdentityStore,
    PlatformRoleMapping,
    ScimAccess,
    WorkloadIdentityAuth,
)
from config.secret import Secret

GROUP_ALIAS = "platformGroupAlias"


class Credential(OwnPart):
    """An access key."""

    access_key: Secret
    secret_key: Secret

    def normalise(self) -> CredentialAuth:
        """Return the part as the layers above see it."""
        return CredentialAuth(access_key=self.access_key, secret_key=self.secret_key)


class WorkloadIdentity(OwnPart):
    """A role for a web identity; where its token lies and whom it is for are settings of the connector only."""

    role_arn: RoleArn
    token_file: Annotated[str, Field(min_length=1)] | None = None
    audience: Annotated[str, Field(min_length=1)] = "sts.amazonaws.com"

    def normalise(self) -> WorkloadIdentityAuth:
        """Return the part as the layers above see it."""
        return WorkloadIdentityAuth(role_arn=self.role_arn, token_file=self.token_file, audience=self.audience)


class Default(OwnPart):
    """Who the environment signs in as (settings of the connector only)."""

    profile: Annotated[str, Field(min_length=1)] | None = None
    principal_arn: PrincipalArn | None = None

    def normalise(self) -> DefaultAuth:
        """Return the part as the layers above see it."""
        return DefaultAuth(profile=self.profile, principal_arn=self.principal_arn)


BLOCKS = {"credential": "credential", "workloadIdentity": "workload_identity", "default": "default"}
"""The block of each type of `auth`, by the name of its field."""


class Auth(OwnPart):
    """How v2 signs in: a type, and exactly the block of that name; `default` needs none, and only we know it."""

    type: Literal["credential", "workloadIdentity", "default"]
    credential: Credential | None = None
    workload_identity: WorkloadIdentity | None = None
    default: Default | None = None

    @model_validator(mode="after")
    def check_block(self) -> Self:
        """Refuse a missing block and one that does not fit the type."""
        filled = {name for name in BLOCKS.values() if getattr(self, name) is not None}
        if self.type == "default" and filled <= {"default"}:
            return self
        if filled != {BLOCKS[self.type]}:
            raise ValueError(f"must hold exactly one block, named like its type: {self.type}")
        return self

    def normalise(self) -> platform.Auth:
        """Return the way to sign in as the layers above see it."""
        filled = self.credential or self.workload_identity or self.default or Default()
        return filled.normalise()


class _Entry(OwnPart):
    """Who signs in: `auth`, or in v1 serviceUserConfig or workloadIdentityConfig."""

    organization_root_account_external_id: Secret | None = None
    auth: Auth | None = None
    service_user_config: Credential | None = None
    workload_identity_config: WorkloadIdentity | None = None

    @model_validator(mode="after")
    def check_one_way(self) -> Self:
        """Refuse no way to sign in, and more than one."""
        ways = (self.auth, self.service_user_config, self.workload_identity_config)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("must hold exactly one of auth, serviceUserConfig (v1) and workloadIdentityConfig (v1)")
        return self

    def entry(self) -> platform.Auth:
        """Return how to sign in, whatever version wrote it."""
        found = self.auth or self.service_user_config or self.workload_identity_config
        if found is None:
            raise ValueError("accessConfig holds no way to sign in")
        return found.normalise()


class AccessConfig(_Entry):
    """Entry to the management account: through a role of it, or directly, by a service user of the account itself."""

    organization_root_account_role: RoleArn | None = None
    organization_root_account_id: AccountId | None = None

    @model_validator(mode="after")
    def check_one_place(self) -> Self:
        """Refuse no management account, and two."""
        if (self.organization_root_account_role is None) == (self.organization_root_account_id is None):
            raise ValueError(
                "must hold exactly one of organizationRootAccountRole (a role is assumed first) and "
                "organizationRootAccountId (direct: the service user lives in the management account itself)"
            )
        return self


class AwsRoleMapping(OwnPart):
    """One role mapping, v2."""

    project_role_ref: ProjectRoleReference
    aws_role: Annotated[str, Field(min_length=1)]
    permission_set_arns: tuple[PermissionSetArn, ...] = ()

    def normalise(self) -> PlatformRoleMapping:
        """Return the part as the layers above see it."""
        return PlatformRoleMapping(
            project_role=self.project_role_ref.name,
            aws_role=self.aws_role,
            permission_set_arns=self.permission_set_arns,
        )


class AwsRoleMappingV1(OwnPart):
    """One role mapping, v1; its key is the project role."""

    aws_role_name: Annotated[str, Field(min_length=1)]
    permission_set_arns: tuple[PermissionSetArn, ...] = ()


def _euid_pattern(form: JavaFormat) -> JavaFormat:
    if form.is_number or form.longest_cut is not None:
        raise ValueError(
            "must keep the whole euid, such as %s, %S or %s@example.com; otherwise people could be confused"
        )
    return form


def _group_pattern(value: object) -> object:
    return Pattern.parse(value, extra=(GROUP_ALIAS,)) if isinstance(value, str) else value


class _Groups(OwnPart):
    """What both variants say. The mappings stand before the pattern, which is checked against them."""

    arn: InstanceArn
    sign_in_url: WebAddress | None = None
    euid_pattern: Annotated[JavaFormat, AfterValidator(_euid_pattern)] = JavaFormat()  # a setting of the connector only
    aws_role_mappings: tuple[AwsRoleMapping, ...] = ()
    role_mappings: dict[str, AwsRoleMappingV1] = Field(default_factory=dict)
    group_name_pattern: Annotated[Pattern, BeforeValidator(_group_pattern)]
    adopt_groups: StrictBool = False  # a setting of the connector only

    @field_validator("aws_role_mappings")
    @classmethod
    def check_project_roles(cls, mappings: tuple[AwsRoleMapping, ...]) -> tuple[AwsRoleMapping, ...]:
        """Refuse a mapping that stands twice with different permission sets: nobody knows which are meant."""
        first: dict[tuple[str, str], AwsRoleMapping] = {}
        for mapping in mappings:
            role, aws_role = mapping.project_role_ref.name, mapping.aws_role
            if first.setdefault((role, aws_role), mapping).permission_set_arns != mapping.permission_set_arns:
                raise ValueError(f"maps {role} -> {aws_role} more than once, with different permission sets")
        return mappings

    @field_validator("group_name_pattern")
    @classmethod
    def check_group_name(cls, pattern: Pattern, information: ValidationInfo) -> Pattern:
        """Refuse a pattern under which two tenants, or two roles of a tenant, would share a group and so its access."""
        if not pattern.names_tenants:
            raise ValueError(f"must give every tenant its own groups: {HOW_TENANTS_ARE_NAMED}")
        roles = {mapping.aws_role for mapping in information.data.get("aws_role_mappings", ())}
        roles |= {mapping.aws_role_name for mapping in information.data.get("role_mappings", {}).values()}
        if len(roles) > 1 and GROUP_ALIAS not in pattern.placeholders:
            raise ValueError(
                f"must contain #{{{GROUP_ALIAS}}}, since {len(roles)} AWS roles are mapped and each needs its group"
            )
        return pattern

    def mappings(self) -> tuple[PlatformRoleMapping, ...]:
        """Return the role mappings, whatever version wrote them."""
        older = (
            PlatformRoleMapping(project_role=role, aws_role=m.aws_role_name, permission_set_arns=m.permission_set_arns)
            for role, m in self.role_mappings.items()
        )
        return (*(mapping.normalise() for mapping in self.aws_role_mappings), *older)


class AwsSso(_Groups):
    """IAM Identity Center through SCIM."""

    scim_endpoint: ScimEndpoint
    sso_access_token: Secret

    def normalise(self) -> ScimAccess:
        """Return the part as the layers above see it."""
        return ScimAccess(
            scim_endpoint=self.scim_endpoint,
            instance_arn=self.arn,
            access_token=self.sso_access_token,
            group_name_pattern=self.group_name_pattern,
            adopt_groups=self.adopt_groups,
            euid_pattern=self.euid_pattern,
            sign_in_url=self.sign_in_url,
            role_mappings=self.mappings(),
        )


class AwsIdentityStore(_Groups):
    """IAM Identity Center through the Identity Store API; every mapping needs a permission set."""

    identity_store_id: IdentityStoreId

    @field_validator("aws_role_mappings")
    @classmethod
    def check_permission_sets(cls, mappings: tuple[AwsRoleMapping, ...]) -> tuple[AwsRoleMapping, ...]:
        """Refuse a mapping that would give no access, and no mapping at all."""
        if not mappings:
            raise ValueError("must map at least one project role")
        for mapping in mappings:
            if not mapping.permission_set_arns:
                raise ValueError(
                    f"maps {mapping.aws_role} without a permission set; give at least one in permissionSetArns"
                )
        return mappings

    def normalise(self) -> IdentityStore:
        """Return the part as the layers above see it."""
        return IdentityStore(
            identity_store_id=self.identity_store_id,
            instance_arn=self.arn,
            group_name_pattern=self.group_name_pattern,
            adopt_groups=self.adopt_groups,
            euid_pattern=self.euid_pattern,
            sign_in_url=self.sign_in_url,
            role_mappings=self.mappings(),
        )
