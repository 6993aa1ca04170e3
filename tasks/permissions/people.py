"""Who is who in Identity Center: userName -> UserId, asked again with every changed order and every day.

A userName may be given to another person, and a person be deleted and made again with another UserId. So what we
remember is believed for the same order only, and not for longer than `aws.users_kept`. A look for many people takes
several executions; who was not asked for again yet counts as who they were before, so that nobody loses access on the
way.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles, PeopleLook
from tasks.permissions.collected_failures import Failures
from tasks.permissions.groups import LOOK_AGAIN, digest_of, not_looked_for
from tasks.permissions.portions import Portion


@dataclass
class People:
    """What one execution knows of people, and learns."""

    tenant: Tenant
    aws: Aws
    users: dict[str, str]  # userName -> UserId of everybody whom we have met
    look: PeopleLook
    spared: frozenset[str]  # userNames that were missing a short time ago
    failures: Failures
    portion: Portion = field(default_factory=Portion)
    _asked: set[str] = field(default_factory=set)  # userNames, in this execution

    @classmethod
    def known(cls, tenant: Tenant, handles: Handles, aws: Aws, failures: Failures) -> People:
        """Begin with what is remembered, as far as it is believed still."""
        now = aws.now()
        spared = not_looked_for(handles.absence, tenant.desired, now)
        believed = handles.people_look is not None and _holds(handles.people_look, tenant, aws)
        look = (
            handles.people_look if believed and handles.people_look else PeopleLook(now, digest_of(tenant.desired), ())
        )
        return cls(tenant, aws, dict(handles.users), look, spared, failures)

    def resolve(self, names: Collection[str]) -> dict[str, str]:
        """Return userName -> UserId of those who are in Identity Center, as far as it is known.

        Reads   identitystore:GetUserId (or scim:ListUsers) 1 for each who was not asked for in this look, at most a
                portion
        """
        for name in sorted(names):
            if self._is_due(name) and self.portion.takes(name):
                with self.failures.collected():
                    self._ask(name)
        return {name: self.users[name] for name in names if name in self.users}

    def remembered(self, *, whole: bool) -> PeopleLook:
        """Return what to remember of this look.

        whole  everybody of the tenant was asked for
        """
        if whole or self.look.asked is None:
            return replace(self.look, asked=None)
        return replace(self.look, asked=tuple(sorted({*self.look.asked, *self._asked})))

    def _is_due(self, name: str) -> bool:
        if name in self._asked:
            return False
        if name not in self.users:
            return name not in self.spared
        return self.look.asked is not None and name not in self.look.asked

    def _ask(self, name: str) -> None:
        user_id = self.aws.directory.user_id(name)
        self._asked.add(name)
        self.users.pop(name, None)
        if user_id is not None:
            self.users[name] = user_id


def _holds(look: PeopleLook, tenant: Tenant, aws: Aws) -> bool:
    """Tell whether what a look has found is believed still; one under way goes on."""
    kept = aws.users_kept if look.asked is None else max(aws.users_kept, LOOK_AGAIN)
    return look.desired == digest_of(tenant.desired) and aws.now() - look.began_at < kept
