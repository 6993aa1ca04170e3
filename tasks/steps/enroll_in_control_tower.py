"""The account is enrolled in Control Tower, in the organizational unit of its landing zone."""

from __future__ import annotations

from tasks.accounts.enrollment import Enrolling
from tasks.aws import Aws
from tasks.errors import PermanentError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Outcome
from tasks.step import unless


def _nothing_to_do(tenant: Tenant, _: Handles) -> str | None:
    return None if tenant.landing_zone.enroll_account else "the landing zone does not enroll accounts in Control Tower"


@unless(_nothing_to_do)
def enroll_in_control_tower(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Enroll the account by the account factory's product, put it into another OU, or try again what AWS failed.

    Reads    enrolled: servicecatalog:DescribeProvisionedProduct and organizations:ListParents, 1 call each (up to 5
             ListParents more to see whether it is below the target, if the platform allows that). Else also
             SearchProvisionedProducts, controltower:ListLandingZones, GetLandingZone, DescribeAccount,
             DescribeOrganizationalUnit, DescribeProduct, iam:GetRole, ListAttachedRolePolicies, DescribeRecord
    Writes   servicecatalog:ProvisionProduct, UpdateProvisionedProduct or TerminateProvisionedProduct 0 or 1; before
             the first iam:CreateRole and AttachRolePolicy 0 or 1, in the account
    Returns  Wait while Control Tower works, or has something else to do
    Raises   LaneFull while other tenants' operations are before us, Throttled, Unanswered (transient); PermanentError
             with AWS's reason when it fails for longer than the window; Refused, NotFound, AccessDenied (permanent)
    Source   docs.aws.amazon.com/controltower/latest/userguide/automated-provisioning-walkthrough.html
    """
    settings, unit = tenant.platform.enrollment, tenant.landing_zone.target_organizational_unit
    if settings is None or unit is None or unit.startswith("r-"):
        raise _not_configured(tenant)
    enrolling = Enrolling(tenant, handles, aws, settings, unit)
    try:
        return enrolling.run()
    except PermanentError:
        enrolling.leave()
        raise


def _not_configured(tenant: Tenant) -> PermanentError:
    return PermanentError(
        "EnrollmentNotConfigured",
        f"landing zone {tenant.landing_zone.name} enrolls accounts in Control Tower, but platform "
        f"{tenant.platform.identifier} has no enrollmentConfiguration, or awsTargetOrgUnitId names no OU",
        remedy="Complete the documents, or set awsEnrollAccount to false, then retry.",
    )
