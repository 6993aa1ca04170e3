"""What is struck and by what: a call, a fault, and both together, which is a cell of the matrix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workers.sandbox.aws.call_log import is_write


class Fault(StrEnum):
    """What happens to the call."""

    KILLED_BEFORE = "killed before"  # the process is killed, AWS has got nothing
    KILLED_AFTER = "killed after"  # AWS has performed it, the process is killed before it knows
    FROZEN = "frozen"  # the process stands still until another one has done everything; then the call goes out
    LOST = "lost"  # performed, then the connection is closed
    LATE = "late"  # performed, the answer comes after the read timeout
    FAILED = "500"  # performed, and answered with an internal error
    UNAVAILABLE = "503"  # not performed
    THROTTLED = "throttled"  # not performed; in the service's own words
    MALFORMED = "malformed"  # performed, and answered by something that is not AWS
    HIDDEN = "not visible"  # performed, but nobody who reads sees it yet; of writes only
    STALE = "stale"  # answered as it was before; of reads only


KILLS = frozenset({Fault.KILLED_BEFORE, Fault.KILLED_AFTER})
VISIBILITY = frozenset({Fault.HIDDEN, Fault.STALE})  # of an answer that is as always
NOT_PERFORMED = frozenset({Fault.KILLED_BEFORE, Fault.UNAVAILABLE, Fault.THROTTLED})


@dataclass(frozen=True, order=True)
class Call:
    """The k-th call of one operation in a replication."""

    service: str
    operation: str
    occurrence: int  # from 1

    def __str__(self) -> str:
        return f"{self.service}:{self.operation} {self.occurrence}"

    @property
    def write(self) -> bool:
        """Say whether it changes something in AWS."""
        return is_write(self.operation)

    @property
    def is_repeated_read(self) -> bool:
        """Say whether it may be a look at what AWS had not finished: how many such come depends on the machine."""
        return not self.write and self.occurrence > 1


@dataclass(frozen=True)
class Strike:
    """One fault on one call."""

    call: Call
    fault: Fault

    @property
    def possible(self) -> bool:
        """Say whether the fault can come to such a call."""
        return self.fault is not (Fault.STALE if self.call.write else Fault.HIDDEN)

    def __str__(self) -> str:
        return f"{self.call} {self.fault}"
