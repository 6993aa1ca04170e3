"""What sets a step of a daily replication apart: it may look into the snapshot, and what it repairs is kept as drift.

Every replication goes through here: its writes make the snapshot say nothing of the account, and its end counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from tasks.aws.stack_sets import StackInstance
from tasks.chain import DELETION
from tasks.daily import drift
from tasks.daily import retries as daily_retries
from tasks.documents import DriftChange
from tasks.model.account import Account
from tasks.model.call import CallRecord
from tasks.model.desired import TenantId
from tasks.model.replication import State, StepState
from tasks.organization import snapshot
from tasks.state.store import Store
from tasks.step import Chain

ASKED_FOR = frozenset({("lambda", "invoke")})  # called at every replication: it repairs nothing


@dataclass
class DailyLook:
    """One execution of one step of one replication."""

    store: Store
    tenant: TenantId
    replication: str
    chain: Chain
    now: Callable[[], datetime]
    daily: bool  # nobody asked for this replication but the day
    _written: Counter[str] = field(default_factory=Counter)
    _touched: bool = False

    def seen(self, organization: str, account_id: str) -> Account | None:
        """Return an account as the snapshot shows it; None: ask AWS."""
        return snapshot.seen(self.store, organization, account_id, self.now()) if self.daily else None

    def seen_instances(self, stack_set: str, account_id: str) -> dict[str, StackInstance] | None:
        """Return an account's instances of a StackSet as the snapshot shows them; None: ask AWS."""
        return snapshot.seen_instances(self.store, stack_set, account_id, self.now()) if self.daily else None

    def about_to_write(self, account_id: str | None) -> None:
        """Make the snapshot say nothing of the account any more; once is enough for one execution of a step."""
        if account_id is not None and not self._touched:
            self.store.snapshots.touch(account_id, self.now())
            self._touched = True

    def observe(self, call: CallRecord) -> None:
        """Count what was written."""
        if call.write and call.code is None and (call.service, call.operation) not in ASKED_FOR:
            self._written[f"{call.service}:{call.operation}"] += 1

    def keep(self, step: StepState) -> None:
        """Keep what this execution has repaired; comes before the step is recorded, so that no crash hides it."""
        if self._written and self.daily:
            calls = tuple(name if count == 1 else f"{count} x {name}" for name, count in self._written.items())
            change = DriftChange(step=step.name, note=step.note or "", calls=calls)
            drift.repaired(self.store, self.tenant, self.replication, change, self.now())

    def ended(self, state: State) -> None:
        """Take note of how the replication ended, if it did."""
        if state is State.FAILED:
            daily_retries.failed(self.store, self.tenant, self.now())
        elif state is State.SUCCEEDED:
            self.store.retries.forget(self.tenant)
            if self.chain is DELETION:
                self.store.drifts.forget(self.tenant)
            else:
                drift.settled(self.store, self.tenant, self.replication, daily=self.daily)
