"""Questions that a worker answers, because the API never calls AWS: what is wrong with a platform, what would change.

    API: ask ─► key question:<id>, PENDING ─► message questions.<kind> ─► worker: answer ─► the same key, DONE or FAILED
    API: look ─► shows the key, and sends the message again when nobody has taken it for a while

The message is a hint and carries the id only; the key is the question. Questions change nothing, so one that is
answered twice does no harm, and none needs a lease. What nobody fetches within `KEPT` is gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from celery import Celery

from config.celery import QUESTIONS, celery_settings
from tasks.connector import Connector
from tasks.documents import QuestionState
from tasks.state.questions import KEPT, Question

RESEND = timedelta(seconds=10)  # a message that no worker has taken by then is lost, or behind a long queue
PATIENCE = timedelta(minutes=5)  # a worker that has answered nothing by then is gone
Answerer = TypeVar("Answerer", bound=Connector)
"""What those who answer need; whoever asks needs no more than a connector, and must not import it."""
Answer = Callable[[Answerer, str], Any]
"""Answers one kind of question: is given its text, returns what JSON can hold; what it raises is the answer too."""
log = structlog.get_logger(__name__)


def ask(connector: Connector, kind: str, name: str, text: str = "") -> Question:
    """Ask a worker; a question of that name that is not answered yet is this one.

    name       tells questions of a kind apart: a platform, or something that is never the same twice
    Raises redis.RedisError when Redis is away.
    """
    question = f"{kind}.{name}"
    pending = look(connector, question)
    if pending is not None and pending.state is QuestionState.PENDING and pending.text == text:
        return pending
    asked = connector.store.questions.ask(question, kind, text, _after(RESEND))
    _send(connector, kind, question)
    return asked


def look(connector: Connector, question: str) -> Question | None:
    """Show a question; None: nobody has asked, or too long ago. One that nobody takes is sent again."""
    found = connector.store.questions.find(question)
    if found is not None and found.state is QuestionState.PENDING and time.time() >= found.send_again_at:
        connector.store.questions.offer_again(question, _after(RESEND))
        _send(connector, found.kind, question)
    return found


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
    questions = connector.store.questions
    asked = questions.find(question)
    if asked is None or asked.kind != kind or asked.state is not QuestionState.PENDING:
        return "nobody waits for it"
    if not questions.take(question, _after(PATIENCE)):
        return "another worker has it"
    state, found = QuestionState.DONE, None
    try:
        found = answer(connector, asked.text)
    except Exception as error:  # whoever asked must be told, whatever it is
        log.exception("a question could not be answered", question=question)
        state, found = QuestionState.FAILED, f"{type(error).__name__}: {error}"
    questions.answer(question, state, found)
    return state.value


def _send(connector: Connector, kind: str, question: str) -> None:
    """Send the message; it is worth nothing any more once the question is forgotten.

    It stands behind those of replications, however many ask at once: who has to go waits for no answer.
    """
    with Celery("questions", set_as_current=False) as app:
        app.conf.update(celery_settings(connector.settings))
        app.send_task(_task(kind), args=[question], expires=KEPT.total_seconds(), priority=QUESTIONS)


def _task(kind: str) -> str:
    return f"questions.{kind}"


def _after(time_left: timedelta) -> float:
    return time.time() + time_left.total_seconds()
