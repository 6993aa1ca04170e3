"""A Cost Explorer in memory, for tests that need many organizations, or a very large one: strict about its pages.

It stands in for `tasks.aws.cost_explorer.CostExplorer`: groups, filters, tokens that hold for one question only. Lines
are made by a function of the day, so that a month of ten thousand accounts needs no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice

from tasks.aws.cost_explorer import (
    Commitment,
    CommitmentPage,
    CostGroup,
    CostPage,
    Dimension,
    Granularity,
    Question,
)
from tasks.errors import Refused


@dataclass(frozen=True)
class Charge:
    """What one product costs one account on one day."""

    day: date
    account: str
    service: str
    usage_type: str
    amount: Decimal
    currency: str = "USD"
    quantity: Decimal = Decimal(1)
    unit: str = "Hrs"

    def key(self, dimension: Dimension) -> str:
        """Return what it is grouped by."""
        names = {Dimension.ACCOUNT: self.account, Dimension.SERVICE: self.service}
        return names.get(dimension, self.usage_type)


@dataclass
class MemoryCosts:
    """Answers page by page."""

    charges_of: Callable[[date], Iterable[Charge]]
    page_rows: int
    lose_token_at: frozenset[int] = frozenset()  # the numbers of pages at which a token is not known any more
    chronological: bool = True
    bought: tuple[Commitment, ...] = ()
    asked: int = 0
    answered: int = 0
    request_id: str | None = None
    _open: dict[str, tuple[Question, CostGroup, Iterator[CostGroup]]] = field(default_factory=dict)

    def costs(self, question: Question, token: str | None = None) -> CostPage:
        """Answer the next page of a question."""
        assert len(question.groups) <= 2
        self.asked += 1
        first: tuple[CostGroup, ...] = ()
        if token is None:
            rows = self._groups(question)
        elif self.asked in self.lose_token_at:
            raise Refused("InvalidNextTokenException", "the token has expired")
        else:
            known, following, rows = self._open.pop(token)
            assert known == question, "RequestChangedException"
            first = (following,)
        page = (*first, *islice(rows, self.page_rows - len(first)))
        more = next(rows, None)
        self.answered += 1
        if more is None:
            return CostPage(page, None, estimated=False, account_names={})
        name = f"token-{self.answered}"
        self._open[name] = question, more, rows
        return CostPage(page, name, estimated=False, account_names={})

    def reserved_instances(self, service: str, start: date, end: date, token: str | None = None) -> CommitmentPage:
        """Answer what was bought; nothing is an error."""
        if not self.bought:
            raise Refused("DataUnavailableException", "nothing was bought")
        return CommitmentPage(self.bought, None)

    def savings_plans(self, start: date, end: date, token: str | None = None) -> CommitmentPage:
        """Answer that nothing was bought."""
        raise Refused("DataUnavailableException", "nothing was bought")

    def _groups(self, question: Question) -> Iterator[CostGroup]:
        days = [question.start + timedelta(days=each) for each in range((question.end - question.start).days)]
        if question.granularity is Granularity.MONTHLY:
            whole = (charge for day in days for charge in self._charges(question, day))
            yield from _added(question, question.start, whole)
            return
        for day in days if self.chronological else reversed(days):
            yield from _added(question, day, self._charges(question, day))

    def _charges(self, question: Question, day: date) -> Iterator[Charge]:
        for charge in self.charges_of(day):
            only = question.only
            if only is not None and charge.key(only[0]) not in only[1]:
                continue
            if all(charge.key(dimension) not in names for dimension, names in question.without):
                yield charge


def _added(question: Question, day: date, charges: Iterable[Charge]) -> Iterator[CostGroup]:
    sums: dict[tuple[str, ...], CostGroup] = {}
    for charge in charges:
        keys = tuple(charge.key(each) for each in question.groups)
        old = sums.get(keys)
        amount = charge.amount if old is None else old.amount + charge.amount
        quantity = charge.quantity if old is None else old.quantity + charge.quantity
        sums[keys] = CostGroup(day, keys, amount, charge.currency, quantity, charge.unit)
    yield from (sums[keys] for keys in sorted(sums))


def totals_of(charges: Iterable[Charge]) -> Mapping[tuple[str, str], Decimal]:
    """Add up by account and currency."""
    found: dict[tuple[str, str], Decimal] = {}
    for charge in charges:
        key = charge.account, charge.currency
        found[key] = found.get(key, Decimal(0)) + charge.amount
    return found
