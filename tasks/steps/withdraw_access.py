"""First of all: what the newest order does not give any more is taken away.

Nothing comes before it, and it needs nothing but the groups and roles that are ours: no wait, no other step, no landing
zone document. It asks AWS only where somebody may have access who should not; that everything else is right, drift by
hand included, the steps that give access see later.
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


def withdraw_access(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Take away what nobody orders any more: people in groups, permission sets of groups, roles for federation.

    Reads    nothing where all who may have access are to have it. Else identitystore:ListGroupMemberships 1 per 100
             members of a group (or scim:ListUsers), GetGroupId 1 for a group whose id is not known, DescribeGroup (or
             scim:GetGroup) 1 for a group that loses somebody
    Writes   identitystore:DeleteGroupMembership 1 for each person (or scim:PatchGroup 1 per 100);
             sso:DeleteAccountAssignment 1 each, not waited for here; iam:DetachRolePolicy, DeleteRole,
             UpdateAssumeRolePolicy for each role
    Returns  Done; Wait, to go on at once, after a portion of many people
    Raises   what AWS refuses (permanent) after everybody else is out; NotReady while AWS does not show yet who was put
             in a moment ago; Throttled, Unanswered (transient)
    """
    withdrawal = Withdrawal(tenant, handles, aws)
    withdrawal.take_people_out()
    withdrawal.take_permission_sets_away()
    withdrawal.take_roles_away()
    if withdrawal.failures.errors:
        aws.remember(withdrawal.handles)
        withdrawal.failures.reraise()
    if withdrawal.portion.rest:
        return Wait(withdrawal.handles, f"{len(withdrawal.portion.rest)} people to take out; goes on", timedelta())
    return Done(withdrawal.handles, "; ".join(withdrawal.notes) or "nobody has access that the order does not give")


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
        directory, group_id = self.aws.directory, standing.id if standing is not None else None
        members = self._members(group_id)
        unwanted = self._unwanted(group, allowed, members)
        there = sorted(unwanted & members.keys())
        unsure = set(unwanted - members.keys())
        if standing is not None and there:
            self.proven.check(standing)
        for part in parts(there, directory.at_once):
            if self.portion.takes(*part):
                unsure |= directory.remove(group_id or "", {user_id: members[user_id] for user_id in part})
        self._forget(name, group, allowed, {*unsure, *self.portion.rest})
        self.notes.append(f"{len(there)} people taken out of {name}")
        check_shown(name, group, unsure, self.aws.now(), self.aws.visibility_grace)

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

    def _unwanted(self, group: Group, allowed: frozenset[str], members: Mapping[str, str]) -> frozenset[str]:
        """Return the UserIds of those who are to go.

        Where we remember whom we have put in, it is those; whose id we do not know, we have not put in. Where we do
        not, it is everybody but those who are to be in the group. An id stays when one of these has it, as after a
        change of the userName.
        """
        users = self.handles.users
        if group.people is None:
            return frozenset(members) - {users.get(person) or self.aws.directory.user_id(person) for person in allowed}
        kept = {users[person] for person in allowed if person in users}
        return frozenset(users[person] for person in group.people if person not in allowed and person in users) - kept
