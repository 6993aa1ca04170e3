"""Tell meshStack the accounts of tenants that came by the pull: without building blocks nothing else tells it.

An account is attached by importing the tenant with its `localId`, which API users may do only. meshStack would make a
tenant that is not there of such an import. So each is read anew by its UUID just before, and only one that is active,
has the name that we know and has no account yet is imported. Source: docs.meshcloud.io, Declarative Import.
"""

from __future__ import annotations

from typing import Any

import structlog

from tasks.meshobjects.kinds import read_object
from tasks.meshobjects.mesh_tenant import MeshTenant
from tasks.meshobjects.rows import Invalid
from tasks.meshstack.api_user import ApiUser
from tasks.meshstack.errors import Refused
from tasks.meshstack.objects import Objects
from tasks.model.desired import TenantId
from tasks.model.replication import State
from tasks.state.store import Store

AT_ONCE = 50  # tenants of one portion
LOOKED_AT = 200  # whether their accounts are ready, in one portion
log = structlog.get_logger(__name__)


def tell_accounts(store: Store, objects: Objects, user: ApiUser) -> int:
    """Attach accounts that are ready to tenants that lack one; answers how many. Raises Away, redis.RedisError.

    What meshStack refuses is told in the log, and tried again when the pull looks at the tenant next.
    """
    ready = [
        (name, account) for name in store.pulls.untold(LOOKED_AT) if (account := _account(store, name)) is not None
    ]
    return sum(_tell(store, objects, user, name, account) for name, account in ready[:AT_ONCE])


def _account(store: Store, name: TenantId) -> str | None:
    """Return the account of a tenant once it is made as ordered; None: there is none to be told yet."""
    record = store.tenants.find(name)
    if record is None or record.deletion is not None:
        store.pulls.told(name)
        return None
    replicated = store.replications.state_of(record.replication) is State.SUCCEEDED
    return record.handles.account_id if replicated else None


def _tell(store: Store, objects: Objects, user: ApiUser, name: TenantId, account: str) -> bool:
    uuid = store.runs.named_tenant(name)
    document = None if uuid is None else objects.tenant(uuid)
    tenant = None if document is None else _read(document)
    lacks = tenant is not None and not tenant.is_to_go and tenant.account is None and _is(tenant, name)
    if tenant is not None and tenant.account not in (None, account):
        log.error("meshStack knows another account of a tenant", tenant=str(name), here=account, there=tenant.account)
    done = False
    if lacks and tenant is not None:
        try:
            user.import_objects([_import(name, tenant, account)])
            done = True
        except Refused as refused:
            log.warning("meshStack does not accept an account", tenant=str(name), account=account, reason=str(refused))
    store.pulls.told(name)
    return done


def _is(tenant: MeshTenant, name: TenantId) -> bool:
    """Tell whether a tenant has the name that we know; newer versions name the platform by its UUID only."""
    same = (tenant.metadata.workspace, tenant.metadata.project) == (name.workspace, name.project)
    return same and tenant.named_platform in (None, name.platform)


def _import(name: TenantId, tenant: MeshTenant, account: str) -> dict[str, Any]:
    zone = {} if tenant.landing_zone is None else {"landingZoneIdentifier": tenant.landing_zone}
    return {
        "apiVersion": "v3",
        "kind": "meshTenant",
        "metadata": {
            "ownedByWorkspace": name.workspace,
            "ownedByProject": name.project,
            "platformIdentifier": name.platform,
        },
        "spec": {"localId": account, **zone},
    }


def _read(document: dict[str, Any]) -> MeshTenant | None:
    try:
        found = read_object(document).object
    except Invalid:
        return None
    return found if isinstance(found, MeshTenant) else None
