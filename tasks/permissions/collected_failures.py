"""Failures that must not keep a step from the rest of its work: collected, and raised at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tasks.errors import AccessDenied, PermanentError, RateReached, Refused, StepError, TransientError


@dataclass
class Failures:
    """What went wrong so far. Superseded, Stopping and RateReached are never collected: nothing more may be done."""

    errors: list[StepError] = field(default_factory=list)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Keep a transient or permanent error for later."""
        try:
            yield
        except RateReached:  # nothing was sent, and nothing more of this API will be before our turn
            raise
        except (TransientError, PermanentError) as error:
            self.errors.append(error)

    @contextmanager
    def refused(self) -> Iterator[None]:
        """Keep what AWS refuses about one person or thing; that we may not, or must wait, concerns all and goes on."""
        try:
            yield
        except AccessDenied:
            raise
        except Refused as error:
            self.errors.append(error)

    def add(self, error: StepError) -> None:
        """Keep an error that nobody raised."""
        self.errors.append(error)

    @property
    def transient(self) -> TransientError | None:
        """The first one that may pass; None: all that was collected is final."""
        return next((error for error in self.errors if isinstance(error, TransientError)), None)

    def reraise(self) -> None:
        """Raise what was collected: a transient one first, for the next try shows the permanent ones again."""
        if not self.errors:
            return
        if self.transient is not None:
            raise self.transient
        raise _united(self.errors)


def _united(errors: list[StepError]) -> StepError:
    """One permanent error with the messages of all, and the first one's class, code and remedy."""
    first = errors[0]
    messages = list(dict.fromkeys(error.message for error in errors))
    if len(messages) == 1:
        return first
    return type(first)(first.code, "; ".join(messages), first.request_id, first.remedy)
