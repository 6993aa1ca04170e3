"""The account stands in the organizational unit of its landing zone."""

from __future__ import annotations

from dataclasses import replace

from tasks.accounts.units import move, parent_of, stands_in, stood_in
from tasks.aws import Aws
from tasks.errors import Conflict, PermanentError, TransientError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.step import unless


def _nothing_to_do(tenant: Tenant, _: Handles) -> str | None:
    return "Control Tower moves the account to its OU" if tenant.landing_zone.enroll_account else None


@unless(_nothing_to_do)
def move_to_ou(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Move the account into the landing zone's OU; where it names none, into the OU of the workspace below the root.

    An account that Control Tower is to govern stays where it is: enrollment moves it (`enroll_in_control_tower`).

    Reads    organizations:ListParents 1 call, none where the snapshot of the day shows it in its place; up to 5 more to
             see whether the account is already below the target (if the platform allows that); to find a workspace's OU
             ListRoots 1, ListOrganizationalUnitsForParent 1 for 20 OUs, none where a list of the last minutes will do
    Writes   organizations:MoveAccount 0 or 1, CreateOrganizationalUnit 0 or 1
    Returns  Done; never Wait, the move is complete when the call returns
    Raises   LaneFull while somebody else lists the OUs for all; NotFound when there is no such OU, AccessDenied
             (permanent); TransientError when somebody moved the account meanwhile or AWS does not show a new OU yet,
             Throttled, Unanswered
    Source   docs.aws.amazon.com/organizations/latest/APIReference/API_MoveAccount.html
    """
    account_id = handles.known_account()
    handles, target, created = _target(tenant, handles, aws)
    seen = aws.seen(account_id)
    if seen is not None and stood_in(seen.units, target, tenant):
        return Done(replace(handles, organizational_unit=seen.units[0]), f"already in {seen.units[0]}")
    actual = parent_of(handles, aws)
    if stands_in(actual, target, tenant, aws):
        return Done(replace(handles, organizational_unit=actual), f"already in {actual}")
    note = f"moved from {actual} to {'the new ' if created else ''}{target}"
    return Done(_moved(handles, actual, target, aws), note)


def _target(tenant: Tenant, handles: Handles, aws: Aws) -> tuple[Handles, str, bool]:
    """The OU to stand in, and whether it is new; a workspace's OU is remembered and not looked for again."""
    target = tenant.landing_zone.target_organizational_unit
    if target is not None:
        return replace(handles, workspace_unit=None), target, False
    if handles.workspace_unit is not None:
        return handles, handles.workspace_unit, False
    unit, created = _workspace_unit(tenant, aws)
    return replace(handles, workspace_unit=unit), unit, created


def _workspace_unit(tenant: Tenant, aws: Aws) -> tuple[str, bool]:
    """The id of the OU named like the workspace below the root, and whether it was created just now."""
    workspace = tenant.id.workspace
    shown = aws.below_root(workspace, str(tenant.id))
    if shown.unit is not None:
        return shown.unit, False
    try:
        unit = aws.organizations.create_unit(shown.root, workspace)
    except Conflict as conflict:  # another tenant of the workspace was faster
        found = aws.below_root_now(workspace).unit
        if found is None:
            raise TransientError(
                conflict.code, f"OU {workspace} exists but is not listed yet", conflict.request_id
            ) from conflict
        return found, False
    aws.forget_units()
    return unit.id, True


def _moved(handles: Handles, source: str, target: str, aws: Aws) -> Handles:
    try:
        return move(handles, source, target, aws)
    except PermanentError as missing:
        there = replace(handles, organizational_unit=source)  # people see where it is, and not where it was
        if missing.code != "DestinationParentNotFoundException" or target != handles.workspace_unit:
            aws.remember(there)
            raise
        # Too new to be seen everywhere, or deleted since: looked for by name next time, and made again if need be.
        aws.remember(replace(there, workspace_unit=None))
        aws.forget_units()
        message = f"AWS does not know the workspace's OU {target}, or not yet"
        raise TransientError(missing.code, message, missing.request_id) from missing
