"""No body over 4 MiB, or 16 MiB of meshObjects, however it is sent: with a length, or in chunks without one.

It stands behind the guard, and reads nothing where no token is asked for: what a stranger sends stays unread.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.api.problems import problem
from workers.api.security import MESH_OBJECTS, guarded

LIMIT = 4 * 1024 * 1024  # bytes; a tenant with ten thousand people is about 3 MiB
IMPORT_LIMIT = 16 * 1024 * 1024  # bytes; ten thousand tenants with their projects and bindings
# How many times the limit is read, and dropped, of a body that is too long: who still sends would see a reset instead
# of the answer.
DRAIN = 4
CLOSE = {"Connection": "close"}  # what is left of the body would be read as the next request


class BodyLimit:
    """ASGI middleware: reads a request's body up to the limit, then hands it on; 413 when there is more."""

    def __init__(self, app: ASGIApp, limit: int = LIMIT) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on with its body read, or refuse it."""
        if scope["type"] != "http" or not guarded(scope["path"]):
            await self.app(scope, receive, send)
            return
        limit = max(self.limit, IMPORT_LIMIT) if scope["path"] == MESH_OBJECTS else self.limit
        body = None if self._is_announced_too_long(scope, limit) else await self._read(receive, limit)
        if body is None:
            detail = f"The body is longer than {limit} bytes. Send less at once."
            await problem(scope["path"], 413, detail, headers=CLOSE)(scope, receive, send)
            return
        await self.app(scope, replay(body, receive), send)

    def _is_announced_too_long(self, scope: Scope, limit: int) -> bool:
        """Tell whether the sender asks before it sends, and would send too much. Source: RFC 9110, 10.1.1 Expect."""
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        return "expect" in headers and length.isdecimal() and int(length[:20]) > limit

    async def _read(self, receive: Receive, limit: int) -> list[Message] | None:
        messages: list[Message] = []
        size = 0
        while size <= DRAIN * limit:
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                messages.clear()
            messages.append(message)
            if not message.get("more_body", False):  # the end, or http.disconnect
                break
        return None if size > limit else messages


def replay(messages: list[Message], receive: Receive) -> Receive:
    """Return a `receive` that gives the messages read already, then whatever comes."""
    following: Callable[[], Message] = iter(messages).__next__
    left = len(messages)

    async def again() -> Message:
        nonlocal left
        if left == 0:
            return await receive()
        left -= 1
        return following()

    return again
