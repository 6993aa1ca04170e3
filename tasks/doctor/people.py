"""How people get in: Identity Center with its permission sets, SCIM, federation."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.doctor.finding import Finding, error, ok
from tasks.doctor.patient import Patient
from tasks.errors import NotFound

NOBODYS_GROUP = "meshstack-doctor"  # asked for by name; it need not exist


def directory(patient: Patient) -> Iterator[Finding]:
    """See that groups can be read: identity store, or SCIM endpoint and token. GetGroupId or ListGroups 1 call."""
    platform = patient.platform
    if platform.identity_center is None:
        return
    patient.aws.directory.find_group(NOBODYS_GROUP, NOBODYS_GROUP)
    how = "SCIM endpoint and token work" if platform.scim else "the identity store answers"
    yield ok(f"{how}: groups can be read")


def permission_sets(patient: Patient) -> Iterator[Finding]:
    """See that the instance has every permission set. sso:ListAccountAssignments 1 call for each."""
    center = patient.platform.identity_center
    if center is None:
        return
    account = patient.account_id or patient.platform.management_account_id
    access = patient.aws.account_assignments.account(center.instance_arn, account)
    arns = dict.fromkeys(arn for mapping in center.role_mappings for arn in mapping.permission_set_arns)
    for arn in arns:
        if arn.split("/")[1:2] != center.instance_arn.split("/")[1:2]:
            yield error(f"{arn} belongs to another instance than {center.instance_arn}", "Correct permissionSetArns.")
            continue
        try:
            access.groups(arn)
        except NotFound as missing:
            yield error(f"{arn} does not exist ({missing})", "Correct permissionSetArns of the platform document.")
        else:
            yield ok(f"{arn} exists")


def federation(patient: Patient) -> Iterator[Finding]:
    """See that the SAML metadata can be read: 1 request, where it stands behind an address."""
    wanted = patient.platform.identity_federation
    if wanted is None:
        return
    if wanted.metadata_url is not None:
        patient.aws.metadata.read(wanted.metadata_url)
        yield ok(f"{wanted.metadata_url} has the metadata of {wanted.saml_provider_name}")
    else:
        yield ok(f"{wanted.saml_provider_name} needs nothing from the network")
