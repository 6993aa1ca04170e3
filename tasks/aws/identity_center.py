"""Account assignments of IAM Identity Center: which group has which permission set in an account.

Creating and deleting go on after the call: AWS answers a request id, whose status is asked for later.
Source: docs.aws.amazon.com/singlesignon/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tasks.aws.calls import Calls
from tasks.aws.statuses import known
from tasks.errors import AccessDenied, NotFound

DELETION_REMEDY = (
    "Allow sso:DeleteAccountAssignment and sso:DescribeAccountAssignmentDeletionStatus to the management role "
    "(statement OptionalRemovePermissionSets of its policy), or remove the assignment by hand; then retry."
)


class AssignmentStatus(StrEnum):
    """StatusValues: how far a request is."""

    IN_PROGRESS = "IN_PROGRESS"
    FAILED = "FAILED"
    SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True)
class AssignmentRequest:
    """A creation or deletion that AWS works on, or has ended."""

    id: str
    status: AssignmentStatus
    reason: str | None = None  # FailureReason
    told_by: str | None = None  # the AWS request id of the answer that says so


class AccountAccess:
    """The groups' assignments in one account."""

    def __init__(self, calls: Calls, instance_arn: str, account_id: str) -> None:
        self._calls = calls
        self._instance = instance_arn
        self._account = account_id

    def groups(self, permission_set: str) -> set[str]:
        """Return the ids of the groups that have a permission set; NotFound when it is gone. ListAccountAssignments."""
        listed = self._calls.pages(
            "list_account_assignments",
            "AccountAssignments",
            InstanceArn=self._instance,
            AccountId=self._account,
            PermissionSetArn=permission_set,
        )
        return {item["PrincipalId"] for item in listed if item["PrincipalType"] == "GROUP"}

    def permission_sets(self) -> list[str]:
        """Return the ARNs of all permission sets that anybody has. ListPermissionSetsProvisionedToAccount."""
        listed = self._calls.pages(
            "list_permission_sets_provisioned_to_account",
            "PermissionSets",
            InstanceArn=self._instance,
            AccountId=self._account,
        )
        return sorted(listed)

    def assign(self, group_id: str, permission_set: str) -> AssignmentRequest:
        """Start giving a group a permission set. CreateAccountAssignment."""
        answer = self._calls.write("create_account_assignment", **self._assignment(group_id, permission_set))
        return self._request(answer["AccountAssignmentCreationStatus"])

    def assigning(self, request_id: str) -> AssignmentRequest:
        """Tell how far a creation is; NotFound when AWS does not know it any more."""
        answer = self._calls.read(
            "describe_account_assignment_creation_status",
            InstanceArn=self._instance,
            AccountAssignmentCreationRequestId=request_id,
        )
        return self._request(answer["AccountAssignmentCreationStatus"])

    def unassign(self, group_id: str, permission_set: str) -> AssignmentRequest | None:
        """Start taking a permission set from a group; None when it is gone already. DeleteAccountAssignment."""
        try:
            answer = self._calls.write("delete_account_assignment", **self._assignment(group_id, permission_set))
        except NotFound:
            return None
        except AccessDenied as denied:
            raise _optional(denied) from denied
        return self._request(answer["AccountAssignmentDeletionStatus"])

    def unassigning(self, request_id: str) -> AssignmentRequest:
        """Tell how far a deletion is; NotFound when AWS does not know it any more."""
        try:
            answer = self._calls.read(
                "describe_account_assignment_deletion_status",
                InstanceArn=self._instance,
                AccountAssignmentDeletionRequestId=request_id,
            )
        except AccessDenied as denied:
            raise _optional(denied) from denied
        return self._request(answer["AccountAssignmentDeletionStatus"])

    def _request(self, answer: Mapping[str, Any]) -> AssignmentRequest:
        status = known(AssignmentStatus, answer["Status"])
        return AssignmentRequest(answer["RequestId"], status, answer.get("FailureReason"), self._calls.request_id)

    def _assignment(self, group_id: str, permission_set: str) -> dict[str, str]:
        return {
            "InstanceArn": self._instance,
            "TargetId": self._account,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": permission_set,
            "PrincipalType": "GROUP",
            "PrincipalId": group_id,
        }


class AccountAssignments:
    """The Identity Center instances that the management account's role can reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def account(self, instance_arn: str, account_id: str) -> AccountAccess:
        """Return one account's assignments."""
        return AccountAccess(self._calls, instance_arn, account_id)

    def of_group(self, instance_arn: str, group_id: str) -> dict[str, set[str]]:
        """Return account id -> permission sets of a group, in all accounts. ListAccountAssignmentsForPrincipal."""
        listed = self._calls.pages(
            "list_account_assignments_for_principal",
            "AccountAssignments",
            InstanceArn=instance_arn,
            PrincipalId=group_id,
            PrincipalType="GROUP",
        )
        found: dict[str, set[str]] = {}
        for item in listed:
            found.setdefault(item["AccountId"], set()).add(item["PermissionSetArn"])
        return found


def _optional(denied: AccessDenied) -> AccessDenied:
    return AccessDenied(denied.code, denied.message, denied.request_id, DELETION_REMEDY)
