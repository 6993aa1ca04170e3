"""Simulated StackSets: what is stored, and which operations are accepted."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.shelf import Shelf, join
from workers.sandbox.aws.templates import Template, unfit
from workers.sandbox.aws.timeline import Timeline
from workers.sandbox.aws.visibility_rules import Kind

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

Target = tuple[str, str]
"""Account id and region: what identifies a stack instance inside its StackSet."""

UUID = r"[a-zA-Z0-9]{8}-[a-zA-Z0-9]{4}-[a-zA-Z0-9]{4}-[a-zA-Z0-9]{4}-[a-zA-Z0-9]{12}"
NAME = r"[a-zA-Z][-a-zA-Z0-9]{0,127}"
EXECUTION_ROLE = "AWSCloudFormationStackSetExecutionRole"


@dataclass(frozen=True)
class Instance:
    """A stack instance at one moment; overrides are kept over failures."""

    status: str  # CURRENT | OUTDATED | INOPERABLE
    detailed_status: str
    operation_id: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    stack_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Result:
    """What an operation has done to one target."""

    status: str  # PENDING | RUNNING | SUCCEEDED | FAILED | CANCELLED
    reason: str | None = None


@dataclass
class Operation:
    """One operation and its course, in seconds since the epoch."""

    operation_id: str
    action: str  # CREATE | UPDATE | DELETE
    created_at: float
    starts_at: float
    targets: list[Target]
    preferences: Mapping[str, Any]
    retain_stacks: bool = False
    ends_at: float = 0.0
    failed: bool = False
    results: dict[Target, Timeline[Result]] = field(default_factory=dict)

    def status(self, now: float) -> str:
        """Answer QUEUED, RUNNING, SUCCEEDED or FAILED."""
        if now < self.starts_at:
            return "QUEUED"
        if now < self.ends_at:
            return "RUNNING"
        return "FAILED" if self.failed else "SUCCEEDED"

    def tolerance(self) -> int:
        """Answer how many accounts may fail in one region."""
        accounts = {account_id for account_id, _ in self.targets}
        percentage = self.preferences.get("FailureTolerancePercentage")
        if percentage is not None:
            return len(accounts) * int(percentage) // 100
        return int(self.preferences.get("FailureToleranceCount") or 0)

    def concurrency(self) -> int:
        """Answer how many accounts of a region are worked on at once: one by default, and one more than may fail."""
        accounts = {account_id for account_id, _ in self.targets}
        percentage = self.preferences.get("MaxConcurrentPercentage")
        wanted = int(self.preferences.get("MaxConcurrentCount") or 1)
        if percentage is not None:
            wanted = max(1, len(accounts) * int(percentage) // 100)
        return min(wanted, self.tolerance() + 1)


@dataclass
class StackSet:
    """One StackSet of one administrator account and region."""

    name: str
    set_id: str  # <name>:<uuid>
    account_id: str
    region: str
    template: Template
    parameters: dict[str, str]
    tags: dict[str, str]
    capabilities: tuple[str, ...]
    description: str | None = None
    administration_role: str | None = None
    execution_role: str = EXECUTION_ROLE
    managed_execution: bool = False
    token: str | None = None
    instances: Shelf[Target, Timeline[Instance | None]] = field(default_factory=lambda: Shelf(Kind.STACK_INSTANCE))
    operations: Shelf[str, Operation] = field(default_factory=lambda: Shelf(Kind.STACK_OPERATION))

    @property
    def arn(self) -> str:
        """The StackSet's ARN."""
        return f"arn:aws:cloudformation:{self.region}:{self.account_id}:stackset/{self.set_id}"

    def instance(self, target: Target, at: float) -> Instance | None:
        """Answer the stack instance as it is at these seconds."""
        timeline = self.instances.get(target)
        return timeline.at(at) if timeline is not None else None

    def present(self, at: float) -> list[Target]:
        """Answer the targets that have an instance at these seconds."""
        return sorted(target for target in self.instances if self.instance(target, at) is not None)


@dataclass
class StackSetState:
    """All StackSets by (administrator account, region, name), and whether execution roles are looked for."""

    stack_sets: dict[tuple[str, str, str], StackSet] = field(default_factory=dict)
    execution_role_required: bool = False


def keep(stack_set: StackSet, world: World) -> None:
    """Store a new StackSet."""
    join(stack_set, world.visibility)
    world.state(StackSetState).stack_sets[stack_set.account_id, stack_set.region, stack_set.name] = stack_set


def accept(stack_set: StackSet, operation_id: str | None, now: float) -> str:
    """Answer the operation's id; raise AWS's refusals of a repeated id and of a second operation at a time."""
    if operation_id is not None and operation_id in stack_set.operations:
        message = f"Operation {operation_id} already exists on StackSet {stack_set.arn}"
        raise AwsError("OperationIdAlreadyExistsException", message, 409)
    busy = [operation for operation in stack_set.operations.values() if now < operation.ends_at]
    if busy and not stack_set.managed_execution:
        message = f"Another Operation on StackSet {stack_set.arn} is in progress: {busy[0].operation_id}"
        raise AwsError("OperationInProgressException", message, 409)
    return operation_id or str(uuid.uuid4())


def start_of(stack_set: StackSet, targets: Sequence[Target], now: float) -> float:
    """Answer when an operation starts: managed execution lets conflicting ones wait, in order of request."""
    waits = [now]
    for operation in stack_set.operations.values():
        if now < operation.ends_at and set(targets) & set(operation.targets):
            waits.append(operation.ends_at)
        if now < operation.starts_at:
            waits.append(operation.starts_at)
    return max(waits)


def mark_outdated(stack_set: StackSet, targets: Iterable[Target], now: float) -> None:
    """Mark instances that a change of the StackSet has left behind."""
    for target in targets:
        instance = stack_set.instance(target, now)
        if instance is not None and instance.status == "CURRENT":
            stack_set.instances.rewrite(target).add(now, replace(instance, status="OUTDATED"))


def existing(call: Call, world: World) -> StackSet:
    """Answer the StackSet named by name or name:uuid; raise ValidationError for ARNs, StackSetNotFoundException."""
    given = call.parameters["StackSetName"]
    match = re.fullmatch(rf"({NAME})(?::{UUID})?", given)
    if match is None:
        raise misnamed(given, f"{NAME}(?::{UUID})?")
    found = world.state(StackSetState).stack_sets.get((call.caller.account_id, call.region, match.group(1)))
    if found is None or given not in (found.name, found.set_id):
        raise AwsError("StackSetNotFoundException", f"StackSet {given} not found", 404)
    return world.view_of(found)


def misnamed(given: str, pattern: str) -> AwsError:
    """Make the ValidationError of a StackSetName that breaks its pattern."""
    return unfit("stackSetName", given, f"Member must satisfy regular expression pattern: {pattern}")


def missing_instance(stack_set: StackSet, target: Target) -> AwsError:
    """Make StackInstanceNotFoundException."""
    message = f"Stack instance for StackSet {stack_set.set_id}, account {target[0]}, region {target[1]} not found"
    return AwsError("StackInstanceNotFoundException", message, 404)


def require_execution_role(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: let operations fail in accounts that lack the StackSet's execution role. Body: required."""
    world.state(StackSetState).execution_role_required = bool(body["required"])
    return {"required": world.state(StackSetState).execution_role_required}


def snapshot(world: World) -> list[dict[str, Any]]:
    """Answer every StackSet with its instances and operations for the control API's state."""
    now = world.now()
    return [
        {
            "account": stack_set.account_id,
            "region": stack_set.region,
            "name": stack_set.name,
            "instances": [_shown(target, stack_set.instance(target, now)) for target in stack_set.present(now)],
            "operations": {key: operation.status(now) for key, operation in stack_set.operations.items()},
        }
        for stack_set in world.state(StackSetState).stack_sets.values()
    ]


def _shown(target: Target, instance: Instance | None) -> dict[str, Any]:
    return {"account": target[0], "region": target[1], **(asdict(instance) if instance is not None else {})}
