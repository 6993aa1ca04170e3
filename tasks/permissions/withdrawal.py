"""Taking access away: from everybody who has it and is not ordered to, by what we remember and by what AWS shows.

It needs nothing but the groups and roles that are ours. While we remember all that AWS has, it asks AWS only where
somebody may have access who should not. Where that is in doubt, what we remember goes first; then AWS is read, and what
was found there goes too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from config.printable import counted, people
from tasks.aws import Aws
from tasks.errors import NotFound
from tasks.model.desired import Tenant
from tasks.model.handles import Group, Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.permissions.assignments import start_withdrawal
from tasks.permissions.collected_failures import Failures
from tasks.permissions.federated_policies import PolicyWithdrawal
from tasks.permissions.federation import withdraw_roles
from tasks.permissions.groups import allowed_people, check_shown
from tasks.permissions.people import People
from tasks.permissions.portions import Portion, parts
from tasks.permissions.proven_groups import ProvenGroups
from tasks.permissions.recall import Recall

NOTHING_TO_DO = "there is no access to remove"


@dataclass
class Withdrawal:
    """One run for one tenant; `handles` is what is known by now."""

    tenant: Tenant
    handles: Handles
    aws: Aws
    failures: Failures = field(default_factory=Failures)
    portion: Portion = field(default_factory=Portion)
    notes: list[str] = field(default_factory=list)
    whole: bool = False  # every group is read, whatever we remember of its people

    def __post_init__(self) -> None:
        self.proven = ProvenGroups(self.tenant, self.handles.account_id, self.aws)
        self.people = People.known(self.tenant, self.handles, self.aws, self.failures)

    @property
    def looks_again(self) -> bool:
        """Whether a later step reads every group once more, when AWS must show everything: `settle_doubt`."""
        return self.handles.doubt is not None and not self.whole and self.tenant.deletion is None

    def outcome(self) -> Outcome:
        """Raise what went wrong, or say how far it is."""
        if self.failures.errors:
            self.aws.remember(self.handles)
            self.failures.reraise()
        left = len(self.portion.rest | self.people.portion.rest)
        if left:
            return Wait(self.handles, f"{people(left)} to check or remove; continuing", timedelta())
        look = self.handles.people_look
        if (
            look is not None and look.asked is not None
        ):  # some were asked for, for our own use: it tells nothing of others
            self.handles = replace(self.handles, people_look=None)
        return Done(self.handles, "; ".join(self.notes) or NOTHING_TO_DO)

    def take_away(self) -> None:
        """Take away whatever the order does not give, of all that is known."""
        self.take_people_out()
        self.take_permission_sets_away()
        self.take_roles_away()

    def recall_groups(self) -> None:
        """Learn which groups of the tenant there are, before anybody knows its account."""
        recall = Recall(self.tenant, self.handles, self.proven, self.aws)
        with self.failures.collected():
            recall.groups_by_name()
        self.handles = recall.handles

    def recall(self) -> None:
        """Learn what AWS has of the tenant, whatever we remember; what fails is told at the end."""
        recall = Recall(self.tenant, self.handles, self.proven, self.aws)
        for look in (recall.groups_by_name, recall.assignments, recall.roles):
            with self.failures.collected():
                look()
            self.handles = recall.handles
        if recall.foreign:
            foreign = counted(len(recall.foreign), "group")
            self.notes.append(f"left alone: {foreign} with access, but without proof")
        if recall.unread:
            self.notes.append(f"the account's roles could not be read: {recall.unread}")

    def take_people_out(self) -> None:
        """Take everybody out of each group who may be in it and is not ordered to be."""
        if self.tenant.platform.identity_center is None:
            return
        for name, group in self.handles.groups.items():
            allowed = allowed_people(self.tenant, self.handles, group)
            unread = group.id is not None and (self.whole or group.people is None)
            if unread or not allowed.issuperset(group.people or ()):
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
            self.notes += [f"{started} permission sets are being removed"] if started > 0 else []

    def take_roles_away(self) -> None:
        """Remove the roles for federation that no mapping names any more, and of the others what it gives no more."""
        if not self.tenant.landing_zone_known:
            return
        with self.failures.collected():
            before = self.handles.sign_in_roles or {}
            self.handles = withdraw_roles(self.tenant, self.handles, self.aws)
            gone = before.keys() - (self.handles.sign_in_roles or {}).keys()
            self.notes += [f"role {role} removed" for role in sorted(gone)]
        policies = PolicyWithdrawal(self.tenant, self.handles, self.aws, self.failures, self.notes)
        policies.take_away()
        self.handles = policies.handles

    def _take_out(self, name: str, group: Group, allowed: frozenset[str]) -> None:
        group = self.proven.standing(name, group) or group  # with its id from now on, so that it is deleted in its turn
        members = self._members(group.id)
        unwanted = self._unwanted(group, allowed, members)
        there = sorted(unwanted & members.keys())
        if there:
            self.proven.check(group)
        unknown, refused = self._remove(group.id or "", {user_id: members[user_id] for user_id in there})
        unsure = (unwanted - members.keys()) | unknown
        if group.people is None and not self.looks_again:  # anybody may have been put in, and be missing in the list
            check_shown(name, group, ["anybody"], self.aws.now(), self.aws.visibility_grace)
        self._forget(name, group, allowed, {*unsure, *refused, *self.portion.rest})
        if len(there) > len(refused):
            self.notes.append(f"{people(len(there) - len(refused))} removed from {name}")
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
        """Note who may be in the group still; written at once, for after a crash nobody could tell who is out."""
        look = self.people.remembered(whole=False)
        self.handles = replace(self.handles, users=dict(self.people.users), people_look=look)
        if group.people is not None or not (left or self.people.portion.rest):
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

        Where we remember whom we have put in, and know every member, it is those of them who are not allowed. Else it
        is everybody but those who are, whose ids are asked for once more: somebody may be a member by an id that
        nobody wrote down, or that another userName has had before. An id stays when one who is allowed has it, as after
        a change of the userName.
        """
        met = self.people.users
        leaving = frozenset(group.people or ()) - allowed
        if group.people is not None and not self.whole and members.keys() <= set(met.values()):
            return self._ids(leaving) - self._ids(allowed)
        self.people.resolve(allowed | {person for person in leaving if met.get(person) not in members})
        complete = allowed.isdisjoint(self.people.portion.rest)
        return ((frozenset(members) if complete else frozenset()) | self._ids(leaving)) - self._ids(allowed)

    def _ids(self, people: frozenset[str]) -> frozenset[str]:
        return frozenset(self.people.users[person] for person in people if person in self.people.users)
