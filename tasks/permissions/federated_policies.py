"""What the newest order no longer gives to a role for federation that stays: its managed policies go first, too.

What a role may have is remembered, so AWS is asked only where some of it is given no more, or where nobody knows. What
it has indeed, AWS says then, and whose the role is. What is to be added, `federation.py` adds when its turn comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from config.federation import FederatedRole, federated_roles
from tasks.aws import Aws
from tasks.errors import AccessDenied, NotReady
from tasks.model.desired import Tenant
from tasks.model.handles import Handles, SignInRole
from tasks.permissions.collected_failures import Failures
from tasks.permissions.federation import made_for, policies_to_detach


@dataclass
class PolicyWithdrawal:
    """One run for one tenant; `handles` is what is known by now."""

    tenant: Tenant
    handles: Handles
    aws: Aws
    failures: Failures
    notes: list[str]

    def take_away(self) -> None:
        """Take from each role of ours the policies that no mapping gives it any more; what fails is collected.

        Reads   iam:GetRole 1, ListAttachedRolePolicies 1 for each role that may have one, or of which nobody knows
        Writes  iam:DetachRolePolicy 1 for each policy
        """
        if self.handles.account_id is None or not self.handles.sign_in_roles:
            return
        for wanted in federated_roles(self.tenant.platform, self.tenant.landing_zone):
            known = self.handles.sign_in_roles.get(wanted.name)
            if known is not None and not wanted.external and may_have_more(known, wanted):
                with self.failures.collected():
                    self._take_from(wanted, known)

    def _take_from(self, wanted: FederatedRole, known: SignInRole) -> None:
        try:
            attached = self._attached(wanted.name)
        except (AccessDenied, NotReady) as error:
            if known.policies is not None:
                raise
            self.notes.append(f"the policies of role {wanted.name} could not be read: {error.code}")
            return
        surplus = policies_to_detach(wanted.policies, attached)
        left = [arn for arn in surplus if not self._taken(wanted.name, arn)]
        unseen = self._unseen(wanted, known, attached)
        given = policies_given(wanted, frozenset(known.policies or ()) | attached)
        self._note(wanted.name, replace(known, policies=tuple(sorted({*given, *left, *unseen}))))
        if unseen:
            message = f"AWS does not show yet whether role {wanted.name} has {', '.join(unseen)}"
            raise NotReady("PolicyNotShown", message)

    def _attached(self, name: str) -> frozenset[str]:
        """Return the ARNs of a role's policies; none when it does not prove to be ours."""
        roles = self.aws.roles(self.handles.known_account())
        role = roles.find(name)
        return roles.policies(name) if role is not None and made_for(self.tenant, role) else frozenset()

    def _taken(self, role: str, arn: str) -> bool:
        """Take a policy away; False: AWS refuses that, and the others go all the same."""
        with self.failures.collected():
            self.aws.roles(self.handles.known_account()).detach(role, arn)
            self.notes.append(f"{arn} detached from {role}")
            return True
        return False

    def _unseen(self, wanted: FederatedRole, known: SignInRole, attached: frozenset[str]) -> list[str]:
        """Return what is to go, was given a moment ago, and is not shown: AWS may not show it yet."""
        if known.given_at is None or self.aws.now() - known.given_at >= self.aws.visibility_grace:
            return []
        shown = attached | {arn.rpartition("/")[2] for arn in attached}
        return [
            each for each in policies_to_detach(wanted.policies, frozenset(known.policies or ())) if each not in shown
        ]

    def _note(self, name: str, role: SignInRole) -> None:
        """Note what a role may have still; written at once, for after a crash nobody could tell what is gone."""
        self.handles = replace(self.handles, sign_in_roles={**(self.handles.sign_in_roles or {}), name: role})
        self.aws.remember(self.handles)


def may_have_more(known: SignInRole, wanted: FederatedRole) -> bool:
    """Tell whether a role may have a policy that no mapping gives it.

    >>> reader = FederatedRole(name="reader", policies=("arn:aws:iam::aws:policy/ReadOnlyAccess",))
    >>> may_have_more(SignInRole(policies=reader.policies), reader), may_have_more(SignInRole(), reader)
    (False, True)
    """
    return known.policies is None or bool(policies_to_detach(wanted.policies, frozenset(known.policies)))


def policies_given(wanted: FederatedRole, policies: frozenset[str]) -> frozenset[str]:
    """Return those of these policies, by name or ARN, that a mapping gives the role."""
    return policies.difference(policies_to_detach(wanted.policies, policies))
