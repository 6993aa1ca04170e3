from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from threading import Event, Lock

import httpx2
from fastapi import Request
from sse_starlette import EventSourceResponse

from tests.support.waiting import eventually
from tests.workers.api.server import Api
from workers.api.events import LOOKS
from workers.api.pages.live import OpenStream, live

OPEN = LOOKS + 2


def test_open_pages_are_made_anew_a_few_at_a_time(api: Api, pages: httpx2.Client) -> None:
    lock, go = Lock(), Event()
    inside, most, made = 0, 0, 0

    def make() -> Mapping[str, str]:
        nonlocal inside, most, made
        with lock:
            inside, most, made = inside + 1, max(most, inside + 1), made + 1
        go.wait(20)
        with lock:
            inside -= 1
        return {"page": "<p>two\nlines</p>"}

    @api.app.get("/live/slow", include_in_schema=False)
    def slow(request: Request, streams: OpenStream) -> EventSourceResponse:
        return live(request, streams, make)

    with ExitStack() as opened:
        opened.callback(api.app.router.routes.pop)  # other tests have the same application
        answers = [opened.enter_context(pages.stream("GET", "/live/slow")) for _ in range(OPEN)]
        eventually(lambda: inside == LOOKS)
        assert pages.get("/tenants").status_code == 200
        go.set()
        for answer in answers:
            lines = answer.iter_lines()
            assert [next(lines) for _ in range(3)] == ["event: page", "data: <p>two", "data: lines</p>"]
        assert most == LOOKS
        assert made >= OPEN
