"""Structured logs on stderr: one line per event, fixed field names, and no secret, whoever logs it.

Celery, uvicorn and every other library log through the standard library; their records take the same road. Secrets are
replaced by value in the finished line, the last place before it is written: that covers tracebacks and libraries.
"""

import json
import logging
import os
import re
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, Literal, TextIO
from urllib.parse import quote, quote_plus, unquote, urlsplit

import structlog

from config.log_text import TextLines
from config.mistakes import MASK

FIELDS = ("tenant", "replication", "step", "account", "request_id", "trace_id")
"""The field names every layer uses for these things, so that one search finds a tenant's whole story."""

SHORTEST_SECRET = 4
"""Characters: anything shorter would mask ordinary words and is no secret worth the name."""

# These handle their own records, and are routed to ours instead.
_OWN_HANDLERS = (
    "celery",
    "celery.task",
    "celery.redirected",
    "uvicorn",
    "uvicorn.access",
    "uvicorn.error",
    "flower",
    "tornado",
)
# Kept at WARNING: libraries that write request headers and session tokens at debug level, and Celery's two lines per
# task, which say what our own line of each step says better.
_TALKATIVE = (
    *("boto3", "botocore", "s3transfer", "urllib3", "httpx2", "httpcore2", "asyncio", "amqp", "kombu"),
    *("celery.worker.strategy", "celery.app.trace"),
)

Logger = structlog.stdlib.BoundLogger


class Masker:
    """Replaces registered secrets in a text, as they are or as JSON, Python's repr or a URL quote them."""

    def __init__(self) -> None:
        self._variants: set[str] = set()
        self._expression: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def register(self, values: Iterable[str]) -> None:
        """Add secrets; of a URL only its password is one. Thread-safe."""
        with self._lock:
            for value in values:
                for secret in _secrets_in(value):
                    self._variants |= {variant for variant in _variants(secret) if len(variant) >= SHORTEST_SECRET}
            longest_first = sorted(self._variants, key=len, reverse=True)
            self._expression = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def forget(self) -> None:
        """Drop every secret (tests)."""
        with self._lock:
            self._variants.clear()
            self._expression = None

    def mask(self, text: str) -> str:
        """Return the text with every secret replaced."""
        return text if self._expression is None else self._expression.sub(MASK, text)


MASKER = Masker()
"""The process's masker: loggers are reached through globals, so what they must hide is one too."""


def register_secrets(values: Iterable[str]) -> None:
    """Hide these values in every later log line. May be called again, for instance when documents are read anew."""
    MASKER.register(values)


class _Trace:
    """How this process names the trace of which a line is a part."""

    id_now: Callable[[], str | None] = staticmethod(lambda: None)


def name_trace_by(id_now: Callable[[], str | None]) -> None:
    """Put the id of the current trace into every line, if there is one (config/tracing.py)."""
    _Trace.id_now = staticmethod(id_now)


def configure_logging(
    format: Literal["auto", "json", "text"] = "json",  # noqa: A002 - the word of the setting
    level: str = "info",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send all logs of this process to stderr (or `stream`) in one form. Call once per process, before anything logs.

    "auto" is text on a terminal, in colors unless NO_COLOR is set, and JSON elsewhere.
    With Celery, connect it to the `setup_logging` signal; uvicorn needs `log_config=None`.
    """
    register_secrets(secrets)
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    as_json = format == "json" or (format == "auto" and not stream.isatty())
    handler.setFormatter(_formatter(None if as_json else _text_lines(stream)))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    _route_libraries(level)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> Logger:
    """Return a logger; `name` is the module's."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


def _shared_processors() -> list[structlog.typing.Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        structlog.processors.StackInfoRenderer(),
    ]


def _formatter(text: TextLines | None) -> logging.Formatter:
    """Build the last stage: exceptions to text, the line, as JSON or as text, and only then the mask."""
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False, default=str) if text is None else text
    last: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, _ordered, renderer]
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return _MaskingFormatter(foreign_pre_chain=_shared_processors(), processors=[meta, *last])


def _text_lines(stream: TextIO) -> TextLines:
    on_terminal = stream.isatty()
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return TextLines(on_terminal=on_terminal, colored=on_terminal and not plain)


class _MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    """Masks the finished line."""

    def format(self, record: logging.LogRecord) -> str:
        """Render and mask."""
        return MASKER.mask(super().format(record))


def _with_trace(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the trace of which the line is a part."""
    trace_id = _Trace.id_now()
    if trace_id is not None:
        event["trace_id"] = trace_id
    return event


def _ordered(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the fixed fields first, so that lines can be read by eye as well."""
    first = ("timestamp", "level", "event", *FIELDS)
    return {key: event[key] for key in (*(k for k in first if k in event), *(k for k in event if k not in first))}


def _route_libraries(level: str) -> None:
    for name in _OWN_HANDLERS:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    # It writes a stack trace for every role that cannot be assumed yet; our error says the same in a sentence.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger("connector").critical("uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(found: threading.ExceptHookArgs) -> None:
    if not issubclass(found.exc_type, SystemExit):  # how a thread may end itself
        error = found.exc_value or found.exc_type()
        _log_uncaught(found.exc_type, error, found.exc_traceback)


def _log_unraisable(found: Any) -> None:
    """Log an error of a finaliser; Python's own hook would write it unmasked. Its object may be half gone: no repr."""
    if found.exc_value is not None:
        _log_uncaught(found.exc_type, found.exc_value, found.exc_traceback)


def _secrets_in(value: str) -> Iterator[str]:
    """Yield the secrets in a registered value: itself, or of a URL its password, as written and decoded."""
    if "://" not in value:
        yield value
        return
    try:
        password = urlsplit(value).password
    except ValueError:
        yield value
        return
    if password:
        yield password
        yield unquote(password)


def _variants(secret: str) -> Iterator[str]:
    """Yield the forms in which a secret may stand in a log line."""
    in_repr = repr(secret)[1:-1]
    for form in (secret, in_repr, secret.strip()):
        yield form
        yield from (json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1])
    for encode in (quote, quote_plus):
        for safe in ("", "/"):
            encoded = encode(secret, safe=safe)
            yield encoded
            yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)
