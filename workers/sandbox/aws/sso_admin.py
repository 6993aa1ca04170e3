"""IAM Identity Center's administration: one organization instance, permission sets and account assignments.

Answers only the management account, or the delegated administrator that the options name, in the instance's Region.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.sandbox import organization
from workers.sandbox.aws import permissions
from workers.sandbox.aws.account_assignments import Assignment, AssignmentState, find_request, submit
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.directory import Directory, administers, refuse_others
from workers.sandbox.aws.paging import page
from workers.sandbox.aws.shapes import answer

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World


@dataclass(frozen=True)
class PermissionSet:
    """A permission set; policies are not simulated."""

    arn: str
    name: str
    created_at: float
    description: str | None = None
    session_duration: str = "PT1H"
    relay_state: str | None = None


@dataclass
class IdentityCenter:
    """The organization's instance; exists once it has been seeded."""

    created_at: float = 0.0
    permission_sets: dict[str, PermissionSet] = field(default_factory=dict)  # by ARN


def seed_identity_center(world: World) -> None:
    """Create the instance with the sandbox's permission sets."""
    center = world.state(IdentityCenter)
    center.created_at = world.now()
    for arn, name in organization.PERMISSION_SETS.items():
        center.permission_sets[arn] = PermissionSet(arn, name, world.now(), f"{name} for tenants")
    world.snapshots["identity_center"] = snapshot


def snapshot(world: World) -> dict[str, Any]:
    """Answer permission sets, assignments and requests for the control API's state."""
    state, now = world.state(AssignmentState), world.now()
    return {
        "permission_sets": {arn: item.name for arn, item in world.state(IdentityCenter).permission_sets.items()},
        "assignments": [assignment.members() for assignment in _current(world)],
        "outstanding": [request.request_id for request in state.outstanding(now)],
        "requests": len(state.requests),
        "peak": state.peak,
        "throttled": state.throttled,
    }


def admit(call: Call, world: World) -> None:
    """Raise AccessDeniedException for member accounts, ResourceNotFoundException for another instance or Region."""
    refuse_others(call, world, "sso")
    arn = call.parameters.get("InstanceArn")
    if arn != organization.INSTANCE_ARN or call.region != organization.REGION:
        raise AwsError("ResourceNotFoundException", f"The instance {arn} was not found in {call.region}")


def permission_set(call: Call, world: World) -> PermissionSet:
    """Answer the request's permission set; raise ResourceNotFoundException."""
    arn = call.parameters["PermissionSetArn"]
    found = world.state(IdentityCenter).permission_sets.get(arn)
    if found is None:
        raise AwsError("ResourceNotFoundException", f"PermissionSet with id {arn.rsplit('/', 1)[-1]} not found")
    return found


@answer("sso-admin", "ListInstances")
def list_instances(call: Call, world: World) -> Mapping[str, Any]:
    """List the instance; member accounts and other Regions see none."""
    if not administers(call, world) or call.region != organization.REGION:
        return {"Instances": []}
    instance = {
        "InstanceArn": organization.INSTANCE_ARN,
        "IdentityStoreId": organization.IDENTITY_STORE_ID,
        "OwnerAccountId": world.management_account_id,
        "CreatedDate": world.state(IdentityCenter).created_at,
        "Status": "ACTIVE",
    }
    return {"Instances": [instance]}


@answer("sso-admin", "ListPermissionSets")
def list_permission_sets(call: Call, world: World) -> Mapping[str, Any]:
    """List the ARNs of all permission sets."""
    admit(call, world)
    arns, more = page(world.state(IdentityCenter).permission_sets, str, call.parameters)
    return {"PermissionSets": arns, **more}


@answer("sso-admin", "DescribePermissionSet")
def describe_permission_set(call: Call, world: World) -> Mapping[str, Any]:
    """Describe one permission set."""
    admit(call, world)
    return {"PermissionSet": _members(permission_set(call, world))}


@answer("sso-admin", "CreatePermissionSet")
def create_permission_set(call: Call, world: World) -> Mapping[str, Any]:
    """Create a permission set; raise ConflictException when its name is taken."""
    admit(call, world)
    parameters, sets = call.parameters, world.state(IdentityCenter).permission_sets
    if any(item.name == parameters["Name"] for item in sets.values()):
        raise AwsError("ConflictException", f"PermissionSet with name {parameters['Name']} already exists.")
    arn = f"arn:aws:sso:::permissionSet/{organization.INSTANCE_ID}/ps-{secrets.token_hex(8)}"
    sets[arn] = PermissionSet(
        arn,
        parameters["Name"],
        world.now(),
        parameters.get("Description"),
        parameters.get("SessionDuration") or "PT1H",
        parameters.get("RelayState"),
    )
    return {"PermissionSet": _members(sets[arn])}


def _members(item: PermissionSet) -> dict[str, Any]:
    return {
        "Name": item.name,
        "PermissionSetArn": item.arn,
        "CreatedDate": item.created_at,
        "SessionDuration": item.session_duration,
        **({"Description": item.description} if item.description else {}),
        **({"RelayState": item.relay_state} if item.relay_state else {}),
    }


def _assignment(call: Call) -> Assignment:
    parameters = call.parameters
    return Assignment(
        parameters["TargetId"],
        parameters["PermissionSetArn"],
        parameters["PrincipalType"],
        parameters["PrincipalId"],
    )


@answer("sso-admin", "CreateAccountAssignment")
def create_account_assignment(call: Call, world: World) -> Mapping[str, Any]:
    """Start giving access; raise ResourceNotFoundException at once for an unknown principal or permission set."""
    admit(call, world)
    permission_set(call, world)
    assignment, directory = _assignment(call), world.state(Directory)
    if assignment.account_id == world.management_account_id:
        _look_into_management_account(call, world)
    principals: Iterable[str] = directory.groups if assignment.principal_type == "GROUP" else directory.users
    if assignment.principal_id not in principals:
        message = f"{assignment.principal_type} with id {assignment.principal_id} was not found in the directory"
        raise AwsError("ResourceNotFoundException", message)
    return {"AccountAssignmentCreationStatus": submit(world, "creation", assignment)}


def _look_into_management_account(call: Call, world: World) -> None:
    """Look at the account's roles and provider with the caller's own rights, as Identity Center does there alone."""
    account = f"arn:aws:iam::{world.management_account_id}"
    for action in ("GetRole", "ListAttachedRolePolicies", "ListRolePolicies"):
        permissions.require(call, world, f"iam:{action}", f"{account}:role/aws-reserved/sso.amazonaws.com/ReservedSSO")
    permissions.require(call, world, "iam:GetSAMLProvider", f"{account}:saml-provider/AWSSSO_DO_NOT_DELETE")


@answer("sso-admin", "DeleteAccountAssignment")
def delete_account_assignment(call: Call, world: World) -> Mapping[str, Any]:
    """Start taking access away; the principal need not exist any more."""
    admit(call, world)
    permission_set(call, world)
    return {"AccountAssignmentDeletionStatus": submit(world, "deletion", _assignment(call))}


@answer("sso-admin", "DescribeAccountAssignmentCreationStatus")
def describe_creation(call: Call, world: World) -> Mapping[str, Any]:
    """Answer how far a creation is."""
    admit(call, world)
    request = find_request(world, "creation", call.parameters["AccountAssignmentCreationRequestId"])
    return {"AccountAssignmentCreationStatus": request.status(world.now())}


@answer("sso-admin", "DescribeAccountAssignmentDeletionStatus")
def describe_deletion(call: Call, world: World) -> Mapping[str, Any]:
    """Answer how far a deletion is."""
    admit(call, world)
    request = find_request(world, "deletion", call.parameters["AccountAssignmentDeletionRequestId"])
    return {"AccountAssignmentDeletionStatus": request.status(world.now())}


@answer("sso-admin", "ListAccountAssignments")
def list_account_assignments(call: Call, world: World) -> Mapping[str, Any]:
    """List who has one permission set in one account."""
    admit(call, world)
    place = (call.parameters["AccountId"], permission_set(call, world).arn)
    chosen = [item for item in _current(world) if (item.account_id, item.permission_set_arn) == place]
    assignments, more = page(chosen, lambda item: item.principal_id, call.parameters)
    return {"AccountAssignments": [item.members() for item in assignments], **more}


@answer("sso-admin", "ListAccountAssignmentsForPrincipal")
def list_for_principal(call: Call, world: World) -> Mapping[str, Any]:
    """List what one principal has; a user's groups count too."""
    admit(call, world)
    parameters = call.parameters
    principals = {(parameters["PrincipalType"], parameters["PrincipalId"])}
    if parameters["PrincipalType"] == "USER":
        memberships = world.state(Directory).memberships.values()
        principals |= {("GROUP", item.group_id) for item in memberships if item.user_id == parameters["PrincipalId"]}
    account_id = (parameters.get("Filter") or {}).get("AccountId")
    chosen = [
        item
        for item in _current(world)
        if (item.principal_type, item.principal_id) in principals and account_id in (None, item.account_id)
    ]
    assignments, more = page(chosen, lambda item: "|".join(item.members().values()), parameters)
    return {"AccountAssignments": [item.members() for item in assignments], **more}


@answer("sso-admin", "ListPermissionSetsProvisionedToAccount")
def list_provisioned_permission_sets(call: Call, world: World) -> Mapping[str, Any]:
    """List the permission sets that somebody has in an account."""
    admit(call, world)
    account_id = call.parameters["AccountId"]
    arns = {item.permission_set_arn for item in _current(world) if item.account_id == account_id}
    found, more = page(_if_latest(call, arns), str, call.parameters)
    return {"PermissionSets": found, **more}


@answer("sso-admin", "ListAccountsForProvisionedPermissionSet")
def list_provisioned_accounts(call: Call, world: World) -> Mapping[str, Any]:
    """List the accounts in which somebody has a permission set."""
    admit(call, world)
    arn = permission_set(call, world).arn
    account_ids = {item.account_id for item in _current(world) if item.permission_set_arn == arn}
    found, more = page(_if_latest(call, account_ids), str, call.parameters)
    return {"AccountIds": found, **more}


def _current(world: World) -> list[Assignment]:
    return sorted(world.state(AssignmentState).assignments)


def _if_latest(call: Call, values: set[str]) -> set[str]:
    # Permission sets cannot be changed here, so what is provisioned is always the latest.
    outdated = call.parameters.get("ProvisioningStatus") == "LATEST_PERMISSION_SET_NOT_PROVISIONED"
    return set() if outdated else values
