"""Questions that a worker answers, and the answers (`tasks/questions/question.py`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from config.log import MASKER
from tasks.documents import QuestionState
from tasks.state.database import Part
from tasks.state.keys import Keys

KEPT = Keys.question.ttl  # after the question and after the answer; whoever asked has looked by then


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


class Questions(Part):
    """Keeps questions. Raises redis.RedisError when Redis is away."""

    def ask(self, question: str, kind: str, text: str, send_again_at: float) -> Question:
        """Store a question that is not answered yet, in place of an older one of that id."""
        made = Question(question, kind, text, QuestionState.PENDING, datetime.now(UTC))
        fields = {"kind": kind, "text": text, "state": made.state.value, "asked_at": made.asked_at.isoformat()}
        key = self._keys.question(question)
        with self._redis.pipeline() as pipeline:
            pipeline.delete(key)
            pipeline.hset(key, mapping={**fields, "send_again_at": send_again_at})
            pipeline.pexpire(key, KEPT)
            pipeline.execute()
        return made

    def find(self, question: str) -> Question | None:
        """Read a question; None: nobody has asked, or too long ago."""
        row: dict[str, str] = self._redis.hgetall(self._keys.question(question))
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

    def offer_again(self, question: str, send_again_at: float) -> None:
        """Let another worker take a question that was sent, and note when it is to be sent next."""
        with self._redis.pipeline() as pipeline:
            pipeline.hset(self._keys.question(question), "send_again_at", send_again_at)
            pipeline.hdel(self._keys.question(question), "taken")
            pipeline.execute()

    def take(self, question: str, send_again_at: float) -> bool:
        """Take a question, to answer it; False: another worker has it."""
        key = self._keys.question(question)
        with self._redis.pipeline() as pipeline:
            pipeline.hsetnx(key, "taken", 1)
            pipeline.hset(key, "send_again_at", send_again_at)
            pipeline.pexpire(key, KEPT)
            return bool(pipeline.execute()[0])

    def answer(self, question: str, state: QuestionState, answer: Any) -> None:
        """Store an answer, without secrets: what JSON can hold."""
        text, now = MASKER.mask(json.dumps(answer)), datetime.now(UTC).isoformat()
        key = self._keys.question(question)
        with self._redis.pipeline() as pipeline:
            pipeline.hset(key, mapping={"state": state.value, "answer": text, "answered_at": now})
            pipeline.pexpire(key, KEPT)
            pipeline.execute()
