"""A server that answers a byte at a time, and never comes to an end: what a broken or hostile peer does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread

EVERY = 0.05  # seconds between two bytes, far below every time-out of a read


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    head: bytes
    ending: Event


class _Drip(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Read a request's head, then send the beginning at once and the rest byte by byte."""
        while self.rfile.readline().strip():
            pass
        try:
            self.wfile.write(self.server.head)
            while not self.server.ending.wait(EVERY):
                self.wfile.write(b"x")
        except OSError:
            return


@contextmanager
def dripping(head: bytes = b"HTTP/1.1 200 OK\r\nX-Header: ") -> Iterator[str]:
    """Serve on a free port of 127.0.0.1; gives the address.

    head   what is sent at once; by default the header is what drips
    """
    with _Server(("127.0.0.1", 0), _Drip) as server:
        server.head, server.ending = head, Event()
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.ending.set()
        server.shutdown()
