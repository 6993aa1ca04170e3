"""Service control policies of the organization: found by name, written, attached to an OU or the root.

Every method may raise any StepError of `tasks/aws/faults.py`.
Source: docs.aws.amazon.com/organizations/latest/APIReference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tasks.aws.calls import Calls
from tasks.errors import Conflict

KIND = "SERVICE_CONTROL_POLICY"


@dataclass(frozen=True)
class ControlPolicy:
    """One policy as AWS lists it, without its content."""

    id: str  # p-…
    name: str  # unique among the organization's service control policies
    description: str


class ControlPolicies:
    """The organization's service control policies, seen from its management account."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def attached(self, target: str, name: str) -> ControlPolicy | None:
        """Return the policy of that name that is attached to the OU or root itself; None when there is none."""
        return _named(name, self._calls.pages("list_policies_for_target", "Policies", TargetId=target, Filter=KIND))

    def find(self, name: str) -> ControlPolicy | None:
        """Return the organization's policy of that name; None when there is none."""
        return _named(name, self._calls.pages("list_policies", "Policies", Filter=KIND))

    def content(self, policy_id: str) -> str:
        """Return a policy's document; NotFound when somebody has deleted it."""
        return str(self._calls.read("describe_policy", PolicyId=policy_id)["Policy"]["Content"])

    def create(self, name: str, description: str, content: str) -> ControlPolicy:
        """Create a policy; Conflict when the organization has one of that name."""
        answer = self._calls.write("create_policy", Name=name, Description=description, Content=content, Type=KIND)
        return _policy(answer["Policy"]["PolicySummary"])

    def update(self, policy_id: str, content: str) -> None:
        """Replace a policy's document."""
        self._calls.write("update_policy", PolicyId=policy_id, Content=content)

    def attach(self, policy_id: str, target: str) -> None:
        """Attach a policy; also done when it is attached already."""
        try:
            self._calls.write("attach_policy", PolicyId=policy_id, TargetId=target)
        except Conflict as conflict:
            if conflict.code != "DuplicatePolicyAttachmentException":
                raise


def _named(name: str, summaries: Iterable[Any]) -> ControlPolicy | None:
    return next((_policy(summary) for summary in summaries if summary["Name"] == name), None)


def _policy(summary: Any) -> ControlPolicy:
    return ControlPolicy(summary["Id"], summary["Name"], summary.get("Description", ""))
