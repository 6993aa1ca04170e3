"""How a simulated StackSet operation works through its stack instances.

An operation's course is planned when it is accepted: which stack is built when, which fails, what is cancelled. What a
caller sees is that course up to now. Accounts are therefore judged by their state when the operation was accepted.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws.stack_set_state import Instance, Operation, Result, StackSet, StackSetState, Target
from workers.sandbox.aws.stacks import (
    CloudFormationState,
    Revision,
    failure_of,
    new_stack,
    plan_creation,
    plan_deletion,
    plan_update,
)
from workers.sandbox.aws.timeline import Timeline

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

CANCELLED_REASON = "Cancelled since failure tolerance has exceeded"


@dataclass
class Course:
    """Plans one operation: region by region or all at once, in each so many accounts at a time as it may have."""

    world: World
    stack_set: StackSet
    operation: Operation
    overrides: Mapping[Target, Mapping[str, str]]  # as they will be; absent: as they are

    def plan(self) -> None:
        """Write results, instances and member stacks with their times."""
        operation, ends = self.operation, [self.operation.starts_at]
        for target in operation.targets:
            self._announce(target)
        for region in dict.fromkeys(region for _, region in operation.targets):
            targets = [target for target in operation.targets if target[1] == region]
            parallel = operation.preferences.get("RegionConcurrencyType") == "PARALLEL"
            stopped = operation.failed and not parallel
            ends.append(self._region(targets, ends[0] if parallel else ends[-1], stopped=stopped))
        operation.ends_at = max(ends)

    def _region(self, targets: list[Target], start: float, *, stopped: bool) -> float:
        """Work on the accounts of one region; answers when it ends."""
        operation, seconds = self.operation, self.world.options.stack_operation_seconds
        at, failures, together = start, 0, operation.concurrency()
        for first in range(0, len(targets), together):
            wave = targets[first : first + together]
            if stopped or failures > operation.tolerance():
                for target in wave:
                    self._end(target, at, Result("CANCELLED", CANCELLED_REASON), "CANCELLED")
                continue
            failures += sum(self._work(target, at, seconds) is not None for target in wave)
            at += seconds
        operation.failed = operation.failed or failures > operation.tolerance()
        return at

    def _announce(self, target: Target) -> None:
        operation = self.operation
        operation.results[target] = Timeline([(operation.created_at, Result("PENDING"))])
        former = self.stack_set.instance(target, operation.starts_at)
        overrides = self.overrides.get(target, former.overrides if former else {})
        stack_id = former.stack_id if former else None
        pending = Instance("OUTDATED", "PENDING", operation.operation_id, overrides, stack_id)
        timeline = copy(self.stack_set.instances.get(target)) or Timeline()
        timeline.add(operation.starts_at, pending)
        self.stack_set.instances[target] = timeline

    def _work(self, target: Target, start: float, seconds: float) -> str | None:
        self.operation.results[target].add(start, Result("RUNNING"))
        pending = self._pending(target, start)
        self.stack_set.instances[target].add(start, replace(pending, detailed_status="RUNNING"))
        unreachable = self._unreachable(target[0])
        if self.operation.action == "DELETE":
            return self._delete(target, start, seconds, unreachable)
        stack_id, reason = (pending.stack_id, unreachable) if unreachable else self._deploy(target, start, seconds)
        if reason is None:
            self._end(target, start + seconds, Result("SUCCEEDED"), "SUCCEEDED", stack_id)
        else:
            suspended = self._state(target[0]) == "SUSPENDED"
            detailed = "SKIPPED_SUSPENDED_ACCOUNT" if suspended else "FAILED"
            self._end(target, start + seconds, Result("FAILED", reason), detailed, stack_id)
        return reason

    def _deploy(self, target: Target, start: float, seconds: float) -> tuple[str | None, str | None]:
        world, stack_set, account_id, region = self.world, self.stack_set, *target
        pending = self._pending(target, start)
        values = {**stack_set.parameters, **pending.overrides}
        revision = Revision(stack_set.template, values, stack_set.tags, stack_set.capabilities)
        stack = world.state(CloudFormationState).stacks.get(pending.stack_id or "")
        fresh = stack is None or stack.status(start) in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE")
        if stack is None or fresh:
            name = f"StackSet-{stack_set.name}-{uuid.uuid4()}"
            stack = new_stack(world, account_id, region, name, start)
            stack.on_failure = "DELETE"  # what StackSets always asks for
        ordered = world.state(CloudFormationState).failures.get((account_id, stack_set.name))
        failure = ordered or failure_of(world, stack, revision)
        if fresh:
            plan_creation(stack, revision, failure, start, seconds)
        else:
            stack = world.state(CloudFormationState).stacks.rewrite(stack.stack_id)
            plan_update(stack, revision, failure, start, seconds)
        if failure is None:
            return stack.stack_id, None
        logical_id, resource = list(stack_set.template.resources.items())[-1]
        kind = resource["Type"]
        reason = f"ResourceLogicalId:{logical_id}, ResourceType:{kind}, ResourceStatusReason:{failure}."
        return stack.stack_id, reason

    def _delete(self, target: Target, start: float, seconds: float, unreachable: str | None) -> str | None:
        pending = self._pending(target, start)
        end = start + seconds
        if unreachable is not None and not self.operation.retain_stacks:
            self._end(target, end, Result("FAILED", unreachable), "FAILED", pending.stack_id, status="INOPERABLE")
            return unreachable
        stacks = self.world.state(CloudFormationState).stacks
        if pending.stack_id is not None and pending.stack_id in stacks and not self.operation.retain_stacks:
            plan_deletion(stacks.rewrite(pending.stack_id), start, seconds)
        self.operation.results[target].add(end, Result("SUCCEEDED"))
        self.stack_set.instances[target].add(end, None)
        return None

    def _end(
        self,
        target: Target,
        at: float,
        result: Result,
        detailed_status: str,
        stack_id: str | None = None,
        status: str | None = None,
    ) -> None:
        self.operation.results[target].add(at, result)
        pending = self._pending(target, at)
        ended = replace(
            pending,
            status=status or ("CURRENT" if result.status == "SUCCEEDED" else "OUTDATED"),
            detailed_status=detailed_status,
            stack_id=stack_id or pending.stack_id,
            reason=result.reason,
        )
        self.stack_set.instances[target].add(at, ended)

    def _pending(self, target: Target, at: float) -> Instance:
        instance = self.stack_set.instance(target, at)
        if instance is None:
            raise LookupError(f"{self.stack_set.name} has no instance {target} while an operation works on it")
        return instance

    def _state(self, account_id: str) -> str | None:
        states = {account.id: str(account.state) for account in self.world.as_seen().accounts}
        return states.get(account_id)

    def _unreachable(self, account_id: str) -> str | None:
        """Answer why StackSets cannot act in the account, None when it can."""
        state, role = self._state(account_id), self.stack_set.execution_role
        if state not in (None, "ACTIVE"):
            return f"Account {account_id} is in the state {state}: operation skipped."
        required = self.world.state(StackSetState).execution_role_required
        if state is not None and not (required and not self.world.role_exists(account_id, role)):
            return None
        administrator = self.stack_set.administration_role or "AWSCloudFormationStackSetAdministrationRole"
        trust = f"role with trust relationship to Role '{administrator.rsplit('/', 1)[-1]}'"
        return f"Account {account_id} should have '{role}' {trust}."


def run(
    world: World,
    stack_set: StackSet,
    operation: Operation,
    overrides: Mapping[Target, Mapping[str, str]],
) -> Mapping[str, Any]:
    """Plan the operation, store it and answer its id."""
    Course(world, stack_set, operation, overrides).plan()
    stack_set.operations[operation.operation_id] = operation
    return {"OperationId": operation.operation_id}
