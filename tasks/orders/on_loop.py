"""The producer on an event loop: an order that needs nothing but to be stored is stored without a thread.

A thread gives up Python's lock at each look at a socket, and waits its turn to have it again. With some of them, an
order waits longer for the lock than for Redis.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.connector import Connector
from tasks.in_force import InForce
from tasks.model.desired import Desired, TenantId
from tasks.model.replication import State
from tasks.orders.producer import check
from tasks.orders.withdrawn import still_in_against
from tasks.state.orders import AsyncOrders, DocumentsChanged, Order

MOST_PEOPLE = 200  # of an order; checking and writing more would hold the loop up for milliseconds


@dataclass(frozen=True)
class Taken:
    """An order that is stored: from now on nothing forgets it."""

    replication: str  # id
    state: State
    still_in: int  # people without an order who still have access


async def replicate_on_loop(
    tenant: TenantId, desired: Desired, in_force: InForce[Connector], orders: AsyncOrders, *, by: str | None
) -> Taken | None:
    """Store the desired state of a tenant as `replicate` does; None: nothing is stored, it needs a thread.

    It does when it is long, must be compared with what is stored, has a mistake (then everything is asked anew), or
    when the configuration must be looked at. Raises redis.RedisError when Redis is away.
    """
    remembered = in_force.remembered()
    if remembered is None or desired.platform_tenant_id is not None or len(desired.access) > MOST_PEOPLE:
        return None
    connector, version = remembered
    if any(check(tenant, desired, connector.catalog, connector.settings)):
        return None
    try:
        stored = await orders.submit(Order(tenant, desired, by=by, documents=version))
    except DocumentsChanged:
        return None
    people = still_in_against(tenant, desired, stored.handles, connector.catalog)
    return Taken(stored.replication, stored.state, len(people))
