"""What is asked for tenants: order, replicate again, delete, restore, approve, cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from config import tracing
from tasks.model.desired import Deletion, Desired, TenantId
from tasks.model.handles import HANDLES, Handles
from tasks.model.replication import State
from tasks.state.database import Database, Part
from tasks.state.parameters import Approve, Cancel, Reinstate, Submit, microseconds
from tasks.state.records import compact, json_of
from tasks.state.work import OwnedByAnother
from tasks.step import Chain

MOST_AT_ONCE = 32  # orders of one event loop: each holds a connection to Redis
Verb = Literal["order", "replicate", "doubt", "delete", "restore"]


class AccountTaken(Exception):
    """The account that is to be taken over is another tenant's; nothing was stored."""

    def __init__(self, account: str, tenant: str) -> None:
        super().__init__(account, tenant)
        self.account = account
        self.tenant = tenant


class DocumentsChanged(Exception):
    """The API's documents are not those by which the order was checked any more; nothing was stored."""


@dataclass(frozen=True)
class Order:
    """A request that a tenant is replicated."""

    tenant: TenantId
    desired: Desired | None = None  # None: what is stored when the order comes, of a tenant that is known
    by: str | None = None  # name of who asks, for the record
    wake: bool = False  # also wake a replication that waits for its next try
    anew: bool = False  # when one is under way that has passed a step already, another one runs next
    daily: bool = False  # nobody asks but the day: it may believe the snapshot (tasks/organization/snapshot.py)
    first: tuple[Chain, int] | None = None  # the step to begin with, unless newer content comes; None: the first
    documents: str | None = None  # version of the API's documents by which it was checked; None: nobody compares it


@dataclass(frozen=True)
class Stored:
    """What is asked for a tenant, as it is stored."""

    replication: str  # id of the one that will do it
    state: State  # of that replication
    handles_json: str  # of the tenant

    @property
    def handles(self) -> Handles:
        """What the tenant has in AWS."""
        return HANDLES.validate_json(self.handles_json)


class Orders(Part):
    """Takes what is asked for. Each is one script and raises redis.RedisError when Redis is away.

    What is answered is promised: as many replicas of Redis have it as the settings want, or NotReplicated is raised.
    """

    def submit(self, order: Order) -> str:
        """Store an order and see to it that it is replicated; answers the replication's id.

        The same content while a replication of it is under way is that replication; other content runs next.
        Raises AccountTaken when another tenant has the account that is to be taken over, or has ordered it,
        DocumentsChanged when it was checked by documents that are not the newest.
        """
        verb = "replicate" if order.desired is None else "order"
        with tracing.in_a_trace(f"{verb} a tenant", {"connector.tenant": str(order.tenant)}):
            return _stored(self._promise(_asked(order))).replication

    def doubt(self, tenant: TenantId) -> str:
        """See to it that a tenant is replicated once more from its first step, without belief in what was not there.

        Answers the replication's id.
        """
        return self._submit("doubt", tenant)

    def delete(self, tenant: TenantId, deletion: Deletion, unknown: Desired | None = None) -> str:
        """Store the request to delete a tenant and see to it; answers the id of the replication.

        What runs for the tenant is cancelled after its call. Asked again it is the same request.
        unknown   what a tenant that nobody knows was ordered as; None: the tenant is known
        """
        asked = {"deletion": json_of(deletion), "by": deletion.requested_by}
        if unknown is not None:
            asked |= {"desired": content_of(unknown), "landing_zone": unknown.landing_zone}
        return self._submit("delete", tenant, **asked)

    def restore(self, tenant: TenantId, by: str | None = None) -> str | None:
        """Withdraw the request to delete a tenant; answers the replication's id, None: it is approved or done."""
        answer = self._promise(_submission("restore", tenant, by=by))
        return None if answer == ["late"] else _stored(answer).replication

    def approve(self, tenant: TenantId, by: str | None) -> Deletion | None:
        """Approve the request to delete a tenant, which cannot be undone; None: there is none, or it is done."""
        answer = self._promise(Approve(tenant=str(tenant), by=by))
        return Deletion.model_validate_json(answer) if answer else None

    def cancel(self, replication: str) -> State | None:
        """Cancel a replication, at once or after the call that runs now; answers its state before, None: unknown."""
        state = self._promise(Cancel(replication=replication))
        return State(state) if state else None

    def reinstate(self, tenant: str, fields: Mapping[str, str], replications: list[dict[str, str]]) -> bool:
        """Put back a tenant of a backup with its replications, all of which have ended; False: it is there already.

        Raises OwnedByAnother when it had something that is another tenant's by now; nothing was written then.
        """
        given = Reinstate(
            tenant=tenant,
            fields=dict(fields),
            landing_zone=Desired.model_validate_json(fields["desired"]).landing_zone,
            changed=microseconds(datetime.fromisoformat(fields["updated_at"])),
            replications=replications,
        )
        answer = self._run(given)
        if isinstance(answer, list):
            raise OwnedByAnother(*answer)
        return bool(answer)

    def _submit(self, verb: Verb, tenant: TenantId, **asked: Any) -> str:
        with tracing.in_a_trace(f"{verb} a tenant", {"connector.tenant": str(tenant)}):
            return _stored(self._promise(_submission(verb, tenant, **asked))).replication


class AsyncOrders:
    """Takes orders on an event loop, of which many may come at once."""

    def __init__(self, database: Database) -> None:
        """Take orders by a database whose client is one of redis.asyncio."""
        self._database = database
        self._places = asyncio.Semaphore(MOST_AT_ONCE)

    async def submit(self, order: Order) -> Stored:
        """Store an order as `Orders.submit` does."""
        database, asked = self._database, _asked(order)
        async with self._places:
            return _stored(await database.promise_on_loop(lambda client: database.scripts.run(asked, client)))

    async def close(self) -> None:
        """Close the connections."""
        await self._database.redis.aclose()


def _asked(order: Order) -> Submit:
    """Return what Redis is asked for an order."""
    asked: dict[str, Any] = {"by": order.by, "wake": order.wake, "anew": order.anew, "daily": order.daily}
    if order.first is not None:
        asked |= {"first_chain": order.first[0].name, "first": order.first[1]}
    if order.desired is None:
        return _submission("replicate", order.tenant, **asked)
    return _submission(
        "order",
        order.tenant,
        desired=content_of(order.desired),
        account=order.desired.platform_tenant_id,
        landing_zone=order.desired.landing_zone,
        documents=order.documents,
        **asked,
    )


def _submission(verb: Verb, tenant: TenantId, **asked: Any) -> Submit:
    trace = tracing.traceparent()
    return Submit(verb=verb, tenant=str(tenant), replication=uuid4().hex, trace=trace, **asked)


def _stored(answer: list[str]) -> Stored:
    """Understand Redis's answer; raises what kept it from storing anything."""
    match answer:
        case ["stored", replication, state, handles]:
            return Stored(replication, State(state), handles)
        case ["account", account, owner]:
            raise AccountTaken(account, owner)
        case ["documents"]:
            raise DocumentsChanged
    raise ValueError(f"submit.lua answers {answer}")


def content_of(desired: Desired) -> str:
    """Write a desired state so that the same content is the same text."""
    document = desired.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    return compact(document)
