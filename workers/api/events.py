"""A tenant's events as they happen: Server-Sent Events over the tenant's stream in Redis.

Source: html.spec.whatwg.org "Server-sent events". A browser that was cut off comes back with `Last-Event-ID` by itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any, cast

import anyio
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Security
from redis.exceptions import RedisError
from sse_starlette import EventSourceResponse, ServerSentEvent

from config.log import get_logger
from config.settings import Settings
from tasks.orders.producer import FieldMistake, RequestRefused
from tasks.state.connections import async_client
from workers.api.dependencies import CurrentConnector, KnownTenant
from workers.api.openapi import responses
from workers.api.problems import RETRY_SECONDS
from workers.api.security import BEARER

MOST_STREAMS = 200  # of one process: each holds a connection to Redis, and Redis allows 10,000 by default
LOOKS = 2  # live pages that are made anew at the same time; requests share the process with them
HEARTBEAT = timedelta(seconds=15)  # proxies close what has been silent for 30 s and more
BLOCK_SECONDS = 5  # how long one XREAD waits
SOCKET_SECONDS = BLOCK_SECONDS + 5.0  # more than an XREAD waits, so that a half-open connection ends too
GRACE_SECONDS = 2  # for a stream to end in order when the server stops; less than the server's own
BATCH = 100  # events of one XREAD
NEWEST = "$"
OLDEST = "0"

router = APIRouter(prefix="/api/v1/tenants", tags=["tenants"], dependencies=[Security(BEARER)])


class Streams:
    """The process's event streams: one pool of connections to Redis, and how many are open."""

    def __init__(self, settings: Settings, most: int, heartbeat: timedelta) -> None:
        self.redis = async_client(
            settings,
            decode_responses=True,
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=SOCKET_SECONDS,
            socket_keepalive=True,
            protocol=2,  # one shape of XREAD's answer, whatever the version of redis-py
        )
        self.most = most
        self.heartbeat = heartbeat
        self.open = 0
        self.looks = asyncio.Semaphore(LOOKS)  # of live pages

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()

    async def follow(
        self, key: str, after: str, stop: anyio.Event, *, stored_only: bool = False
    ) -> AsyncIterator[ServerSentEvent]:
        """Yield the events of a stream after an id, then each new one; ends at `stop`, or when Redis is away.

        stored_only   end where no more are stored
        """
        try:
            position = await self._newest(key) if after == NEWEST else after
            while not stop.is_set():
                found = await (self._stored(key, position) if stored_only else self._read(key, position, stop))
                for identifier, fields in found:
                    position = identifier
                    yield _event(identifier, fields["data"])
                if stored_only and len(found) < BATCH:
                    return
        except RedisError as error:  # the caller comes back with Last-Event-ID
            get_logger(__name__).warning("an event stream ended", error=f"{type(error).__name__}: {error}")

    async def _read(self, key: str, position: str, stop: anyio.Event) -> list[tuple[str, dict[str, str]]]:
        """Wait for entries after a position; empty when none came in time, or at `stop`."""
        reading = asyncio.ensure_future(self.redis.xread({key: position}, count=BATCH, block=BLOCK_SECONDS * 1000))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            answer: Any = reading.result() if reading.done() else []
        finally:
            reading.cancel()
            stopping.cancel()
        return [entry for _, entries in answer for entry in entries]

    async def _stored(self, key: str, position: str) -> list[tuple[str, dict[str, str]]]:
        """Read the entries after a position that there are."""
        answer: Any = await self.redis.xread({key: position}, count=BATCH)
        return [entry for _, entries in answer for entry in entries]

    async def _newest(self, key: str) -> str:
        # Not `$` itself: between two XREAD it would skip what happened meanwhile.
        newest = await self.redis.xrevrange(key, count=1)
        return str(newest[0][0]) if newest else OLDEST


async def place(request: Request) -> AsyncIterator[Streams]:
    """Count this stream as open until its answer has ended; answers 503 when too many are."""
    streams = cast(Streams, request.app.state.streams)
    if streams.open >= streams.most:
        detail = f"{streams.most} event streams are open already. Try again, or ask for the tenant's state instead."
        raise HTTPException(503, detail, {"Retry-After": str(RETRY_SECONDS)})
    streams.open += 1
    try:
        yield streams
    finally:
        streams.open -= 1


@router.get(
    "/{workspace}/{project}/{platform}/events",
    operation_id="follow_events",
    summary="Follow a tenant's events",
    response_class=EventSourceResponse,
    responses=responses(401, 404, 422, 503),
)
async def follow_events(
    record: KnownTenant,
    connector: CurrentConnector,
    streams: Annotated[Streams, Depends(place)],
    after: Annotated[
        str | None, Query(description="an event's id; 0: from the oldest stored; $: only new ones")
    ] = None,
    follow: Annotated[bool, Query(description="false: end after the stored events")] = True,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """Send the stored events, then each as it happens. `Last-Event-ID` wins over `after`, for it is newer.

    The event's name is its type: `step`, `replication`, or a write to AWS. A comment every 15 s is the heartbeat.
    """
    position = last_event_id or after or OLDEST
    if not _is_position(position):
        message = "must be the id of an event, such as 1731931200000-0; 0 for the oldest, $ for only new ones"
        raise RequestRefused((FieldMistake("Last-Event-ID" if last_event_id else "after", position[:80], message),))
    stop = anyio.Event()
    return EventSourceResponse(
        streams.follow(connector.store.keys.events(record.id), position, stop, stored_only=not follow),
        ping=streams.heartbeat.total_seconds(),
        shutdown_event=stop,
        shutdown_grace_period=GRACE_SECONDS,
    )


def _is_position(text: str) -> bool:
    """Tell whether Redis takes a text as a stream id: one or two 64-bit numbers."""
    numbers = text.split("-")
    return text == NEWEST or (
        len(numbers) <= 2
        and all(number.isascii() and number.isdecimal() and len(number) <= 20 for number in numbers)
        and all(int(number) < 2**64 for number in numbers)
    )


def _event(position: str, data: str) -> ServerSentEvent:
    return ServerSentEvent(data=data, event=str(json.loads(data).get("type", "message")), id=position)
