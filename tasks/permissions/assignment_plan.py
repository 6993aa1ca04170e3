"""What of a tenant's account assignments must be started: decided from what is wanted and what AWS shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tasks.model.handles import Handles, PendingAssignment, SettledAssignment
from tasks.permissions.groups import MappedRole

Pair = tuple[str, str]  # group id, permission set ARN


@dataclass(frozen=True)
class Assignments:
    """What must be started: assignments to delete at once, to create, and, once these work, to delete."""

    withdraw: tuple[Pair, ...] = ()  # nothing comes in their place
    create: tuple[Pair, ...] = ()
    delete: tuple[Pair, ...] = ()  # those that what is created replaces


def difference(wanted: frozenset[Pair], actual: frozenset[Pair], ours: Mapping[str, Collection[str]]) -> Assignments:
    """Return what is missing and what is too much; only groups that are `ours` (ids) are ever touched.

    ours  with the AWS roles that each group stands for, or that replace its own: what is created for one of these
          replaces what it had
    """
    create = wanted - actual
    renewed = {role for group_id, _ in create for role in ours.get(group_id, ())}
    surplus = sorted(pair for pair in actual - wanted if pair[0] in ours)
    return Assignments(
        withdraw=tuple(pair for pair in surplus if renewed.isdisjoint(ours[pair[0]])),
        create=tuple(sorted(create)),
        delete=tuple(pair for pair in surplus if not renewed.isdisjoint(ours[pair[0]])),
    )


def corrected(
    listed: frozenset[Pair], settled: Iterable[SettledAssignment], wanted: frozenset[Pair]
) -> frozenset[Pair]:
    """Return what a list shows, corrected by what has ended so lately that it may not show it.

    What may stand is taken for standing only where nobody wants it: to delete or to create it once too often harms
    nobody.
    """
    gone = {pair_of(each) for each in settled if each.stands is False}
    made = {pair_of(each) for each in settled if each.stands or (each.stands is None and pair_of(each) not in wanted)}
    return frozenset((listed - gone) | made)


def withdrawn(handles: Handles, roles: Mapping[str, MappedRole]) -> tuple[Pair, ...]:
    """Return which assignments that we remember no mapping asks for any more, where nothing comes in their place."""
    known = {pair_of(each) for each in handles.pending_assignments if each.delete and each.request_id}
    known |= {pair_of(each) for each in handles.settled_assignments if each.stands is False}
    found = set[Pair]()
    mapped = {role.name: role.permission_sets for role in roles.values()}
    for group in handles.groups.values():  # also one whose name another pattern has given
        wanted = mapped.get(group.role)
        if wanted is None or group.id is None or not wanted.issubset(group.permission_sets or ()):
            continue
        found |= {(group.id, arn) for arn in group.permission_sets or () if arn not in wanted}
    return tuple(sorted(found - known))


def pair_of(assignment: PendingAssignment | SettledAssignment) -> Pair:
    """Return what an assignment is about."""
    return assignment.group_id, assignment.permission_set
