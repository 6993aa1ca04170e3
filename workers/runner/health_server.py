"""The runner's page for who watches it: /healthz and /metrics on one port, as meshStack's own runner has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIServer, make_server

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from workers.metrics_server import PortTaken, Silent, answering_head

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

USUAL_PORT = 8100  # of meshStack's own runner for the same kind of building blocks
TEXT = [("Content-Type", "text/plain; charset=utf-8")]


class HealthServer:
    """A server in threads of its own: `start`, then `stop`. Raises PortTaken."""

    def __init__(self, registry: CollectorRegistry, healthy: Callable[[], bool], host: str, port: int | None) -> None:
        """Listen on a port; None: on the usual one, or where that is taken on a free one."""
        ProcessCollector(registry=registry)  # memory, CPU and open files of this process
        self._metrics = make_wsgi_app(registry)
        self._healthy = healthy
        self._server = _listening(answering_head(self._answer), host, port)
        self._thread = Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/healthz":
                healthy = self._healthy()
                start_response("200 OK" if healthy else "503 Service Unavailable", TEXT)
                return [b"OK" if healthy else b"the runner's main thread hangs"]
            case "/metrics":
                page: Iterable[bytes] = self._metrics(environ, start_response)
                return page
        start_response("404 Not Found", TEXT)
        return [b"There are /healthz and /metrics.\n"]


def _listening(app: WSGIApplication, host: str, port: int | None) -> WSGIServer:
    try:
        return make_server(host, USUAL_PORT if port is None else port, app, ThreadingWSGIServer, Silent)
    except OSError as error:
        if port is None:  # several runners on one machine: nobody has said where
            return make_server(host, 0, app, ThreadingWSGIServer, Silent)
        raise PortTaken(
            f"CONNECTOR_RUNNER_PORT = {port}: the runner cannot listen on {host}:{port} ({error.strerror}). "
            "Give it a free one; MANAGEMENT_PORT and PORT take precedence."
        ) from error
