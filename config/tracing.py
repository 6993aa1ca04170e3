"""Traces: what one replication did, from the order over the queue and its steps to each call to AWS.

They are made when OpenTelemetry's own variables say where to send them, and the extra `otel` is installed: then
`config/otel.py` makes them. Else nothing of OpenTelemetry is imported, and a span is nothing.
Nothing secret may be in a span: what is noted passes the masker of the logs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum
from typing import Protocol

from config.environment import process_environment
from config.log import get_logger, name_trace_by

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN = "http/protobuf"
OURS = "OTEL_"

Note = str | int | float | bool


class Kind(Enum):
    """What a span is to whoever reads the trace."""

    INTERNAL = "internal"
    CLIENT = "client"  # a request to somebody else
    CONSUMER = "consumer"  # work that somebody else has queued


class Span(Protocol):
    """One thing that takes time."""

    def note(self, attributes: Mapping[str, Note | None]) -> None:
        """Add what is known by now; None: nothing."""

    def fail(self, kind: str, message: str) -> None:
        """Say that it went wrong: a code, and a sentence without secrets."""


class Traces(Protocol):
    """Makes spans. The current one is that of this thread, or of this asynchronous task."""

    def span(
        self, name: str, kind: Kind, attributes: Mapping[str, Note | None], parent: str | None
    ) -> AbstractContextManager[Span]:
        """Make a span below the current one, or below a parent as `traceparent` gave it, maybe elsewhere."""

    def begin(self, name: str, attributes: Mapping[str, Note | None]) -> AbstractContextManager[Span]:
        """Make the first span of a trace of its own."""

    def traceparent(self) -> str | None:
        """Return the current span as W3C's Trace Context writes it; None: there is none."""


class _NoSpan:
    def note(self, attributes: Mapping[str, Note | None]) -> None:
        """Note nothing."""

    def fail(self, kind: str, message: str) -> None:
        """Say nothing."""


_NOTHING: AbstractContextManager[Span] = nullcontext(_NoSpan())


class _Process:
    """The traces of this process: calls are traced wherever they are made, so what makes the spans is a global."""

    traces: Traces | None = None  # none are made


def start(process: str) -> None:
    """Make traces from now on, if the environment or `.env` wants them; `process` is its part in the connector.

    Raises SettingsError when `.env` cannot be read.
    """
    environment = {name: text for name, text in process_environment().items() if name.startswith(OURS)}
    if not _wanted(environment):
        return
    log = get_logger(__name__)
    for name in PROTOCOLS:
        if environment.get(name, SPOKEN) != SPOKEN:
            log.warning("traces are sent in another protocol than is wanted", setting=name, sent=SPOKEN)
    for name, text in environment.items():  # OpenTelemetry reads the environment alone
        os.environ.setdefault(name, text)
    try:
        from config.otel import OpenTelemetry  # noqa: PLC0415 (an optional dependency, and only where it is wanted)
    except ImportError:
        install = "pip install 'meshstack-aws-connector[otel]'"
        log.warning("no traces: OpenTelemetry is not installed", wanted_by=_endpoint(environment)[0], do=install)
        return
    _Process.traces = OpenTelemetry(process)
    name_trace_by(trace_id)


def span(
    name: str, attributes: Mapping[str, Note | None], kind: Kind = Kind.INTERNAL, parent: str | None = None
) -> AbstractContextManager[Span]:
    """Make a span below the current one, or below a parent as `traceparent` gave it, maybe in another process."""
    return _NOTHING if _Process.traces is None else _Process.traces.span(name, kind, attributes, parent)


def begin(name: str, attributes: Mapping[str, Note | None]) -> AbstractContextManager[Span]:
    """Make the first span of a trace of its own, whatever is under way here."""
    return _NOTHING if _Process.traces is None else _Process.traces.begin(name, attributes)


@contextmanager
def in_a_trace(name: str, attributes: Mapping[str, Note | None]) -> Iterator[None]:
    """Go on in the current trace, if there is one; else begin one."""
    if _Process.traces is None or traceparent() is not None:
        yield
        return
    with begin(name, attributes):
        yield


def traceparent() -> str | None:
    """Return the current span as W3C's Trace Context writes it; None: there is none."""
    return None if _Process.traces is None else _Process.traces.traceparent()


def trace_id() -> str | None:
    """Return the id of the current trace; None: there is none."""
    return id_in(traceparent())


def id_in(parent: str | None) -> str | None:
    """Return the id of the trace in a traceparent.

    >>> id_in("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), id_in(None)
    ('4bf92f3577b34da6a3ce929d0e0e4736', None)
    """
    return None if parent is None else parent.split("-")[1]


def _wanted(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return environment.get("OTEL_TRACES_EXPORTER", "otlp") == "otlp" and bool(_endpoint(environment))


def _endpoint(environment: Mapping[str, str]) -> list[str]:
    return [name for name in ENDPOINTS if environment.get(name)]
