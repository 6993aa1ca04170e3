"""Groups in Identity Center, each judged by what it carries before anything is done to it.

A name is no proof: two tenants' names may meet, and somebody may rename, delete or make groups by hand. So a group that
is found by its name is read, and is ours when its mark names this tenant and this AWS role (`group_proof.py`). An id
that we remember was once proven; it is good enough to read its members, which is all that an unchanged tenant needs.
Before anybody is added or taken out, anything assigned to it or the group deleted, it is read again, once in each
execution: so what people did to it in the meantime is seen before we write, and a day without changes costs no call.
Only the first permission sets of a group that AWS has made for us a moment ago need no read: its id is the proof.

What is taken away needs the mark alone: a group of ours that somebody renamed is still ours, and its people are still
in the account. What is given needs the name as well.

Groups of meshStack's own replicator carry no mark. With `adoptGroups`, the operator's word, such a group is marked and
ours from then on, when it is assigned in no account but the tenant's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tasks.aws import Aws
from tasks.aws.directory import Directory, FoundGroup
from tasks.errors import NotFound, NotOurs, NotReady
from tasks.model.desired import Tenant
from tasks.model.handles import Group
from tasks.names import role_in_group_name
from tasks.permissions.group_proof import GroupProof


@dataclass
class ProvenGroups:
    """One tenant's groups, as one execution of a step sees them."""

    tenant: Tenant
    account_id: str | None  # the tenant's; None: it has none, so no group can be assigned in it
    aws: Aws
    seen: dict[str, FoundGroup] = field(default_factory=dict)  # id -> as it was read, or made by us, in this execution

    @property
    def directory(self) -> Directory:
        """The users and groups."""
        return self.aws.directory

    def proof(self, role: str) -> GroupProof:
        """Return what the group of an AWS role must carry."""
        return GroupProof(str(self.tenant.id), role)

    def find(self, name: str, group: Group) -> Group:
        """Return the group with the id of the one of that name, adopted where it may be; without one: there is none.

        Raises NotOurs when it is another one's, or nobody knows whose; NotReady when AWS may not show yet whose it is.
        """
        found = self._found(name, group)
        if found is None:
            return group
        if found.mark == self.proof(group.role).text:
            return replace(group, id=found.id)
        return self._adopted(found, group)

    def standing(self, name: str, group: Group) -> Group | None:
        """Return the group with its id, looked up by its name where it has none; None: there is none of ours.

        We have put nobody into a group that does not prove to be ours, so there is nobody in it to take out.
        """
        if group.id is not None:
            return group
        found = self._found(name, group)
        return replace(group, id=found.id) if found and found.mark == self.proof(group.role).text else None

    def recognised(self, group_id: str, roles: Iterable[str]) -> tuple[str, Group] | None:
        """Return a group that proves to be the tenant's, with its name; None: it does not, or it is gone.

        roles   those that it may stand for, where AWS does not show its mark: it is asked for each of them
        """
        try:
            found = self.directory.group(group_id)
            if found.mark is None and not self.directory.shows_marks:
                told = role_in_group_name(self.tenant, found.name)
                asked = dict.fromkeys([*([] if told is None else [told]), *roles])
                found = self.directory.group(group_id, *(self.proof(role).text for role in asked))
        except NotFound:
            return None
        self.seen[group_id] = found
        proof = GroupProof.read(found.mark)
        if proof is None or proof.tenant != str(self.tenant.id):
            return None
        return found.name, Group(proof.role, group_id)

    def create(self, name: str, group: Group) -> Group | None:
        """Make a group, and return it; None: the name is taken."""
        mark = self.proof(group.role).text
        created = self.directory.create_group(name, mark)
        if created is None:
            return None
        self.seen[created] = FoundGroup(created, name, mark)
        now = self.aws.now()
        return replace(group, id=created, permission_sets=(), marked_at=now, made_at=now)  # a new one has none

    def check(self, group: Group, name: str | None = None) -> None:
        """See that a group which we remember is still ours; raises NotOurs, NotReady, and NotFound when it is gone.

        name  what it must still be called; None: it is only to lose something
        """
        found = self._read(group)
        proof = self.proof(group.role)
        if found.mark != proof.text:
            self._check_shown(found, group.marked_at)
            raise foreign(found, proof)
        if name is not None and found.name.casefold() != name.casefold():
            raise _renamed(found, name, proof)

    def is_new(self, group: Group) -> bool:
        """Tell whether AWS has made the group for us a moment ago, and nothing was given to it yet.

        Then its id proves that it is ours, and it has no permission set: a read might not even show it yet.
        """
        if group.made_at is None or group.permission_sets != ():
            return False
        return timedelta() <= self.aws.now() - group.made_at < self.aws.visibility_grace

    def delete(self, group: Group) -> None:
        """Delete a group which we remember, if it is still there and ours; raises NotOurs, NotReady."""
        try:
            self.check(group)
        except NotFound:
            return
        self.directory.delete_group(group.id or "")

    def _found(self, name: str, group: Group) -> FoundGroup | None:
        found = self.directory.find_group(name, self.proof(group.role).text)
        if found is None:
            return None
        self._check_shown(found, max(filter(None, (group.marked_at, group.put_in_at)), default=None))
        self.seen[found.id] = found
        return found

    def _read(self, group: Group) -> FoundGroup:
        group_id, proof = group.id or "", self.proof(group.role)
        if group_id not in self.seen:
            try:
                self.seen[group_id] = self.directory.group(group_id, proof.text)
            except NotFound as gone:
                remedy = "Retry. The next replication creates the group again."
                raise NotFound(gone.code, f"the group of {proof} is gone", gone.request_id, remedy) from gone
        return self.seen[group_id]

    def _check_shown(self, found: FoundGroup, marked_at: datetime | None) -> None:
        """Raise NotReady for a group that shows no proof, if it was marked so lately that AWS may not show it."""
        lately = marked_at is not None and self.aws.now() - marked_at < self.aws.visibility_grace
        if lately and GroupProof.read(found.mark) is None:
            raise NotReady("GroupNotShown", f"AWS does not show yet whose the group {found.name!r} is")

    def _adopted(self, found: FoundGroup, group: Group) -> Group:
        """Make a group without a mark ours, and return it with its permission sets; NotOurs when it may not be."""
        proof = self.proof(group.role)
        assigned = self.adoptable(found, proof)
        self.directory.mark_group(found, proof.text)
        self.seen[found.id] = replace(found, mark=proof.text)
        here = tuple(sorted(assigned.get(self.account_id or "", ())))
        return replace(group, id=found.id, permission_sets=here, people=None, marked_at=self.aws.now())

    def adoptable(self, found: FoundGroup, proof: GroupProof) -> Mapping[str, set[str]]:
        """Return account id -> permission sets of a group that may become ours; NotOurs when it may not."""
        access = self.tenant.platform.identity_center
        if access is None or not access.adopt_groups or GroupProof.read(found.mark) is not None:
            raise foreign(found, proof)
        assigned = self.aws.account_assignments.of_group(access.instance_arn, found.id)
        others = assigned.keys() - {self.account_id}
        if others or not (assigned or self.directory.shows_marks):
            raise _assigned_elsewhere(found, proof, sorted(others))
        return assigned


def of_another_role(group: Group, name: str, wanted: GroupProof) -> NotOurs:
    """Return the error that says that a group which we remember stands for another AWS role of the tenant."""
    return foreign(FoundGroup(group.id or "", name, GroupProof(wanted.tenant, group.role).text), wanted)


def foreign(found: FoundGroup, proof: GroupProof) -> NotOurs:
    """Return the error that says whose a group is, or that nothing tells."""
    other = GroupProof.read(found.mark)
    if other is None:
        return NotOurs(
            "ForeignGroup",
            f"nothing proves that the group {found.name!r} belongs to {proof}",
            remedy=(
                "If meshStack's own replicator created it, set adoptGroups: true in the platform document; otherwise, "
                "rename or delete the group. Then retry."
            ),
        )
    return NotOurs(
        "ForeignGroup",
        f"the group {found.name!r} belongs to {other}, not to {proof}",
        remedy=(
            "Change groupNamePattern of the platform document, or the name of the AWS role, so that each has its own "
            "group; then retry. If nobody needs the group any more, delete it."
        ),
    )


def _renamed(found: FoundGroup, name: str, proof: GroupProof) -> NotOurs:
    return NotOurs(
        "GroupRenamed",
        f"the group of {proof} is now named {found.name!r}, not {name!r}",
        remedy=f"Rename the group {found.id} back to {name!r}, or delete it; then retry.",
    )


def _assigned_elsewhere(found: FoundGroup, proof: GroupProof, accounts: list[str]) -> NotOurs:
    where = f"is also assigned in {', '.join(accounts)}" if accounts else "is assigned nowhere"
    return NotOurs(
        "ForeignGroup",
        f"the group {found.name!r} carries no proof and {where}, so it cannot become that of {proof}",
        remedy="Give the group up to one tenant: remove its assignments in other accounts, or rename it; then retry.",
    )
