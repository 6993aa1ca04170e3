"""Both databases answer every question that people ask of costs, and answer the same."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from config.prices import Fee, Prices, Seller
from tasks.connector import Connector
from tasks.metering.desk import Desk
from tasks.metering.documents import CostView
from tasks.metering.reading import Wanted
from tasks.metering.views import NOBODY, By, Order
from tests.tasks.metering.conftest import OPEN, PLATFORM, House

SHOP, ACCOUNT = "likvid.shop.aws.sandbox", "700000000001"
CHOSEN: tuple[dict[str, str], ...] = ({}, {"workspace": "likvid"}, {"tenant": SHOP}, {"platform": PLATFORM})


def answers(house: House) -> list[Any]:
    """Ask everything."""
    worker = house.worker
    desk = Desk(Connector(worker.settings, worker.catalog, worker.store))
    found: list[Any] = []
    for wanted in (Wanted(OPEN, **each) for each in CHOSEN):
        found += [desk.view(wanted, by, order) for by in By for order in Order]
        found += [desk.forecasts(wanted), desk.idle(wanted), desk.statements(wanted)]
        found.append(desk.reports(wanted, 0, 50))
    return [*found, desk.budgets(OPEN), desk.budgets(OPEN, "likvid")]


@pytest.mark.thorough
def test_every_question_has_the_same_answer(make_house: Callable[..., House], postgresql: Callable[[], str]) -> None:
    asked = []
    for house in (make_house(), make_house(postgresql())):
        about: dict[str, Any] = {"paymentMethod": {"identifier": "main", "amount": "5000", "tags": {}}}
        house.own(SHOP, ACCOUNT, project={"tags": {"budget": ["1.00"]}}, **about)
        for month in (OPEN.before, OPEN):
            house.collect(month, whole=False)
        asked.append(answers(house))
    assert {row.name for view in asked[0] if isinstance(view, CostView) for row in view.rows} > {"likvid.shop", NOBODY}
    for one, other in zip(*asked, strict=True):
        assert _timeless(one) == _timeless(other)


def test_what_comes_once_a_month_rises_no_more(house: House) -> None:
    fee = Fee(name="Account", amount=Decimal(25), currency="USD", seller=Seller(id="team"))
    house.priced(Prices(fees=(fee,)))
    house.own(SHOP, ACCOUNT)
    support = {"service": "AWS Support", "usage_type": "monthly", "amount": "1000"}
    for month in (OPEN.before, OPEN):
        house.simulator.operator("add_cost", day=str(month.first), account=ACCOUNT, **support)
        house.collect(month, whole=False)

    desk = Desk(Connector(house.worker.settings, house.worker.catalog, house.worker.store))
    rises = {row.name: (row.amount, row.rise) for row in desk.view(Wanted(OPEN), "service").rows}
    assert rises["Account"] == ("25.00", "0.00")
    assert rises["AWS Support"] == ("1000.00", "0.00")


def _timeless(answer: Any) -> Any:
    """Leave out when a report was made."""
    if isinstance(answer, tuple):
        reports, count = answer
        return [each.model_copy(update={"changed_at": None}) for each in reports], count
    return answer
