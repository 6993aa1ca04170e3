"""The organization whose costs are collected: what it has, who owns it, and what AWS itself says that it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import boto3

from tasks.metering.months import Month
from workers.sandbox import organization
from workers.sandbox.aws.cost_book import FIRST_SPARE_ACCOUNT
from workers.sandbox.client import SimulatorClient

Totals = dict[tuple[str, str], Decimal]  # (account, currency) -> amount


@dataclass(frozen=True)
class Size:
    """How large it is."""

    accounts: int = 500
    services: int = 60
    lines: int = 6  # that an account has on a day
    months: int = 13
    commitments: int = 20  # reserved instances, and as many savings plans
    page_rows: int = 5000
    killed_months: int = 13  # those whose collection is killed at every page

    @property
    def closed(self) -> list[Month]:
        """The newest months that AWS has closed, the oldest first."""
        month, found = Month.of(datetime.now(UTC).date()), list[Month]()
        while len(found) < self.months:
            month = month.before
            if month.final_from <= datetime.now(UTC).date() - timedelta(days=1):
                found.insert(0, month)
        return found


def account(number: int) -> str:
    """Name an account."""
    return str(FIRST_SPARE_ACCOUNT + number)


def make_up(simulator: SimulatorClient, size: Size) -> None:
    """Let the simulated organization have such costs: credits, refunds, tax, two currencies, late and odd lines."""
    chance, months = Random(size.accounts), size.closed
    bought = [
        {
            "id": f"{kind}-{number}",
            "account": account(chance.randrange(size.accounts)),
            "first": str(first := chance.choice(months).first + timedelta(days=chance.randrange(28))),
            "end": str(first + timedelta(days=365)),
            "upfront": f"{chance.randrange(10_000)}.{chance.randrange(10**10):010d}",
        }
        for kind in ("ri", "sp")
        for number in range(size.commitments)
    ]
    simulator.operator(
        "set_costs",
        forget=True,
        accounts=size.accounts,
        services=size.services,
        lines=size.lines,
        second_currency="EUR",
        tax=True,
        credits=True,
        refunds=True,
        available=True,
        reserved_instances=bought[: size.commitments],
        savings_plans=bought[size.commitments :],
    )
    for month in months:
        for line in _odd(chance, month, size):
            simulator.operator("add_cost", **line)


def _odd(chance: Random, month: Month, size: Size) -> Iterator[dict[str, Any]]:
    """Yield a domain that AWS dates outside of the month, a large credit, and the smallest amount there is."""
    own = {"account": account(chance.randrange(size.accounts)), "day": str(month.first)}
    outside = str(month.first - timedelta(days=3))
    yield {**own, "day_shown": outside, "service": "Amazon Registrar", "usage_type": "domain", "amount": "12.00"}
    last = {**own, "day": str(month.end - timedelta(days=1)), "service": "AWS Support"}
    yield {
        **last,
        "service": "AWS Support",
        "usage_type": "Dollar",
        "amount": "-1234.5678901234",
        "record_type": "Credit",
    }
    yield {**last, "usage_type": "Dollar", "amount": "-1234.5678901234", "record_type": "Credit"}
    yield {**last, "usage_type": "Dollar-small", "amount": "0.0000000001"}
    yield {**last, "usage_type": "Dollar-zero", "amount": "0"}


def own_totals(simulator: SimulatorClient, month: Month) -> Totals:
    """Return AWS's own total of every account and currency, as the administrator is told it: not by our code."""
    client = boto3.client(
        "ce",
        region_name=organization.REGION,
        endpoint_url=simulator.url,
        aws_access_key_id=organization.ADMINISTRATOR_ACCESS_KEY,
        aws_secret_access_key=organization.ADMINISTRATOR_SECRET_KEY,
    )
    asked: dict[str, Any] = {
        "TimePeriod": {"Start": str(month.first), "End": str(month.end)},
        "Granularity": "MONTHLY",
        "Metrics": ["AmortizedCost"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}],
    }
    found: Totals = {}
    while True:
        answer = client.get_cost_and_usage(**asked)
        for group in (group for period in answer["ResultsByTime"] for group in period["Groups"]):
            amount = group["Metrics"]["AmortizedCost"]
            key = group["Keys"][0], amount["Unit"]
            found[key] = found.get(key, Decimal(0)) + Decimal(amount["Amount"])
        if "NextPageToken" not in answer:
            return found
        asked["NextPageToken"] = answer["NextPageToken"]
