"""What AWS must have in the end, from what was accepted last; and everything that differs, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tasks.model.desired import TenantId
from tasks.model.replication import ENDED, Replication, State
from tasks.state.store import Store
from tests.support.cluster import PLATFORM, Cluster
from workers.sandbox import organization

UNITS = {"development": organization.DEVELOPMENT_OU_ID, "production": organization.PRODUCTION_OU_ID}
PERMISSION_SETS = {
    "admin": organization.ADMIN_PERMISSION_SET_ARN,
    "user": organization.USER_PERMISSION_SET_ARN,
    "reader": organization.READER_PERMISSION_SET_ARN,
}
AWS_ROLES = {"development": {}, "production": {"user": "reader"}}  # where the zone maps a role to another one
Access = dict[tuple[str, str], set[str]]  # (group, permission set) -> user names
Held = tuple[str, str]  # user name, permission set


def wanted_access(project: str, content: Mapping[str, Any], workspace: str = "likvid") -> Access:
    """Return who must have what in the tenant's account."""
    access: Access = {}
    for person in content["access"]:
        for role in person["roles"]:
            aws_role = AWS_ROLES[content["landingZone"]].get(role, role)
            group = f"mst-{workspace}.{project}.{aws_role}"
            access.setdefault((group, PERMISSION_SETS[aws_role]), set()).add(person["euid"])
    return access


def given(project: str, content: Mapping[str, Any]) -> set[Held]:
    """Return what everybody has in the tenant's account by this content."""
    wanted = wanted_access(project, content)
    return {(person, permission_set) for (_, permission_set), people in wanted.items() for person in people}


def actual_access(state: Mapping[str, Any], account: str) -> Access:
    """Return who has what in an account, as the simulator holds it."""
    groups = {group["id"]: group for group in state["identity_store"]["groups"]}
    found: Access = {}
    for row in state["identity_center"]["assignments"]:
        group = groups.get(row["PrincipalId"])  # None: an assignment that outlived its group gives nobody access
        if row["AccountId"] == account and group is not None:
            found[group["name"], row["PermissionSetArn"]] = set(group["members"])
    return found


def wrong_tenants(
    state: Mapping[str, Any], latest: Mapping[str, Mapping[str, Any]], workspace: str = "likvid"
) -> Iterator[str]:
    """Name every tenant that does not have one account, where and for whom the last content says."""
    for project, content in latest.items():
        tag = f"{workspace}.{project}.{PLATFORM}"
        own = [
            account
            for account in state["accounts"].values()
            if account["tags"].get("meshstack:tenant") == tag or account["name"] == f"{workspace}.{project}"
        ]
        if len(own) != 1:
            yield f"{tag} has {len(own)} accounts"
            continue
        [account] = own
        if account["parent_id"] != UNITS[content["landingZone"]]:
            yield f"{tag} is under {account['parent']}, not {content['landingZone']}"
        wanted, actual = wanted_access(project, content, workspace), actual_access(state, account["id"])
        if wanted != actual:
            yield f"{tag}: wrong access rights: wanted {wanted}, found {actual}"


def left_behind(cluster: Cluster) -> Iterator[str]:
    """Name everything in Redis that an ended replication must not leave."""
    redis = cluster.redis.client
    for pattern in ("lane:*:holders", "places:*"):
        yield from (f"{key} is left" for key in redis.keys(f"connector:{pattern}"))
    yield from (f"{replication} is still due" for replication in redis.zrange("connector:due", 0, -1))


def lost(cluster: Cluster, replications: Mapping[str, Any]) -> Iterator[str]:
    """Name every accepted replication that is unknown, has not ended, or has failed; one may be replaced by a newer."""
    store = cluster.connector.store
    for replication in replications:
        found = store.replications.find(replication)
        if found is None:
            yield f"{replication} is unknown"
        elif found.state not in ENDED:
            at = next((step for step in found.steps if step.state not in ENDED), found.steps[-1])
            yield f"{replication} of {found.tenant} has not ended: {at.name}: {at.note}"
        elif found.state is not State.SUCCEEDED and not _is_replaced(found, store):
            yield f"{replication} of {found.tenant} is {found.state}: {found.last_error}"


def _is_replaced(replication: Replication, store: Store) -> bool:
    record = store.tenants.find(TenantId.parse(replication.tenant))
    return replication.state is State.CANCELLED and record is not None and record.replication != replication.id
