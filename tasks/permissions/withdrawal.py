"""Taking access away: from everybody who has it and is not ordered to, by what we remember and by what AWS shows.

It needs nothing but the groups and roles that are ours. It asks AWS only where somebody may have access who should
not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from tasks.aws import Aws
from tasks.errors import NotFound
from tasks.model.desired import Tenant
from tasks.model.handles import Group, Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.permissions.assignments import start_withdrawal
from tasks.permissions.collected_failures import Failures
from tasks.permissions.federation import withdraw_roles
from tasks.permissions.groups import allowed_people, check_shown
from tasks.permissions.portions import Portion, parts
from tasks.permissions.proven_groups import ProvenGroups


@dataclass
class Withdrawal:
    """One run for one tenant; `handles` is what is known by now."""

    tenant: Tenant
    handles: Handles
    aws: Aws
    failures: Failures = field(default_factory=Failures)
    portion: Portion = field(default_factory=Portion)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.proven = ProvenGroups(self.tenant, self.handles.account_id, self.aws)

    def outcome(self) -> Outcome:
        """Raise what went wrong, or say how far it is."""
        if self.failures.errors:
            self.aws.remember(self.handles)
            self.failures.reraise()
        if self.portion.rest:
            return Wait(self.handles, f"{len(self.portion.rest)} people to take out; goes on", timedelta())
        return Done(self.handles, "; ".join(self.notes) or "nobody has access that the order does not give")

    def take_people_out(self) -> None:
        """Take everybody out of each group who may be in it and is not ordered to be."""
        if self.tenant.platform.identity_center is None:
            return
        for name, group in self.handles.groups.items():
            allowed = allowed_people(self.tenant, group)
            if (group.people is None and group.id is not None) or not allowed.issuperset(group.people or ()):
                with self.failures.collected():
                    self._take_out(name, group, allowed)

    def take_permission_sets_away(self) -> None:
        """Start deleting the assignments that no mapping asks for any more and nothing replaces."""
        if not self.tenant.landing_zone_known:
            return
        with self.failures.collected():
            before = self.handles
            self.handles = start_withdrawal(self.tenant, self.handles, self.aws)
            started = len(self.handles.pending_assignments) - len(before.pending_assignments)
            self.notes += [f"{started} permission sets are being taken away"] if started > 0 else []

    def take_roles_away(self) -> None:
        """Remove the roles for federation that no mapping names any more."""
        if not self.tenant.landing_zone_known:
            return
        with self.failures.collected():
            before = self.handles.federated_roles or {}
            self.handles = withdraw_roles(self.tenant, self.handles, self.aws)
            gone = before.keys() - (self.handles.federated_roles or {}).keys()
            self.notes += [f"role {role} removed" for role in sorted(gone)]

    def _take_out(self, name: str, group: Group, allowed: frozenset[str]) -> None:
        standing = self.proven.standing(name, group)
        group_id = standing.id if standing is not None else None
        members = self._members(group_id)
        self._recognise(group, allowed, members)
        unwanted = self._unwanted(group, allowed, members)
        there = sorted(unwanted & members.keys())
        if standing is not None and there:
            self.proven.check(standing)
        unknown, refused = self._remove(group_id or "", {user_id: members[user_id] for user_id in there})
        unsure = (unwanted - members.keys()) | unknown
        if group.people is None:  # we do not remember whom we have put in: anybody may be missing in the list
            check_shown(name, group, ["anybody"], self.aws.now(), self.aws.visibility_grace)
        self._forget(name, group, allowed, {*unsure, *refused, *self.portion.rest})
        self.notes.append(f"{len(there) - len(refused)} people taken out of {name}")
        check_shown(name, group, unsure, self.aws.now(), self.aws.visibility_grace)

    def _remove(self, group_id: str, there: Mapping[str, str]) -> tuple[set[str], set[str]]:
        """Take members out, one by one where AWS refuses somebody; answers who is unknown, and who may be in."""
        unknown, refused = set[str](), set[str]()
        for part in parts(list(there), self.aws.directory.at_once):
            if self.portion.takes(*part):
                refused.update(part)
                with self.failures.refused():
                    unknown |= self.aws.directory.remove(group_id, {user_id: there[user_id] for user_id in part})
                    refused.difference_update(part)
        return unknown, refused

    def _forget(self, name: str, group: Group, allowed: frozenset[str], left: set[str]) -> None:
        """Note who may be in the group still; written at once, for after a crash nothing could tell who is out."""
        if group.people is None and left:
            return
        users = self.handles.users
        known = group.people if group.people is not None else sorted(allowed)
        people = tuple(person for person in known if person in allowed or users.get(person) in left)
        self.handles = replace(self.handles, groups={**self.handles.groups, name: replace(group, people=people)})
        self.aws.remember(self.handles)

    def _members(self, group_id: str | None) -> Mapping[str, str]:
        """Return UserId -> MembershipId of a group; none when there is no such group."""
        try:
            return self.aws.directory.members(group_id) if group_id is not None else {}
        except NotFound:
            return {}

    def _recognise(self, group: Group, allowed: frozenset[str], members: Mapping[str, str]) -> None:
        """Learn who of those who are to go is a member by an id that we do not remember.

        So it is when the id was not written down any more, or the person was deleted and made again. No call while
        everybody in the group is known.
        """
        users = dict(self.handles.users)
        strange = members.keys() - set(users.values())
        for person in group.people or ():
            if not strange:
                break
            if person not in allowed and users.get(person) not in members:
                found = self.aws.directory.user_id(person)
                if found is not None and found in strange:
                    users[person] = found
                    strange = strange - {found}
        self.handles = replace(self.handles, users=users)

    def _unwanted(self, group: Group, allowed: frozenset[str], members: Mapping[str, str]) -> frozenset[str]:
        """Return the UserIds of those who are to go.

        Where we remember whom we have put in, it is those, as far as they are recognised. Where we do not, it is
        everybody but those who are to be in the group. An id stays when one of these has it, as after a change of the
        userName.
        """
        users = self.handles.users
        if group.people is None:
            return frozenset(members) - {users.get(person) or self.aws.directory.user_id(person) for person in allowed}
        kept = {users[person] for person in allowed if person in users}
        return frozenset(users[person] for person in group.people if person not in allowed and person in users) - kept
