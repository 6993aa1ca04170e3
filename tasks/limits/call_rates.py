"""How often AWS is called by all workers together, without a step that sleeps or begins again and again.

A step asks once, before its first call of an API, for as many calls as it needed lately, together with the steps that
ran after it in the same task. It gets them, or a turn: the replication goes back to the due index until then, and
nothing has been called that would have to be called again. A step that needs more than was asked for goes on and owes
the rest, for which those who come later wait; what is not needed is given back at the end. So no call waits, and the
steps of a whole task cost one or two scripts for each API.

When AWS throttles all the same (somebody else uses the organization), all workers use half of that rate from then on,
and of the lane that the throttled call belongs to; both recover within half a minute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
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

FIRST_GUESS = 4.0  # calls of one API by a step that this process has not seen yet
BATCH = 5  # calls that a step takes on credit at once when it needs more than expected
NEARLY = 0.1  # what was learned comes near to a number and never reaches it
LEARNING = 0.25  # weight of the newest task in what the next one is expected to need
log = structlog.get_logger(__name__)


class ExpectedCalls:
    """What each step, and those after it in the same task, have needed lately; one per process, and only a guess."""

    def __init__(self) -> None:
        self._needed: dict[tuple[str, str], float] = {}

    def of(self, step: str, rate: Rate) -> int:
        """Return how many calls to ask for, at least 1."""
        return max(1, ceil(self._needed.get((step, rate.name), FIRST_GUESS) - NEARLY))

    def learn(self, step: str, rate: Rate, used: int) -> None:
        """Remember what was used after one question; hundreds of people say little of what the next tenant needs."""
        before = self._needed.get((step, rate.name), FIRST_GUESS)
        self._needed[step, rate.name] = before + LEARNING * (min(used, rate.per_second) - before)


@dataclass(frozen=True)
class Question:
    """Which step asked for calls, and how many had been used before."""

    step: str
    rate: Rate
    used: int


@dataclass
class Allowance:
    """The calls that the steps of one task have taken and used; what is left is given back at the end."""

    places: ReplicationPlaces
    expected: ExpectedCalls
    _step: str = ""
    _rates: Mapping[str, Rate] = field(default_factory=dict)  # by service
    _calling: set[Rate] = field(default_factory=set)  # those that this step has called
    _asked: list[Question] = field(default_factory=list)
    _taken: Counter[Rate] = field(default_factory=Counter)
    _used: Counter[Rate] = field(default_factory=Counter)

    def begin(self, places: ReplicationPlaces, step: str, rates: Mapping[str, Rate]) -> None:
        """Count for a step from now on, which may ask anew before its first call."""
        self.places, self._step, self._rates, self._calling = places, step, rates, set()

    def use(self, service: str) -> None:
        """Count one call that is about to be sent; raises RateReached, before the step's first one only."""
        rate = self._rates.get(service)
        if rate is None:
            return
        if self._used[rate] == self._taken[rate]:
            if rate in self._calling:
                self._take(rate, BATCH, owed=True)
            else:
                self._ask(rate)
        self._calling.add(rate)
        self._used[rate] += 1

    def observe(self, call: CallRecord) -> None:
        """Slow all workers down when AWS has throttled a call."""
        if call.code not in THROTTLING:
            return
        rate, limits = self._rates.get(call.service), self.places.store.limits
        slowed = {rate.name} if rate is not None else set[str]()
        if call.write:
            slowed |= self.places.entered
        if slowed:
            self._share(lambda: limits.slow(sorted(slowed)))

    def settle(self) -> None:
        """Give back what is left, and learn."""
        for question in self._asked:
            self.expected.learn(question.step, question.rate, self._used[question.rate] - question.used)
        for rate, taken in self._taken.items():
            if taken > self._used[rate]:
                self._share(partial(self._take, rate, self._used[rate] - taken, owed=True))
        self._asked, self._taken, self._used = [], Counter(), Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()

    def _ask(self, rate: Rate) -> None:
        tokens = self.expected.of(self._step, rate)
        wait = self._take(rate, tokens)
        if wait:
            raise RateReached(rate.name, wait.total_seconds())
        self._asked.append(Question(self._step, rate, self._used[rate]))

    def _take(self, rate: Rate, tokens: int, *, owed: bool = False) -> timedelta:
        wait = self.places.store.limits.take(rate, self.places.replication, tokens, owed=owed)
        if not wait:
            self._taken[rate] += tokens
        return wait

    def _share(self, knowledge: Callable[[], object]) -> None:
        """Tell the others what would be good to know; it may not spoil AWS's answer."""
        try:
            knowledge()
        except RedisError as error:
            log.warning("the other workers do not know how often AWS is called", error=str(error))
