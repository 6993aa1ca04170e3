"""Which messages of the queue are ours: checked as bytes, before Celery sees them.

Whoever can write to Redis can put anything into the queue. Celery and kombu end the whole worker for a message that is
no JSON or lacks a field, unpack what says it is compressed, and keep what is for next year in memory; so nothing but
what we send ourselves gets through: JSON, small, for a task of ours, with arguments of the right number and types, and
without anything that Celery would call or wait for besides the chain.
"""

from __future__ import annotations

import inspect
from base64 import b64decode
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tasks.state.counts import Rejection

LARGEST = 64 * 1024
"""Bytes of a message; a chain of 20 steps has 7 KiB."""

OTHERS = "celery."
"""Celery's built-in tasks, such as celery.map, run other tasks inside themselves; we send none of them."""

Short = Annotated[str, Field(max_length=1024)]
Empty = Annotated[list[Any], Field(max_length=0)] | None
Runs = Mapping[str, Callable[..., Any]]
"""What each task runs, by the task's name."""


class MessageRefused(ValueError):
    """A message that is not ours; the reason holds nothing of the message."""

    def __init__(self, reason: Rejection) -> None:
        super().__init__(reason)
        self.reason = reason


class _Part(BaseModel):
    """A part of a message; fields that Celery adds are let through, for the ones that matter stand here."""

    model_config = ConfigDict(strict=True)


class _Headers(_Part):
    task: Short
    id: Short
    root_id: Short | None = None
    parent_id: Short | None = None
    group: None = None
    eta: None = None  # what waits, waits in the due index
    expires: Short | None = None
    retries: Annotated[int, Field(ge=0, le=1000)] | None = 0
    timelimit: list[None] | None = None
    argsrepr: str | None = None
    kwargsrepr: str | None = None
    shadow: None = None
    compression: None = None
    stamped_headers: Empty = None
    stamps: Annotated[dict[str, Any], Field(max_length=0)] | None = None


class _DeliveryInfo(_Part):
    exchange: Short
    routing_key: Short


class _Properties(_Part):
    delivery_tag: Short
    body_encoding: Literal["base64"]
    delivery_info: _DeliveryInfo
    correlation_id: Short | None = None
    reply_to: Short | None = None
    priority: int | None = 0


class _Envelope(_Part):
    body: str
    content_type: Annotated[Literal["application/json"], Field(alias="content-type")]
    content_encoding: Annotated[Literal["utf-8"], Field(alias="content-encoding")]
    headers: _Headers
    properties: _Properties


class _Signature(_Part):
    task: Short
    args: list[Any]
    named: Annotated[dict[str, Any], Field(alias="kwargs")]


class _Embedded(_Part):
    chain: list[_Signature] | None = None
    callbacks: Empty = None
    errbacks: Empty = None
    chord: None = None


_BODY: TypeAdapter[tuple[list[Any], dict[str, Any], _Embedded]] = TypeAdapter(
    tuple[list[Any], dict[str, Any], _Embedded]
)


def check_message(raw: bytes, tasks: Runs) -> None:
    """Raise MessageRefused unless a message of the queue is one of ours."""
    if len(raw) > LARGEST:
        raise MessageRefused(Rejection.TOO_LARGE)
    headers, (arguments, named, embedded) = _read(raw)
    _check_call(headers.task, arguments, named, tasks)
    for following in embedded.chain or ():
        _check_call(following.task, following.args, following.named, tasks)


def _read(raw: bytes) -> tuple[_Headers, tuple[list[Any], dict[str, Any], _Embedded]]:
    try:
        envelope = _Envelope.model_validate_json(raw)
        return envelope.headers, _BODY.validate_json(b64decode(envelope.body, validate=True))
    except ValidationError as error:
        kinds = {detail["type"] for detail in error.errors(include_url=False, include_input=False)}
        reason = Rejection.NO_JSON if "json_invalid" in kinds else Rejection.NOT_OURS
        raise MessageRefused(reason) from None
    except ValueError:  # what is no base64
        raise MessageRefused(Rejection.NOT_OURS) from None


def _check_call(name: str, arguments: list[Any], named: dict[str, Any], tasks: Runs) -> None:
    if name not in tasks or name.startswith(OTHERS):
        raise MessageRefused(Rejection.UNKNOWN_TASK)
    signature, types = _parameters(tasks[name])
    try:
        for parameter, value in signature.bind(*arguments, **named).arguments.items():
            types[parameter].validate_python(value, strict=True)
    except (TypeError, ValidationError):
        raise MessageRefused(Rejection.WRONG_ARGUMENTS) from None


@cache
def _parameters(run: Callable[..., Any]) -> tuple[inspect.Signature, dict[str, TypeAdapter[Any]]]:
    hints = get_type_hints(run)
    signature = inspect.signature(run)
    return signature, {name: TypeAdapter(hints.get(name, Any)) for name in signature.parameters}
