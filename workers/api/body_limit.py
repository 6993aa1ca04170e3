"""No body over 4 MiB, however it is sent: with a length, or in chunks without one.

It stands behind the guard, and reads nothing where no token is asked for: what a stranger sends stays unread.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.api.problems import problem
from workers.api.security import guarded

LIMIT = 4 * 1024 * 1024  # bytes; a tenant with ten thousand people is about 3 MiB
# Bytes of a body that is too long which are read and dropped: who still sends would see a reset instead of the answer.
DRAIN = 4 * LIMIT
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
        body = None if self._is_announced_too_long(scope) else await self._read(receive)
        if body is None:
            detail = f"The body is longer than {self.limit} bytes. Send less: one tenant, its tags and its people."
            await problem(scope["path"], 413, detail, headers=CLOSE)(scope, receive, send)
            return
        await self.app(scope, replay(body, receive), send)

    def _is_announced_too_long(self, scope: Scope) -> bool:
        """Tell whether the sender asks before it sends, and would send too much. Source: RFC 9110, 10.1.1 Expect."""
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        return "expect" in headers and length.isdecimal() and int(length[:20]) > self.limit

    async def _read(self, receive: Receive) -> list[Message] | None:
        messages: list[Message] = []
        size = 0
        while size <= DRAIN:
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit:
                messages.clear()
            messages.append(message)
            if not message.get("more_body", False):  # the end, or http.disconnect
                break
        return None if size > self.limit else messages


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
