"""Roles as readers see them. moto keeps them: what they were before the last writes stands here."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from moto.iam.models import Role

from workers.sandbox.aws import identities
from workers.sandbox.aws.call import Call
from workers.sandbox.aws.visibility import History
from workers.sandbox.aws.visibility_rules import Kind
from workers.sandbox.aws.world import World


@dataclass
class Roles:
    """What roles were, by account and name."""

    history: History[tuple[str, str], Role] = field(default_factory=lambda: History(Kind.ROLE))


def roles_of(account_id: str, world: World) -> Mapping[str, Role]:
    """Give the roles of an account by their names, as far as this view of the world sees them."""
    roles = {(account_id, role.name): role for role in identities.backend(account_id).roles.values()}
    seen = roles if world.reader is None else world.state(Roles).history.seen_by(world.reader, roles)
    return {name: role for (owner, name), role in seen.items() if owner == account_id}


@contextmanager
def around_moto(call: Call, world: World) -> Iterator[None]:
    """Let moto answer a read of IAM by what the reader sees, and remember what a write of IAM changes."""
    if call.service != "iam":
        yield
    elif world.reader is not None:
        with _shown(call.caller.account_id, world):
            yield
    else:
        with _noted(call.caller.account_id, str(call.parameters.get("RoleName", "")), world):
            yield


@contextmanager
def _shown(account_id: str, world: World) -> Iterator[None]:
    iam = identities.backend(account_id)
    truth = iam.roles
    iam.roles = {role.id: role for role in roles_of(account_id, world).values()}
    try:
        yield
    finally:
        iam.roles = truth


@contextmanager
def _noted(account_id: str, name: str, world: World) -> Iterator[None]:
    before = _copy(identities.find_role(account_id, name))
    yield
    after = identities.find_role(account_id, name)
    if (before and vars(before)) != (after and vars(after)):
        world.state(Roles).history.note((account_id, name), before)


def _copy(role: Role | None) -> Role | None:
    """Copy a role so that what moto does to it later does not show."""
    copied = copy.copy(role)
    if copied is not None:
        copied.policies, copied.managed_policies = dict(copied.policies), dict(copied.managed_policies)
    return copied
