"""Spans of OpenTelemetry, sent by OTLP over HTTP as its own variables say. Only `config/tracing.py` imports this."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from config.log import MASKER
from config.mistakes import MASK
from config.tracing import Kind, Note

PACKAGE = "meshstack-aws-connector"
KINDS = {Kind.INTERNAL: SpanKind.INTERNAL, Kind.CLIENT: SpanKind.CLIENT, Kind.CONSUMER: SpanKind.CONSUMER}
QUERY = "url.query"
CONTEXT = TraceContextTextMapPropagator()


class _Span:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, attributes: Mapping[str, Note | None]) -> None:
        self._span.set_attributes(_masked(attributes))

    def fail(self, kind: str, message: str) -> None:
        self._span.set_attribute("error.type", MASKER.mask(kind))
        self._span.set_status(Status(StatusCode.ERROR, MASKER.mask(message)))


class _Masked(SpanProcessor):
    """Hides secrets in what others note of a request: somebody may have put one into its address."""

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:  # noqa: ARG002 (its signature)
        """Mask what a span begins with; queries are in no log of ours either."""
        known = dict(span.attributes or {})
        span.set_attributes(_masked({name: value for name, value in known.items() if isinstance(value, str)}))
        if QUERY in known:
            span.set_attribute(QUERY, MASK)


class OpenTelemetry:
    """Makes spans and sends them in the background; what was not sent yet is sent at the end of the process."""

    def __init__(self, process: str) -> None:
        """Begin; FastAPI finds the provider, and traces requests by itself."""
        provider = TracerProvider(resource=_resource(process))
        provider.add_span_processor(_Masked())
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
        self._tracer = provider.get_tracer(PACKAGE, version(PACKAGE))

    @contextmanager
    def span(self, name: str, kind: Kind, attributes: Mapping[str, Note | None], parent: str | None) -> Iterator[_Span]:
        """Make a span. An exception that leaves it is told by its name alone: its text may hold secrets."""
        context = None if parent is None else CONTEXT.extract({"traceparent": parent}, Context())
        with self._open(name, KINDS[kind], attributes, context) as span:
            yield span

    @contextmanager
    def begin(self, name: str, attributes: Mapping[str, Note | None]) -> Iterator[_Span]:
        """Make the first span of a trace."""
        with self._open(name, SpanKind.INTERNAL, attributes, Context()) as span:
            yield span

    def traceparent(self) -> str | None:
        """Return the current span."""
        carrier: dict[str, str] = {}
        CONTEXT.inject(carrier)
        return carrier.get("traceparent")

    @contextmanager
    def _open(
        self, name: str, kind: SpanKind, attributes: Mapping[str, Note | None], context: Context | None
    ) -> Iterator[_Span]:
        with self._tracer.start_as_current_span(
            name,
            context,
            kind,
            _masked(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as opened:
            span = _Span(opened)
            try:
                yield span
            except Exception as error:
                span.fail(type(error).__name__, "")
                raise


def _resource(process: str) -> Resource:
    """Say who makes the spans; what the environment says of that goes first."""
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    ours = {"service.version": version(PACKAGE), "service.instance.id": f"{socket.gethostname()}.{os.getpid()}"}
    return Resource.create(ours if named else {"service.name": f"aws-connector-{process}", **ours})


def _masked(attributes: Mapping[str, Note | None]) -> dict[str, Note]:
    return {
        name: MASKER.mask(value) if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None
    }
