"""Which questions show every cost of a month in the fewest pages: pure decisions, no calls.

Costs are wanted by account, service and usage type, but AWS groups by two dimensions at most. So services are asked for
in batches, grouped by account and usage type: within a batch each usage type belongs to one service, so that a group
names all three. Usage types that many services share would need many batches: those are asked for the other way round,
in batches within which each service has one of them, grouped by account and service. Or each account is asked for
alone, grouped by service and usage type, where accounts are fewer than batches. A page costs the same full or not, and
all questions together have the same groups: the fewest questions have the fewest pages. Days that cost every account
what they did when they were last read are not asked for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from tasks.aws.cost_explorer import Dimension, Question

UNKNOWN_SERVICE = "Unknown service"  # of a usage type that came up while we asked; the next collection knows it
UNKNOWN_USAGE_TYPE = "Unknown usage type"  # of a service that came up


@dataclass(frozen=True)
class Part:
    """One question: some days of some services, of some usage types, or of one account."""

    start: date
    end: date  # exclusive
    account: str | None = None  # only this one's costs; None: those of all accounts
    only: tuple[str, ...] = ()  # services; empty: all
    without: tuple[str, ...] = ()  # services of the other batches
    usage_types: tuple[str, ...] = ()  # only these, by service; empty: all but those below, by usage type
    without_usage_types: tuple[str, ...] = ()

    def question(self, start: date, *, without_tax: bool) -> Question:
        """Say it in AWS's words, from a later day on if the ones before are read."""
        if self.account is not None:
            groups, own = (Dimension.SERVICE, Dimension.USAGE_TYPE), (Dimension.ACCOUNT, (self.account,))
            return Question(start, self.end, groups, only=own, without_tax=without_tax)
        if self.usage_types:
            groups, only = (Dimension.ACCOUNT, Dimension.SERVICE), (Dimension.USAGE_TYPE, self.usage_types)
            return Question(start, self.end, groups, only=only, without_tax=without_tax)
        left_out = ((Dimension.SERVICE, self.without), (Dimension.USAGE_TYPE, self.without_usage_types))
        return Question(
            start,
            self.end,
            (Dimension.ACCOUNT, Dimension.USAGE_TYPE),
            only=(Dimension.SERVICE, self.only) if self.only else None,
            without=tuple(each for each in left_out if each[1]),
            without_tax=without_tax,
        )


@dataclass(frozen=True)
class Plan:
    """What a collection asks, and which days it renews."""

    days: tuple[date, ...] = ()
    parts: tuple[Part, ...] = ()
    whole: bool = False  # all of the month is asked for
    remade: bool = False  # AWS has made its bill anew meanwhile: its totals are asked for once more in the end
    before: Mapping[date, str] | None = None  # what it told of the days the first time, in short; None: it is the first
    also: tuple[date, ...] = ()  # days that were read after the first time

    def dump(self) -> str:
        """Write it as JSON."""
        before = None if self.before is None else {str(day): digest for day, digest in self.before.items()}
        return json.dumps({**asdict(self), "before": before}, default=str)

    @classmethod
    def load(cls, text: str) -> Plan:
        """Read what `dump` wrote."""
        found = json.loads(text)
        days, also = (tuple(map(date.fromisoformat, found.get(name, []))) for name in ("days", "also"))
        before = found.get("before")
        return cls(
            days,
            tuple(map(_part, found.get("parts", []))),
            whole=found.get("whole", False),
            remade=found.get("remade", False),
            before=None if before is None else {date.fromisoformat(day): digest for day, digest in before.items()},
            also=also,
        )


def plan(days: Sequence[date], products: Iterable[tuple[str, str]], accounts: Collection[str]) -> Plan:
    """Decide what to ask.

    days      those that are to be read, sorted
    products  (service, usage type) of the month
    accounts  that have costs in the month
    """
    services, usage_types = _fewest(products)
    shared = tuple(sorted(name for batch in usage_types for name in batch))
    others = services[1:]  # and all that is in none of them, also what AWS has not named before
    left_out = tuple(sorted(service for other in others for service in other))
    parts: list[Part] = []
    for start, end in ranges(days):
        if len(accounts) < _number(services, usage_types):
            parts += [Part(start, end, account=each) for each in sorted(accounts)]
            continue
        parts.append(Part(start, end, without=left_out, without_usage_types=shared))
        parts += [Part(start, end, only=other, without_usage_types=shared) for other in others]
        parts += [Part(start, end, usage_types=batch) for batch in usage_types]
    return Plan(tuple(days), tuple(parts))


def bridged(days: Collection[date], known: Collection[date]) -> tuple[date, ...]:
    """Add the days without any costs that lie between others: one question is asked for all of them together.

    days    those that are to be read
    known   those that have costs

    >>> first, second, third = (date(2026, 1, number) for number in (1, 2, 3))
    >>> len(bridged({first, third}, {first, third})), len(bridged({first, third}, {first, second, third}))
    (3, 2)
    """
    found: list[date] = []
    for day in sorted(days):
        between = found and [found[-1] + timedelta(days=number) for number in range(1, (day - found[-1]).days)]
        found += [*([] if any(each in known for each in between) else between), day]
    return tuple(found)


def ranges(days: Iterable[date]) -> list[tuple[date, date]]:
    """Join days that follow each other; ends are exclusive.

    >>> [(str(start), str(end)) for start, end in ranges([date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 9)])]
    [('2026-01-01', '2026-01-03'), ('2026-01-09', '2026-01-10')]
    """
    found: list[tuple[date, date]] = []
    for day in days:
        if found and found[-1][1] == day:
            found[-1] = (found[-1][0], day + timedelta(days=1))
        else:
            found.append((day, day + timedelta(days=1)))
    return found


def names(part: Part, products: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return what a part's groups do not name: usage type -> service; or service -> usage type, where it asks by those.

    A part that asks for one account has groups that name all.
    """
    if part.usage_types:
        return {service: usage_type for service, usage_type in products if usage_type in part.usage_types}
    return {
        usage_type: service
        for service, usage_type in products
        if (not part.only or service in part.only)
        and service not in part.without
        and usage_type not in part.without_usage_types
    }


def _fewest(products: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Return batches of services, and of usage types that are asked for apart: as few as are found."""
    every = list(products)
    sharing = Counter(usage_type for _, usage_type in every)
    shared = sorted((name for name in sharing if sharing[name] > 1), key=lambda name: (-sharing[name], name))
    best = _batches(every), list[tuple[str, ...]]()
    for number in range(1, len(shared) + 1):
        if (questions := _number(*best)) <= 2:
            break
        apart = set(shared[:number])
        usage_types = _batches((usage_type, service) for service, usage_type in every if usage_type in apart)
        if 1 + len(usage_types) >= questions:
            continue
        services = _batches(each for each in every if each[1] not in apart)
        if _number(services, usage_types) < questions:
            best = services, usage_types
    return best


def _number(services: Sequence[object], usage_types: Sequence[object]) -> int:
    """Count questions: the one for what is in no batch is always asked."""
    return max(1, len(services)) + len(usage_types)


def _batches(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Put the first of each pair together where they share no second one; those with the most choose first."""
    used: dict[str, set[str]] = {}
    for first, second in pairs:
        used.setdefault(first, set()).add(second)
    batches: list[tuple[list[str], set[str]]] = []
    for first in sorted(used, key=lambda name: (-len(used[name]), name)):
        fitting = next((batch for batch in batches if not batch[1] & used[first]), None)
        if fitting is None:
            fitting = ([], set())
            batches.append(fitting)
        fitting[0].append(first)
        fitting[1].update(used[first])
    return [tuple(sorted(firsts)) for firsts, _ in batches]


def _part(found: Mapping[str, Any]) -> Part:
    account, lists = found["account"], ("only", "without", "usage_types", "without_usage_types")
    start, end = date.fromisoformat(found["start"]), date.fromisoformat(found["end"])
    return Part(start, end, account, **{name: tuple(found.get(name, ())) for name in lists})
