"""A collector of traces for tests: takes what our processes send by OTLP over HTTP, and keeps it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Sent:
    """One span as it was sent."""

    service: str  # service.name of the process
    name: str
    trace: str
    span: str
    parent: str  # empty: it is the first
    kind: int
    failed: bool
    attributes: dict[str, Any]


@dataclass
class Collector:
    """What was sent so far."""

    url: str
    spans: list[Sent] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def of(self, trace: str) -> list[Sent]:
        """Return the spans of one trace."""
        return [span for span in self.spans if span.trace == trace]

    def take(self, body: bytes) -> None:
        """Keep what a process has sent."""
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _read(resource.resource.attributes)["service.name"]
            self.spans += [_sent(service, span) for scope in resource.scope_spans for span in scope.spans]


def _sent(service: str, span: Any) -> Sent:
    return Sent(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.kind,
        span.status.code == span.status.STATUS_CODE_ERROR,
        _read(span.attributes),
    )


def _read(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's own name)
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
