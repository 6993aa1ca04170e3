"""Which cells are run: every fault of each call, or a few; and which writes of the product no scenario reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

from tasks.aws.actions import OPERATIONS, Kind
from tests.faults.matrix.fault import Call, Fault, Strike

READS = tuple(
    fault for fault in Fault if fault not in (Fault.FROZEN, Fault.HIDDEN)
)  # what a read answers late changes nothing
AT_ONCE = 5  # faults in one replication; with more of them too many calls come in another order than was recorded
OTHERS = (Fault.FROZEN, Fault.HIDDEN, *(each for each in READS if each not in (Fault.KILLED_AFTER, Fault.STALE)))


def chosen(calls: Iterable[Call], *, reduced: bool) -> Iterator[Strike]:
    """Yield the strikes: all, or two for each write, one of them the worst, and one for each read; faults take turns.

    >>> [strike.fault.value for strike in chosen([Call("iam", "CreateAccountAlias", 1)], reduced=True)]
    ['killed after', 'frozen']
    """
    reads, others = cycle(READS), cycle(OTHERS)
    for call in calls:
        if not reduced:
            yield from filter(lambda strike: strike.possible, (Strike(call, fault) for fault in Fault))
        elif call.write:
            yield from (Strike(call, Fault.KILLED_AFTER), Strike(call, next(others)))
        else:
            yield Strike(call, next(reads))


def together(strikes: Sequence[Strike]) -> Iterator[tuple[Strike, ...]]:
    """Put strikes into one replication by fives, of calls far from each other; a frozen process has nothing else.

    strikes   at most two of one call, one behind the other

    >>> alias, stack = Call("iam", "CreateAccountAlias", 1), Call("cloudformation", "CreateStack", 1)
    >>> list(map(len, together(list(chosen([alias, stack], reduced=True)))))
    [1, 2, 1]
    """
    yield from ((strike,) for strike in strikes if strike.fault is Fault.FROZEN)
    rest = [strike for strike in strikes if strike.fault is not Fault.FROZEN]
    groups = max((len(rest) + AT_ONCE - 1) // AT_ONCE, 2)  # two, so that both faults of one call come apart
    yield from filter(None, (tuple(rest[first::groups]) for first in range(groups)))


def unreached(calls: Iterable[Call]) -> list[str]:
    """Name the writes of tasks/aws/actions.py that are not among the calls of all scenarios.

    >>> [name for name in unreached([Call("service-catalog", "ProvisionProduct", 1)]) if name.startswith("service")]
    ['servicecatalog:TerminateProvisionedProduct', 'servicecatalog:UpdateProvisionedProduct']
    """
    reached = {(_plain(call.service), call.operation) for call in calls}
    writes = [each for each in OPERATIONS if each.kind is Kind.WRITE]
    return sorted(
        {f"{each.service}:{each.name}" for each in writes if (_plain(each.service), each.name) not in reached}
    )


def _plain(service: str) -> str:
    """Return a service's name without hyphens, which botocore's events have in other places than its models."""
    return service.replace("-", "")
