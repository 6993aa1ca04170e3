"""The whole world as JSON, for tests that assert on what AWS has in the end."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from workers.sandbox import organization
from workers.sandbox.aws.iam import Aliases
from workers.sandbox.aws.identities import role_names, role_policies
from workers.sandbox.aws.permissions import Denials
from workers.sandbox.aws.tree import Account, OrganizationTree
from workers.sandbox.aws.world import World


def show_world(world: World) -> dict[str, Any]:
    """Show accounts, OUs, creations, denials and what every service registered in `world.snapshots`."""
    world.settle()
    tree = world.state(OrganizationTree)
    return {
        "organization": {"id": organization.ORGANIZATION_ID, "root": organization.ROOT_ID, "tags": tree.root_tags},
        "accounts": {account.id: _account(account, world) for account in world.accounts},
        "organizational_units": {
            unit.id: {**asdict(unit), "parent": tree.parent_name(unit.parent_id)} for unit in tree.units.values()
        },
        "creations": {
            "requests": {creation.id: asdict(creation) for creation in tree.creations.values()},
            "in_flight": len(tree.open_creations),
            "in_flight_peak": tree.in_flight_peak,
        },
        "denials": [asdict(rule) for rule in world.state(Denials).rules],
        **{name: show(world) for name, show in world.snapshots.items()},
    }


def _account(account: Account, world: World) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "state": account.state.value,
        "parent_id": account.parent_id,
        "parent": world.state(OrganizationTree).parent_name(account.parent_id),
        "tags": dict(account.tags),
        "alias": world.state(Aliases).of.get(account.id),
        "roles": role_names(account.id),
        "role_policies": role_policies(account.id),
    }
