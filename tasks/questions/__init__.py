"""Questions that a worker answers, because the API never calls AWS: `questions.ask`, `questions.look`."""

from tasks.questions.question import KEPT, Answer, Question, ask, look, register, run

__all__ = ["KEPT", "Answer", "Question", "ask", "look", "register", "run"]
