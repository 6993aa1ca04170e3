"""Keeps an open page live: the server makes its changing part anew, and sends it when it differs from before.

One Server-Sent Event for each part, with its HTML; htmx changes only what differs. What is looked at is the page that
the browser shows, so a look costs the same for many tenants as for few. However many pages are open, two are made anew
at a time, and each of these two places rests longer than it works: the pages get slower then, and the API does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Annotated

import anyio
from fastapi import Depends, HTTPException, Request
from redis import RedisError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from tasks.metering.errors import DatabaseAway
from workers.api.events import GRACE_SECONDS, Streams, place
from workers.api.pages.rendering import HEADERS
from workers.api.pages.visitor import NotSignedIn, current_visitor

LOOK_SECONDS = 2.0  # between two looks of one page
REST = 3.0  # times as long as a look took its place rests, so that both take half of a processor at the most
LONGEST_REST_SECONDS = 1.0  # when Redis is away a look takes long, and costs nothing

OpenStream = Annotated[Streams, Depends(place)]


def live(request: Request, streams: Streams, make: Callable[[], Mapping[str, str]]) -> EventSourceResponse:
    """Answer with the parts that `make` makes, by name, now and whenever one differs; `make` may ask Redis."""
    stop = anyio.Event()
    return EventSourceResponse(
        _changes(request, streams, make, stop),
        headers=HEADERS,
        ping=streams.heartbeat.total_seconds(),
        shutdown_event=stop,
        shutdown_grace_period=GRACE_SECONDS,
    )


async def _changes(
    request: Request, streams: Streams, make: Callable[[], Mapping[str, str]], stop: anyio.Event
) -> AsyncIterator[ServerSentEvent]:
    before: Mapping[str, str] = {}

    def look() -> Mapping[str, str]:
        current_visitor(request, request.app.state.in_force.now())
        return make()

    while not stop.is_set():
        try:
            made = await _in_turn(streams, look)
        except (NotSignedIn, HTTPException):  # or what it shows is gone: the browser comes back, and is told so
            return
        except (RedisError, DatabaseAway):  # it shows what it has until they are back
            made = before
        for name, part in made.items():
            if part != before.get(name):
                yield ServerSentEvent(data=part, event=name)
        before = made
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)


async def _in_turn(streams: Streams, look: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    """Look in one of the places for it, which rests afterwards."""
    await streams.looks.acquire()
    started = monotonic()
    try:
        return await run_in_threadpool(look)
    finally:
        rest = min(REST * (monotonic() - started), LONGEST_REST_SECONDS)
        asyncio.get_running_loop().call_later(rest, streams.looks.release)
