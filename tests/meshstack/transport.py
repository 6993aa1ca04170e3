"""Two ways to the fake meshStack: in this process, and over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import httpx2

from tests.meshstack.fake import FakeMeshStack
from tests.meshstack.fake_run import Dropped


def in_process(fake: FakeMeshStack) -> httpx2.MockTransport:
    """Make a transport that leads to the fake without a network."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        try:
            reply = fake.handle(request.method, str(request.url), request.headers, request.content)
        except Dropped as error:
            raise httpx2.RemoteProtocolError("the connection is gone", request=request) from error
        return httpx2.Response(reply.status, headers={"Content-Type": reply.media, **reply.headers}, content=reply.body)

    return httpx2.MockTransport(answer)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that were killed."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _handler(fake: FakeMeshStack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout: ClassVar[int] = 30

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # the client was killed while it wrote
                self.close_connection = True
                return
            try:
                reply = fake.handle(self.command, self.path, dict(self.headers), body)
            except Dropped:
                self.close_connection = True
                return
            content = reply.body
            self.send_response(reply.status)
            for name, text in {"Content-Type": reply.media, **reply.headers}.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815  # the base class's own names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's own name
            return

    return Handler


@contextmanager
def over_http(fake: FakeMeshStack) -> Iterator[str]:
    """Serve the fake on a free port of 127.0.0.1; gives its address."""
    with _Server(("127.0.0.1", 0), _handler(fake)) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
