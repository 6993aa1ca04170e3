"""CloudFormation stacks that a person deploys with their own profile, by change sets: shown first, then executed.

This acts with the rights of whoever asks, never with the connector's. So it passes no seam, and no policy of ours
allows it.
Source: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from config.platform import DefaultAuth
from tasks.aws.ambient import Ambient
from tasks.aws.clients import Clients
from tasks.aws.faults import translate, translate_unanswered
from tasks.aws.stack_standing import STANDINGS, Standing
from tasks.errors import Refused

NO_CHANGES = ("didn't contain changes", "No updates are to be performed")  # how AWS says that there are none


@dataclass(frozen=True)
class Change:
    """One resource that would change."""

    action: str  # Add, Modify, Remove
    name: str
    kind: str  # AWS::IAM::Role
    replaced: bool  # the old one goes and a new one comes


class Progress(Enum):
    """How far something has come."""

    WORKING = auto()
    DONE = auto()
    FAILED = auto()


class Deployment:
    """One stack in the account that a profile signs in to. Nothing here waits: ask again."""

    def __init__(self, clients: Clients, auth: DefaultAuth, region: str, stack: str, mark: str) -> None:
        """Call nothing yet.

        mark   the description of the stack, and of its change sets: without it, a stack of this name is not ours
        """
        self._credentials = Ambient(auth.profile)
        self._clients, self._region, self._stack, self._mark = clients, region, stack, mark
        self._change_set = f"bootstrap-{uuid4().hex}"
        self._made: bool = False  # the change set is there, and not executed
        self._shell: bool = False  # the stack is nothing but change sets of ours
        self._prepared: Mapping[str, Any] = {}  # the change set, once AWS has worked it out
        self._before: tuple[Any, ...] = ()  # what AWS showed of the stack before it was told to begin

    def account(self) -> str:
        """Return the account (12 digits) that the profile signs in to. Raises StepError."""
        return str(self._call("sts", "get_caller_identity")["Account"])

    def organization(self) -> Mapping[str, Any]:
        """Return the organization of that account: MasterAccountId, FeatureSet. Raises StepError."""
        found: Mapping[str, Any] = self._call("organizations", "describe_organization")["Organization"]
        return found

    def status(self) -> str | None:
        """Return the stack's status; None: there is none. Raises StepError."""
        stack = self._described()
        return None if stack is None else str(stack["StackStatus"])

    def standing(self) -> Standing | None:
        """Tell what can be done with the stack; None: there is none. Raises StepError."""
        status = self.status()
        return None if status is None else STANDINGS[status]

    def stranger(self) -> str | None:
        """Return what shows that the stack of this name is somebody else's; None: it is ours, or there is none.

        Raises StepError.
        """
        stack = self._described()
        if stack is None:
            return None
        if STANDINGS[stack["StackStatus"]] is Standing.RESERVED:  # nothing was built from a template yet
            foreign = [each["ChangeSetName"] for each in self._change_sets() if each.get("Description") != self._mark]
            return f"somebody else prepares it by the change set {foreign[0]}" if foreign else None
        described = stack.get("Description")
        return None if described == self._mark else f"its description is {described!r}, not {self._mark!r}"

    def _described(self) -> Mapping[str, Any] | None:
        try:
            (stack,) = self._call("cloudformation", "describe_stacks", StackName=self._stack)["Stacks"]
        except Refused as refused:
            if _is_missing(refused):
                return None
            raise
        described: Mapping[str, Any] = stack
        return described

    def delete(self) -> None:
        """Begin to delete the stack. Raises StepError."""
        self._before = _shown(self._described())
        self._call("cloudformation", "delete_stack", StackName=self._stack)

    def deletion(self) -> Progress:
        """Tell how far the deletion has come since it began. Raises StepError."""
        stack = self._described()
        if stack is None:
            return Progress.DONE
        if _shown(stack) == self._before:
            return Progress.WORKING  # AWS does not show yet that it has begun
        return Progress.FAILED if STANDINGS[stack["StackStatus"]] is Standing.HALF_DELETED else Progress.WORKING

    def prepare(self, body: str, parameters: Mapping[str, str | None]) -> None:
        """Have AWS work out what would change. Raises StepError.

        parameters  None: as the stack has it, or else the template's default
        """
        stack = self._described()
        is_new = stack is None or STANDINGS[stack["StackStatus"]] is Standing.RESERVED
        self._shell = stack is None or (is_new and bool(self._change_sets()))
        before = set() if stack is None or is_new else {each["ParameterKey"] for each in stack.get("Parameters", ())}
        kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in before if parameters.get(name, "") is None]
        given = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items() if value is not None
        ]
        self._call(
            "cloudformation",
            "create_change_set",
            StackName=self._stack,
            ChangeSetName=self._change_set,
            ChangeSetType="CREATE" if is_new else "UPDATE",
            Description=self._mark,
            TemplateBody=body,
            Parameters=[*given, *kept],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self._made = True

    def is_prepared(self) -> bool:
        """Tell whether AWS knows by now what would change. Raises StepError."""
        try:
            answer = self._on_change_set("describe_change_set")
        except Refused as refused:
            if _is_missing(refused):  # AWS does not show yet what was made a moment ago
                return False
            raise
        self._prepared = answer if answer["Status"] in ("CREATE_COMPLETE", "FAILED") else {}
        return bool(self._prepared)

    def changes(self) -> tuple[Change, ...]:
        """Return what would change, once it is prepared. Raises StepError."""
        answer = self._prepared
        if answer["Status"] == "FAILED":
            return self._unchanged(answer)
        found = [_change(each["ResourceChange"]) for each in answer["Changes"]]
        while answer.get("NextToken"):
            answer = self._on_change_set("describe_change_set", NextToken=answer["NextToken"])
            found += [_change(each["ResourceChange"]) for each in answer["Changes"]]
        return tuple(found)

    def _unchanged(self, answer: Mapping[str, Any]) -> tuple[Change, ...]:
        reason = str(answer.get("StatusReason", ""))
        if not any(words in reason for words in NO_CHANGES):
            raise Refused("ChangeSetFailed", reason, remedy="Correct what CloudFormation says, then run it again.")
        self.discard()
        return ()

    def discard(self) -> None:
        """Forget what was prepared and not executed, and a stack of ours that is nothing else. Raises StepError."""
        if not self._made:
            return
        self._on_change_set("delete_change_set")
        self._made = False
        if self._shell and self.standing() is Standing.RESERVED:
            self.delete()

    def execute(self) -> None:
        """Begin to do what was prepared. Raises StepError."""
        self._before = _shown(self._described())
        self._on_change_set("execute_change_set")
        self._made = False

    def progress(self) -> Progress:
        """Tell how far the stack has come since it was told to begin. Raises StepError."""
        stack = self._described()
        if stack is None or _shown(stack) == self._before:
            return Progress.WORKING  # AWS does not show yet that it has begun
        status = str(stack["StackStatus"])
        if status.endswith("IN_PROGRESS"):
            return Progress.WORKING
        rolled_back = "ROLLBACK" in status or status.endswith("FAILED")
        return Progress.FAILED if rolled_back else Progress.DONE

    def reason(self) -> str:
        """Return why the stack has failed, in AWS's words. Raises StepError."""
        events = self._call("cloudformation", "describe_stack_events", StackName=self._stack)["StackEvents"]
        for event in events:  # the newest first
            if event["ResourceStatus"].endswith("_FAILED"):
                return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}"
        return "CloudFormation gives no reason"

    def _change_sets(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self._call("cloudformation", "list_change_sets", StackName=self._stack)[
            "Summaries"
        ]  # fewer than a page: each run discards its own
        return found

    def _on_change_set(self, operation: str, **more: str) -> Any:
        return self._call("cloudformation", operation, StackName=self._stack, ChangeSetName=self._change_set, **more)

    def _call(self, service: str, operation: str, **parameters: Any) -> Any:
        try:
            client = self._clients.acting(service, self._region, self._credentials)
            return getattr(client, operation)(**parameters)
        except ClientError as error:
            raise translate(service, error) from error
        except (BotoCoreError, HTTPClientError) as error:
            raise translate_unanswered(service, operation, error) from error


def _shown(stack: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """Return that by which a stack that has begun to change differs from itself before."""
    return () if stack is None else (stack["StackStatus"], stack.get("LastUpdatedTime"), stack.get("DeletionTime"))


def _is_missing(refused: Refused) -> bool:
    return "does not exist" in refused.message


def _change(resource: Mapping[str, Any]) -> Change:
    replaced = resource.get("Replacement") in ("True", "Conditional")
    return Change(resource["Action"], resource["LogicalResourceId"], resource["ResourceType"], replaced)
