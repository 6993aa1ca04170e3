"""The sandbox's organization, built once: see `workers.sandbox.organization` for every id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.permissions.iam_documents import trust
from workers.sandbox import organization as sandbox
from workers.sandbox.aws import (
    account_assignments,
    account_creation,
    deployed_identities,
    identities,
    organizations,
    registration,
    seed_policies,
    service_catalog_state,
)
from workers.sandbox.aws.credentials import Credentials
from workers.sandbox.aws.identity_store import seed_users
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.aws.sso_admin import seed_identity_center
from workers.sandbox.aws.stack_sets import seed_stack_set
from workers.sandbox.aws.tree import Account, OrganizationalUnit, OrganizationTree
from workers.sandbox.aws.world import World

ACCOUNTS = {
    sandbox.MANAGEMENT_ACCOUNT_ID: ("Management", "aws-management@example.com"),
    sandbox.MESHCLOUD_ACCOUNT_ID: ("meshcloud", "aws-meshcloud@example.com"),
    sandbox.AUTOMATION_ACCOUNT_ID: ("Automation", "aws-automation@example.com"),
}
ADMINISTRATOR = (
    sandbox.MANAGEMENT_ACCOUNT_ID,
    sandbox.ADMINISTRATOR,
    sandbox.ADMINISTRATOR_ACCESS_KEY,
    sandbox.ADMINISTRATOR_SECRET_KEY,
)


def build_world(options: SimulatorOptions) -> World:
    """Build a world with the sandbox's organization in it. moto's state is the process's: one world per process."""
    world = World(options)
    world.settlers += [
        account_creation.settle,
        organizations.settle,
        account_assignments.settle,
        service_catalog_state.settle,
        deployed_identities.settle,
    ]
    with world.visibility.writing("seed", at_once=True):
        _seed(world)
    return world


def _seed(world: World) -> None:
    _seed_tree(world)
    _seed_users(world)
    if world.options.empty_organization:
        _seed_member_accounts()
    else:
        _seed_roles(world)
    seed_identity_center(world)
    seed_users(world)
    seed_stack_set(world)
    service_catalog_state.seed_account_factory(world)
    registration.register(world)


def _seed_tree(world: World) -> None:
    tree = world.state(OrganizationTree)
    for account_id, (name, email) in ACCOUNTS.items():
        tree.accounts[account_id] = Account(account_id, name, email, sandbox.ROOT_ID, joined=world.now())
    for unit_id, name in sandbox.ORGANIZATIONAL_UNITS.items():
        tree.units[unit_id] = OrganizationalUnit(unit_id, name, sandbox.ROOT_ID)


def _seed_users(world: World) -> None:
    policies = seed_policies.of_users(world.options)
    for account_id, name, access_key, secret_key in (
        (
            sandbox.MESHCLOUD_ACCOUNT_ID,
            sandbox.SERVICE_USER,
            sandbox.SERVICE_USER_ACCESS_KEY,
            world.options.service_user_secret,
        ),
        (
            sandbox.MESHCLOUD_ACCOUNT_ID,
            sandbox.METERING_USER,
            sandbox.METERING_USER_ACCESS_KEY,
            sandbox.METERING_USER_SECRET_KEY,
        ),
        (
            sandbox.MANAGEMENT_ACCOUNT_ID,
            sandbox.DIRECT_USER,
            sandbox.DIRECT_USER_ACCESS_KEY,
            sandbox.DIRECT_USER_SECRET_KEY,
        ),
        ADMINISTRATOR,
    ):
        if world.options.empty_organization and name != sandbox.ADMINISTRATOR:
            continue
        arn = identities.create_user(account_id, name, {name: policies[name]})
        world.state(Credentials).add_user(access_key, secret_key, account_id, arn)


def _seed_member_accounts() -> None:
    """Make the role that AWS makes in each account of an organization: there the administrator may do everything."""
    for account_id in (sandbox.MESHCLOUD_ACCOUNT_ID, sandbox.AUTOMATION_ACCOUNT_ID):
        administrator, trusting = [identities.ADMINISTRATOR_ACCESS], account_creation.management_account_trust()
        identities.create_role(account_id, sandbox.DEFAULT_ACCESS_ROLE, trusting, managed=administrator)


def _seed_roles(world: World) -> None:
    options = world.options
    for account_id, name, user, external_id, policies in (
        (
            sandbox.MANAGEMENT_ACCOUNT_ID,
            sandbox.MANAGEMENT_ROLE,
            sandbox.SERVICE_USER,
            options.external_id,
            seed_policies.management_role(options),
        ),
        (
            sandbox.AUTOMATION_ACCOUNT_ID,
            sandbox.AUTOMATION_ROLE,
            sandbox.SERVICE_USER,
            options.automation_external_id,
            seed_policies.automation_role(options),
        ),
        (
            sandbox.MANAGEMENT_ACCOUNT_ID,
            sandbox.METERING_ROLE,
            sandbox.METERING_USER,
            options.external_id,
            seed_policies.metering_role(options),
        ),
    ):
        identities.create_role(account_id, name, _trust(user, external_id), policies)
    identities.create_role(
        sandbox.MESHCLOUD_ACCOUNT_ID,
        sandbox.ENTRY_ROLE,
        seed_policies.web_identity_trust(),
        {sandbox.ENTRY_ROLE: seed_policies.of_users(options)[sandbox.SERVICE_USER]},
    )


def _trust(user: str, external_id: str) -> Mapping[str, Any]:
    """Let the user in with the external id; a workload identity's entry role may stand in for the service user."""
    published = seed_policies.role_trust(user, external_id)
    if user != sandbox.SERVICE_USER:
        return published
    entry = trust(sandbox.ENTRY_ROLE_ARN, external_id)
    return {**published, "Statement": [*published["Statement"], *entry["Statement"]]}
