"""Questions that a worker answers, because the API never calls AWS: `questions.ask`, `questions.look`."""

from tasks.questions.question import Answer, ask, look, register, run

__all__ = ["Answer", "ask", "look", "register", "run"]
