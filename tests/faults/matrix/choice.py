"""Which cells are run: every fault of each call, or two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle

from tests.faults.matrix.wire import Call, Fault, Strike

OTHERS = tuple(fault for fault in Fault if fault is not Fault.KILLED_AFTER)


def chosen(calls: Iterable[Call], *, reduced: bool) -> Iterator[Strike]:
    """Yield the cells: all, or two for each call, in which the faults take turns and every write has the worst one.

    >>> [strike.fault.value for strike in chosen([Call("iam", "CreateAccountAlias", 1)], reduced=True)]
    ['killed after', 'killed before']
    """
    every, others = cycle(Fault), cycle(OTHERS)
    for call in calls:
        if not reduced:
            yield from (Strike(call, fault) for fault in Fault)
        elif call.write:
            yield from (Strike(call, Fault.KILLED_AFTER), Strike(call, next(others)))
        else:
            yield from (Strike(call, next(every)), Strike(call, next(every)))
