"""Every request that the simulator was sent, for tests that count and for people who look."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT_CALLS = 100_000
"""Older entries are dropped; the counts keep everything."""
READS = ("Describe", "Get", "List", "IsMemberInGroups", "Search")
ASSUME_ROLE = "AssumeRole"


def is_write(operation: str) -> bool:
    """Say whether an operation changes something."""
    return not operation.startswith((*READS, ASSUME_ROLE))


@dataclass(frozen=True)
class LoggedCall:
    """One request. outcome is "ok", an error code, or the fault that hid the answer; performed: something happened."""

    index: int
    time: float
    service: str
    operation: str
    account: str
    caller: str
    region: str
    write: bool
    outcome: str
    performed: bool
    request_id: str
    user_agent: str


@dataclass
class CallLog:
    """The log and its counts."""

    calls: deque[LoggedCall] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))
    counts: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)

    def add(self, **members: Any) -> None:
        """Append a request; its index and kind are found here."""
        operation = str(members["operation"])
        self.totals["calls"] += 1
        self.totals[kind_of(operation)] += 1
        self.counts[f"{members['service']}:{operation}"] += 1
        self.calls.append(LoggedCall(index=self.totals["calls"], write=is_write(operation), **members))

    def since(self, index: int) -> list[Mapping[str, Any]]:
        """Give the entries after an index, oldest first."""
        newer: list[Mapping[str, Any]] = []
        for call in reversed(self.calls):
            if call.index <= index:
                break
            newer.append(asdict(call))
        return newer[::-1]


def kind_of(operation: str) -> str:
    """Name the total that an operation counts in."""
    if operation.startswith(ASSUME_ROLE):
        return "assume_role"
    return "writes" if is_write(operation) else "reads"
