"""What Control Tower does behind the account factory's product: enroll an account, put it elsewhere, let it go.

One operation per account, `control_tower_operations` at once; what comes on top is refused in Control Tower's words.
Each has an end that is known from the start and happens as time passes (`settle`).
Source: Control Tower user guide, "Enroll an existing account", "Limits", "Unmanage an account".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workers.sandbox import organization
from workers.sandbox.aws import identities
from workers.sandbox.aws.call import AwsError
from workers.sandbox.aws.control_tower import EXECUTION_ROLE, ControlTower
from workers.sandbox.aws.policies import trusts
from workers.sandbox.aws.tree import Account, OrganizationTree

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

BUSY = (
    "Account Factory cannot complete an operation on this account, because another AWS Control Tower operation is in "
    "progress. Try again later."
)
NO_ROLE = (
    f"AWS Control Tower is unable to assume the {EXECUTION_ROLE} role in the account. Add the role to your account if "
    "it's not present, and try again."
)
UNIT = re.compile(r"(?P<name>.+) \((?P<id>ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})\)")


@dataclass
class Failures:
    """What operators ordered to fail: e-mail address of an account -> AWS's words, and how often they come."""

    ordered: dict[str, tuple[str, int]] = field(default_factory=dict)

    def take(self, email: str) -> str | None:
        """Give the next failure of an account; None: it works."""
        reason, left = self.ordered.get(email, ("", 0))
        if left <= 0:
            return None
        self.ordered[email] = (reason, left - 1)
        return reason


def registered_unit(name: str, world: World) -> str:
    """Find the OU that a product names: `Name` of one below the root, or `Name (ou-…)` of any; must be registered."""
    match = UNIT.fullmatch(name)
    units = world.state(OrganizationTree).units.values()
    if match is not None:
        found = [unit.id for unit in units if (unit.id, unit.name) == (match["id"], match["name"])]
    else:
        found = [unit.id for unit in units if unit.name == name and unit.parent_id == organization.ROOT_ID]
    if not found or found[0] not in world.state(ControlTower).registered:
        message = f"The parent organizational unit '{name}' is not enrolled in AWS Control Tower."
        raise AwsError("InvalidParametersException", message)
    return found[0]


def account_of(email: str, world: World) -> Account | None:
    """Find the account with this e-mail address."""
    return next((account for account in world.accounts if account.email.lower() == email.lower()), None)


def enroll(parameters: Mapping[str, str], unit: str, world: World) -> tuple[str | None, str | None]:
    """End an enrollment: answer the account's id, and AWS's words if it failed.

    An address that no account has gives a new account, as AWS does it: whoever enrolls must ask by the right one.
    """
    account = account_of(parameters["AccountEmail"], world)
    reason = world.state(Failures).take(parameters["AccountEmail"])
    if reason is not None:
        return None, reason
    if account is None:
        account = _new_account(parameters, world)
    state = world.state(ControlTower)
    if account.id in (*state.enrolled, *state.shared.values()):
        return None, f"The account {account.id} is already managed by AWS Control Tower."
    if not _lets_in(account.id):
        return None, NO_ROLE
    govern(account.id, unit, world)
    return account.id, None


def put_elsewhere(account_id: str, unit: str, world: World) -> str | None:
    """End an update: the account stands in the unit; answers AWS's words if it failed."""
    reason = world.state(Failures).take(world.account(account_id).email)
    if reason is None and not _lets_in(account_id):
        reason = NO_ROLE
    if reason is None:
        govern(account_id, unit, world)
    return reason


def govern(account_id: str, unit: str, world: World) -> None:
    """Put an account into a unit, as one that is enrolled."""
    world.state(ControlTower).enrolled[account_id] = unit
    world.state(OrganizationTree).accounts.change(account_id, parent_id=unit)


def let_go(account_id: str, world: World) -> None:
    """End a termination: an enrolled account goes back to the root."""
    if world.state(ControlTower).enrolled.pop(account_id, None) is not None:
        world.state(OrganizationTree).accounts.change(account_id, parent_id=organization.ROOT_ID)


def _lets_in(account_id: str) -> bool:
    """Say whether Control Tower may do everything in the account, from the management account."""
    role = identities.find_role(account_id, EXECUTION_ROLE)
    root = f"arn:aws:iam::{organization.MANAGEMENT_ACCOUNT_ID}:root"
    if role is None or identities.ADMINISTRATOR_ACCESS not in role.managed_policies:
        return False
    return trusts(identities.trust_policy(role), "sts:AssumeRole", {"AWS": [root]}, {})


def _new_account(parameters: Mapping[str, str], world: World) -> Account:
    number = str(700_000_000_000 + world.number())
    account = Account(number, parameters["AccountName"], parameters["AccountEmail"], organization.ROOT_ID, world.now())
    world.state(OrganizationTree).accounts[number] = account
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{organization.MANAGEMENT_ACCOUNT_ID}:root"}}
    statement = {**trust, "Action": "sts:AssumeRole"}
    identities.create_role(
        number,
        EXECUTION_ROLE,
        {"Version": "2012-10-17", "Statement": [statement]},
        managed=[identities.ADMINISTRATOR_ACCESS],
    )
    return account
