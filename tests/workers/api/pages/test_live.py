from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from threading import Event, Lock

import httpx2
from fastapi import Request
from sse_starlette import EventSourceResponse

from tasks.model.replication import State, StepState
from tests.support.waiting import eventually
from tests.workers.api.pages.scene import Scene, text_of
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


def test_a_tenant_sends_what_has_changed_and_not_its_people(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    """A project has thousands of people, and a step's note changes every few seconds."""
    many = [f"p{number}@example.com" for number in range(500)]
    access = [{"username": each, "euid": each, "roles": ["user"]} for each in many]
    tenant = scene.order("many", access=access)
    path = "/tenants/likvid/many/aws.sandbox"
    assert "200 of 500" in text_of(pages.get(path))
    assert "p499@example.com" in pages.get(f"{path}?people=all").text

    with pages.stream("GET", f"/live{path}") as answer:
        lines = answer.iter_lines()
        first = _events(lines, until="history")
        assert first == ["head", "actions", "steps", "people", "facts", "changes", "history"]
        scene.end(scene.begin(tenant), StepState(name="withdraw_access", state=State.WAITING, note="x"), State.WAITING)
        assert _events(lines, until="steps") == ["head", "steps"]
        assert "people" not in _events(lines, until="history")


def _events(lines: Iterator[str], until: str) -> list[str]:
    found: list[str] = []
    while not found or found[-1] != until:
        line = next(lines)
        if line.startswith("event: "):
            found.append(line.removeprefix("event: "))
    return found
