"""Costs: by tenant, workspace, service and day, with what the month will come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from config.log import get_logger
from tasks.connector import Connector
from tasks.metering.documents import CostRow, CostView, Forecast, largest
from tasks.metering.errors import DatabaseAway
from tasks.metering.wanted import collecting
from workers.api.dependencies import CurrentConnector
from workers.api.metering import MONTH, CurrentDesk, wanted_costs
from workers.api.pages.rendering import PageRoute, page
from workers.api.pages.visitor import CurrentVisitor

MOST_ROWS = 200
BY = ("tenant", "workspace", "project", "service", "day", "account")

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True)
class Bar:
    """One row with its bar."""

    row: CostRow
    share: float  # of the largest in its currency, 0 to 100


@router.get("/costs")
def show_costs(
    request: Request,
    connector: CurrentConnector,
    visitor: CurrentVisitor,
    costs: CurrentDesk,
    by: Literal["tenant", "workspace", "project", "service", "day", "account"] = "tenant",
    order: Literal["amount", "rise"] = "amount",
    month: Annotated[str, Query(pattern=f"^$|{MONTH}")] = "",
    workspace: str = "",
    tenant: str = "",
) -> Response:
    """Show the costs of a month."""
    asked = {"month": month, "workspace": workspace, "tenant": tenant}
    chosen = {name: value or None for name, value in asked.items()}
    wanted = wanted_costs(**chosen)
    view: CostView = costs.view(wanted, by, order, MOST_ROWS)
    root = request.scope.get("root_path", "")

    def link(**changes: str) -> str:
        query = {name: value for name, value in {"by": by, "order": order, **asked, **changes}.items() if value}
        return f"{root}/costs?{urlencode(query)}"

    return page(
        request,
        visitor,
        "costs.html",
        view=view,
        bars=_bars(view.rows),
        left=view.count - len(view.rows),
        order=order,
        idle=costs.idle(wanted) if not month else [],
        budgets=costs.budgets(wanted.month, workspace or None),
        unreadable=costs.unreadable_budgets(workspace or None),
        by=by,
        kinds=BY,
        asked=asked,
        link=link,
        collects=bool(collecting(connector.catalog)),
        spent=costs.collections(None, 1).today,
    )


def _bars(rows: Sequence[CostRow]) -> list[Bar]:
    longest = largest(rows)
    return [Bar(each, round(float(abs(Decimal(each.amount)) / longest[each.currency] * 100), 1)) for each in rows]


def this_month(connector: Connector) -> list[Forecast]:
    """Return the costs of this month so far and at its end, by currency; nothing where none are collected."""
    if not collecting(connector.catalog):
        return []
    from tasks.metering.desk import Desk  # noqa: PLC0415 (SQLAlchemy takes its time, and few collect costs)

    try:
        return Desk(connector).forecasts(wanted_costs(month=None))
    except DatabaseAway as error:  # everything else is shown all the same
        get_logger(__name__).error("the metering database does not answer", error=str(error))
        return []
