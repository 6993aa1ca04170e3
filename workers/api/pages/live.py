"""Keeps an open page live: the server makes its changing part anew, and sends it when it differs from before.

One Server-Sent Event for each part, with its HTML; htmx changes only what differs. What is looked at is the page that
the browser shows, so a look costs the same for many tenants as for few.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Annotated

import anyio
from fastapi import Depends, Request
from redis import RedisError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from tasks.metering.errors import DatabaseAway
from workers.api.events import GRACE_SECONDS, Streams, place
from workers.api.pages.rendering import HEADERS
from workers.api.pages.visitor import NotSignedIn, current_visitor

LOOK_SECONDS = 2.0  # between two looks of one page

OpenStream = Annotated[Streams, Depends(place)]


def live(request: Request, streams: Streams, make: Callable[[], Mapping[str, str]]) -> EventSourceResponse:
    """Answer with the parts that `make` makes, by name, now and whenever one differs; `make` may ask Redis."""
    stop = anyio.Event()
    return EventSourceResponse(
        _changes(request, make, stop),
        headers=HEADERS,
        ping=streams.heartbeat.total_seconds(),
        shutdown_event=stop,
        shutdown_grace_period=GRACE_SECONDS,
    )


async def _changes(
    request: Request, make: Callable[[], Mapping[str, str]], stop: anyio.Event
) -> AsyncIterator[ServerSentEvent]:
    before: Mapping[str, str] = {}
    while not stop.is_set():
        try:
            await run_in_threadpool(current_visitor, request, request.app.state.in_force.now())
            made = await run_in_threadpool(make)
        except NotSignedIn:  # the browser comes back, and is told so
            return
        except (RedisError, DatabaseAway):  # it shows what it has until they are back
            made = before
        for name, part in made.items():
            if part != before.get(name):
                yield ServerSentEvent(data=part, event=name)
        before = made
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
