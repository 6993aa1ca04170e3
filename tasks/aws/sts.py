"""Who we are in an account: AWS STS. Source: docs.aws.amazon.com/STS/latest/APIReference."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from tasks.aws.calls import Calls, Response


@dataclass(frozen=True)
class Caller:
    """The identity behind our calls."""

    account_id: str  # 12 digits
    arn: str  # arn:aws:sts::<account>:assumed-role/<role>/<session>
    answered_at: datetime | None = None  # aware, by AWS's clock, to the second; None: it does not tell


class Identity:
    """Our identity in one account."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def whoami(self) -> Caller:
        """Ask AWS who we are: proves that the access role can be assumed, and needs no permission itself."""
        answer = self._calls.read("get_caller_identity")
        return Caller(answer["Account"], answer["Arn"], _date(answer))


def _date(answer: Response) -> datetime | None:
    """Read the header Date, which every answer of HTTP has."""
    text = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
