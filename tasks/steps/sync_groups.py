"""Each AWS role that somebody has is a group in the identity store with exactly its people.

Access is taken away before it is given, in all groups first: who lost a role must be out even when somebody else
cannot be added. Groups that have no use any more (the name pattern changed, or nobody has the role) lose those who
are not wanted in that role, but stand until `assign_permission_sets` has seen the new ones work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tasks.aws import Aws
from tasks.aws.identity_store import Directory
from tasks.errors import NotFound, PermanentError, Throttled
from tasks.failures import Failures
from tasks.groups import MappedRole, mapped_roles
from tasks.model import Done, Group, Handles, Outcome, Tenant
from tasks.names import people_without_euid


def sync_groups(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Make the tenant's groups and their members match the people of the project.

    Reads    identitystore:ListGroupMemberships 1 per group; GetUserId 1 per person not met before or missing;
             GetGroupId 1 per group not met before
    Writes   identitystore:CreateGroup, CreateGroupMembership, DeleteGroupMembership, 1 for each difference
    Returns  Done, with a remark on people who have no cloud access yet; never Wait
    Raises   what AWS refuses (permanent) after all removals are done; Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/
    """
    store = tenant.platform.identity_store
    if store is None:
        if tenant.platform.scim is not None:
            raise _scim()
        return Done(handles, "the platform has no Identity Center")
    sync = Synchronisation(aws.identity_store.directory(store.identity_store_id), mapped_roles(tenant), Failures())
    users = sync.look_people_up(handles.users)
    groups = sync.look_groups_up(handles.groups)
    groups, members = sync.remove(groups, users, handles.users)
    reached = replace(handles, users=users, groups=groups)
    if sync.failures.errors:
        # Spares the look-ups of the next try, and keeps in mind whom we have met: they may still be members.
        aws.remember(replace(reached, users={**handles.users, **users}))
        sync.failures.reraise()
    groups = sync.add(groups, members, users, str(tenant.id))
    reached = replace(reached, users=users, groups=groups)
    if sync.failures.errors:
        aws.remember(reached)
        sync.failures.reraise()
    return Done(reached, sync.note(users, people_without_euid(tenant)))


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

    directory: Directory
    roles: Mapping[str, MappedRole]  # by group name
    failures: Failures

    def look_people_up(self, known: Mapping[str, str]) -> dict[str, str]:
        """Return userName -> UserId of everybody who has a role and is in the identity store."""
        people = sorted({name for role in self.roles.values() for name in role.user_names})
        found: dict[str, str] = {}
        for name in people:
            with self.failures.collected():
                user_id = known.get(name) or self.directory.user_id(name)
                if user_id is not None:
                    found[name] = user_id
        return found

    def look_groups_up(self, known: Mapping[str, Group]) -> dict[str, Group]:
        """Return the tenant's groups by name: those of mapped roles, and others that we know of."""
        groups = {name: group for name, group in known.items() if name not in self.roles and group.id is not None}
        for name, role in self.roles.items():
            remembered = known.get(name, Group(role.name, None))
            if remembered.id is not None or (not role.used and name in known):
                groups[name] = replace(remembered, role=role.name)
                continue
            with self.failures.collected():  # a look-up that fails tells nothing: only an answer is remembered
                groups[name] = Group(role.name, self.directory.group_id(name))
        return groups

    def remove(
        self, groups: Mapping[str, Group], users: Mapping[str, str], met: Mapping[str, str]
    ) -> tuple[dict[str, Group], dict[str, dict[str, str]]]:
        """Take everybody out who does not belong; return the groups that are there and their members before."""
        standing, members = dict(groups), {}
        unknown = bool(self.failures.errors)
        for name, group in groups.items():
            if group.id is None:
                continue
            with self.failures.collected():
                actual = self._members(group.id)
                if actual is None:  # deleted by hand
                    standing[name] = Group(group.role, None)
                    continue
                members[name] = actual
                wanted = self._wanted(group.role, users)
                change = difference(wanted, frozenset(actual), unknown=unknown, met=frozenset(met.values()))
                for user_id in sorted(change.remove):
                    self.directory.remove(actual[user_id])
        kept = {name: group for name, group in standing.items() if group.id is not None or name in self.roles}
        return kept, members

    def add(
        self, groups: Mapping[str, Group], members: Mapping[str, Mapping[str, str]], users: dict[str, str], tenant: str
    ) -> dict[str, Group]:
        """Create missing groups and put missing people in; corrects `users` where AWS knows an id no more."""
        standing = dict(groups)
        for name, role in self.roles.items():
            if not role.used:
                continue
            with self.failures.collected():
                group = standing[name] = self._existing(name, groups[name], tenant)
                there = members.get(name)
                if there is None:
                    there = {} if group.permission_sets == () else self.directory.members(group.id or "")
                change = difference(self._wanted(role.name, users), frozenset(there), unknown=False, met=frozenset())
                for user_name in sorted(role.user_names & users.keys()):
                    if users[user_name] in change.add:
                        self._add(group.id or "", user_name, users)
        return standing

    def note(self, users: Mapping[str, str], without_euid: list[str]) -> str:
        """Say how many people have access, and who has none yet."""
        used = [role for role in self.roles.values() if role.used]
        missing = sorted({name for role in used for name in role.user_names} - users.keys())
        remarks = [f"{len(users)} people in {len(used)} groups"]
        remarks += [f"not in the identity store: {', '.join(missing)}"] if missing else []
        remarks += [f"without cloud identity: {', '.join(without_euid)}"] if without_euid else []
        return "; ".join(remarks)

    def _wanted(self, role: str, users: Mapping[str, str]) -> frozenset[str]:
        people = {name for mapped in self.roles.values() if mapped.name == role for name in mapped.user_names}
        return frozenset(users[name] for name in people & users.keys())

    def _members(self, group_id: str) -> dict[str, str] | None:
        try:
            return self.directory.members(group_id)
        except NotFound:
            return None

    def _existing(self, name: str, group: Group, tenant: str) -> Group:
        """Return the group with an id; a new one has no permission sets, of a found one we do not know."""
        if group.id is not None:
            return group
        created = self.directory.create_group(name, f"{group.role} of {tenant}, managed by meshStack")
        if created is not None:
            return Group(group.role, created, ())
        found = self.directory.group_id(name)
        if found is None:  # taken a moment ago and not shown yet
            raise Throttled("GroupNotShown", f"the group {name} exists but is not found yet")
        return Group(group.role, found)

    def _add(self, group_id: str, user_name: str, users: dict[str, str]) -> None:
        """Put a person in; when AWS knows the UserId no more, look the person up once more."""
        try:
            self.directory.add(group_id, users[user_name])
        except NotFound as gone:
            fresh = self.directory.user_id(user_name)
            if fresh is None:
                del users[user_name]
                return
            if fresh == users[user_name]:  # so it is the group: new and not everywhere yet, or deleted just now
                raise Throttled(gone.code, gone.message, gone.request_id) from gone
            users[user_name] = fresh
            self.directory.add(group_id, fresh)


def _scim() -> PermanentError:
    return PermanentError(
        "ScimNotOffered",
        "SCIM groups are not offered by this version",
        remedy="Configure awsIdentityStore instead of awsSso in the platform document, then retry.",
    )
