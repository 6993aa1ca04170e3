"""The pull: what of our platforms stands in meshStack is ordered here, without building blocks.

Workspaces are looked at one by one: all of them now and then, those of which meshStack's event log tells in between, or
all each time where the log cannot be read. What is to be looked at stands in Redis, so a portion is as short as we
like, and none is forgotten. Only changed content is ordered. What is not in a list is not deleted by that: meshStack
marks what is to go, and says of what is gone that it was deleted. One instance pulls at a time, with one request at a
time and so many in a second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from config.printable import counted
from tasks.connector import Connector
from tasks.digest import digest
from tasks.meshobjects.desired import at, desired_of
from tasks.meshobjects.kinds import read_object
from tasks.meshobjects.mesh_tenant import MeshTenant
from tasks.meshobjects.ordering import order, tenant_id
from tasks.meshobjects.reader import Reader, Seen
from tasks.meshobjects.rows import Invalid
from tasks.meshobjects.telling import tell_accounts
from tasks.meshstack.api_user import ApiUser
from tasks.meshstack.client import MeshStack
from tasks.meshstack.errors import Away, Refused
from tasks.meshstack.lists import Lists
from tasks.meshstack.objects import Objects
from tasks.model.desired import Desired, TenantId
from tasks.orders.deletion import NotPossible, decline, request_deletion
from tasks.orders.producer import RequestRefused
from tasks.state.orders import content_of
from tasks.state.pulls import PullState
from tasks.state.records import TenantRecord

LOCK = "meshstack_pull"
LONGEST = timedelta(minutes=5)  # of one portion; a workspace takes seconds
REQUESTS = 150  # of one portion; a workspace that was begun is read to its end
PER_SECOND = 10  # requests, on average
FULL = timedelta(hours=6)  # from one look at everything to the next
FULL_SOON = timedelta(minutes=10)  # the same after an event that belongs to no workspace
OVERLAP = timedelta(minutes=2)  # events may come late
PAUSE = timedelta(seconds=30)  # after meshStack gave no answer, or none that helps
BY = "meshStack"
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Pulled:
    """What one portion did."""

    workspaces: int = 0
    ordered: int = 0
    told: int = 0  # accounts, to meshStack

    def __str__(self) -> str:
        done = f"{counted(self.workspaces, 'workspace')} looked at, {counted(self.ordered, 'tenant')} ordered"
        return f"{done}, {counted(self.told, 'account')} told" if self.told else done


def pull(connector: Connector, meshstack: MeshStack, now: datetime, user: ApiUser | None = None) -> Pulled:
    """Do a portion of what is to be done. Nothing while another instance does, or while meshStack is to be left alone.

    user   as whom accounts are told to meshStack; None: they are not
    Raises redis.RedisError when Redis is away.
    """
    pulls = connector.store.pulls
    with connector.store.locks.held(LOCK, LONGEST) as ours:
        state = pulls.state() if ours else PullState()
        if not ours or (state.not_before is not None and now < state.not_before):
            return Pulled()
        portion = _Portion(connector, meshstack, now, user)
        try:
            portion.run(state)
            pause = timedelta(seconds=portion.requests / PER_SECOND)
        except (Away, Refused) as error:
            pause = timedelta(seconds=(error.retry_after if isinstance(error, Away) else None) or PAUSE.total_seconds())
            log.warning("the pull from meshStack waits", error=str(error), seconds=pause.total_seconds())
        pulls.note(pulls.state().model_copy(update={"not_before": now + pause}))
        return portion.pulled


class _Portion:
    def __init__(self, connector: Connector, meshstack: MeshStack, now: datetime, user: ApiUser | None) -> None:
        self._connector = connector
        self._store = connector.store
        self._meshstack = meshstack
        self._before = meshstack.requests
        self._lists = Lists(meshstack)
        self._objects = Objects(meshstack)
        self._reader = Reader(self._lists, self._objects, connector.catalog)
        self._pulled: dict[str, list[TenantId]] | None = None  # by workspace
        self._now = now
        self._user = user
        self._interval = connector.settings.meshstack_pull_interval or timedelta()
        self._zone = connector.catalog.runner.landing_zone
        self.pulled = Pulled()

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._meshstack.requests - self._before

    def run(self, state: PullState) -> None:
        if state.found_at is None or self._now - state.found_at >= self._interval:
            self._find(state)
        for workspace in self._store.pulls.due(REQUESTS):
            if self.requests >= REQUESTS:
                break
            seen = self._reader.workspace(workspace)
            self._look(seen)
            self._look_after_those_gone(workspace, seen)
            self._store.pulls.looked_at(workspace)
            self.pulled = replace(self.pulled, workspaces=self.pulled.workspaces + 1)
        if self._user is not None:
            self.pulled = replace(self.pulled, told=tell_accounts(self._store, self._objects, self._user))

    def _find(self, state: PullState) -> None:
        """Find out which workspaces to look at."""
        if state.full_at is None or self._now - state.full_at >= FULL:
            self._look_at_all(state)
            return
        events = self._events((state.events_until or state.full_at) - OVERLAP)
        fresh = [each for each in events or [] if str(at(each, "metadata", "uuid")) not in state.seen]
        spaces = [at(each, "spec", "workspaceRef", "name") for each in fresh]
        # What belongs to no workspace, such as a user or a role: nobody knows whom it concerns.
        if events is None or (None in spaces and self._now - state.full_at >= FULL_SOON):
            self._look_at_all(state)
            return
        found = PullState(
            found_at=self._now,
            full_at=state.full_at,
            events_until=self._now,
            seen=tuple(str(at(each, "metadata", "uuid")) for each in events),
        )
        self._store.pulls.note(found, sorted({str(name) for name in spaces if name is not None}), self._now)

    def _look_at_all(self, state: PullState) -> None:
        found = PullState(found_at=self._now, full_at=self._now, events_until=self._now, seen=state.seen)
        self._store.pulls.note(found, sorted(self._reader.workspaces() | self._ordered().keys()), self._now)

    def _events(self, since: datetime) -> list[dict[str, object]] | None:
        """Read what has happened; None: the log cannot be read."""

        def fits(each: dict[str, object]) -> bool:
            at_time = _time(at(each, "status", "created", "timestamp"))
            return at_time is None or at_time >= since

        window = {"from": since.isoformat(), "until": self._now.isoformat()}  # an end, so that pages do not shift
        return self._lists.all("mesheventlogs", "meshEventLog", ("v1",), fits, **window)

    def _look(self, seen: Seen) -> None:
        for tenant in seen.tenants:
            try:
                done = self._settle(tenant, seen)
            except (RequestRefused, NotPossible) as error:  # one tenant never stops the others
                log.warning("a tenant of meshStack cannot be ordered", tenant=tenant.name, error=str(error))
                continue
            self.pulled = replace(self.pulled, ordered=self.pulled.ordered + done)

    def _look_after_those_gone(self, workspace: str, seen: Seen) -> None:
        """Look for tenants that we have ordered and no list shows; delete those of which meshStack says that it did."""
        shown = {tenant_id(each) for each in seen.tenants}
        for name in self._ordered().get(workspace, ()):
            record = self._store.tenants.find(name) if name not in shown else None
            if record is None or record.deletion is not None:
                continue
            uuid = self._store.runs.named_tenant(name)
            document = None if uuid is None else self._objects.tenant(uuid)
            gone = None if document is None else _tenant(document)
            if gone is not None and gone.is_to_go:
                self._delete(gone, record)
            else:
                log.warning("meshStack no longer shows a tenant; it stays unchanged here", tenant=str(name))

    def _ordered(self) -> dict[str, list[TenantId]]:
        if self._pulled is None:
            self._pulled = {}
            for name in self._store.pulls.tenants():
                self._pulled.setdefault(name.workspace, []).append(name)
        return self._pulled

    def _settle(self, tenant: MeshTenant, seen: Seen) -> bool:
        """Do what meshStack wants of a tenant; tells whether something was ordered."""
        name = tenant_id(tenant)
        record = self._store.tenants.find(name)
        if tenant.is_to_go:
            return self._delete(tenant, record)
        if record is not None and record.deletion is not None:
            kept = self._kept(tenant, record)
            if kept is None:
                return False
            record = kept
        return self._order(name, tenant, record, seen)

    def _delete(self, tenant: MeshTenant, record: TenantRecord | None) -> bool:
        if record is None or record.deletion is not None:
            return False
        if not self._is_the_same(tenant, record.id):
            log.warning("meshStack deletes a tenant of that name which is not ours", tenant=tenant.name)
            return False
        request_deletion(record, self._connector, by=BY)
        return True

    def _kept(self, tenant: MeshTenant, record: TenantRecord) -> TenantRecord | None:
        """Return a tenant that was to be deleted and stays; None: it goes on being deleted, or was.

        Only what the pull has asked for itself is taken back: meshStack has refused it, or has a new tenant.
        """
        asked = record.deletion
        if record.deleted_at is not None and not self._is_the_same(tenant, record.id):
            return record
        if asked is None or asked.requested_by != BY or asked.approved_at is not None:
            return None
        decline(record, self._connector, by=BY)
        return self._store.tenants.find(record.id)

    def _is_the_same(self, tenant: MeshTenant, name: TenantId) -> bool:
        """Tell whether a tenant of meshStack is the one that has ordered ours: names are used again, UUIDs are not."""
        named, uuid = self._store.runs.named_tenant(name), tenant.metadata.uuid
        return named is None or uuid is None or named.lower() == uuid.lower()

    def _order(self, name: TenantId, tenant: MeshTenant, record: TenantRecord | None, seen: Seen) -> bool:
        told = seen.world.told(tenant, self._zone)
        if not seen.says_who(tenant):
            if record is None:
                log.warning("a tenant is not ordered: who has access to it cannot be read", tenant=tenant.name)
                return False
            told = replace(told, access=None)
        if tenant.account is None and self._user is not None:
            self._store.pulls.note_untold(name)
        known = None if record is None or record.deleted_at is not None else record
        desired = desired_of(told, None) if known is None else desired_of(told, known.desired, known.handles.account_id)
        content = digest(content_of(desired))
        if record is not None and record.deleted_at is None and self._is_known(name, record, desired, content):
            return False
        if (why := order(name, record, desired, self._connector, BY)) is not None:
            log.warning("a tenant of meshStack cannot be ordered", tenant=tenant.name, error=why)
            return False
        self._note(name, tenant, content)
        return True

    def _is_known(self, name: TenantId, record: TenantRecord, desired: Desired, content: str) -> bool:
        """Tell whether this was ordered before, by whomever."""
        if content_of(desired) == content_of(record.desired):
            self._store.pulls.note_digest(name, content)
            return True
        return self._store.pulls.digest(name) == content

    def _note(self, name: TenantId, tenant: MeshTenant, content: str) -> None:
        self._store.pulls.note_digest(name, content)
        if tenant.metadata.uuid is not None:
            self._store.runs.name_tenant(name, tenant.metadata.uuid)


def _tenant(document: dict[str, Any]) -> MeshTenant | None:
    try:
        found = read_object(document).object
    except Invalid:
        return None
    return found if isinstance(found, MeshTenant) else None


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
