"""The commands around costs, against a scripted API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ended
from tests.workers.cli.fake_api import FakeApi, problem
from tests.workers.cli.running import RunHere

Cli = Callable[..., Ended]
AT = "2026-10-07T10:00:00Z"
COLLECTION = {
    "id": 3,
    "platform": "aws.sandbox",
    "month": "2026-09",
    "state": "DONE",
    "stage": "REPORTS",
    "final": True,
    "pages": 12,
    "dollars": "0.12",
    "rows": 2400,
    "startedAt": AT,
}
POST = ("POST", "/api/v1/metering/collections?platform=aws.sandbox&month=2026-09")
LOOK = ("GET", "/api/v1/metering/collections/3")
VIEW = {
    "month": "2026-10",
    "by": "service",
    "rows": [
        {"name": "AWS Lambda", "amount": "30.125", "currency": "EUR", "before": "10.00", "rise": "20.125"},
        {"name": "Credits", "amount": "-5", "currency": "EUR", "before": None, "rise": "-5"},
        {"name": "Elsewhere", "amount": "4000", "currency": "JPY", "before": None, "rise": None},
    ],
    "forecasts": [{"currency": "EUR", "toDate": "25.13", "wholeMonth": "60.00"}],
    "idle": ["a.b.aws.sandbox"],
}
STATEMENT: dict[str, Any] = {
    "month": "2026-10",
    "workspace": "likvid",
    "project": "shop",
    "paymentMethod": None,
    "currency": "EUR",
    "amount": "25.13",
    "rounding": "0.005",
    "final": False,
    "lines": [],
}


@pytest.fixture
def cli(run_here: RunHere, environment: dict[str, str], tmp_path: Path) -> Cli:
    return partial(run_here, environment={**environment, "CONNECTOR_DATA_DIR": str(tmp_path / "data")})


def test_collect_waits_and_says_what_it_cost(fake_api: FakeApi, cli: Cli) -> None:
    fake_api.script[POST] = [(202, {**COLLECTION, "state": "RUNNING"})]
    fake_api.script[LOOK] = [(200, COLLECTION)]
    result = cli("metering", "collect", "--platform", "aws.sandbox", "--month", "2026-09", "--wait")
    assert (result.returncode, result.stdout) == (0, "collection 3 of 2026-09, aws.sandbox: DONE, 12 pages for $0.12\n")
    assert "REPORTS, 12 pages" in result.stderr


def test_all_months_since_one_are_collected(fake_api: FakeApi, cli: Cli) -> None:
    month = datetime.now(UTC).date().replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    for each in (before, month):
        path = f"/api/v1/metering/collections?platform=aws.sandbox&month={each:%Y-%m}"
        fake_api.script["POST", path] = [(202, {**COLLECTION, "month": f"{each:%Y-%m}"})]
    result = cli("metering", "collect", "--platform", "aws.sandbox", "--since", f"{before:%Y-%m}")
    assert result.returncode == 0
    assert [line.split()[3] for line in result.stdout.splitlines()] == [f"{each:%Y-%m}," for each in (before, month)]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (("--since", "2026-13"), "'2026-13' is not a month; write it as 2026-10"),
        (("--since", "2090-01"), "has not started yet"),
        (("--since", "2026-10", "--month", "2026-10"), "not both"),
        (("--month", "October"), "'October' is not a month; write it as 2026-10"),
    ],
)
def test_months_that_are_none(cli: Cli, wrong: tuple[str, ...], says: str) -> None:
    result = cli("metering", "collect", "--platform", "aws.sandbox", *wrong)
    assert (result.returncode, says in result.stderr) == (64, True), result.stderr


def test_a_collection_that_failed_is_said_so(fake_api: FakeApi, cli: Cli) -> None:
    fake_api.script[POST] = [(202, {**COLLECTION, "state": "FAILED", "note": "AccessDenied: no"})]
    result = cli("metering", "collect", "--platform", "aws.sandbox", "--month", "2026-09")
    assert (result.returncode, "AccessDenied: no" in result.stderr) == (3, True)


def test_collections_are_listed(fake_api: FakeApi, cli: Cli) -> None:
    today = [{"platform": "aws.sandbox", "dollars": "0.12", "limit": "5.00"}]
    fake_api.script["GET", "/api/v1/metering/collections"] = [(200, {"collections": [COLLECTION], "today": today})]
    result = cli("metering", "collections")
    assert "FINAL" in result.stdout
    assert "aws.sandbox: $0.12 of $5.00 spent today" in result.stdout


def test_costs_are_shown_with_bars(fake_api: FakeApi, cli: Cli) -> None:
    fake_api.script["GET", "/api/v1/costs?by=service&order=amount&size=40&month=2026-10"] = [(200, VIEW)]
    result = cli("metering", "report", "--month", "2026-10")
    first, second, third = result.stdout.splitlines()[1:4]
    assert third.split() == ["Elsewhere", "4000.00", "JPY", "█" * 24]  # each currency has its own scale
    assert first.split() == ["AWS", "Lambda", "30.12", "EUR", "█" * 24, "10.00", "+20.12"]
    assert second.split() == ["Credits", "-5.00", "EUR", "█" * 4, "-5.00"]
    assert "2026-10: 25.13 EUR to date, about 60.00 EUR by its end" in result.stdout
    assert "without costs for 30 days: a.b.aws.sandbox" in result.stdout


def test_nothing_is_known_yet(fake_api: FakeApi, cli: Cli) -> None:
    fake_api.script["GET", "/api/v1/costs?by=day&order=amount&size=40"] = [
        (200, {"month": "2026-10", "by": "day", "rows": []})
    ]
    assert "no costs of 2026-10 are known;" in cli("metering", "report", "--by", "day").stdout
    fake_api.script["GET", "/api/v1/chargeback?workspace=nobody"] = [(200, {"month": "2026-10", "statements": []})]
    told = cli("metering", "chargeback", "--workspace", "nobody").stdout
    assert "no costs of 2026-10 are known of workspace nobody" in told


def test_what_rises_most_is_shown_first_and_how_much_more_there_is(fake_api: FakeApi, cli: Cli) -> None:
    fake_api.script["GET", "/api/v1/costs?by=account&order=rise&size=40"] = [(200, {**VIEW, "count": 46})]
    assert "and 43 more: --json shows all" in cli("metering", "report", "--by", "account", "--order", "rise").stdout


def test_budgets_are_shown(fake_api: FakeApi, cli: Cli) -> None:
    main = {
        "of": "payment-method",
        "name": "main",
        "amount": "100.00",
        "currency": "EUR",
        "used": "83.10",
        "percent": "83",
    }
    other = {"of": "project", "name": "likvid.shop", "amount": "9.00"}
    beside = {"beside": [{"amount": "7.5", "currency": "CHF"}, {"amount": "1.00", "currency": "EUR"}]}
    wrong = {"unreadable": [{"of": "project", "name": "likvid.blog", "text": "1.000"}]}
    fake_api.script["GET", "/api/v1/costs/budgets"] = [
        (200, {"month": "2026-10", "budgets": [main, {**other, **beside}], **wrong})
    ]
    first, second, last, unreadable = cli("metering", "budgets").stdout.splitlines()[1:5]
    assert unreadable == "likvid.blog: '1.000' is not a budget; write it as 500 EUR"
    assert first.split() == ["payment-method", "main", "100.00", "83.10", "EUR", "83%"]
    assert second.split() == ["project", "likvid.shop", "9.00", "?", "?%"]
    assert last == "likvid.shop: 7.50 CHF and 1.00 EUR cannot be compared with its budget"


def test_statements_are_shown(fake_api: FakeApi, cli: Cli) -> None:
    fake_api.script["GET", "/api/v1/chargeback"] = [(200, {"month": "2026-10", "statements": [STATEMENT]})]
    assert "likvid" in cli("metering", "chargeback").stdout


@pytest.mark.parametrize("given", ["costs.csv", "-"])
def test_reports_are_exported_as_they_come(fake_api: FakeApi, cli: Cli, tmp_path: Path, given: str) -> None:
    text = "platform,month\r\naws.sandbox,2026-10\r\n"
    fake_api.pages["/api/v1/usage-reports/export?format=csv"] = (200, "text/csv", text)
    file = given if given == "-" else str(tmp_path / given)
    result = cli("metering", "export", file)
    assert result.returncode == 0
    assert (result.stdout.encode() if given == "-" else Path(file).read_bytes()) == text.encode()


def test_a_failed_export_leaves_the_file_that_was_there(fake_api: FakeApi, cli: Cli, tmp_path: Path) -> None:
    detail = "Parquet files need pyarrow"
    fake_api.script["GET", "/api/v1/usage-reports/export?format=parquet"] = [problem(501, detail)]
    (tmp_path / "costs.parquet").write_text("old reports")
    failed = cli("metering", "export", str(tmp_path / "costs.parquet"), "--format", "parquet")
    assert (failed.returncode, detail in failed.stderr) == (1, True)
    assert (tmp_path / "costs.parquet").read_text() == "old reports"
    assert list(tmp_path.glob("*.part")) == []


def test_restore_says_what_is_no_export(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "reports.json"
    file.write_text("[\n{}\n]\n")
    failed = cli("metering", "restore", str(file))
    assert (failed.returncode, "line 2 is not a usage report" in failed.stderr) == (1, True)
    file.write_text("[]\n")
    assert cli("metering", "restore", str(file)).stdout == "0 reports restored; 0 were there already\n"
