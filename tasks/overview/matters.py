"""What needs a person: grouped by its cause, with the remedy and the tenants that it holds up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from config.printable import counted, people
from tasks.connector import Connector
from tasks.documents import Machinery, Matter, MatterKind
from tasks.model.desired import Pause
from tasks.model.lane import SIGN_IN
from tasks.model.replication import Replication, State, StepState, WaitsFor
from tasks.orders.withdrawn import still_in
from tasks.state.census import Census
from tasks.state.tenants import Selection

MOST_READ = 500  # failed tenants, and as many that wait for a person, that are read to group them
MOST_NAMED = 10  # tenants of one matter
BEAT_SILENT = timedelta(minutes=2)  # it takes something to send several times a minute
LATE = timedelta(minutes=1)
WITHDRAWN_FOR = timedelta(seconds=30)  # people are out within seconds; who is in for longer is held by something


def matters(connector: Connector, census: Census, working: Machinery, now: datetime) -> list[Matter]:
    """Return everything that needs a person, the most urgent first."""
    return [
        *_withdrawn(connector, now),
        *_stopped(census, working, now),
        *_failed(connector),
        *_waiting(connector),
        *_paused(connector.store.pauses.all()),
    ]


def _withdrawn(connector: Connector, now: datetime) -> Iterator[Matter]:
    """Name the tenants in which somebody is who should be out for a while already."""
    store = connector.store
    records = [each for name in store.work.withdrawing()[:MOST_READ] if (each := store.tenants.find(name)) is not None]
    # Not since the tenant changed last: it changes with every try to take somebody out.
    ordered = {
        each.tenant: each.withdrawing_since or each.requested_at
        for each in store.replications.those(each.replication for each in records)
    }
    held: dict[str, datetime] = {}
    number = 0
    for record in records:
        since = ordered.get(str(record.id), record.updated_at)
        if now - since >= WITHDRAWN_FOR and (found := still_in(record, connector.catalog)):
            held[str(record.id)], number = since, number + len(found)
    if held:
        yield Matter(
            kind=MatterKind.WITHDRAWN,
            what=f"{people(number)} without an order still {'has' if number == 1 else 'have'} access.",
            remedy="Check what holds each tenant up. A paused tenant keeps its people until you resume it.",
            number=len(held),
            tenants=list(held)[:MOST_NAMED],
            since=min(held.values()),
        )


def _stopped(census: Census, working: Machinery, now: datetime) -> Iterator[Matter]:
    """See whether a part of the connector does not run."""
    still_open = sum(census.still_open.values())
    if not working.workers:
        behind = f" {counted(still_open, 'replication')} cannot continue." if still_open else ""
        yield Matter(
            kind=MatterKind.STOPPED,
            what=f"No worker runs.{behind}",
            remedy="Start workers: celery -A workers.app worker. They continue where the others stopped.",
            number=still_open,
        )
    elif working.late_seconds > LATE.total_seconds():
        yield Matter(
            kind=MatterKind.STOPPED,
            what=f"The workers are {working.late_seconds / 60:.0f} min behind.",
            remedy="Start more workers, or check in their logs what holds them up.",
        )
    if working.beat_at is not None and now - working.beat_at > BEAT_SILENT:
        yield Matter(
            kind=MatterKind.STOPPED,
            what="Beat is not running: no daily replication starts, and failed ones are not retried.",
            remedy="Start it: celery -A workers.app beat. Several may run at once.",
            since=working.beat_at,
        )


def _failed(connector: Connector) -> Iterator[Matter]:
    """Group failed tenants by step and code."""
    found, total = connector.store.tenants.page(Selection(state=State.FAILED), 0, MOST_READ)
    replications = connector.store.replications.those(each.replication for each in found)
    groups: dict[tuple[str, str], list[tuple[Replication, StepState | None]]] = {}
    for each in replications:
        step = next((step for step in each.steps if step.state is State.FAILED), None)
        error = step.last_error if step else each.last_error
        groups.setdefault((step.name if step else "", error.code if error else ""), []).append((each, step))
    for (name, _), members in sorted(groups.items(), key=lambda group: -len(group[1])):
        first, step = members[0]
        error = step.last_error if step else first.last_error
        yield Matter(
            kind=MatterKind.FAILED,
            what=f"{error.code}: {error.message}" if error else "The replication failed.",
            remedy=error.remedy if error else "See the tenant, then retry it.",
            step=name or None,
            number=len(members),
            tenants=[each.tenant for each, _ in members[:MOST_NAMED]],
            since=min(each.ended_at or each.requested_at for each, _ in members),
        )
    rest = total - len(replications)
    if rest > 0:
        yield Matter(
            kind=MatterKind.FAILED,
            what=f"{counted(rest, 'more tenant')} failed; only {len(replications)} are grouped here.",
            remedy="List the failed tenants to see all of them.",
            number=rest,
        )


def _waiting(connector: Connector) -> Iterator[Matter]:
    """Group what waits for a person: approvals, then what is parked, by its cause."""
    store = connector.store
    groups: dict[tuple[MatterKind, str], list[tuple[Replication, StepState]]] = {}
    for each in store.replications.those(store.registry.parked(MOST_READ)):
        step = next((step for step in each.steps if step.waits_for is WaitsFor.PERSON), None)
        if step is not None:
            kind = MatterKind.PARKED if step.last_error else MatterKind.APPROVAL
            groups.setdefault((kind, _cause(each, step)), []).append((each, step))
    for (kind, _), members in sorted(
        groups.items(), key=lambda group: (group[0][0] is not MatterKind.APPROVAL, group[0])
    ):
        yield _waits(kind, members)


def _cause(replication: Replication, step: StepState) -> str:
    """Name what a step waits for a person for; what AWS refuses to all is one cause at whatever step."""
    return f"{replication.gate or step.name} {step.last_error.code}" if step.last_error else step.name


def _waits(kind: MatterKind, members: list[tuple[Replication, StepState]]) -> Matter:
    first, step = members[0]
    about = {
        "kind": kind,
        "step": None if first.gate else step.name,
        "number": len(members),
        "tenants": [each.tenant for each, _ in members[:MOST_NAMED]],
        "since": _oldest(step.started_at or each.requested_at for each, step in members),
    }
    if step.last_error is None:
        one = len(members) == 1
        what = f"{counted(len(members), 'deletion')} {'waits' if one else 'wait'} for approval."
        remedy = f"Approve or decline {'it. Its' if one else 'each. Their'} people have no access any more."
        return Matter(what=what, remedy=remedy, **about)
    said = f"{step.last_error.code}: {step.last_error.message}"
    if first.gate and first.gate.startswith(SIGN_IN):
        return Matter(what=f"AWS refuses the {first.gate}.", detail=said, remedy=step.last_error.remedy, **about)
    return Matter(what=said, remedy=step.last_error.remedy, **about)


def _oldest(moments: Iterable[datetime]) -> datetime:
    return min(moments)


def _paused(pauses: dict[str, Pause]) -> Iterator[Matter]:
    if pauses:
        reasons = [f"{name}: {each.reason}" for name, each in pauses.items() if each.reason]
        yield Matter(
            kind=MatterKind.PAUSED,
            what=f"{_counted_paused(pauses)} {'is' if len(pauses) == 1 else 'are'} paused. "
            f"{'; '.join(reasons[:3])}".rstrip(),
            remedy="Nothing runs for them, not even taking access away, until somebody resumes them.",
            number=len(pauses),
            tenants=list(pauses)[:MOST_NAMED],
            since=min(each.paused_at for each in pauses.values()),
        )


def _counted_paused(pauses: Iterable[str]) -> str:
    """Count tenants, whose names have four parts, and platforms.

    >>> _counted_paused(["likvid.shop.aws.sandbox"]), _counted_paused(["aws.sandbox", "a.b.aws.x", "a.c.aws.x"])
    ('1 tenant', '2 tenants and 1 platform')
    """
    tenants = [each.count(".") > 1 for each in pauses]
    numbers = [(sum(tenants), "tenant"), (len(tenants) - sum(tenants), "platform")]
    return " and ".join(counted(number, what) for number, what in numbers if number)
