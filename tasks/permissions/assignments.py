"""The account assignments of a tenant's groups: what is in flight, what is started, and what of it ended how."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from config.platform import IdentityStore, ScimAccess
from config.printable import counted
from tasks.aws import Aws, Lane
from tasks.aws.identity_center import AccountAccess, AssignmentRequest, AssignmentStatus
from tasks.errors import AccessDenied, LaneFull, NotFound, NotReady, PermanentError, Refused, StepError, Throttled
from tasks.model.desired import Tenant
from tasks.model.handles import Group, Handles, PendingAssignment, SettledAssignment
from tasks.permissions.assignment_plan import Pair, corrected, pair_of, withdrawn
from tasks.permissions.collected_failures import Failures
from tasks.permissions.groups import MappedRole, mapped_roles, outdated_groups, successors
from tasks.permissions.proven_groups import ProvenGroups

NO_SUCH_THING = "404"  # in AWS's reasons: "Received a 404 status error: EntitlementItem doesn't exist: …"
Send = Callable[[str, str], AssignmentRequest | None]  # None: there is nothing to do


def start_withdrawal(tenant: Tenant, handles: Handles, aws: Aws) -> Handles:
    """Start deleting the assignments that no mapping asks for any more; AWS's answers are awaited with the others.

    No call where we remember none. Raises LaneFull, Throttled, Unanswered, and what AWS refuses.
    """
    store = tenant.platform.identity_center
    if store is None or handles.account_id is None:
        return handles
    work = Work(tenant, aws, store, mapped_roles(tenant), handles)
    work.delete(withdrawn(handles, work.roles))
    work.failures.reraise()
    return work.handles


def take_assignments_back(tenant: Tenant, handles: Handles, aws: Aws) -> tuple[str | None, Handles]:
    """Start deleting whatever our groups are known to have; return what we wait for, if anything, and the handles.

    Raises LaneFull, Throttled, Unanswered, what AWS refuses, and what it could not do.
    """
    store = tenant.platform.identity_center
    if store is None or handles.account_id is None:
        return None, handles
    work = Work(tenant, aws, store, mapped_roles(tenant), handles, groups_stay=True)
    waiting = work.see_through()
    if waiting is None:
        gone = {pair_of(each) for each in work.settled() if each.stands is False}
        known = {
            (group.id, arn) for group in handles.groups.values() if group.id for arn in group.permission_sets or ()
        }
        waiting = work.delete(tuple(sorted(known - gone)))
    if work.failures.errors:
        aws.remember(work.handles)
        work.failures.reraise()
    return waiting, work.handles


def follow_withdrawal(tenant: Tenant, handles: Handles, aws: Aws) -> tuple[str | None, Handles]:
    """Ask how far the deletions are; return what we wait for, if anything, and the handles.

    Raises what AWS could not do, or refuses.
    """
    store = tenant.platform.identity_center
    if store is None or handles.account_id is None:
        return None, handles
    work = Work(tenant, aws, store, mapped_roles(tenant), handles)
    waiting = work.see_through()
    if work.failures.errors:
        aws.remember(work.handles)
        work.failures.reraise()
    return waiting, work.handles


@dataclass
class Work:
    """One run for one tenant; `handles` is what is known by now."""

    tenant: Tenant
    aws: Aws
    store: IdentityStore | ScimAccess
    roles: Mapping[str, MappedRole]  # by group name
    handles: Handles
    failures: Failures = field(default_factory=Failures)
    failed: dict[Pair, PendingAssignment] = field(default_factory=dict)  # AWS says FAILED; kept until all is told
    reasons: dict[Pair, AssignmentRequest] = field(default_factory=dict)
    orphaned: int = 0  # assignments that stay behind when their group is deleted
    groups_stay: bool = False  # none is deleted, so no assignment may stay behind
    plan: str | None = None  # of this run, as in PendingAssignment
    complete: bool = False  # AWS has made all that the newest plan found missing

    def __post_init__(self) -> None:
        self.proven = ProvenGroups(self.tenant, self.handles.account_id, self.aws)

    @property
    def access(self) -> AccountAccess:
        """The account's assignments."""
        return self.aws.account_assignments.account(self.store.instance_arn, self.handles.known_account())

    def wanted(self) -> frozenset[Pair]:
        """Return what the role mapping asks for."""
        used = [(name, role) for name, role in self.roles.items() if role.used and name in self.handles.groups]
        ids = [(self.handles.groups[name].id, role.permission_sets) for name, role in used]
        return frozenset((group_id, arn) for group_id, arns in ids if group_id is not None for arn in arns)

    def ours(self) -> dict[str, frozenset[str]]:
        """Return the ids of the tenant's groups, each with the AWS roles that it stands for or that replace it."""
        groups = [group for group in self.handles.groups.values() if group.id is not None]
        return {
            group.id: frozenset({group.role, *successors(self.tenant, self.handles, group)})
            for group in groups
            if group.id is not None
        }

    def actual(self) -> frozenset[Pair]:
        """Return the assignments that AWS has under every permission set that matters, those of last moments too.

        That is what is wanted, and what we remember; what we may have forgotten, `recall.py` has found before. While
        all groups are new there is nothing to be seen.
        """
        wanted = {arn for _, arn in self.wanted()}
        remembered = {arn for group in self.handles.groups.values() for arn in group.permission_sets or ()}
        new = all(self.proven.is_new(group) for group in self.handles.groups.values() if group.id is not None)
        access, found = self.access, set[Pair]()
        for arn in sorted(remembered if new else wanted | remembered):
            try:
                found |= {(group_id, arn) for group_id in access.groups(arn)}
            except NotFound:
                continue  # the permission set is gone; creating an assignment says so
        return corrected(frozenset(found), self.settled(), self.wanted())

    def settled(self) -> tuple[SettledAssignment, ...]:
        """Return what has ended so lately that AWS may not show it everywhere."""
        oldest = self.aws.now() - self.aws.visibility_grace
        return tuple(each for each in self.handles.settled_assignments if each.at > oldest)

    def poll(self) -> str | None:
        """Ask for every request in flight; return what we wait for, None when nothing is in flight."""
        flying = 0
        kept = []
        made = set[Pair]()
        for pending in self.handles.pending_assignments:
            pair = pair_of(pending)
            request = self._asked(pending)
            if pending.request_id is None:  # intended: keeps its place until it is sent again
                kept.append(pending)
                if pending.delete:
                    self._settle(pair, stands=None)
            elif request is not None and request.status is AssignmentStatus.IN_PROGRESS:
                kept.append(pending)
                flying += 1
            else:
                self._leave(pair)
                if request is not None and (
                    request.status is AssignmentStatus.SUCCEEDED or self._is_gone(pending, request)
                ):
                    self._settle(pair, stands=not pending.delete)
                    made |= set() if pending.delete else {pair}
                elif request is not None:
                    kept.append(pending)  # until nothing is in flight any more and it can be told
                    self.failed[pair], self.reasons[pair] = pending, request
        plans = {pending.plan for pending in self.handles.pending_assignments}
        self.complete = not kept and plans == {self.digest(sorted(made))}
        self.handles = replace(self.handles, pending_assignments=tuple(kept))
        return _waiting(flying) if flying else None

    def _settle(self, pair: Pair, *, stands: bool | None) -> None:
        others = (each for each in self.settled() if pair_of(each) != pair)
        newest = SettledAssignment(*pair, stands=stands, at=self.aws.now())
        self.handles = replace(self.handles, settled_assignments=(*others, newest))

    def _is_gone(self, pending: PendingAssignment, request: AssignmentRequest) -> bool:
        """Tell whether a deletion failed because there was nothing to delete, of what AWS had the time to know."""
        missing = pending.delete and NO_SUCH_THING in (request.reason or "")
        return missing and not any(each.stands and pair_of(each) == pair_of(pending) for each in self.settled())

    def digest(self, missing: Iterable[Pair]) -> str:
        """Return the digest of a plan that only creates: what is wanted, and what of it is missing."""
        return sha256(json.dumps([sorted(self.wanted()), list(missing)]).encode()).hexdigest()

    def since(self) -> tuple[datetime, ...]:
        """Return when the requests in flight were sent."""
        flying = (each for each in self.handles.pending_assignments if each not in self.failed.values())
        return tuple(sorted(each.sent_at for each in flying if each.request_id and each.sent_at))

    def create(self, missing: tuple[Pair, ...], actual: frozenset[Pair]) -> str | None:
        """Start what is missing; when nothing is in flight, raise what could not be made."""
        before = len(self.failures.errors)
        failed = self._failed(delete=False)
        for pair in sorted(failed & self.wanted() - actual):
            self.failures.add(self._failure("assign", pair))
        proven = self._proven(pair for pair in missing if pair not in failed)
        waiting = self._start(proven, self.access.assign, delete=False)
        if waiting is None and self.failures.errors[before:] and not self.flying:
            # Nothing is in flight: tell; the next replication tries again.
            self.handles = replace(self.handles, pending_assignments=())
            self.aws.remember(self.handles)
            self.failures.reraise()
        return waiting

    @property
    def flying(self) -> bool:
        """Whether AWS works on a request of ours."""
        return any(each.request_id for each in self.handles.pending_assignments if each not in self.failed.values())

    def delete(self, stale: tuple[Pair, ...]) -> str | None:
        """Start deleting what is too much; what failed or is not allowed is raised after the groups are deleted."""
        failed = self._failed(delete=True)
        for pair in sorted(failed & frozenset(stale)):
            self.failures.add(self._failure("remove", pair))
        return self._start([pair for pair in stale if pair not in failed], self.access.unassign, delete=True)

    def see_through(self) -> str | None:
        """Follow the deletions in flight; return what we wait for; None: all have ended, and some may be failures."""
        waiting = self.poll()
        if waiting is None:
            for pair in sorted(self._failed(delete=True)):
                self.failures.add(self._failure("remove", pair))
            intended = tuple(each for each in self.handles.pending_assignments if each.request_id is None)
            self.handles = replace(self.handles, pending_assignments=intended)
        return waiting

    def delete_groups(self) -> None:
        """Delete the groups that have no use any more, and remember the absence of those that a mapping names."""
        for name, group in outdated_groups(dict(self.roles), self.handles).items():
            with self.failures.collected():
                self.proven.delete(group)
                groups = {other: kept for other, kept in self.handles.groups.items() if other != name}
                absence = (
                    {name: Group(group.role, None, people=(), project_roles=group.project_roles)}
                    if name in self.roles
                    else {}
                )
                self.handles = replace(self.handles, groups=groups | absence)

    def _proven(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Choose the pairs whose group is ours and called as it must be, or new; the others are failures."""
        names = {group.id: name for name, group in self.handles.groups.items()}
        found = []
        for pair in pairs:
            with self.failures.collected():
                name = names[pair[0]]
                if not self.proven.is_new(self.handles.groups[name]):
                    self.proven.check(self.handles.groups[name], name)
                found.append(pair)
        return found

    def finish(self) -> None:
        """Remember what each group has now; raise what could not be removed."""
        unfinished = bool(self.failures.errors)
        groups = {
            name: group
            if group.id is None or unfinished
            else replace(group, permission_sets=tuple(sorted(self.roles[name].permission_sets)))
            for name, group in self.handles.groups.items()
        }
        self.handles = replace(self.handles, groups=groups, pending_assignments=(), settled_assignments=self.settled())
        if unfinished:
            self.aws.remember(self.handles)
            self.failures.reraise()

    def note(self) -> str:
        """Say how many assignments there are."""
        orphans = f"; {self.orphaned} of deleted groups stay: deleting them is not allowed" if self.orphaned else ""
        return f"{counted(len(self.wanted()), 'account assignment')}{orphans}"

    def _asked(self, pending: PendingAssignment) -> AssignmentRequest | None:
        """Return how far a request is; None when nobody knows, so that the list of assignments must tell."""
        if pending.request_id is None:
            return None
        ask = self.access.unassigning if pending.delete else self.access.assigning
        try:
            return ask(pending.request_id)
        except (NotFound, AccessDenied) as error:
            if isinstance(error, AccessDenied) and not pending.delete:
                raise
            return None

    def _failed(self, *, delete: bool) -> frozenset[Pair]:
        return frozenset(pair for pair, pending in self.failed.items() if pending.delete is delete)

    def settle(self, missing: tuple[Pair, ...]) -> None:
        """Give the places back of what was intended and turns out to be there, and drop what has ended."""
        for pending in self.handles.pending_assignments:
            pair = (pending.group_id, pending.permission_set)
            if pending.request_id is None and pair not in missing:
                self._leave(pair)
        self.handles = replace(self.handles, pending_assignments=tuple(self.failed.values()))

    def _start(self, pairs: list[Pair], send: Send, *, delete: bool) -> str | None:
        """Start as many as AWS and the lane take; return what we wait for, None when nothing is in flight."""
        flying = 0
        for pair in pairs:
            try:
                flying += self._send(pair, send, delete=delete)
            except (Throttled, LaneFull):
                if not flying and not self.flying:
                    raise
                break
            except Refused as refusal:
                self._refused(pair, refusal, delete=delete)
        return _waiting(flying) if flying else None

    def _send(self, pair: Pair, send: Send, *, delete: bool) -> bool:
        """Start one; False when there was nothing to do. Written down ahead of the call and with its id after it."""
        self.aws.enter(Lane.ACCOUNT_ASSIGNMENT, self.store.instance_arn, self._place(pair))
        before = self.handles
        intent = PendingAssignment(*pair, request_id=None, delete=delete, sent_at=self.aws.now(), plan=self.plan)
        self._remember(before, intent)
        try:
            request = send(*pair)
        except (Throttled, NotReady, PermanentError):  # nothing was done
            self._leave(pair)
            self.handles = before
            self.aws.remember(before)
            raise
        if request is None:
            self._leave(pair)
            self.handles = before
            return False
        self._remember(before, replace(intent, request_id=request.id))
        return True

    def _remember(self, before: Handles, pending: PendingAssignment) -> None:
        groups = {
            name: replace(group, permission_sets=tuple(sorted({*group.permission_sets, pending.permission_set})))
            if group.id == pending.group_id and group.permission_sets is not None
            else group
            for name, group in before.groups.items()
        }
        others = tuple(
            other
            for other in before.pending_assignments
            if (other.group_id, other.permission_set) != (pending.group_id, pending.permission_set)
        )
        self.handles = replace(before, groups=groups, pending_assignments=(*others, pending))
        self.aws.remember(self.handles)

    def _refused(self, pair: Pair, refusal: Refused, *, delete: bool) -> None:
        outdated = {group.id for group in outdated_groups(dict(self.roles), self.handles).values()}
        if delete and isinstance(refusal, AccessDenied) and pair[0] in outdated and not self.groups_stay:
            self.orphaned += 1
        else:
            self.failures.add(refusal)

    def _failure(self, verb: str, pair: Pair) -> StepError:
        """Return why AWS ended a request as FAILED: for good, unless it may not have known the group or account yet."""
        request = self.reasons[pair]
        reason = request.reason or "AWS gives no reason"
        message = f"AWS could not {verb} {pair[1]} for group {pair[0]}: {reason}"
        remedy = "Fix what AWS names (permission set, group or account), then retry."
        groups = [each for each in self.handles.groups.values() if each.id == pair[0]]
        made = [at for each in groups for at in (each.made_at, each.put_in_at)]
        made += [each.at for each in self.settled() if each.stands and pair_of(each) == pair]
        newest = max(filter(None, [*made, self.handles.account_created_at]), default=None)
        if newest is not None and self.aws.now() - newest < self.aws.visibility_grace:
            return NotReady("AccountAssignmentFailed", message, request.told_by)
        return PermanentError("AccountAssignmentFailed", message, request.told_by, remedy)

    def _leave(self, pair: Pair) -> None:
        self.aws.leave(Lane.ACCOUNT_ASSIGNMENT, self.store.instance_arn, self._place(pair))

    def _place(self, pair: Pair) -> str:
        return f"{self.tenant.id}/{pair[0]}/{pair[1]}"


def _waiting(count: int) -> str:
    return f"waiting for AWS: {counted(count, 'account assignment')} in progress"
