"""How often AWS is called by all workers together, without a step that sleeps or begins again and again.

One execution of a step asks once, before its first call of an API, for as many calls as that step needed lately. It
gets them, or a turn: the replication goes back to the due index until then, and nothing has been called that would have
to be called again. An execution that needs more than it asked for goes on and owes the rest, for which those who come
later wait; what it did not need it gives back. So a step costs one or two scripts, and no call waits.

When AWS throttles all the same (somebody else uses the organization), all workers use half of that rate from then on,
and of the lane that the throttled call belongs to; both recover within half a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Self

import structlog
from redis import RedisError

from tasks.aws.fault_table import THROTTLING
from tasks.errors import RateReached
from tasks.limits.lanes import ReplicationPlaces
from tasks.model.call import CallRecord
from tasks.state.limits import Rate

FIRST_GUESS = 4.0  # calls of one API in one execution of a step that this process has not seen yet
BATCH = 5  # calls that an execution takes on credit at once when it needs more than expected
LEARNING = 0.25  # weight of the newest execution in what the next one is expected to need
log = structlog.get_logger(__name__)


class ExpectedCalls:
    """What an execution of each step has needed lately; one per process, and only a guess."""

    def __init__(self) -> None:
        self._needed: dict[tuple[str, str], float] = {}

    def of(self, step: str, rate: Rate) -> int:
        """Return how many calls to ask for, at least 1."""
        return max(1, ceil(self._needed.get((step, rate.name), FIRST_GUESS)))

    def learn(self, step: str, rate: Rate, used: int) -> None:
        """Remember what one execution has used; one with hundreds of people says little of what the next one needs."""
        before = self._needed.get((step, rate.name), FIRST_GUESS)
        self._needed[step, rate.name] = before + LEARNING * (min(used, rate.per_second) - before)


@dataclass
class Allowance:
    """The calls that one execution of a step has taken and used; what is left is given back at its end."""

    places: ReplicationPlaces
    step: str
    rates: Mapping[str, Rate]  # by service
    expected: ExpectedCalls
    _taken: dict[Rate, int] = field(default_factory=dict)
    _used: dict[Rate, int] = field(default_factory=dict)

    def use(self, service: str) -> None:
        """Count one call that is about to be sent; raises RateReached, before the first one only."""
        rate = self.rates.get(service)
        if rate is None:
            return
        used = self._used.get(rate, 0)
        if rate not in self._taken:
            self._ask(rate)
        elif used == self._taken[rate]:
            self.places.store.limits.take(rate, self.places.replication, BATCH, owed=True)
            self._taken[rate] += BATCH
        self._used[rate] = used + 1

    def observe(self, call: CallRecord) -> None:
        """Slow all workers down when AWS has throttled a call."""
        if call.code not in THROTTLING:
            return
        rate = self.rates.get(call.service)
        limits = {rate.name} if rate is not None else set[str]()
        if call.write:
            limits |= self.places.entered
        if limits:
            self._share(lambda: self.places.store.limits.slow(sorted(limits)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for rate, taken in self._taken.items():
            used = self._used[rate]
            self.expected.learn(self.step, rate, used)
            if taken > used:
                self._share(
                    partial(self.places.store.limits.take, rate, self.places.replication, used - taken, owed=True)
                )

    def _ask(self, rate: Rate) -> None:
        tokens = self.expected.of(self.step, rate)
        wait = self.places.store.limits.take(rate, self.places.replication, tokens)
        if wait:
            raise RateReached(rate.name, wait.total_seconds())
        self._taken[rate] = tokens

    def _share(self, knowledge: Callable[[], object]) -> None:
        """Tell the others what would be good to know; it may not spoil AWS's answer."""
        try:
            knowledge()
        except RedisError as error:
            log.warning("the other workers do not know how often AWS is called", error=str(error))
