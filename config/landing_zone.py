"""A landing zone: where a new account goes, what is deployed in it, and which project role gets which AWS role.

`LandingZone` is what every layer above sees; `config/landing_zone_document.py` reads it from a document.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from config.platform import Platform, PlatformRoleMapping


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class LandingZoneRoleMapping(_Frozen):
    """A platform's mapping overridden: the AWS role, and IAM policies (name or ARN) for federated roles."""

    project_role: str
    platform_role: str
    policies: tuple[str, ...] = ()
    external: bool = False  # somebody else makes the IAM role; only its trust is ours


Capability = Literal["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
"""What a template may do that CloudFormation asks to be told: make IAM resources, also with own names; use macros."""


class AccessStack(_Frozen):
    """A CloudFormation stack in every account: exactly one of body and address; region None means the platform's."""

    template_body: str | None = Field(default=None, repr=False)
    template_url: str | None = None
    region: str | None = None
    parameters: Mapping[str, str] = Field(default_factory=dict)
    capabilities: tuple[Capability, ...] = tuple(get_args(Capability))
    policy: Mapping[str, Any] | None = None  # what the template's resources need, for a downgraded access role


class StackSet(_Frozen):
    """A StackSet of the automation account that gets one instance per account, in each of `regions`."""

    arn: str
    name: str
    account_id: str
    region: str
    regions: tuple[str, ...]


class LambdaHook(_Frozen):
    """A function that is told of every account at the end of its setup, and waited for as long as `timeout`."""

    arn: str
    name: str
    region: str
    timeout: timedelta = timedelta(minutes=1)


class ServiceControlPolicy(_Frozen):
    """A guard rail of the landing zone's OU. `template` may name `${…}` parts; None: the connector's own."""

    name: str
    template: Mapping[str, Any] | None = None


class LandingZone(_Frozen):
    """One landing zone. `name` is its identifier; `platform` the one platform it is for, None for all."""

    name: str
    display_name: str
    platform: str | None = None
    target_organizational_unit: str | None = None
    enroll_account: bool = False
    lambda_hook: LambdaHook | None = None
    role_mappings: tuple[LandingZoneRoleMapping, ...] = ()
    access_stack: AccessStack | None = None
    stack_set: StackSet | None = None
    service_control_policy: ServiceControlPolicy | None = None
    disabled: bool = False
    automate_deletion_approval: bool = False
    automate_deletion_replication: bool = False


class RoleMapping(_Frozen):
    """What holds for a tenant: people with `project_role` join the group of `aws_role`, with these permission sets."""

    project_role: str
    aws_role: str
    permission_set_arns: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


def effective_role_mappings(platform: Platform, landing_zone: LandingZone | None) -> tuple[RoleMapping, ...]:
    """Return the mappings that hold for a tenant: the landing zone's when it has any, else the platform's.

    A landing zone names no permission sets. They come from the platform's mappings with that AWS role, else from those
    with that project role, else there are none.
    """
    if landing_zone is None or not landing_zone.role_mappings:
        return tuple(
            RoleMapping(project_role=m.project_role, aws_role=m.aws_role, permission_set_arns=m.permission_set_arns)
            for m in platform.role_mappings
        )
    return tuple(
        RoleMapping(
            project_role=mapping.project_role,
            aws_role=mapping.platform_role,
            permission_set_arns=_permission_sets(platform.role_mappings, mapping),
            policies=mapping.policies,
        )
        for mapping in landing_zone.role_mappings
    )


def powerless_roles(platform: Platform, landing_zone: LandingZone) -> list[str]:
    """Name the AWS roles that people may have and that come with no permission set of Identity Center."""
    mappings = effective_role_mappings(platform, landing_zone)
    if platform.identity_center is None:
        return []
    return sorted(
        {each.aws_role for each in mappings} - {each.aws_role for each in mappings if each.permission_set_arns}
    )


def _permission_sets(platform: tuple[PlatformRoleMapping, ...], mapping: LandingZoneRoleMapping) -> tuple[str, ...]:
    same_role = [m for m in platform if m.aws_role == mapping.platform_role]
    same_project_role = [m for m in platform if m.project_role == mapping.project_role]
    arns = [arn for m in same_role or same_project_role for arn in m.permission_set_arns]
    return tuple(dict.fromkeys(arns))
