"""Identity Center's asynchronous account assignments: requests, their outcome, and who has access when."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.sandbox import organization
from workers.sandbox.aws.call import AwsError
from workers.sandbox.aws.directory import Directory
from workers.sandbox.aws.shelf import Shelf
from workers.sandbox.aws.tree import OrganizationTree
from workers.sandbox.aws.visibility_rules import Kind

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World


OUT_OF_REACH = (
    "AWS SSO is unable to complete your request at this time. Obtaining permissions to manage your AWS account '{}' "
    "takes longer than usual. Please try again in a few minutes. If this problem continues, contact AWS Support."
)
"""AWS's words for an account that it cannot enter yet."""


@dataclass(frozen=True, order=True)
class Assignment:
    """Who may do what where."""

    account_id: str
    permission_set_arn: str
    principal_type: str  # GROUP | USER
    principal_id: str

    def __str__(self) -> str:
        return "/".join(self.members().values())

    def members(self) -> dict[str, str]:
        """Answer the members of sso-admin's AccountAssignment shape."""
        return {
            "AccountId": self.account_id,
            "PermissionSetArn": self.permission_set_arn,
            "PrincipalType": self.principal_type,
            "PrincipalId": self.principal_id,
        }


@dataclass(frozen=True)
class Request:
    """One creation or deletion; its outcome is decided when it is accepted and seen when its time is over."""

    request_id: str
    kind: str  # creation | deletion
    assignment: Assignment
    created_at: float
    ends_at: float
    failure_reason: str | None
    late: float | None  # by how many seconds what comes of it is seen later; None: by rules or chance

    def status(self, now: float) -> dict[str, Any]:
        """Answer the members of sso-admin's AccountAssignmentOperationStatus shape."""
        ended = now >= self.ends_at
        status = "IN_PROGRESS" if not ended else "FAILED" if self.failure_reason else "SUCCEEDED"
        return {
            "Status": status,
            "RequestId": self.request_id,
            "TargetId": self.assignment.account_id,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": self.assignment.permission_set_arn,
            "PrincipalType": self.assignment.principal_type,
            "PrincipalId": self.assignment.principal_id,
            "CreatedDate": self.created_at,
            **({"FailureReason": self.failure_reason} if status == "FAILED" else {}),
        }


@dataclass
class AssignmentState:
    """All requests, and the assignments that hold."""

    requests: dict[str, Request] = field(default_factory=dict)
    unfinished: list[Request] = field(default_factory=list)  # whose outcome has not come about yet, oldest first
    assignments: Shelf[Assignment, Assignment] = field(default_factory=lambda: Shelf(Kind.ASSIGNMENT))
    peak: int = 0  # most requests outstanding at one time
    throttled: int = 0  # requests refused because too many were outstanding

    def outstanding(self, now: float) -> list[Request]:
        """Answer the requests that are in progress."""
        return [request for request in self.unfinished if now < request.ends_at]


def submit(world: World, kind: str, assignment: Assignment) -> dict[str, Any]:
    """Accept a creation or deletion; raise ThrottlingException and ConflictException as AWS does under load."""
    state, now = world.state(AssignmentState), world.now()
    outstanding = state.outstanding(now)
    if len(outstanding) >= world.options.assignments_in_flight:
        state.throttled += 1
        raise AwsError("ThrottlingException", "There are too many requests processing")
    place = (assignment.account_id, assignment.permission_set_arn)
    if any((request.assignment.account_id, request.assignment.permission_set_arn) == place for request in outstanding):
        message = "The request conflicts with an operation in progress on the same account and permission set."
        raise AwsError("ConflictException", message)
    ends_at = now + world.options.assignment_seconds
    reason = _failure(world, kind, assignment)
    request = Request(str(uuid.uuid4()), kind, assignment, now, ends_at, reason, world.visibility.late)
    state.requests[request.request_id] = request
    state.unfinished.append(request)
    state.peak = max(state.peak, len(state.outstanding(now)))
    # The answer to an accepted request always says IN_PROGRESS, however fast AWS is.
    return {**request.status(now), "Status": "IN_PROGRESS"}


def settle(world: World) -> None:
    """Let every request come about whose time is over."""
    state = world.state(AssignmentState)
    for request in [each for each in state.unfinished if each.ends_at <= world.now()]:
        state.unfinished.remove(request)
        if request.failure_reason is not None:
            continue
        with world.visibility.writing("", late=request.late):
            if request.kind == "creation":
                state.assignments.put(request.assignment, request.assignment, at=request.ends_at)
            else:
                state.assignments.take(request.assignment, at=request.ends_at)


def _failure(world: World, kind: str, assignment: Assignment) -> str | None:
    """Say why a request fails. The work is done later, by what Identity Center itself sees of others' writes."""
    if kind == "deletion":
        known = assignment in world.state(AssignmentState).assignments
        return None if known else f"Received a 404 status error: EntitlementItem doesn't exist: {assignment}"
    seen = world.as_seen()
    directory, principal = seen.state(Directory), assignment.principal_id
    if principal not in (directory.groups if assignment.principal_type == "GROUP" else directory.users):
        assignee = f"the {assignment.principal_type} assignee {principal}"
        return f"Received a 404 status error: {assignee} was not found in directory {organization.IDENTITY_STORE_ID}."
    account = world.state(OrganizationTree).accounts.get(assignment.account_id)
    if account is None:
        return f"Received a 404 status error: the account {assignment.account_id} was not found in the organization"
    if account.state != "ACTIVE":
        return f"Received a 403 status error: the account {assignment.account_id} is not active"
    return None if account.id in seen.state(OrganizationTree).accounts else OUT_OF_REACH.format(account.id)


def find_request(world: World, kind: str, request_id: str) -> Request:
    """Answer the request; raise ResourceNotFoundException when there is none of this kind."""
    request = world.state(AssignmentState).requests.get(request_id)
    if request is None or request.kind != kind:
        raise AwsError("ResourceNotFoundException", f"Account assignment {kind} request {request_id} does not exist")
    return request
