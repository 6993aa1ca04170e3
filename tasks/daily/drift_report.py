"""Look at a tenant as a replication would and write nothing: for platforms with `drift: report`. It is a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from tasks import questions
from tasks.connector import Connector
from tasks.daily import drift
from tasks.daily.look import ASKED_FOR
from tasks.documents import DriftChange, Plan
from tasks.model.desired import TenantId
from tasks.questions.kinds import DRIFT
from tasks.questions.plan import make_plan
from tasks.state.records import TenantRecord
from tasks.worker import Worker


def ask_for_report(connector: Connector, record: TenantRecord) -> None:
    """Ask a worker to look at a tenant; asked again before it has, it is the same look, and sent again if need be."""
    questions.look(connector, f"{DRIFT}.{record.id}")
    questions.ask(connector, DRIFT, str(record.id), str(record.id))


def report(worker: Worker, name: str) -> int:
    """Look at a tenant and keep what differs; answers in how many steps. What it raises is the question's failure."""
    tenant = TenantId.parse(name)
    try:
        changes = list(differences(make_plan(worker, tenant, None)))
        drift.reported(worker.store, tenant, changes, datetime.now(UTC))
        return len(changes)
    finally:  # one that cannot be looked at comes again tomorrow, and stops nobody
        worker.store.tenants.postpone(tenant)


def differences(plan: Plan) -> Iterator[DriftChange]:
    """Yield what each step would change, or why it cannot tell."""
    for step in plan.steps:
        changes = [change for change in step.changes if tuple(change.call.split(":")) not in ASKED_FOR]
        if changes:
            told, calls = (dict.fromkeys(each) for each in zip(*((c.sentence, c.call) for c in changes), strict=True))
            yield DriftChange(step=step.name, note="; ".join(told), calls=tuple(calls))
        elif step.error is not None:
            yield DriftChange(step=step.name, note=f"{step.error.code}: {step.error.message}")


ANSWERS: Mapping[str, Callable[[Worker, str], int]] = MappingProxyType({DRIFT: report})
"""What a worker answers: kind of question -> who answers it."""
