"""What a person did in AWS by hand, outside the connector: POST /_simulator/operator {"action": name, ...}.

::

    move_account        account, parent_id          suspend_account     account
    reopen_account      account                     tag_account         account, tags (null value: remove)
    rename_account      account, name, email
    create_account      name, email, id, tags, parent_id, roles -> {"account"}: ready at once
    create_ou           name, parent_id -> {"id"}   delete_role         account, role
    create_role         account, role, trust, policies (name -> document), managed (ARNs)
    put_role_policy     account, role, name, document
    take_alias          alias, account ("" for a stranger)
    age_key             key, hours: as if they had passed since the access key was made and last used
    deny, allow         operation (action pattern), account, principal (patterns, default *): AccessDenied, and not
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from moto.iam.models import AccessKeyLastUsed

from workers.sandbox import organization
from workers.sandbox.aws import identities
from workers.sandbox.aws.account_creation import FIRST_ACCOUNT_NUMBER, management_account_trust
from workers.sandbox.aws.iam import Aliases
from workers.sandbox.aws.permissions import Denial, Denials
from workers.sandbox.aws.tree import Account, AccountState, OrganizationalUnit, OrganizationTree
from workers.sandbox.aws.world import World

Body = Mapping[str, Any]


def move_account(world: World, body: Body) -> Any:
    """Put an account under another parent."""
    if not world.state(OrganizationTree).is_container(body["parent_id"]):
        raise KeyError(body["parent_id"])
    world.state(OrganizationTree).accounts.change(body["account"], parent_id=body["parent_id"])
    return {}


def suspend_account(world: World, body: Body) -> Any:
    """Suspend an account at once."""
    world.state(OrganizationTree).accounts.change(body["account"], state=AccountState.SUSPENDED)
    return {}


def reopen_account(world: World, body: Body) -> Any:
    """Make a suspended account active again."""
    world.state(OrganizationTree).accounts.change(body["account"], state=AccountState.ACTIVE, closes_at=None)
    return {}


def tag_account(world: World, body: Body) -> Any:
    """Change an account's tags; null removes one."""
    wanted = {**world.account(body["account"]).tags, **body["tags"]}
    tags = {key: value for key, value in wanted.items() if value is not None}
    world.state(OrganizationTree).set_tags(body["account"], tags)
    return {"tags": tags}


def rename_account(world: World, body: Body) -> Any:
    """Give an account another name and root email, as its owner may."""
    accounts = world.state(OrganizationTree).accounts
    accounts.change(body["account"], name=body["name"], email=body["email"])
    return {}


def create_account(world: World, body: Body) -> Any:
    """Add an account that is ready at once, as one that is older than the connector and was invited."""
    account_id = body.get("id") or str(FIRST_ACCOUNT_NUMBER + world.number())
    parent_id = body.get("parent_id", organization.ROOT_ID)
    account = Account(
        account_id,
        body["name"],
        body["email"],
        parent_id,
        joined=world.now(),
        joined_method=body.get("joined_method", "INVITED"),
        tags=dict(body.get("tags", {})),
    )
    world.state(OrganizationTree).accounts[account_id] = account
    for role in body.get("roles", [organization.ACCESS_ROLE]):
        administrator = [identities.ADMINISTRATOR_ACCESS]
        identities.create_role(account_id, role, management_account_trust(), managed=administrator)
    return {"account": account_id}


def create_ou(world: World, body: Body) -> Any:
    """Add an OU."""
    parent_id = body.get("parent_id", organization.ROOT_ID)
    unit = OrganizationalUnit(f"ou-sbox-{world.number():08d}", body["name"], parent_id)
    world.state(OrganizationTree).units[unit.id] = unit
    return {"id": unit.id}


def create_role(world: World, body: Body) -> Any:
    """Create a role."""
    account = world.account(body["account"])
    trust = body.get("trust") or management_account_trust()
    identities.create_role(account.id, body["role"], trust, body.get("policies"), body.get("managed", ()))
    return {}


def delete_role(world: World, body: Body) -> Any:
    """Delete a role with everything that is attached to it."""
    account = world.account(body["account"])
    role = identities.find_role(account.id, body["role"])
    if role is None:
        raise KeyError(body["role"])
    del identities.backend(account.id).roles[role.id]
    return {}


def put_role_policy(world: World, body: Body) -> Any:
    """Write an inline policy of a role."""
    account = world.account(body["account"])
    identities.backend(account.id).put_role_policy(body["role"], body["name"], json.dumps(body["document"]))
    return {}


def take_alias(world: World, body: Body) -> Any:
    """Give an alias to an account, or to a stranger's."""
    aliases = world.state(Aliases)
    if body.get("account"):
        aliases.of[body["account"]] = body["alias"]
    else:
        aliases.strangers.add(body["alias"])
    return {}


def age_key(world: World, body: Body) -> Any:
    """Make an access key and its last use older."""
    passed = timedelta(hours=body["hours"])
    keys = [identities.backend(account.id).access_keys.get(body["key"]) for account in world.accounts]
    (key,) = [each for each in keys if each is not None]
    key.create_date -= passed
    if key.last_used is not None:
        used = key.last_used
        key.last_used = AccessKeyLastUsed(used.timestamp - passed, used.service, used.region)
    return {}


def deny(world: World, body: Body) -> Any:
    """Forbid an action."""
    world.state(Denials).rules.append(_denial(body))
    return {}


def allow(world: World, body: Body) -> Any:
    """Take the same denial back; without an operation all of them."""
    rules = world.state(Denials).rules
    rules[:] = [rule for rule in rules if body.get("operation") is not None and rule != _denial(body)]
    return {}


def _denial(body: Body) -> Denial:
    return Denial(body["operation"], body.get("account", "*"), body.get("principal", "*"))


ACTIONS: Mapping[str, Callable[[World, Body], Any]] = {
    action.__name__: action
    for action in (
        move_account,
        suspend_account,
        reopen_account,
        tag_account,
        rename_account,
        create_account,
        create_ou,
        create_role,
        delete_role,
        put_role_policy,
        take_alias,
        age_key,
        deny,
        allow,
    )
}
