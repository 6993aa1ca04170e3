"""A worker's port: what it counts, for whoever has a token of the API, and whether it lives, for whoever runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from config.api_token import ApiToken
from workers.tokens import bearer, find_token, password

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REALM = 'Basic realm="connector"'


class PortTaken(Exception):
    """The worker cannot listen there; the text says what to do."""


class MetricsServer:
    """A server in threads of its own: `start`, then `stop`."""

    def __init__(
        self, registry: CollectorRegistry, tokens: Iterable[ApiToken], healthy: Callable[[], bool], host: str, port: int
    ) -> None:
        """Listen on a port; `healthy` says whether the worker still does its work. Raises PortTaken."""
        ProcessCollector(registry=registry)  # memory, CPU and open files of this process
        app = answering_head(_with_health(healthy, _guarded(make_wsgi_app(registry), tuple(tokens))))
        try:
            self._server = make_server(host, port, app, ThreadingWSGIServer, Silent)
        except OSError as error:
            raise PortTaken(
                f"CONNECTOR_METRICS_PORT = {port}: a worker cannot listen on {host}:{port} ({error.strerror}). "
                "Several workers on one machine need a port each."
            ) from error
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class Silent(WSGIRequestHandler):
    """Answers requests without a word in the logs."""

    timeout = 10  # seconds; who says nothing for longer must not keep a thread

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's own name)
        """Log nothing: Prometheus asks four times a minute."""


def answering_head(app: WSGIApplication) -> WSGIApplication:
    """Answer HEAD as GET, without the body."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "HEAD":
            return app(environ, start_response)
        list(app({**environ, "REQUEST_METHOD": "GET"}, start_response))
        return []

    return answer


def _with_health(healthy: Callable[[], bool], app: WSGIApplication) -> WSGIApplication:
    """Answer /healthz without a token, as API and runner do: who restarts containers has none."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            return app(environ, start_response)
        lives = healthy()
        start_response("200 OK" if lives else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"OK\n" if lives else b"The worker has stopped looking for work.\n"]

    return answer


def _guarded(app: WSGIApplication, tokens: tuple[ApiToken, ...]) -> WSGIApplication:
    def guard(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        header = environ.get("HTTP_AUTHORIZATION")
        if find_token(password(header) or bearer(header), tokens) is None:
            start_response("401 Unauthorized", [("WWW-Authenticate", REALM), ("Content-Type", "text/plain")])
            return [b"Send a token of CONNECTOR_API_TOKENS as the password, or as Authorization: Bearer.\n"]
        return app(environ, start_response)

    return guard
