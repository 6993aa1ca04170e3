"""The HTTP server round the simulator: threads, HTTP/1.1 keep-alive, and connections that can be cut."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler

from workers.sandbox.aws.app import ConnectionCutError, Simulator

PARENT_CHECK_SECONDS = 0.5


class RequestHandler(WSGIRequestHandler):
    """Keeps connections open (werkzeug's own handler always closes them), answers at once, and logs nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request in one packet, or cut the connection."""
        head: list[str] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
            last = [("Connection", "close")] if self.close_connection else []  # else the client might use it again
            head.extend([f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in (*headers, *last)), "", ""])
            return self.wfile.write

        try:
            body = b"".join(self.server.app(self.make_environ(), start_response))
        except ConnectionCutError:
            self._cut()
            return
        self.wfile.write("\r\n".join(head).encode("latin-1") + body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the call log has it."""

    def _cut(self) -> None:
        """Reset the connection, as when a load balancer dies: closing with linger 0 sends no goodbye."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class Server(ThreadedWSGIServer):
    """A threaded server whose threads end with the process."""

    daemon_threads = True
    request_queue_size = 512


def make_server(simulator: Simulator, port: int) -> BaseWSGIServer:
    """Bind 127.0.0.1 on the port (0: a free one)."""
    return Server("127.0.0.1", port, simulator, handler=RequestHandler)


def end_with_parent() -> None:
    """End this process soon after its parent has ended, however that happened."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_SECONDS)
        os._exit(0)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
