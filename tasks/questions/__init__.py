"""Questions that a worker answers, because the API never calls AWS: is a platform healthy, what would change.

Open `question.py` first: it asks, answers and shows any question. `plan.py` answers what a replication would change,
and `plan_sentences.py` says it in words.
"""

from tasks.questions.question import Answer, ask, look, register, run

__all__ = ["Answer", "ask", "look", "register", "run"]
