"""Organizations: accounts, where they stand, their tags, and how they are closed.

Stricter than moto in what a client can get wrong: the source of a move, a move to where the account already is,
unknown parents, tag rules. Source: Organizations API reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.sandbox import organization
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.organization_requests import (
    TAG_LIMIT,
    answer,
    constraint,
    limit_tags,
    listed,
    not_found,
    read_tags,
)
from workers.sandbox.aws.tree import Account, AccountState, OrganizationTree
from workers.sandbox.aws.world import World

STATUSES = {
    AccountState.ACTIVE: "ACTIVE",
    AccountState.PENDING_ACTIVATION: "ACTIVE",
    AccountState.PENDING_CLOSURE: "PENDING_CLOSURE",
    AccountState.SUSPENDED: "SUSPENDED",
    AccountState.CLOSED: "SUSPENDED",
}
"""State -> the older Status, which knows fewer."""


@answer("DescribeOrganization")
def describe_organization(_call: Call, world: World) -> Mapping[str, Any]:
    """Describe the one organization."""
    management = world.account(world.management_account_id)
    prefix = f"arn:aws:organizations::{management.id}"
    found = {
        "Id": world.organization_id,
        "Arn": f"{prefix}:organization/{world.organization_id}",
        "FeatureSet": "ALL",
        "MasterAccountArn": management.arn,
        "MasterAccountId": management.id,
        "MasterAccountEmail": management.email,
    }
    return {"Organization": found}


@answer("ListAccounts")
def list_accounts(call: Call, world: World) -> Mapping[str, Any]:
    """List all accounts."""
    return _accounts(call, world, world.accounts)


@answer("ListAccountsForParent")
def list_accounts_for_parent(call: Call, world: World) -> Mapping[str, Any]:
    """List the accounts directly under the root or an OU."""
    parent_id = call.parameters["ParentId"]
    if not world.state(OrganizationTree).is_container(parent_id):
        raise not_found("ParentNotFoundException")
    return _accounts(call, world, [one for one in world.accounts if one.parent_id == parent_id])


@answer("DescribeAccount")
def describe_account(call: Call, world: World) -> Mapping[str, Any]:
    """Describe one account."""
    return {"Account": _view(_account(call, world), world)}


@answer("MoveAccount")
def move_account(call: Call, world: World) -> Mapping[str, Any]:
    """Move an account from its real parent to another one."""
    tree, account = world.state(OrganizationTree), _account(call, world)
    source, destination = call.parameters["SourceParentId"], call.parameters["DestinationParentId"]
    if not world.knows(lambda each: each.state(OrganizationTree).is_container(destination)):
        raise not_found("DestinationParentNotFoundException")
    if destination == account.parent_id:
        message = "That account is already present in the specified destination."
        raise AwsError("DuplicateAccountException", message)
    if source != account.parent_id:
        raise not_found("SourceParentNotFoundException")
    tree.accounts.change(account.id, parent_id=destination)
    return {}


CLOSING = (AccountState.PENDING_CLOSURE, AccountState.SUSPENDED, AccountState.CLOSED)


@answer("CloseAccount")
def close_account(call: Call, world: World) -> Mapping[str, Any]:
    """Begin to close an account: PENDING_CLOSURE now, SUSPENDED later."""
    account = _account(call, world)
    if account.id == world.management_account_id:
        raise constraint("You can't close the management account.", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT")
    if account.state is AccountState.PENDING_CLOSURE:
        raise AwsError("ConflictException", "The account is already being closed.")
    if account.state in (AccountState.SUSPENDED, AccountState.CLOSED):
        raise AwsError("AccountAlreadyClosedException", "You attempted to close an account that is already closed.")
    closing = [each for each in world.accounts if each.state is AccountState.PENDING_CLOSURE]
    if len(closing) >= world.options.closures_in_flight:
        raise constraint("Too many accounts are being closed at once.", "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED")
    if len([each for each in world.accounts if each.state in CLOSING]) >= world.options.closures_quota:
        raise constraint(
            "You have exceeded the close account quota for the past 30 days.", "CLOSE_ACCOUNT_QUOTA_EXCEEDED"
        )
    world.state(OrganizationTree).accounts.change(
        account.id, state=AccountState.PENDING_CLOSURE, closes_at=call.now + world.options.closing_seconds
    )
    return {}


@answer("TagResource")
def tag_resource(call: Call, world: World) -> Mapping[str, Any]:
    """Add or overwrite tags."""
    tags, wanted = _tags(call, world), read_tags(call.parameters)
    limit_tags([*tags, *wanted])
    world.state(OrganizationTree).set_tags(call.parameters["ResourceId"], {**tags, **wanted})
    return {}


@answer("UntagResource")
def untag_resource(call: Call, world: World) -> Mapping[str, Any]:
    """Remove tags; keys that are not there are no error."""
    left = {key: value for key, value in _tags(call, world).items() if key not in call.parameters["TagKeys"]}
    world.state(OrganizationTree).set_tags(call.parameters["ResourceId"], left)
    return {}


@answer("ListTagsForResource")
def list_tags_for_resource(call: Call, world: World) -> Mapping[str, Any]:
    """List tags."""
    return listed(
        "Tags",
        _tags(call, world).items(),
        lambda tag: tag[0],
        lambda tag: {"Key": tag[0], "Value": tag[1]},
        call,
        world,
        largest=TAG_LIMIT,
    )


def settle(world: World) -> None:
    """Suspend the accounts whose closing has come to its end."""
    for account in world.accounts:
        if account.closes_at is not None and account.closes_at <= world.now():
            world.state(OrganizationTree).accounts.change(account.id, state=AccountState.SUSPENDED, closes_at=None)


def _accounts(call: Call, world: World, accounts: list[Account]) -> Mapping[str, Any]:
    return listed("Accounts", accounts, lambda account: account.id, lambda account: _view(account, world), call, world)


def _account(call: Call, world: World) -> Account:
    account = world.named(lambda each: each.state(OrganizationTree).accounts.get(call.parameters["AccountId"]))
    if account is None:
        raise not_found("AccountNotFoundException")
    return account


def _tags(call: Call, world: World) -> Mapping[str, str]:
    tags = world.named(lambda each: each.state(OrganizationTree).tags_of(call.parameters["ResourceId"]))
    if tags is None:
        raise not_found("TargetNotFoundException")
    return tags


def _view(account: Account, world: World) -> Mapping[str, Any]:
    path = world.truth.state(OrganizationTree).path(account.parent_id)
    return {
        "Id": account.id,
        "Arn": account.arn,
        "Email": account.email,
        "Name": account.name,
        "Status": STATUSES[account.state] if world.options.status_member else None,
        "State": account.state.value,
        "Paths": [f"{path}{account.id}/"],
        "JoinedMethod": "INVITED" if account.id == organization.MANAGEMENT_ACCOUNT_ID else account.joined_method,
        "JoinedTimestamp": account.joined,
    }
