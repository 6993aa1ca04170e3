"""Each AWS role that somebody has is a group in the identity store with exactly its people.

Access is taken away before it is given, in all groups first: who lost a role must be out even when somebody else
cannot be added. Groups that have no use any more (the name pattern changed, or nobody has the role) lose those who
are not wanted in that role, but stand until `assign_permission_sets` has seen the new ones work.

Only groups that prove to be this tenant's and this role's are changed (`tasks/permissions/proven_groups.py`).

A group may have thousands of people, and Identity Center takes 20 calls a second from everybody together. So one
execution looks up, takes out and puts in a portion of them, and the next one goes on after others had their turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from config.printable import counted, people
from tasks.aws import Aws
from tasks.aws.directory import Directory
from tasks.errors import AccessDenied, NotFound, NotOurs, Refused, Throttled
from tasks.model.desired import Tenant
from tasks.model.handles import Group, Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.names import people_without_euid
from tasks.permissions.collected_failures import Failures
from tasks.permissions.groups import (
    MappedRole,
    absence_after,
    allowed_people,
    check_shown,
    mapped_roles,
    unmapped_roles,
)
from tasks.permissions.people import People
from tasks.permissions.portions import PORTION, Portion, parts
from tasks.permissions.proven_groups import ProvenGroups, of_another_role


def sync_groups(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Make the tenant's groups and their members match the people of the project.

    Reads    identitystore:ListGroupMemberships 1 per 100 members of a group, at least 1; GetUserId 1 per person not met
             before (who is missing: again after an hour, or for another desired state); GetGroupId 1 per group not met
             before, but 0 for one that can be made at once; DescribeGroup 1 per group that is found or about to be
             changed. Or by SCIM, in about the same numbers: ListUsers (GetGroup besides for an empty group),
             ListGroups, GetGroup.
             sso:ListAccountAssignmentsForPrincipal 1 per group that may be adopted
    Writes   identitystore:CreateGroup, CreateGroupMembership, DeleteGroupMembership, 1 for each difference;
             or scim:CreateGroup, PatchGroup, 1 for 100 differences of a group. UpdateGroup or PatchGroup 1 per group
             that is adopted
    Returns  Done, with a remark on people who have no cloud access yet; Wait, to go on at once, after a portion of
             many, and when a group turns out to be there
    Raises   what AWS refuses, NotOurs for a group that is not ours and that somebody needs (permanent), after all
             removals are done; Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/ and …/developerguide/ (SCIM)
    """
    if tenant.platform.identity_center is None:
        return Done(handles, "the platform has no Identity Center")
    failures = Failures()
    people = People.known(tenant, handles, aws, failures)
    sync = Synchronisation(
        ProvenGroups(tenant, handles.account_id, aws), handles, mapped_roles(tenant), people, failures
    )
    users = people.resolve(sync.people)
    unknown = bool(failures.errors or people.portion.rest)
    groups = sync.look_groups_up(handles.groups)
    groups, members = sync.remove(groups, users, unknown=unknown)
    absence = absence_after(handles.absence, sync.missing(users), tenant.desired, aws.now())
    look = people.remembered(whole=not unknown)
    # Spares the look-ups of the next try, and keeps in mind whom we have met: they may still be members.
    met = replace(handles, users=people.users, people_look=look, groups=groups)
    if sync.goes_on(sync.removing):
        return Wait(met, f"{sync.rest}; continuing", timedelta())
    if sync.failures.errors:
        aws.remember(met)
        sync.failures.reraise()
    if people.portion.rest:
        return Wait(replace(met, absence=absence), f"{sync.rest}; continuing", timedelta())
    members = {name: certain(there, groups[name], users) for name, there in members.items() if name in groups}
    newcomers = sync.newcomers(members, users)
    ahead = replace(met, groups=putting_in(groups, newcomers, aws.now()))
    if ahead != handles:
        aws.remember(ahead)  # whoever is put in must not be forgotten: a newer order may take them out at once
    groups = sync.create(groups, ahead.groups)
    if sync.turned_up:  # with people in them, perhaps, who must be out before anybody is put in
        found = replace(met, groups=groups)
        if sync.failures.errors:
            aws.remember(found)
            sync.failures.reraise()
        return Wait(found, f"found {', '.join(sync.turned_up)}; continuing", timedelta())
    newcomers = {name: portion for name, portion in newcomers.items() if groups[name].id is not None}
    groups = putting_in(groups, newcomers, aws.now())
    users = sync.add(groups, newcomers, users)
    absence = absence_after(handles.absence, sync.missing(users), tenant.desired, aws.now())
    reached = replace(handles, users=users, people_look=look, groups=groups, absence=absence)
    if sync.goes_on(sync.adding):
        return Wait(reached, f"{sync.rest}; continuing", timedelta())
    if sync.failures.errors:
        aws.remember(reached)
        sync.failures.reraise()
    return Done(replace(reached, groups=sync.settled(groups)), sync.note(users, people_without_euid(tenant)))


Newcomers = Mapping[str, Sequence[Sequence[str]]]
"""Who is put into each group, by its name: userNames, in parts that AWS takes at once."""


def putting_in(groups: Mapping[str, Group], newcomers: Newcomers, now: datetime) -> dict[str, Group]:
    """Return the groups with everybody who may be in them once these have been put in, and nobody else.

    Who is left to a later execution may be listed still from before: that counts only for those whom we have put in.
    """
    changed = dict(groups)
    for name, portion in newcomers.items():
        group = groups[name]
        people = (
            None
            if group.people is None
            else tuple(sorted({*group.people, *(each for part in portion for each in part)}))
        )
        changed[name] = replace(group, people=people, put_in_at=now)
    return changed


def certain(members: dict[str, str], group: Group, users: Mapping[str, str]) -> dict[str, str]:
    """Return the members without those whom we remember to have taken out: AWS may list them still."""
    if group.people is None:
        return members
    ours = {users[name] for name in group.people if name in users}
    return {user_id: membership for user_id, membership in members.items() if user_id in ours}


@dataclass(frozen=True)
class Change:
    """The difference between the members that a group should have and those it has, as UserIds."""

    add: frozenset[str]
    remove: frozenset[str]


def difference(wanted: frozenset[str], actual: frozenset[str], *, unknown: bool, met: frozenset[str]) -> Change:
    """Return who is added and who is removed.

    unknown  the UserId of somebody who is wanted could not be found out; then only members that we have `met` are
             removed, for any other may be the one
    """
    gone = actual - wanted
    return Change(add=wanted - actual, remove=gone & met if unknown else gone)


@dataclass(frozen=True)
class Synchronisation:
    """One run for one tenant."""

    proven: ProvenGroups
    before: Handles
    roles: Mapping[str, MappedRole]  # by group name
    known: People
    failures: Failures
    turned_up: list[str] = field(default_factory=list)  # names of groups that we wanted to make and that are there
    left_alone: list[str] = field(default_factory=list)  # names of groups that nobody needs and that are not ours
    removing: Portion = field(default_factory=Portion)
    adding: Portion = field(default_factory=Portion)

    @property
    def aws(self) -> Aws:
        """AWS, for what the directory does not do."""
        return self.proven.aws

    @property
    def directory(self) -> Directory:
        """Users and groups of Identity Center."""
        return self.proven.directory

    @property
    def expects_none(self) -> bool:
        """Whether no group is likely to be there: then each is made without a look, for AWS makes no second one."""
        store, aws = self.proven.tenant.platform.identity_center, self.aws
        return aws.is_young and aws.refuses_what_is_there and store is not None and not store.adopt_groups

    def goes_on(self, portion: Portion) -> bool:
        """Tell whether there is more to do, whatever fails for good meanwhile, and the next execution gets further."""
        return bool(portion.rest) and self.failures.transient is None and len(self.failures.errors) < PORTION

    @property
    def rest(self) -> str:
        """Say what is left for the next execution."""
        left = {"to look up": self.known.portion, "to remove": self.removing, "to add": self.adding}
        return ", ".join(f"{people(len(each.rest))} {what}" for what, each in left.items() if each.rest)

    @property
    def people(self) -> set[str]:
        """Everybody who has a role, by userName."""
        return {name for role in self.roles.values() for name in role.user_names}

    def missing(self, users: Mapping[str, str]) -> frozenset[str]:
        """Return who has a role and is not in the identity store, as far as it was looked."""
        return frozenset(self.people - users.keys() - self.known.portion.rest)

    def look_groups_up(self, known: Mapping[str, Group]) -> dict[str, Group]:
        """Return the tenant's groups by name: those of mapped roles, and others that we know of."""
        groups = {name: group for name, group in known.items() if name not in self.roles and group.id is not None}
        for name, role in self.roles.items():
            remembered = known.get(name, Group(role.name, None))
            remembered = replace(remembered, project_roles=role.project_roles)
            if name in known:  # whatever a look-up answers or fails at: who was put in is not forgotten
                groups[name] = remembered
            if remembered.id is not None or (not role.used and name in known):
                if remembered.id is not None and role.used and remembered.role != role.name:
                    self.failures.add(of_another_role(remembered, name, self.proven.proof(role.name)))
                continue
            remembered = replace(remembered, role=role.name)
            if role.used and self.expects_none:
                groups[name] = replace(remembered, people=remembered.people or ())
                continue
            with self.failures.collected():
                found = self._found(name, role, remembered)
                if found is not None:
                    people = () if found.id is None and found.people is None else found.people
                    groups[name] = replace(found, people=people)
        return groups

    def remove(
        self, groups: Mapping[str, Group], users: Mapping[str, str], *, unknown: bool
    ) -> tuple[dict[str, Group], dict[str, dict[str, str]]]:
        """Take everybody out who does not belong; return the groups that are there and their members before.

        unknown  as `difference` has it
        """
        standing, members = dict(groups), {}
        met = frozenset(self.before.users.values())
        for name, group in groups.items():
            if group.id is None:
                continue
            with self.failures.collected():
                actual = self._members(group.id)
                if actual is None:  # deleted by hand
                    standing[name] = Group(group.role, None, people=(), project_roles=group.project_roles)
                    continue
                members[name] = actual
                wanted = frozenset(users[each] for each in self.wanted(name, group) & users.keys())
                change = difference(wanted, frozenset(actual), unknown=unknown, met=met)
                if change.remove:
                    self.proven.check(group)
                for part in parts(sorted(change.remove), self.directory.at_once):
                    if self.removing.takes(*part):
                        with self.failures.refused():
                            gone = self.directory.remove(group.id, {user_id: actual[user_id] for user_id in part})
                            check_shown(name, group, gone, self.aws.now(), self.aws.visibility_grace)
        kept = {name: group for name, group in standing.items() if group.id is not None or name in self.roles}
        return kept, members

    def newcomers(self, members: Mapping[str, Mapping[str, str]], users: Mapping[str, str]) -> Newcomers:
        """Choose who is put in by this execution; first those whom no earlier one has put in, shown or not."""
        chosen: dict[str, list[Sequence[str]]] = {}
        for name, role in self.roles.items():
            before = set(self.before.groups[name].people or ()) if name in self.before.groups else set()
            lacking = [each for each in role.user_names & users.keys() if users[each] not in members.get(name, {})]
            for part in parts(sorted(lacking, key=lambda each: (each in before, each)), self.directory.at_once):
                if self.adding.takes(*part):
                    chosen.setdefault(name, []).append(part)
        return chosen

    def create(self, groups: Mapping[str, Group], ahead: Mapping[str, Group]) -> dict[str, Group]:
        """Create the groups that are missing; `turned_up` names those that are there without our having looked.

        ahead   the groups as they were written down: so a newer order looks for one of which AWS does not answer
        """
        standing = dict(groups)
        for name, role in self.roles.items():
            if role.used and groups[name].id is None:
                standing[name] = ahead[name]
                with self.failures.collected():
                    standing[name] = self.proven.create(name, groups[name]) or self._taken(name, groups[name])
        return standing

    def add(self, groups: Mapping[str, Group], newcomers: Newcomers, known: Mapping[str, str]) -> dict[str, str]:
        """Put people in.

        known  userName -> UserId of everybody who has a role; answers it corrected where AWS knows an id no more
        """
        users = dict(known)
        for name, portion in newcomers.items():
            group = groups[name]
            with self.failures.collected():
                self.proven.check(group, name)
                for part in portion:
                    with self.failures.refused():
                        self._add(group.id or "", part, users)
        return users

    def settled(self, groups: Mapping[str, Group]) -> dict[str, Group]:
        """Return the groups after a run that has reached all it wanted: exactly those who are wanted are in them."""
        wanted = {name: self.wanted(name, group) for name, group in groups.items()}
        there = {
            name: wanted[name]
            if name in self.roles or group.people is None
            else wanted[name].intersection(group.people)
            for name, group in groups.items()
        }
        return {name: replace(group, people=tuple(sorted(there[name]))) for name, group in groups.items()}

    def note(self, users: Mapping[str, str], without_euid: list[str]) -> str:
        """Say how many people have access, and who has none yet."""
        used = [role for role in self.roles.values() if role.used]
        missing = sorted(self.missing(users))
        remarks = [f"{people(len(users))} in {counted(len(used), 'group')}"]
        remarks += [f"not in the identity store: {', '.join(missing)}"] if missing else []
        remarks += [f"without euid: {', '.join(without_euid)}"] if without_euid else []
        unmapped = unmapped_roles(self.proven.tenant)
        remarks += [f"roles without a mapping: {', '.join(unmapped)}"] if unmapped else []
        remarks += (
            [f"left unchanged, because they are not this tenant's: {', '.join(self.left_alone)}"]
            if self.left_alone
            else []
        )
        return "; ".join(remarks)

    def wanted(self, name: str, group: Group) -> frozenset[str]:
        """Return who is to be in a group, by userName."""
        if name in self.roles:
            return self.roles[name].user_names
        return allowed_people(self.proven.tenant, self.before, group)

    def _members(self, group_id: str) -> dict[str, str] | None:
        try:
            return self.directory.members(group_id)
        except NotFound:
            return None

    def _found(self, name: str, role: MappedRole, group: Group) -> Group | None:
        """Look a group up; one that is not ours is only told of when nobody needs it."""
        try:
            return self.proven.find(name, group)
        except NotOurs:
            if role.used:
                raise
            self.left_alone.append(name)
            return None

    def _taken(self, name: str, group: Group) -> Group:
        """Return the group that has the name already, or as it was known before: nobody is put into that.

        What it has AWS must tell, and who is in it where that is in doubt.
        """
        before = self.before.groups.get(name, group)
        noted = name in self.before.groups and before.id is None and self.before.doubt is None
        people = before.people if noted else None
        unread = replace(group, people=people, put_in_at=before.put_in_at, marked_at=before.marked_at)
        self.turned_up.append(name)
        with self.failures.collected():
            try:
                found = self.proven.find(name, unread)
            except NotOurs as error:  # so nobody is in it by us
                self.turned_up.remove(name)
                self.failures.add(error)
                return group
            if found.id is not None and found.id != before.id:
                return found
            # Taken a moment ago and not shown yet; or said to be gone a moment ago, and shown still.
            raise Throttled("GroupNotShown", f"the group {name} exists, but AWS does not show it everywhere yet")
        return before

    def _add(self, group_id: str, user_names: Sequence[str], users: dict[str, str]) -> None:
        """Put people in, at once where AWS takes them all; else one by one, so that nobody keeps the others out."""
        try:
            self.directory.add(group_id, [users[name] for name in user_names])
        except AccessDenied:
            raise
        except Refused as refusal:
            if len(user_names) == 1:
                self._add_again(group_id, user_names[0], users, refusal)
                return
            for name in user_names:
                with self.failures.refused():
                    self._add(group_id, [name], users)

    def _add_again(self, group_id: str, user_name: str, users: dict[str, str], refusal: Refused) -> None:
        """Put a person in whose UserId AWS refuses: look the person up once more; one who is gone is a remark."""
        fresh = self.directory.user_id(user_name)
        if fresh is None:
            del users[user_name]
            return
        if fresh != users[user_name]:
            users[user_name] = fresh
            self.directory.add(group_id, [fresh])
        elif isinstance(refusal, NotFound):  # so it is the group: new and not everywhere yet, or deleted just now
            raise Throttled(refusal.code, refusal.message, refusal.request_id) from refusal
        else:
            raise refusal
