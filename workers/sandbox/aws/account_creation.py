"""CreateAccount as AWS does it: accepted at once, decided later, five at a time, one account per e-mail address.

Nothing is checked for uniqueness when a request is accepted: the request fails later with EMAIL_ALREADY_EXISTS, also
when the other account was still being created, and also when the address belongs to an account elsewhere.
Source: Organizations API reference, CreateAccount and CreateAccountStatus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workers.sandbox import organization
from workers.sandbox.aws import errors, identities
from workers.sandbox.aws.call import Call
from workers.sandbox.aws.late_roles import Roles
from workers.sandbox.aws.organization_requests import answer, constraint, listed, not_found, read_tags
from workers.sandbox.aws.tree import Account, Creation, OrganizationTree
from workers.sandbox.aws.world import World

FIRST_ACCOUNT_NUMBER = 500_000_000_000


@answer("CreateAccount")
def create_account(call: Call, world: World) -> Mapping[str, Any]:
    """Accept a request for a new account."""
    tree, tags = world.state(OrganizationTree), read_tags(call.parameters)
    if len(tree.open_creations) >= world.options.creations_in_flight:
        raise errors.throttled("organizations")
    if len(tree.accounts) + len(tree.open_creations) >= world.options.accounts_limit:
        message = "You have exceeded the allowed number of AWS accounts."
        raise constraint(message, "ACCOUNT_NUMBER_LIMIT_EXCEEDED")
    creation = Creation(
        id=f"car-sandbox{world.number():012d}",
        name=call.parameters["AccountName"],
        email=call.parameters["Email"],
        role_name=call.parameters.get("RoleName") or organization.DEFAULT_ACCESS_ROLE,
        tags=tags,
        requested=call.now,
        late=world.visibility.late,
    )
    tree.creations[creation.id] = creation
    tree.open_creations.append(creation.id)
    tree.in_flight_peak = max(tree.in_flight_peak, len(tree.open_creations))
    return {"CreateAccountStatus": _status(creation)}


@answer("DescribeCreateAccountStatus")
def describe_create_account_status(call: Call, world: World) -> Mapping[str, Any]:
    """Say how far a creation is."""
    creation = world.state(OrganizationTree).creations.get(call.parameters["CreateAccountRequestId"])
    if creation is None:
        raise not_found("CreateAccountStatusNotFoundException")
    return {"CreateAccountStatus": _status(creation)}


@answer("ListCreateAccountStatus")
def list_create_account_status(call: Call, world: World) -> Mapping[str, Any]:
    """List the creations in the wanted states."""
    states = call.parameters.get("States")
    creations = world.state(OrganizationTree).creations.values()
    wanted = [creation for creation in creations if not states or creation.state in states]
    return listed("CreateAccountStatuses", wanted, lambda creation: creation.id, _status, call, world)


def settle(world: World) -> None:
    """Decide every creation whose time has come, in the order of the requests."""
    tree, now = world.state(OrganizationTree), world.now()
    for creation in [tree.creations[request_id] for request_id in tree.open_creations]:
        completed = creation.requested + world.options.creation_seconds
        if completed > now:
            continue
        tree.open_creations.remove(creation.id)
        failure = _failure(creation, tree, world)
        with world.visibility.writing("", late=creation.late):
            account_id = None if failure else _open_account(creation, completed, tree, world)
        ended = replace(
            creation,
            state="FAILED" if failure else "SUCCEEDED",
            completed=completed,
            failure=failure,
            account_id=account_id,
        )
        tree.creations.put(creation.id, ended, at=completed)


def _failure(creation: Creation, tree: OrganizationTree, world: World) -> str | None:
    email = creation.email.lower()
    taken = {account.email.lower() for account in tree.accounts.values()}
    taken |= {foreign.lower() for foreign in world.options.foreign_emails}
    if email in taken:
        return "EMAIL_ALREADY_EXISTS"
    return world.options.failing_creations.get(creation.email)


def _open_account(creation: Creation, completed: float, tree: OrganizationTree, world: World) -> str:
    account = Account(
        id=str(FIRST_ACCOUNT_NUMBER + world.number()),
        name=creation.name,
        email=creation.email,
        parent_id=organization.ROOT_ID,
        joined=completed,
        tags=creation.tags,
        usable_from=completed + world.options.role_delay_seconds,
    )
    tree.accounts.put(account.id, account, at=completed, listed_from=completed + world.options.list_delay_seconds)
    trust = management_account_trust()
    identities.create_role(account.id, creation.role_name, trust, managed=[identities.ADMINISTRATOR_ACCESS])
    world.state(Roles).history.note((account.id, creation.role_name.rpartition("/")[2]), None, at=completed)
    return account.id


def management_account_trust() -> Mapping[str, Any]:
    """Give the trust policy of the access role in an account that Organizations creates."""
    principal = {"AWS": f"arn:aws:iam::{organization.MANAGEMENT_ACCOUNT_ID}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _status(creation: Creation) -> Mapping[str, Any]:
    return {
        "Id": creation.id,
        "AccountName": creation.name,
        "State": creation.state,
        "RequestedTimestamp": creation.requested,
        "CompletedTimestamp": creation.completed,
        "AccountId": creation.account_id,
        "FailureReason": creation.failure,
    }
