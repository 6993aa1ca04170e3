"""Errors as problem documents, `application/problem+json`. Source: RFC 9457.

`type` stays `about:blank`, which says: the status tells the kind, `title` is its phrase, and `detail` tells what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from redis import RedisError
from starlette.exceptions import HTTPException

from config.log import get_logger
from config.printable import printable
from tasks.metering.errors import DatabaseAway, NoMetering, NoParquet, NoSuchMonth
from tasks.orders.producer import LONGEST_FIELD, FieldMistake, RequestRefused, field_mistakes
from tasks.state.connections import why_away
from tasks.state.database import NotReplicated
from workers.api.schemas import FieldProblem, Problem

MEDIA_TYPE = "application/problem+json"
NO_STORE = {"Cache-Control": "no-store"}
RETRY_SECONDS = 5  # Redis restarts in seconds; workers come back as fast
ASKING = ("GET", "HEAD")  # who only asks is not told that nothing was stored

_DETAILS = {
    404: "This path does not exist. See /docs for all paths.",
    405: "This path does not support that method. The Allow header lists those that it supports.",
}


class KeyTwice(HTTPException):
    """A body that names a key twice in one object, so that nobody can tell what was meant."""

    def __init__(self, key: str) -> None:
        super().__init__(400)
        self.key = printable(key)[:LONGEST_FIELD]


class ProblemResponse(JSONResponse):
    """One problem document as an answer."""

    media_type = MEDIA_TYPE


def problem(
    path: str,
    status: int,
    detail: str,
    errors: Iterable[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """Say what went wrong at a path; `path` is the decoded one."""
    document = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=encoded(path),
        errors=None if errors is None else list(errors),
    )
    content = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return ProblemResponse(content, status, headers={**NO_STORE, **(headers or {})})


def encoded(path: str) -> str:
    """Write a decoded path as in a URL: one line, no control characters."""
    return quote(path, safe="/:@!$&'()*+,;=")


def add_handlers(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    handlers: dict[type[Exception], Callable[[Request, Any], ProblemResponse]] = {
        RequestRefused: _refused,
        RequestValidationError: _invalid,
        KeyTwice: _key_twice,
        HTTPException: _http,
        NotReplicated: _not_replicated,
        NoMetering: _no_metering,
        NoSuchMonth: _no_such_month,
        NoParquet: _no_parquet,
        DatabaseAway: _database_away,
        RedisError: _redis,
        Exception: _unexpected,
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)


def _no_metering(request: Request, error: NoMetering) -> ProblemResponse:
    return problem(request.url.path, 404, str(error))


def _no_such_month(request: Request, error: NoSuchMonth) -> ProblemResponse:
    return problem(request.url.path, 422, str(error))


def _no_parquet(request: Request, error: NoParquet) -> ProblemResponse:
    return problem(request.url.path, 501, str(error))


def _database_away(request: Request, error: DatabaseAway) -> ProblemResponse:
    get_logger(__name__).error("the metering database does not answer", error=str(error))
    detail = "The metering database does not answer. Ask again in a few seconds."
    return problem(request.url.path, 503, detail, headers={"Retry-After": str(RETRY_SECONDS)})


def _refused(request: Request, error: RequestRefused) -> ProblemResponse:
    return _wrong_fields(request, error.mistakes, error.advice)


def _invalid(request: Request, error: RequestValidationError) -> ProblemResponse:
    findings = list(error.errors())
    if findings[0]["type"] == "json_invalid":
        reason = findings[0].get("ctx", {}).get("error", "not JSON")
        detail = f"The body is not JSON document: {reason} at character {findings[0]['loc'][-1]}."
        return problem(request.url.path, 400, detail)
    inside = [{**finding, "loc": finding["loc"][1:] or finding["loc"]} for finding in findings]  # without "body"
    return _wrong_fields(request, field_mistakes(inside))


def _key_twice(request: Request, error: KeyTwice) -> ProblemResponse:
    detail = f"Nothing was stored. The body gives {error.key} twice in one object: keep one of them and send it again."
    found = FieldProblem(field=error.key, value="two values", message="must be given once in an object")
    return problem(request.url.path, 400, detail, [found])


def _wrong_fields(request: Request, mistakes: Iterable[FieldMistake], advice: str = "") -> ProblemResponse:
    found = [FieldProblem(field=each.field, value=each.value, message=each.message) for each in mistakes]
    named = ", ".join(dict.fromkeys(each.field for each in found[:5]))
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    stored = "" if request.method in ASKING else "Nothing was stored. "
    detail = f"{stored}Correct {named}{more} and send it again. {advice}".rstrip()
    return problem(request.url.path, 422, detail, found)


def _http(request: Request, error: HTTPException) -> ProblemResponse:
    generic = error.detail == HTTPStatus(error.status_code).phrase
    detail = _DETAILS.get(error.status_code, error.detail) if generic else error.detail
    return problem(request.url.path, error.status_code, detail, headers=error.headers)


def _redis(request: Request, error: RedisError) -> ProblemResponse:
    get_logger(__name__).error("redis does not answer", error=f"{type(error).__name__}: {error}")
    detail = f"{why_away(error)} Send the request again; sending it twice does no harm."
    return problem(request.url.path, 503, detail, headers={"Retry-After": str(RETRY_SECONDS)})


def _not_replicated(request: Request, error: NotReplicated) -> ProblemResponse:
    detail = (
        f"Nothing is promised: {error}, and CONNECTOR_REDIS_REPLICAS asks for that many. Send the request again; "
        "sending it twice does no harm."
    )
    return problem(request.url.path, 503, detail, headers={"Retry-After": str(RETRY_SECONDS)})


def _unexpected(request: Request, _error: Exception) -> ProblemResponse:
    """Say nothing of the inside; Starlette raises the error again, and the server logs it with its trace."""
    return problem(request.url.path, 500, "This is a bug in the connector. See its log at this time.")
