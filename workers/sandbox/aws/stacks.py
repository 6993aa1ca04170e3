"""Simulated CloudFormation stacks: what is stored and how a stack's status moves on by itself.

An operation writes its whole course with the times at which things will happen; what a caller sees is that course up
to now. Nothing runs in the background.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws.shelf import Shelf
from workers.sandbox.aws.template_outputs import Place, outputs, physical_id
from workers.sandbox.aws.templates import Template, invalid
from workers.sandbox.aws.timeline import Timeline
from workers.sandbox.aws.visibility_rules import Kind

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

STACK_TYPE = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Revision:
    """What a stack is made of: template, resolved parameters, tags."""

    template: Template
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """One line of DescribeStackEvents; lines of the stack itself carry its status."""

    event_id: str
    logical_id: str
    physical_id: str
    resource_type: str
    status: str
    reason: str | None
    token: str | None


@dataclass
class Stack:
    """One stack and its course, in seconds since the epoch."""

    name: str
    stack_id: str
    account_id: str
    region: str
    created_at: float
    on_failure: str = "ROLLBACK"  # DO_NOTHING | ROLLBACK | DELETE
    role_arn: str | None = None
    token: str | None = None
    updated_at: float | None = None
    revisions: Timeline[Revision] = field(default_factory=Timeline)
    events: Timeline[Event] = field(default_factory=Timeline)
    tokens: set[str] = field(default_factory=set)

    def __copy__(self) -> Stack:
        return replace(self, revisions=copy(self.revisions), events=copy(self.events), tokens=set(self.tokens))

    def last_event(self, now: float) -> Event:
        """Answer the stack's own newest event: its status and reason."""
        return [event for _, event in self.events.until(now) if event.resource_type == STACK_TYPE][-1]

    def status(self, now: float) -> str:
        """Answer StackStatus."""
        return self.last_event(now).status

    def revision(self, now: float) -> Revision:
        """Answer what the stack is made of now; after a failed update what it was made of before."""
        revision = self.revisions.at(now)
        if revision is None:
            raise LookupError(f"{self.stack_id} has no revision yet")
        return revision

    def outputs(self, now: float) -> list[dict[str, str]]:
        """Answer the outputs, empty until the stack has been built."""
        if self.status(now) not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
            return []
        revision = self.revision(now)
        return outputs(revision.template, revision.parameters, self.place())

    def place(self) -> Place:
        """Answer what pseudo parameters name."""
        return Place(self.account_id, self.region, self.name, self.stack_id)

    def record(self, at: float, status: str, reason: str | None = None) -> None:
        """Plan a status of the stack itself."""
        event_id = str(uuid.uuid4())
        self.events.add(at, Event(event_id, self.name, self.stack_id, STACK_TYPE, status, reason, self.token))

    def record_resources(self, at: float, status: str, template: Template, failed: str | None = None) -> None:
        """Plan an event for every resource; with a reason, the last resource fails with it."""
        for number, (logical_id, resource) in enumerate(template.resources.items(), start=1):
            fails = failed is not None and number == len(template.resources)
            self.events.add(
                at,
                Event(
                    f"{logical_id}-{uuid.uuid4()}",
                    logical_id,
                    physical_id(logical_id, resource, self.place()),
                    resource["Type"],
                    status.replace("_COMPLETE", "_FAILED") if fails else status,
                    failed if fails else None,
                    self.token,
                ),
            )


@dataclass
class CloudFormationState:
    """All stacks, the templates behind URLs and the failures that operators ordered."""

    stacks: Shelf[str, Stack] = field(default_factory=lambda: Shelf(Kind.STACK))  # by stack id
    templates: dict[str, str] = field(default_factory=dict)  # TemplateURL -> body
    failures: dict[tuple[str, str], str] = field(default_factory=dict)  # (account id, stack name) -> reason


def stacks_in(world: World, account_id: str, region: str) -> Iterator[Stack]:
    """Answer the stacks of one account and region, deleted ones too, oldest first."""
    for stack in world.state(CloudFormationState).stacks.values():
        if (stack.account_id, stack.region) == (account_id, region) and stack.created_at <= world.now():
            yield stack


def find_stack(world: World, account_id: str, region: str, name_or_id: str) -> Stack | None:
    """Answer the stack: by name only while it is not deleted, by id always."""
    for stack in stacks_in(world, account_id, region):
        if stack.stack_id == name_or_id:
            return stack
        if stack.name == name_or_id and stack.status(world.now()) != "DELETE_COMPLETE":
            return stack
    return None


def new_stack(world: World, account_id: str, region: str, name: str, at: float) -> Stack:
    """Store a stack without a course."""
    stack_id = f"arn:aws:cloudformation:{region}:{account_id}:stack/{name}/{uuid.uuid4()}"
    stack = Stack(name, stack_id, account_id, region, at)
    world.state(CloudFormationState).stacks[stack_id] = stack
    return stack


def failure_of(world: World, stack: Stack, revision: Revision) -> str | None:
    """Answer why building this revision fails: by its template, a parameter "fail" or an operator's order."""
    ordered = world.state(CloudFormationState).failures.get((stack.account_id, stack.name))
    if ordered is not None:
        return ordered
    if revision.template.simulated_failure is not None:
        return revision.template.simulated_failure
    failing = [name for name, value in revision.parameters.items() if value == "fail"]
    return f"Parameter {failing[0]} has the value 'fail'" if failing else None


def plan_creation(stack: Stack, revision: Revision, failure: str | None, start: float, seconds: float) -> None:
    """Plan CREATE_IN_PROGRESS and how it ends."""
    stack.revisions.add(start, revision)
    stack.record(start, "CREATE_IN_PROGRESS", "User Initiated")
    stack.record_resources(start, "CREATE_IN_PROGRESS", revision.template)
    if failure is None:
        stack.record_resources(start + seconds, "CREATE_COMPLETE", revision.template)
        stack.record(start + seconds, "CREATE_COMPLETE")
        return
    middle, end = start + seconds / 2, start + seconds
    stack.record_resources(middle, "CREATE_COMPLETE", revision.template, failed=failure)
    reason = f"The following resource(s) failed to create: [{list(revision.template.resources)[-1]}]."
    if stack.on_failure == "DO_NOTHING":
        stack.record(end, "CREATE_FAILED", reason)
        return
    deleting = stack.on_failure == "DELETE"
    reason = f"{reason} {'Delete' if deleting else 'Rollback'} requested by user."
    stack.record(middle, "DELETE_IN_PROGRESS" if deleting else "ROLLBACK_IN_PROGRESS", reason)
    stack.record(end, "DELETE_COMPLETE" if deleting else "ROLLBACK_COMPLETE", reason)


def plan_update(stack: Stack, revision: Revision, failure: str | None, start: float, seconds: float) -> None:
    """Plan UPDATE_IN_PROGRESS and how it ends; a failed update brings the former revision back."""
    former = stack.revision(start)
    middle, end = start + seconds / 2, start + seconds
    stack.updated_at = start
    stack.revisions.add(start, revision)
    stack.record(start, "UPDATE_IN_PROGRESS", "User Initiated")
    stack.record_resources(middle, "UPDATE_COMPLETE", revision.template, failed=failure)
    if failure is None:
        stack.record(middle, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        stack.record(end, "UPDATE_COMPLETE")
        return
    reason = f"The following resource(s) failed to update: [{list(revision.template.resources)[-1]}]."
    stack.record(middle, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
    stack.revisions.add(end, former)
    stack.record(end, "UPDATE_ROLLBACK_COMPLETE", reason)


def plan_deletion(stack: Stack, start: float, seconds: float) -> None:
    """Plan DELETE_IN_PROGRESS and DELETE_COMPLETE, whatever was going on."""
    stack.events.forget_future(start)
    stack.revisions.forget_future(start)
    stack.record(start, "DELETE_IN_PROGRESS", "User Initiated")
    stack.record_resources(start + seconds, "DELETE_COMPLETE", stack.revision(start).template)
    stack.record(start + seconds, "DELETE_COMPLETE")


def set_stack_status(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: put a stack into a status at once. Body: account, region, name, status, reason (optional)."""
    found = find_stack(world, body["account"], body["region"], body["name"])
    if found is None:
        raise invalid(f"Stack with id {body['name']} does not exist")
    stack = world.state(CloudFormationState).stacks.rewrite(found.stack_id)
    stack.events.forget_future(world.now())
    stack.revisions.forget_future(world.now())
    stack.record(world.now(), body["status"], body.get("reason"))
    return {"StackId": stack.stack_id, "StackStatus": stack.status(world.now())}


def fail_stack(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: let a stack's next operations fail. Body: account, name, reason (null: succeed again)."""
    key = (body["account"], body["name"])
    failures = world.state(CloudFormationState).failures
    if body.get("reason") is None:
        failures.pop(key, None)
    else:
        failures[key] = body["reason"]
    return {"failing": [":".join(failing) for failing in failures]}


def offer_template(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: serve a template body at a URL. Body: url, body."""
    world.state(CloudFormationState).templates[body["url"]] = body["body"]
    return {"templates": sorted(world.state(CloudFormationState).templates)}


def snapshot(world: World) -> list[dict[str, Any]]:
    """Answer every stack for the control API's state."""
    now = world.now()
    return [
        {
            "account": stack.account_id,
            "region": stack.region,
            "name": stack.name,
            "stack_id": stack.stack_id,
            "status": stack.status(now),
            "parameters": dict(stack.revision(now).parameters),
            "tags": dict(stack.revision(now).tags),
        }
        for stack in world.state(CloudFormationState).stacks.values()
        if stack.created_at <= now
    ]
