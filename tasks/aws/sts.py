"""Who we are in an account: AWS STS. Source: docs.aws.amazon.com/STS/latest/APIReference."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.aws.calls import Calls


@dataclass(frozen=True)
class Caller:
    """The identity behind our calls."""

    account_id: str  # 12 digits
    arn: str  # arn:aws:sts::<account>:assumed-role/<role>/<session>


class Identity:
    """Our identity in one member account."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def whoami(self) -> Caller:
        """Ask AWS who we are: proves that the access role can be assumed, and needs no permission itself."""
        answer = self._calls.read("get_caller_identity")
        return Caller(answer["Account"], answer["Arn"])
