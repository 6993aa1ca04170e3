"""One log line for each request, and no-store on each answer that says nothing else."""

from __future__ import annotations

from collections.abc import MutableMapping
from time import perf_counter
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.log import get_logger
from workers.api.problems import encoded

QUIET = frozenset({"/healthz", "/readyz"})  # asked every few seconds by whoever runs us; logged at debug level
UNTRACED = QUIET | {"/metrics"}


def is_untraced(scope: MutableMapping[str, Any]) -> bool:
    """Tell whether a request is none of a person's or a program's, but of whoever watches; or lasts for hours."""
    path = str(scope.get("path", ""))
    return path in UNTRACED or path.endswith("/events")


class AccessLog:
    """ASGI middleware: logs method, path, status, time and the token's name. Never a query, a header or a body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.log = get_logger(__name__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and log it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, started = 500, perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            note = self.log.debug if scope["path"] in QUIET else self.log.info
            milliseconds = round((perf_counter() - started) * 1000, 1)
            note(
                "request",
                method=scope["method"],
                path=encoded(scope["path"]),
                status=status,
                milliseconds=milliseconds,
                token=scope.get("token"),
            )
