"""CloudFormation stacks in a member account.

Source: docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tasks.aws.calls import Calls
from tasks.aws.statuses import known
from tasks.errors import Refused, Throttled


class StackStatus(StrEnum):
    """Every StackStatus that CloudFormation has."""

    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    ROLLBACK_COMPLETE = "ROLLBACK_COMPLETE"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_FAILED = "UPDATE_FAILED"
    UPDATE_ROLLBACK_IN_PROGRESS = "UPDATE_ROLLBACK_IN_PROGRESS"
    UPDATE_ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"
    UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_ROLLBACK_COMPLETE = "UPDATE_ROLLBACK_COMPLETE"
    REVIEW_IN_PROGRESS = "REVIEW_IN_PROGRESS"
    IMPORT_IN_PROGRESS = "IMPORT_IN_PROGRESS"
    IMPORT_COMPLETE = "IMPORT_COMPLETE"
    IMPORT_ROLLBACK_IN_PROGRESS = "IMPORT_ROLLBACK_IN_PROGRESS"
    IMPORT_ROLLBACK_FAILED = "IMPORT_ROLLBACK_FAILED"
    IMPORT_ROLLBACK_COMPLETE = "IMPORT_ROLLBACK_COMPLETE"


# With one of these on the stack itself an operation begins; events before it belong to the operation before.
BEGINNINGS = frozenset(
    {
        StackStatus.CREATE_IN_PROGRESS,
        StackStatus.UPDATE_IN_PROGRESS,
        StackStatus.DELETE_IN_PROGRESS,
        StackStatus.IMPORT_IN_PROGRESS,
    }
)


@dataclass(frozen=True)
class Stack:
    """A stack as AWS shows it."""

    id: str
    status: StackStatus
    reason: str | None = None
    changed_at: str = ""  # when its last operation began; tells two operations apart, no more
    parameters: Mapping[str, str] = field(default_factory=dict)  # NoEcho values are shown as ****
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StackContent:
    """What a stack is made from: exactly one of body and address."""

    template_body: str | None
    template_url: str | None
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    capabilities: Sequence[str]

    def request(self) -> dict[str, Any]:
        """Return the members that CreateStack and UpdateStack share."""
        return {
            **template_request(self.template_body, self.template_url),
            "Parameters": [{"ParameterKey": key, "ParameterValue": text} for key, text in self.parameters.items()],
            "Tags": [{"Key": key, "Value": text} for key, text in self.tags.items()],
            "Capabilities": list(self.capabilities),
        }


READABLE = (
    "Correct templateUrl of the landing zone, or the template behind it: the address must be that of an object in S3 "
    "which the account's access role may read (s3:GetObject in its policy, and in the bucket's policy when the bucket "
    "is another account's); then retry."
)
TOLD = ("Version", "Description", "Metadata", "Parameters", "ResourceTypes", "DeclaredTransforms")


@dataclass(frozen=True)
class TemplateSummary:
    """What AWS tells of a template without setting anything up."""

    parameters: frozenset[str]  # the names that it declares
    text: str  # members of TOLD, the same as long as they are


def template_request(body: str | None, url: str | None) -> dict[str, str]:
    """Return the one member that names the template."""
    return {"TemplateURL": url} if url is not None else {"TemplateBody": body or ""}


class Stacks:
    """The stacks of one account and region."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def request_id(self) -> str | None:
        """The AWS request id of the newest answer, for errors that AWS reports in an answer."""
        return self._calls.request_id

    def find(self, name: str) -> Stack | None:
        """Return the stack of this name; None when there is none. DescribeStacks."""
        try:
            answer = self._calls.read("describe_stacks", StackName=name)
        except Refused as refusal:
            if _says(refusal, "does not exist"):
                return None
            raise
        return _stack(answer["Stacks"][0])

    def summary(self, url: str) -> TemplateSummary:
        """Return what AWS tells of the template at an address; Refused when it cannot be read. GetTemplateSummary."""
        try:
            answer = self._calls.read("get_template_summary", TemplateURL=url)
        except Refused as refusal:
            if refusal.code != "ValidationError":
                raise
            raise Refused(refusal.code, f"{url}: {refusal.message}", refusal.request_id, READABLE) from refusal
        return TemplateSummary(
            frozenset(parameter["ParameterKey"] for parameter in answer.get("Parameters") or ()),
            json.dumps({name: _in_order(answer.get(name)) for name in TOLD}, sort_keys=True),
        )

    def create(self, name: str, content: StackContent, token: str) -> str:
        """Start creating a stack and return its id; the same token answers the same stack. Conflict when it exists."""
        answer = self._calls.write("create_stack", StackName=name, ClientRequestToken=token, **content.request())
        return str(answer["StackId"])

    def update(self, stack_id: str, content: StackContent, token: str) -> bool:
        """Start updating a stack; False when AWS finds nothing to change. Conflict when the token was taken before."""
        try:
            self._calls.write("update_stack", StackName=stack_id, ClientRequestToken=token, **content.request())
        except Refused as refusal:
            if _says(refusal, "No updates are to be performed"):
                return False
            if _says(refusal, "IN_PROGRESS state"):  # somebody was faster: look again
                raise Throttled(refusal.code, refusal.message, refusal.request_id) from refusal
            raise
        return True

    def delete(self, stack_id: str, token: str) -> None:
        """Start deleting a stack; one that is gone already is fine. DeleteStack."""
        self._calls.write("delete_stack", StackName=stack_id, ClientRequestToken=token)

    def first_failure(self, stack_id: str) -> str | None:
        """Say in AWS's words which resource failed first in the last operation; None: none did. DescribeStackEvents."""
        first: str | None = None
        for event in self._calls.pages("describe_stack_events", "StackEvents", StackName=stack_id):  # newest first
            status: str = event["ResourceStatus"]
            if event["PhysicalResourceId"] == stack_id:
                if status in BEGINNINGS:
                    break
            elif status.endswith("_FAILED") and event.get("ResourceStatusReason"):
                first = f"{event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"
        return first


def _in_order(member: Any) -> Any:
    """Return a list sorted: AWS promises no order."""
    return sorted(member, key=lambda item: json.dumps(item, sort_keys=True)) if isinstance(member, list) else member


def _says(refusal: Refused, words: str) -> bool:
    """CloudFormation has one code for many refusals; only the message tells them apart."""
    return refusal.code == "ValidationError" and words in refusal.message


def _stack(answer: Mapping[str, Any]) -> Stack:
    return Stack(
        id=answer["StackId"],
        status=known(StackStatus, answer["StackStatus"]),
        reason=answer.get("StackStatusReason"),
        changed_at=str(answer.get("DeletionTime") or answer.get("LastUpdatedTime") or answer["CreationTime"]),
        parameters={item["ParameterKey"]: item.get("ParameterValue", "") for item in answer.get("Parameters") or ()},
        tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags") or ()},
    )
