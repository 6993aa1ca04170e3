"""Which questions show every cost of a month in the fewest pages: pure decisions, no calls.

Costs are wanted by account, service and usage type, but AWS groups by two dimensions at most. So either services are
asked for in batches, grouped by account and usage type: within a batch each usage type belongs to one service, so that
a group names all three. Or each account is asked for alone, grouped by service and usage type, where accounts are
fewer than batches. A page costs the same full or not, and all questions together have the same groups: the fewest
questions have the fewest pages. Days that cost every account what they did when they were last read are not asked for.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from tasks.aws.cost_explorer import Dimension, Question

UNKNOWN_SERVICE = "Unknown service"  # of a usage type that came up while we asked; the next collection knows it


@dataclass(frozen=True)
class Part:
    """One question: some days of some services, or of one account."""

    start: date
    end: date  # exclusive
    account: str | None = None  # only this one's costs; None: those of all accounts
    only: tuple[str, ...] = ()  # services; empty: all
    without: tuple[str, ...] = ()  # services of the other batches

    def question(self, start: date, *, without_tax: bool) -> Question:
        """Say it in AWS's words, from a later day on if the ones before are read."""
        if self.account is not None:
            groups, only = (Dimension.SERVICE, Dimension.USAGE_TYPE), (Dimension.ACCOUNT, (self.account,))
            return Question(start, self.end, groups, only=only, without_tax=without_tax)
        return Question(
            start,
            self.end,
            (Dimension.ACCOUNT, Dimension.USAGE_TYPE),
            only=(Dimension.SERVICE, self.only) if self.only else None,
            without=(Dimension.SERVICE, self.without) if self.without else None,
            without_tax=without_tax,
        )


@dataclass(frozen=True)
class Plan:
    """What a collection asks, and which days it renews."""

    days: tuple[date, ...] = ()
    parts: tuple[Part, ...] = ()

    def dump(self) -> str:
        """Write it as JSON."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def load(cls, text: str) -> Plan:
        """Read what `dump` wrote."""
        found = json.loads(text)
        days, parts = found.get("days", []), found.get("parts", [])
        return cls(tuple(map(date.fromisoformat, days)), tuple(map(_part, parts)))


def plan(days: Sequence[date], products: Iterable[tuple[str, str]], accounts: Collection[str]) -> Plan:
    """Decide what to ask.

    days      those that are to be read, sorted
    products  (service, usage type) of the month
    accounts  that have costs in the month
    """
    batches = _batches(products)
    parts: list[Part] = []
    for start, end in ranges(days):
        if len(accounts) < len(batches):
            parts += [Part(start, end, account=each) for each in sorted(accounts)]
        else:
            others = batches[1:]  # and all that is in none of them, also what AWS has not named before
            parts.append(Part(start, end, without=tuple(sorted(service for other in others for service in other))))
            parts += [Part(start, end, only=other) for other in others]
    return Plan(tuple(days), tuple(parts))


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


def service_names(part: Part, products: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return usage type -> service within a part that is grouped by account and usage type."""
    return {
        usage_type: service
        for service, usage_type in products
        if (not part.only or service in part.only) and service not in part.without
    }


def _batches(products: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Put services together that share no usage type; those with the most usage types choose first."""
    used: dict[str, set[str]] = {}
    for service, usage_type in products:
        used.setdefault(service, set()).add(usage_type)
    batches: list[tuple[list[str], set[str]]] = []
    for service in sorted(used, key=lambda name: (-len(used[name]), name)):
        fitting = next((batch for batch in batches if not batch[1] & used[service]), None)
        if fitting is None:
            fitting = ([], set())
            batches.append(fitting)
        fitting[0].append(service)
        fitting[1].update(used[service])
    return [tuple(sorted(services)) for services, _ in batches]


def _part(found: Mapping[str, object]) -> Part:
    return Part(
        date.fromisoformat(str(found["start"])),
        date.fromisoformat(str(found["end"])),
        None if found["account"] is None else str(found["account"]),
        tuple(found["only"]),  # type: ignore[arg-type]  # as `dump` wrote it
        tuple(found["without"]),  # type: ignore[arg-type]  # as above
    )
