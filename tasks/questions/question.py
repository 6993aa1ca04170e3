"""Questions that a worker answers, because the API never calls AWS: what is wrong with a platform, what would change.

    API: ask ─► key question:<id>, PENDING ─► message questions.<kind> ─► worker: answer ─► the same key, DONE or FAILED
    API: look ─► shows the key, and sends the message again when nobody has taken it for a while

The message is a hint and carries the id only; the key is the question. Questions change nothing, so one that is
answered twice does no harm, and none needs a lease. What nobody fetches within `KEPT` is gone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import structlog
from celery import Celery

from config.celery import celery_settings
from config.log import MASKER
from tasks.connector import Connector
from tasks.documents import QuestionState

KEPT = timedelta(hours=1)  # after the question and after the answer; whoever asked has looked by then
RESEND = timedelta(seconds=10)  # a message that no worker has taken by then is lost, or behind a long queue
PATIENCE = timedelta(minutes=5)  # a worker that has answered nothing by then is gone
Answerer = TypeVar("Answerer", bound=Connector)
"""What those who answer need; whoever asks needs no more than a connector, and must not import it."""
Answer = Callable[[Answerer, str], Any]
"""Answers one kind of question: is given its text, returns what JSON can hold; what it raises is the answer too."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Question:
    """A question, and its answer once there is one."""

    id: str
    kind: str
    text: str
    state: QuestionState
    asked_at: datetime
    answered_at: datetime | None = None
    answer: Any = None
    send_again_at: float = 0.0  # seconds since the epoch


def ask(connector: Connector, kind: str, name: str, text: str = "") -> Question:
    """Ask a worker; a question of that name that is not answered yet is this one.

    name       tells questions of a kind apart: a platform, or something that is never the same twice
    Raises redis.RedisError when Redis is away.
    """
    question = f"{kind}.{name}"
    pending = look(connector, question)
    if pending is not None and pending.state is QuestionState.PENDING and pending.text == text:
        return pending
    key = connector.store.question_key(question)
    fields = {"kind": kind, "text": text, "state": QuestionState.PENDING.value, "asked_at": _now().isoformat()}
    with connector.store.redis.pipeline() as pipeline:
        pipeline.delete(key)
        pipeline.hset(key, mapping={**fields, "send_again_at": _after(RESEND)})
        pipeline.pexpire(key, KEPT)
        pipeline.execute()
    _send(connector, kind, question)
    return Question(question, kind, text, QuestionState.PENDING, datetime.fromisoformat(fields["asked_at"]))


def look(connector: Connector, question: str) -> Question | None:
    """Show a question; None: nobody has asked, or too long ago. One that nobody takes is sent again."""
    found = _read(connector, question)
    if found is not None and found.state is QuestionState.PENDING and time.time() >= found.send_again_at:
        with connector.store.redis.pipeline() as pipeline:
            pipeline.hset(connector.store.question_key(question), "send_again_at", _after(RESEND))
            pipeline.hdel(connector.store.question_key(question), "taken")
            pipeline.execute()
        _send(connector, found.kind, question)
    return found


def _read(connector: Connector, question: str) -> Question | None:
    row: dict[str, str] = connector.store.redis.hgetall(connector.store.question_key(question))
    if "asked_at" not in row:
        return None
    return Question(
        id=question,
        kind=row["kind"],
        text=row["text"],
        state=QuestionState(row["state"]),
        asked_at=datetime.fromisoformat(row["asked_at"]),
        answered_at=datetime.fromisoformat(row["answered_at"]) if "answered_at" in row else None,
        answer=json.loads(row["answer"]) if "answer" in row else None,
        send_again_at=float(row["send_again_at"]),
    )


def register(app: Celery, connect: Callable[[], Answerer], answers: Mapping[str, Answer[Answerer]]) -> None:
    """Make one Celery task of each kind of question."""
    for kind, answer in answers.items():
        _register_kind(app, connect, kind, answer)


def _register_kind(app: Celery, connect: Callable[[], Answerer], kind: str, answer: Answer[Answerer]) -> None:
    @app.task(name=_task(kind), shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def answer_question(question: str) -> str:
        return run(connect(), question, kind, answer)


def run(connector: Answerer, question: str, kind: str, answer: Answer[Answerer]) -> str:
    """Answer a question if it still is to be answered; says what became of it."""
    asked = _read(connector, question)
    if asked is None or asked.kind != kind or asked.state is not QuestionState.PENDING:
        return "nobody waits for it"
    key = connector.store.question_key(question)
    with connector.store.redis.pipeline() as pipeline:
        pipeline.hsetnx(key, "taken", 1)
        pipeline.hset(key, "send_again_at", _after(PATIENCE))
        pipeline.pexpire(key, KEPT)
        if not pipeline.execute()[0]:
            return "another worker has it"
    state, told = QuestionState.DONE, None
    try:
        told = answer(connector, asked.text)
    except Exception as error:  # whoever asked must be told, whatever it is
        log.exception("a question could not be answered", question=question)
        state, told = QuestionState.FAILED, f"{type(error).__name__}: {error}"
    fields = {"state": state.value, "answer": MASKER.mask(json.dumps(told)), "answered_at": _now().isoformat()}
    with connector.store.redis.pipeline() as pipeline:
        pipeline.hset(key, mapping=fields)
        pipeline.pexpire(key, KEPT)
        pipeline.execute()
    return state.value


def _send(connector: Connector, kind: str, question: str) -> None:
    """Send the message; it is worth nothing any more once the question is forgotten."""
    with Celery("questions", set_as_current=False) as app:
        app.conf.update(celery_settings(connector.settings))
        app.send_task(_task(kind), args=[question], expires=KEPT.total_seconds())


def _task(kind: str) -> str:
    return f"questions.{kind}"


def _after(time_left: timedelta) -> float:
    return time.time() + time_left.total_seconds()


def _now() -> datetime:
    return datetime.now(UTC)
