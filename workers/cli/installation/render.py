"""What `validate --render` shows: every name and value that tenants would give to something in AWS.

Nothing is asked of AWS or Redis: all of it follows from the documents and the order. What only AWS knows (the account's
id) is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from config.catalog import Catalog
from config.federation import federated_roles
from config.naming import EMAIL_LENGTH
from config.patterns import PatternError
from config.settings import Settings
from tasks import names
from tasks.errors import PermanentError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.orders.producer import check
from tasks.permissions.groups import mapped_roles, unmapped_roles
from workers.cli.orders import Order


def render(order: Order, catalog: Catalog, settings: Settings) -> dict[str, Any]:
    """Return what an order gives, as a JSON document; `problems` has a line for everything that would be refused."""
    problems = [f"{each.field}: {each.message}" for each in check(order.tenant, order.desired, catalog, settings)]
    shown: dict[str, Any] = {"tenant": str(order.tenant), "landingZone": order.desired.landing_zone}
    platform = catalog.platforms.get(order.tenant.platform)
    zone = catalog.landing_zones.get(order.desired.landing_zone)
    if platform is not None and zone is not None:
        shown |= _rendered(Tenant(order.tenant, order.desired, platform, zone), problems)
    return shown | {"problems": problems}


def _rendered(tenant: Tenant, problems: list[str]) -> dict[str, Any]:
    name, email = _tried(lambda: names.account_name(tenant)), _tried(lambda: names.account_email(tenant))
    tags: dict[str, str] = {} if tenant.platform.is_direct else _tried(lambda: names.account_tags(tenant)) or {}
    kept = names.first_tags(tags)
    without = names.people_without_euid(tenant)
    unmapped = [] if tenant.platform.identity_center is None else unmapped_roles(tenant)
    return {
        "accountName": name,
        "accountEmail": email and {"text": email, "length": len(email), "limit": EMAIL_LENGTH.stop - 1},
        "accountAlias": _tried(lambda: names.account_alias(tenant)),
        "organizationalUnit": _unit(tenant),
        "tags": kept,
        "tagsLeftOut": [key for key in tags if key not in kept],
        "groups": _groups(tenant, problems),
        "federatedRoles": [
            {"name": role.name, "policies": list(role.policies), "external": role.external}
            for role in federated_roles(tenant.platform, tenant.landing_zone)
        ],
        "parameters": _parameters(tenant, Handles(email=email, account_name=name), problems),
        "remarks": [
            *([f"without euid: {', '.join(without)}"] if without else []),
            *([f"roles without a mapping, which give no access: {', '.join(unmapped)}"] if unmapped else []),
        ],
    }


def _unit(tenant: Tenant) -> str:
    target = tenant.landing_zone.target_organizational_unit
    return target or f"{tenant.id.workspace}, below the root"


def _groups(tenant: Tenant, problems: list[str]) -> list[dict[str, Any]]:
    """The groups that would exist: of roles that somebody has."""
    if tenant.platform.identity_center is None:
        return []
    try:
        roles = mapped_roles(tenant)
    except PermanentError as error:
        if error.code != "NameRefused":  # that is told of the pattern already
            problems.append(f"groupNamePattern: {error.message}")
        return []
    return [
        {"name": name, "people": sorted(role.user_names), "permissionSets": sorted(role.permission_sets)}
        for name, role in roles.items()
        if role.used
    ]


def _tried(rendering: Callable[[], Any]) -> Any:
    """Return a name, None when it cannot be: `check` has told why."""
    try:
        return rendering()
    except PatternError:
        return None


def _parameters(tenant: Tenant, handles: Handles, problems: list[str]) -> dict[str, str]:
    """What templates and functions would be told; the landing zone's own parameters come first, as in the stack."""
    stack = tenant.landing_zone.access_stack
    try:
        own = {} if stack is None else names.own_parameters(tenant, stack)
    except PermanentError as error:
        problems.append(error.message)
        own = {}
    return names.stack_parameters(tenant, handles) | own
