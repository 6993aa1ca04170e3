"""Identity Center's asynchronous account assignments: requests, their outcome, and who has access when."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws.call import AwsError
from workers.sandbox.aws.timeline import Timeline

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World


@dataclass(frozen=True, order=True)
class Assignment:
    """Who may do what where."""

    account_id: str
    permission_set_arn: str
    principal_type: str  # GROUP | USER
    principal_id: str

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
    """All requests, and for each assignment since when it does or does not hold."""

    requests: dict[str, Request] = field(default_factory=dict)
    holds: dict[Assignment, Timeline[bool]] = field(default_factory=dict)
    peak: int = 0  # most requests outstanding at one time
    throttled: int = 0  # requests refused because too many were outstanding

    def current(self, now: float) -> list[Assignment]:
        """Answer the assignments that hold now, sorted."""
        return sorted(assignment for assignment, timeline in self.holds.items() if timeline.at(now))

    def outstanding(self, now: float) -> list[Request]:
        """Answer the requests that are in progress."""
        return [request for request in self.requests.values() if now < request.ends_at]


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
    reason = _failure(world, kind, assignment, now)
    request = Request(str(uuid.uuid4()), kind, assignment, now, ends_at, reason)
    state.requests[request.request_id] = request
    state.peak = max(state.peak, len(state.outstanding(now)))
    if reason is None:
        state.holds.setdefault(assignment, Timeline()).add(ends_at, kind == "creation")
    # The answer to an accepted request always says IN_PROGRESS, however fast AWS is.
    return {**request.status(now), "Status": "IN_PROGRESS"}


def _failure(world: World, kind: str, assignment: Assignment, now: float) -> str | None:
    if kind == "deletion":
        known = assignment in world.state(AssignmentState).current(now)
        return None if known else "Received a 404 status error: Account assignment was not found"
    states = {account.id: account.state for account in world.accounts}
    if assignment.account_id not in states:
        return f"Received a 404 status error: the account {assignment.account_id} was not found in the organization"
    if states[assignment.account_id] != "ACTIVE":
        return f"Received a 403 status error: the account {assignment.account_id} is not active"
    return None


def find_request(world: World, kind: str, request_id: str) -> Request:
    """Answer the request; raise ResourceNotFoundException when there is none of this kind."""
    request = world.state(AssignmentState).requests.get(request_id)
    if request is None or request.kind != kind:
        raise AwsError("ResourceNotFoundException", f"Account assignment {kind} request {request_id} does not exist")
    return request
