"""What AWS has of a tenant beyond what we remember: read afresh when Redis was lost or restored, and judged by proof.

Groups are found by the names that the tenant's roles would have in any landing zone, and by what is assigned in the
account, whatever their names are: each of them carries whose it is. Roles for federation are found by our statement in
their trust. Whatever is found goes into the handles; what of it no order gives, `withdrawal.py` takes away. What does
not prove to be ours is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tasks.aws import Aws
from tasks.errors import AccessDenied, NotFound, NotReady
from tasks.model.desired import Tenant
from tasks.model.handles import Doubt, Group, Handles
from tasks.permissions.federation import trusting_roles
from tasks.permissions.groups import possible_groups
from tasks.permissions.proven_groups import ProvenGroups


@dataclass
class Recall:
    """One look for one tenant; `handles` is what is known by now."""

    tenant: Tenant
    handles: Handles
    proven: ProvenGroups
    aws: Aws
    foreign: set[str] = field(default_factory=set)  # ids of groups with access to the account that are not ours
    unread: str | None = None  # why the account's roles could not be read

    def groups_by_name(self) -> None:
        """Learn which groups there are of roles that any document maps. GetGroupId, DescribeGroup (or ListGroups) each.

        The order may have another landing zone than the one by which they were made.
        """
        if self.tenant.platform.identity_center is None:
            return
        for name, role in possible_groups(self.tenant):
            known = self.handles.groups.get(name)
            if known is None or known.id is None:
                found = self.proven.standing(name, Group(role, None))
                if found is not None:
                    self._learn(name, found)

    def assignments(self) -> None:
        """Learn what each of our groups has in the account, and which groups of ours have anything there.

        Reads   sso:ListPermissionSetsProvisionedToAccount 1 for 100 permission sets, ListAccountAssignments 1 for each;
                identitystore:DescribeGroup (or scim:GetGroup) 1 for each group that we do not know
        """
        access = self.tenant.platform.identity_center
        if access is None or self.handles.account_id is None:
            return
        account = self.aws.account_assignments.account(access.instance_arn, self.handles.account_id)
        began, found = self.aws.now(), dict[str, set[str]]()
        for arn in account.permission_sets():
            try:
                for group_id in account.groups(arn):
                    found.setdefault(group_id, set()).add(arn)
            except NotFound:  # the permission set was deleted since
                continue
        for group_id in sorted(found.keys() - {group.id for group in self.handles.groups.values()}):
            self._recognise(group_id)
        self._note(found)
        doubt = self.handles.doubt or Doubt()
        self.handles = replace(self.handles, doubt=replace(doubt, looked_at=began))

    def roles(self) -> None:
        """Learn which roles of the account have our trust; later, where the account does not let us in. ListRoles.

        What policies they have nobody knows then; `federated_policies.py` asks for those that are to stay.
        """
        account_id = self.handles.account_id
        if account_id in (None, self.tenant.platform.management_account_id):
            return
        try:
            there = trusting_roles(self.aws.roles(account_id or ""))
        except (AccessDenied, NotReady) as error:
            self.unread = error.code
            return
        known = {**there, **(self.handles.sign_in_roles or {})}
        unread = {name: replace(role, policies=None) for name, role in known.items()}
        self.handles = replace(self.handles, sign_in_roles=unread)

    def _recognise(self, group_id: str) -> None:
        """Learn whose a group is that has access to the account."""
        roles = [role for _, role in possible_groups(self.tenant)]
        known = [group.role for group in self.handles.groups.values()]
        recognised = self.proven.recognised(group_id, [*roles, *known])
        if recognised is None:
            self.foreign.add(group_id)
        else:
            self._learn(*recognised)

    def _learn(self, name: str, group: Group) -> None:
        self.handles = replace(self.handles, groups={**self.handles.groups, name: group})

    def _note(self, found: dict[str, set[str]]) -> None:
        """Note what the groups have; what AWS is still making is not listed yet."""
        made = {(each.group_id, each.permission_set) for each in self.handles.pending_assignments}
        self.handles = replace(
            self.handles,
            groups={
                name: replace(
                    group,
                    permission_sets=tuple(
                        sorted(found.get(group.id, set()) | {arn for group_id, arn in made if group_id == group.id})
                    ),
                )
                if group.id is not None
                else group
                for name, group in self.handles.groups.items()
            },
        )
