"""The groups that a tenant should have in the identity store: pure, for the steps that keep and use them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from config.landing_zone import effective_role_mappings
from config.patterns import PatternError
from tasks import names
from tasks.errors import NotReady, PermanentError
from tasks.model.desired import Desired, Tenant
from tasks.model.handles import Absence, Group, Handles
from tasks.permissions.group_proof import GroupProof

LOOK_AGAIN = timedelta(hours=1)  # for people whom Identity Center did not know: their sync runs every 40 minutes or so


@dataclass(frozen=True)
class MappedRole:
    """One AWS role that is mapped: its people by userName, and what its group is assigned."""

    name: str
    user_names: frozenset[str]
    permission_sets: frozenset[str]  # ARNs
    project_roles: tuple[str, ...] = ()  # whose people it is for

    @property
    def used(self) -> bool:
        """Whether anybody has it, so that its group must exist."""
        return bool(self.user_names)


def mapped_roles(tenant: Tenant) -> dict[str, MappedRole]:
    """Return every mapped AWS role by the display name of its group; PermanentError when two share a name.

    Several project roles may be mapped to one AWS role: their people and permission sets are united. Two AWS roles with
    one group name would unite them too, and give people more than they were meant to have, so that is refused.
    """
    mappings = effective_role_mappings(tenant.platform, tenant.landing_zone)
    roles: dict[str, MappedRole] = {}
    taken: dict[str, str] = {}  # the identity store does not tell cases apart
    for role, people in names.role_members(tenant).items():
        with names.refused_for_good("groupNamePattern"):
            name = names.group_name(tenant, role)
        with names.refused_for_good("awsRoleMappings"):
            GroupProof(str(tenant.id), role).checked()
        other = taken.setdefault(name.casefold(), role)
        if other != role:
            raise _ambiguous(name, other, role)
        own = [mapping for mapping in mappings if mapping.aws_role == role]
        arns = frozenset(arn for mapping in own for arn in mapping.permission_set_arns)
        roles[name] = MappedRole(role, frozenset(people), arns, tuple(dict.fromkeys(each.project_role for each in own)))
    return roles


def unmapped_roles(tenant: Tenant) -> list[str]:
    """Name the project roles that somebody was ordered to have and no mapping knows: they give nobody anything."""
    ordered = {role for person in tenant.desired.access for role in person.roles}
    mapped = {each.project_role for each in effective_role_mappings(tenant.platform, tenant.landing_zone)}
    return sorted(ordered - mapped)


def possible_groups(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """Yield display name and AWS role of every group that the tenant may have had by the documents of today."""
    mapped = {each.aws_role for each in effective_role_mappings(tenant.platform, tenant.landing_zone)}
    for role in sorted(mapped | tenant.known_roles):
        with suppress(PatternError):  # then no group has ever had that name
            yield names.group_name(tenant, role), role


def without_people(tenant: Tenant) -> Tenant:
    """Return the tenant as if nobody had a role: every group of it is to go."""
    return replace(tenant, desired=tenant.desired.model_copy(update={"access": []}))


def allowed_people(tenant: Tenant, handles: Handles, group: Group) -> frozenset[str]:
    """Return who may be in a group of the tenant's, by userName.

    In the group of an AWS role that no mapping names any more: whoever gets another one in its place, until that works.
    While nobody knows the landing zone, nor therefore what its roles are mapped to: whoever has a role at all.
    """
    if not tenant.landing_zone_known:
        return frozenset(filter(None, (names.user_name(tenant, person) for person in tenant.desired.access)))
    members = names.role_members(tenant)
    if group.role in members:
        return frozenset(members[group.role])
    replaced = successors(tenant, handles, group)
    return frozenset().union(
        *(names.people_with(tenant, set(group.project_roles) & set(each)) for each in replaced.values())
    )


def successors(tenant: Tenant, handles: Handles, group: Group) -> dict[str, tuple[str, ...]]:
    """Return the AWS roles that replace the one of a group and do not work yet, each with the project roles it is for.

    A role works when its group has all of its permission sets; beside one that does, nobody keeps another.
    """
    mappings = effective_role_mappings(tenant.platform, tenant.landing_zone)
    if any(mapping.aws_role == group.role for mapping in mappings):
        return {}
    asked = {each.group_id for each in handles.pending_assignments if not each.delete}
    has = {
        each.role: set(each.permission_sets or ()) for each in handles.groups.values() if each.id not in {None, *asked}
    }
    found: dict[str, tuple[str, ...]] = {}
    for mapping in mappings:
        role = mapping.aws_role
        works = role in has and has[role].issuperset(mapping.permission_set_arns)
        if mapping.project_role in group.project_roles and not works:
            found[role] = (*found.get(role, ()), mapping.project_role)
    return found


def check_shown(name: str, group: Group, missing: Collection[str], now: datetime, grace: timedelta) -> None:
    """Raise NotReady when AWS does not know members of a group into which people were put a moment ago.

    Whether they are out already, or not shown yet, can be known only when AWS has had the time to show them.
    """
    if missing and group.put_in_at is not None and now - group.put_in_at < grace:
        raise NotReady("MembershipNotShown", f"AWS does not yet show who was added to {name} a moment ago")


def outdated_groups(roles: dict[str, MappedRole], handles: Handles) -> dict[str, Group]:
    """Return the groups, by name, that exist and have no use any more: other names, or roles that nobody has."""
    return {
        name: group
        for name, group in handles.groups.items()
        if group.id is not None and (name not in roles or not roles[name].used)
    }


def not_looked_for(absence: Absence | None, desired: Desired, now: datetime) -> frozenset[str]:
    """Return the userNames that were missing a short time ago, for the same desired state."""
    if absence is None or absence.desired != digest_of(desired) or now - absence.looked_at >= LOOK_AGAIN:
        return frozenset()
    return frozenset(absence.user_names)


def digest_of(desired: Desired) -> str:
    """Return the digest of a desired state, by which a changed order is known."""
    return sha256(desired.model_dump_json().encode()).hexdigest()


def absence_after(before: Absence | None, missing: frozenset[str], desired: Desired, now: datetime) -> Absence | None:
    """Return what to remember of the people who are missing now; the first look's time as long as it counts."""
    if not missing:
        return None
    counts = before is not None and bool(not_looked_for(before, desired, now))
    looked_at = before.looked_at if before is not None and counts else now
    return Absence(looked_at, digest_of(desired), tuple(sorted(missing)))


def _ambiguous(name: str, one: str, other: str) -> PermanentError:
    return PermanentError(
        "GroupNameNotUnique",
        f"the AWS roles {one!r} and {other!r} would share the group {name!r}",
        remedy="Put #{platformGroupAlias} into groupNamePattern of the platform document, then retry.",
    )
