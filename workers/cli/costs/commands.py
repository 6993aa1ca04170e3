"""The face of the commands for costs: name, arguments, options, help. The rest is imported when it runs."""

# ruff: noqa: PLC0415  # so that --help and a wrong option answer at once: pydantic and rich take their time

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.errors import ExitCode
from workers.cli.options import Access, Json, OnlyPlatform, calls_api

MONTH = re.compile(r"20\d{2}-(0[1-9]|1[0-2])", re.ASCII)


def _month(text: str | None) -> str | None:
    """Refuse what is not a month, before anybody is asked."""
    if text is not None and not MONTH.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is not a month; write it as 2026-10")
    return text


Month = Annotated[
    str | None,
    typer.Option("--month", metavar="MONTH", callback=_month, help="E.g. 2026-10; default: the current one."),
]
Workspace = Annotated[str | None, typer.Option("--workspace", metavar="WORKSPACE", help="Only this workspace's.")]


class By(StrEnum):
    """What costs are added up by."""

    SERVICE = "service"
    DAY = "day"
    ACCOUNT = "account"
    TENANT = "tenant"
    PROJECT = "project"
    WORKSPACE = "workspace"
    PAYMENT_METHOD = "payment-method"


class Order(StrEnum):
    """Which rows come first."""

    AMOUNT = "amount"
    RISE = "rise"


class FileFormat(StrEnum):
    """What reports are written as."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@calls_api
def collect(
    api: Access,
    platform: Annotated[str, typer.Option("--platform", metavar="PLATFORM", help="The <platform>.<location>.")],
    month: Month = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="MONTH", callback=_month, help="This month and all later ones; for 13 months."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it has ended.")] = False,
    as_json: Json = False,
) -> ExitCode:
    """Collect the costs of a month from AWS now.

    Workers do this every day. AWS charges $0.01 for each page; days that did not change are not read again.
    """
    from workers.cli.costs.collect import collect, collect_since
    from workers.cli.errors import CommandFailed

    if since is not None:
        if month is not None:
            raise CommandFailed("give --month or --since, not both", ExitCode.USAGE)
        return collect_since(platform, since, api, wait=wait, as_json=as_json)
    return collect(platform, month, api, wait=wait, as_json=as_json)


@calls_api
def collections(api: Access, platform: OnlyPlatform = None, as_json: Json = False) -> None:
    """List collections of costs, and what was spent today."""
    from workers.cli.costs.collect import show_collections

    show_collections(platform, api, as_json=as_json)


@calls_api
def report(
    api: Access,
    month: Month = None,
    by: Annotated[By, typer.Option("--by", help="What to add costs up by.")] = By.SERVICE,
    order: Annotated[Order, typer.Option("--order", help="What comes first.")] = Order.AMOUNT,
    platform: OnlyPlatform = None,
    workspace: Workspace = None,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="Only this tenant's.")] = None,
    as_json: Json = False,
) -> None:
    """Show what a month costs, compared with the month before.

    For the current month, also show the forecast.
    """
    from workers.cli.costs.report import show_costs

    wanted = {"month": month, "platform": platform, "workspace": workspace, "tenant": tenant}
    show_costs(by.value, order.value, wanted, api, as_json=as_json)


@calls_api
def budgets(api: Access, month: Month = None, workspace: Workspace = None, as_json: Json = False) -> None:
    """Show how much of each budget is used.

    A project's budget is for one month, a payment method's for all months together.
    """
    from workers.cli.costs.report import show_budgets

    show_budgets({"month": month, "workspace": workspace}, api, as_json=as_json)


@calls_api
def chargeback(
    api: Access,
    month: Month = None,
    platform: OnlyPlatform = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Show what payment methods are charged for a month."""
    from workers.cli.costs.report import show_statements

    show_statements({"month": month, "platform": platform, "workspace": workspace}, api, as_json=as_json)


@calls_api
def export(
    api: Access,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; default: - for stdout.")] = Path("-"),
    month: Month = None,
    file_format: Annotated[FileFormat, typer.Option("--format", help="CSV, JSON or Parquet.")] = FileFormat.CSV,
    platform: OnlyPlatform = None,
    workspace: Workspace = None,
) -> None:
    """Export the usage reports of a month."""
    from workers.cli.costs.report import export

    export(file, file_format.value, {"month": month, "platform": platform, "workspace": workspace}, api)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A JSON export; - reads stdin.")],
) -> None:
    """Restore usage reports from an export.

    Use it after the metering database was lost. Existing reports are left unchanged. Writes to
    CONNECTOR_METERING_DATABASE_URL, or the file in its place.
    """
    from workers.cli.costs.restore import restore_reports

    restore_reports(file)


COMMANDS = (collect, collections, report, budgets, chargeback, export, restore)
