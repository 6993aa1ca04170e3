"""One call to AWS, as it is counted and noted: for the metrics, the limits and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class CallRecord:
    """What one call was, for metrics and the audit trail; no arguments, so nothing secret."""

    service: str
    operation: str  # in botocore's snake case: move_account
    write: bool
    account_id: str | None  # the account it acted in; None where the credentials alone say so
    request_id: str | None
    code: str | None  # AWS's error code; None: it worked
    seconds: float
    named: Mapping[str, str] = field(default_factory=dict)  # id of what it has made or found -> what people call that


@dataclass(frozen=True)
class Intent:
    """A call that is about to be sent, with its arguments as they are: they may hold secrets."""

    service: str
    operation: str  # in botocore's snake case: move_account
    account_id: str | None
    arguments: Mapping[str, Any]
    about: Mapping[str, str] = field(default_factory=dict)  # what it concerns that its arguments do not name
