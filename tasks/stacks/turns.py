"""Turns at a StackSet, which takes one operation at a time; and tenants that go together, because they want the same.

Who waits for its turn says what it wants. Whoever's turn comes takes along all that want the same: one operation does
the work of all, under one place in the lane (`tasks/state/lua/gather.lua`). It alone sends the call, under its own
lease, and remembers the accounts with it, so that what is sent again after a crash is the same operation. Each of the
others finds in its handles what was sent for it, sends nothing, and looks at its own account as if it had sent it. The
place is free when the last of them is done. When AWS refuses the call, or does not show it in time, each asks by
itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasks.aws import Aws, Lane
from tasks.aws.stack_sets import InstanceOperation
from tasks.digest import digest
from tasks.model.batch import Batch, Wants
from tasks.model.handles import Handles

MOST_TOGETHER = 50  # tenants that one operation takes along


@dataclass(frozen=True)
class Turns:
    """A tenant among those that want an operation on one StackSet."""

    aws: Aws
    arn: str
    tenant: str

    def take(self, operation: InstanceOperation, before: Handles, ahead: Handles) -> tuple[InstanceOperation, Handles]:
        """Wait for our turn, and take along who waits for the same; raises LaneFull.

        before   what is remembered now: an operation that may be on its way is sent again with whom it took along
        ahead    what is to be remembered when the operation is sent
        Returns both as they are with the others.
        """
        first = operation.regions[0]
        sent, known = ahead.stack_instances[first], before.stack_instances.get(first)
        kind = digest("create" if operation.create else "update", operation.regions, operation.overrides)
        self._part_from_leaders(before)
        wants = Wants(kind, operation.accounts[0], operation.regions, sent.digest, sent.declared)
        self.aws.enter(Lane.STACK_SET_OPERATION, self.arn, self.tenant, wants)
        if sent.sent_at is None or (known is not None and known.operation == operation.id):
            return operation, ahead
        batch = Batch(kind, operation.id, sent.sent_at, MOST_TOGETHER)
        others = self.aws.gather(Lane.STACK_SET_OPERATION, self.arn, self.tenant, batch)
        with_others = {region: replace(ahead.stack_instances[region], accounts=others) for region in operation.regions}
        gathered = replace(ahead, stack_instances={**ahead.stack_instances, **with_others})
        return replace(operation, accounts=(*operation.accounts, *others)), gathered

    def disband(self, operation: InstanceOperation) -> None:
        """Let those who were taken along ask by themselves: AWS has refused the operation."""
        if len(operation.accounts) > 1:
            self.aws.disband(Lane.STACK_SET_OPERATION, self.arn, self.tenant, operation.id)

    def leave(self, handles: Handles) -> None:
        """Be done; the next one's turn comes when all who went together are."""
        leaders = {sent.leader for sent in handles.stack_instances.values() if sent.leader is not None}
        for place in leaders or {self.tenant}:
            self.aws.leave(Lane.STACK_SET_OPERATION, self.arn, place)

    def _part_from_leaders(self, handles: Handles) -> None:
        """Leave an operation that was to take us along, and was not shown in time or is not wanted any more."""
        if any(sent.leader is not None for sent in handles.stack_instances.values()):
            self.leave(handles)
