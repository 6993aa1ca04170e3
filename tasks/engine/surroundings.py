"""What surrounds an execution of a step: the clock, AWS with its limits, the audit log, and who watches the calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

import structlog
from redis import RedisError

from config.platform import Platform
from tasks.aws import Aws, Run
from tasks.aws.actions import IRREVERSIBLE
from tasks.aws.calls import Observer
from tasks.aws.purpose import Purpose
from tasks.daily.look import DailyLook
from tasks.engine.lease import Lease, Leases
from tasks.errors import Replaced, Superseded
from tasks.limits.call_rates import Allowance
from tasks.limits.lanes import ReplicationPlaces, places, rates
from tasks.model.call import CallRecord, Intent
from tasks.model.desired import Tenant, TenantId
from tasks.organization.account_lists import SharedAccountLists
from tasks.organization.tag_index import SharedTagIndex
from tasks.organization.unit_lists import SharedUnitLists
from tasks.organization.young_things import SharedYoungThings
from tasks.questions.plan_sentences import sent
from tasks.state.audit import Trail
from tasks.state.outcome import Begun, Dispatch
from tasks.state.scripts import iso_now
from tasks.worker import Worker

LETTING_IN = frozenset({"identitystore", "scim", "sso-admin"})  # who is in a group, and what that is assigned
UNRESPONSIVE_SECONDS = 4.0  # a call that got no answer for longer has held its thread; a connection times out after 5


class Clock:
    """The time as an execution of a step has it: by the connector's own clock, however wrong this machine's is."""

    def __init__(self) -> None:
        """Begin with this machine's clock."""
        self.set(datetime.now(UTC), monotonic())

    def set(self, at: datetime, read_at: float) -> None:
        """Set it to what the connector's own clock said, at this time of the machine's monotonic clock in seconds."""
        self._at, self._read_at = at, read_at

    def now(self) -> datetime:
        """Return the time."""
        return self._at + timedelta(seconds=monotonic() - self._read_at)


@dataclass
class Held:
    """What steps have in common that run one after the other in one task."""

    leases: Leases
    lease: Lease
    clock: Clock
    allowance: Allowance
    is_full: Callable[[], bool]  # every thread is busy, so that what waits in the queue waits for one of them
    responded: bool | None = None  # False: calls held the worker, and AWS answered none; None: no call tells


class Surroundings:
    """What one execution of a step works with, and what its calls show beside their answers."""

    def __init__(self, worker: Worker, dispatch: Dispatch, begun: Begun, held: Held) -> None:
        self._worker = worker
        self._begun = begun
        self._held = held
        self._replication = dispatch.replication
        self._step = dispatch.chain.steps[dispatch.step].name
        self.tenant = TenantId.parse(dispatch.tenant)
        self.look = DailyLook(
            worker.store, self.tenant, dispatch.replication, dispatch.chain, held.clock.now, daily=begun.daily
        )
        self.log = structlog.get_logger(__name__).bind(
            tenant=dispatch.tenant, replication=dispatch.replication, step=self._step
        )
        self.wrote_late = False  # a write was sent when the lease may have been somebody else's
        self.let_in_late = False  # and it may have let somebody in
        self._made: dict[str, str] = {}  # id -> name, of what this execution has made

    def aws(self, tenant: Tenant) -> Aws:
        """Give the step its AWS."""
        limits = rates(self._worker.settings, tenant.platform)
        shared = ReplicationPlaces(
            self._worker.store, self._replication, self._held.lease.holder, waited=self._worker.counters.waited
        )
        self._held.allowance.begin(shared, self._step, limits)
        return Aws(tenant.platform, self._worker.sessions, self._run(tenant, shared))

    def _run(self, tenant: Tenant, shared: ReplicationPlaces) -> Run:
        begun, held = self._begun, self._held
        settings, organization = self._worker.settings, tenant.platform.management_account_id
        run = Run(
            now=held.clock.now,
            late=begun.late,
            remember=held.lease.renew,
            places=shared,
            limits=places(settings, tenant.platform),
            lookup_grace=settings.lookup_grace,
            observer=self._observer(organization, tenant.platform),
            purpose=Purpose(str(self.tenant), self._replication),
            account_created_at=begun.handles.account_created_at,
            access_grace=settings.access_grace,
            visibility_grace=settings.visibility_grace,
            users_kept=settings.users_kept,
            role_propagation=settings.role_propagation,
            enrollment_pause=settings.enrollment_pause,
            tags=SharedTagIndex(self._worker.store, organization),
            # In doubt AWS may have more than anybody has listed.
            lists=SharedAccountLists(self._worker.store, organization, believed=not begun.doubt),
            unit_lists=SharedUnitLists(self._worker.store, organization),
        )
        if begun.doubt:
            return run
        return replace(
            run,
            seen=partial(self.look.seen, organization),
            seen_instances=self.look.seen_instances,
        )

    def _observer(self, organization: str, platform: Platform) -> Observer:
        trail, held = self._trail(platform), self._held
        lease, allowance = held.lease, held.allowance
        young = SharedYoungThings(
            self._worker.store, organization, self._worker.settings.visibility_grace, held.clock.now
        )

        def before_call(service: str) -> None:
            held.leases.check()
            if lease.replaced:
                raise Replaced
            allowance.use(service)

        def note_write(intent: Intent) -> None:
            self.look.about_to_write(self._begun.handles.account_id)
            trail.intend(intent)

        def before_write(intent: Intent) -> None:
            if (intent.service, intent.operation) in IRREVERSIBLE:
                lease.confirm()
            lease.check()

        def after_call(call: CallRecord) -> None:
            # Between the check of the lease and the sending this process may have stood still for as long as a lease.
            sent = call.write and call.code not in (Superseded.__name__, Replaced.__name__)
            late = sent and not lease.certain
            self.wrote_late = self.wrote_late or late
            self.let_in_late = self.let_in_late or (late and call.service in LETTING_IN)
            self._observe(call, trail)
            allowance.observe(call)

        return Observer(before_write, after_call, before_call, note_write, young)

    def _trail(self, platform: Platform) -> Trail:
        about = {"tenant": str(self.tenant), "replication": self._replication, "step": self._step}
        kept = timedelta(days=self._worker.settings.audit_days)

        def say(intent: Intent, names: Mapping[str, str]) -> str | None:
            return sent(intent, names, platform)

        return Trail(self._worker.store.audit, kept, {**about, "asked_by": self._begun.asked_by}, self._names, say)

    def _names(self) -> dict[str, str]:
        """Return what people call the tenant's users and groups, by id, also those that were made a moment ago."""
        return {**(self._held.lease.stored or self._begun.handles).names, **self._made}

    def _observe(self, call: CallRecord, trail: Trail) -> None:
        """Log every call; writes also go to the audit log and the tenant's events. None may spoil AWS's answer."""
        self.look.observe(call)
        self._made |= call.named
        self._worker.counters.called(call)
        if call.request_id is not None:
            self._held.responded = True
        elif call.seconds > UNRESPONSIVE_SECONDS and self._held.responded is None:
            self._held.responded = False
        fields: dict[str, Any] = {
            "call": f"{call.service}:{call.operation}",
            "account": call.account_id,
            "request_id": call.request_id,
            "code": call.code,
        }
        if not call.write:
            self.log.debug("read", **fields, seconds=round(call.seconds, 3))
            return
        self.log.info("write", **fields, seconds=round(call.seconds, 3))
        self._note_end(call, trail, fields)

    def _note_end(self, call: CallRecord, trail: Trail, fields: dict[str, Any]) -> None:
        event = {"type": "write", "replication": self._replication, "step": self._step, "at": iso_now()}
        if trail.said is not None:
            event["what"] = trail.said
        try:
            entry, before = trail.ended(call), self._begun.step.last_error
            if call.code is not None and before is not None and before.code == call.code:
                return  # refused as the last time; the events have that, and keep room for what was changed
            self._worker.store.events.emit(self.tenant, {**event, **fields, "audit": entry})
        except RedisError as error:
            self.log.warning("the outcome of a write is missing in the audit log", error=str(error), **fields)
