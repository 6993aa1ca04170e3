"""What a request to meshStack may raise.

MeshStackError
├── Away        no answer, a lost one, 5xx or 429: the same may work later; whether it was done nobody knows
│   └── NotLetIn   what an API user may not do, or with another password: nothing else works either
└── Refused     an answer that says no (4xx), or one that cannot be read
    └── Unauthorised   401: the token is not, or not any more, accepted
"""

from __future__ import annotations


class MeshStackError(Exception):
    """A request to meshStack did not do what it was for."""


class Away(MeshStackError):
    """meshStack gives no answer now."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason, retry_after)
        self.reason = reason
        self.retry_after = retry_after  # seconds that meshStack asked us to wait; None: our own pause

    def __str__(self) -> str:
        return self.reason


class NotLetIn(Away):
    """meshStack does not let our API user do this: somebody must give it the right, or its password."""


class Refused(MeshStackError):
    """meshStack says no."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text  # the beginning of the answer

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.text}" if self.text else f"HTTP {self.status}"


class Unauthorised(Refused):
    """meshStack does not accept the token."""
