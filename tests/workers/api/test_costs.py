"""Costs over HTTP: collections are begun and shown, reports are listed, exported and looked at."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pyarrow import parquet
from sqlalchemy import insert, select, update

from config.schedule import COLLECT
from tasks.metering.database import Database, open_database
from tasks.metering.documents import UsageReport
from tasks.metering.export import AMOUNTS
from tasks.metering.ledger import Ledger, State
from tasks.metering.months import Month
from tasks.metering.restoring import restore
from tasks.metering.tables import account_days, accounts, collections, ownerships
from tests.support.redis import CheckedRedis
from tests.workers.api.pages.scene import text_of, visiting
from tests.workers.api.server import READ, Api, running
from workers.api.pages.rendering import money

NOW = datetime.now(UTC)
OPEN = Month.of(NOW.date())
PLATFORM = "aws.sandbox"


@pytest.fixture(scope="module")
def costs_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Run an API whose database has two months of two accounts."""
    with CheckedRedis(fsync="no") as redis, running(redis, data_dir=tmp_path_factory.mktemp("costs")) as api:
        fill(open_database(api.connector.settings))
        yield api


@pytest.fixture
def http(costs_api: Api) -> Iterator[httpx2.Client]:
    with costs_api.client() as client:
        yield client


def report(month: Month, account: str, amounts: dict[str, str], tenant: str | None, status: str) -> UsageReport:
    lines = [
        {
            "kind": "USAGE",
            "productName": product,
            "usageType": "x",
            "usageUnit": "Hrs",
            "usageQuantity": "1",
            "netAmount": {"amount": amount, "currency": "USD", "baseAmount": amount, "baseCurrency": "USD"},
            "sellerId": "AWS",
        }
        for product, amount in amounts.items()
    ]
    owner = dict(zip(("workspace", "project"), (tenant or "").split("."), strict=False)) if tenant else {}
    about: dict[str, Any] = {"platform": PLATFORM, "month": str(month), "accountId": account, "accountName": "=name"}
    about |= {"part": 0, "firstDay": month.first, "lastDay": month.end - timedelta(days=1), "tenant": tenant, **owner}
    about |= {
        "paymentMethod": "main" if tenant else None,
        "version": 1,
        "status": status,
        "changedAt": NOW,
        "totals": [],
        "lineItems": lines,
    }
    return UsageReport.model_validate(about)


def fill(database: Database) -> None:
    shop = "likvid.shop.aws.sandbox"
    restore(
        database,
        [
            report(OPEN.before, "700000000001", {"AWS Lambda": "10.005"}, shop, "FINALIZED"),
            report(OPEN, "700000000001", {"AWS Lambda": "30", "Amazon S3": "1"}, shop, "OPEN"),
            report(OPEN, "700000000002", {"Amazon S3": "5"}, None, "OPEN"),
        ],
    )
    ledger = Ledger(database, timedelta(seconds=15))
    months = (OPEN.before.before, OPEN.before, OPEN)
    told = {month: ledger.begin(PLATFORM, month, NOW, whole=False, asked_by="producer").id for month in months}
    day = {"collection": told[OPEN], "currency": "USD", "amount_tail": 0}
    earlier = [
        day | {"collection": told[month], "account": 1, "day": month.first.toordinal(), "amount": 1}
        for month in months[:2]
    ]
    owner = {"tenant": shop, "workspace": "likvid", "project": "shop", "landing_zone": "development"}
    with database.writing() as connection:
        connection.execute(update(collections).values(state=State.DONE))
        connection.execute(update(collections).where(collections.c.id == told[OPEN]).values(pages=7, asked=7))
        named = [{"account": "700000000001", "name": "a"}, {"account": "700000000002", "name": "b"}]
        connection.execute(insert(accounts), named)
        days = [day | {"account": 1, "day": each.toordinal(), "amount": 31} for each in OPEN.days()]
        connection.execute(
            insert(account_days), [*days, *earlier, day | {"account": 2, "day": OPEN.first.toordinal(), "amount": 5}]
        )
        since = OPEN.before.before.first.toordinal()
        idle = owner | {"tenant": "likvid.idle.aws.sandbox", "project": "idle"}
        odd = owner | {"tenant": "likvid.odd.aws.sandbox", "project": "odd"}
        owned = {"platform": PLATFORM, "since": since, "budget": None}
        pays = {"payment_method": "main", "payment_budget": "100"}
        connection.execute(
            insert(ownerships),
            [
                owned | owner | pays | {"account": "700000000001"},
                owned | idle | pays | {"account": "900000000001", "budget": "10 USD"},
                owned | odd | pays | {"account": "900000000002", "since": NOW.date().toordinal(), "budget": "plenty"},
            ],
        )


def test_a_collection_is_begun_once_and_a_worker_is_told(costs_api: Api, http: httpx2.Client) -> None:
    answer = http.post("/api/v1/metering/collections", params={"platform": PLATFORM, "month": str(OPEN.before)})
    again = http.post("/api/v1/metering/collections", params={"platform": PLATFORM, "month": str(OPEN.before)})

    assert answer.status_code == again.status_code == 202
    begun = answer.json()
    assert (begun["state"], begun["month"], begun["askedBy"]) == ("RUNNING", str(OPEN.before), "producer")
    assert again.json()["id"] == begun["id"]
    assert http.get(answer.headers["location"]).json() == begun
    messages = costs_api.redis.client.lrange("replication", 0, -1)
    assert any(COLLECT in message for message in messages)


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({"platform": "aws.nowhere"}, 404, "costs are collected by aws.sandbox"),
        ({"platform": "aws-scim.sandbox"}, 404, "costs are collected by aws.sandbox"),
        ({"platform": PLATFORM, "month": "2026-13"}, 422, ""),
        ({"platform": PLATFORM, "month": "2020-01"}, 422, "no longer provides"),
        ({"platform": PLATFORM, "month": "2099-01"}, 422, "has not started"),
    ],
)
def test_what_cannot_be_collected(http: httpx2.Client, query: dict[str, str], status: int, says: str) -> None:
    answer = http.post("/api/v1/metering/collections", params=query)
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True)


def test_digits_of_another_script_are_no_month(http: httpx2.Client) -> None:
    for path in ("costs", "usage-reports", "chargeback", "costs/budgets"):
        assert http.get(f"/api/v1/{path}", params={"month": "20\uff12\uff16-10"}).status_code == 422


def test_a_reader_may_not_spend_dollars(costs_api: Api) -> None:
    with costs_api.client(READ) as client:
        assert client.post("/api/v1/metering/collections", params={"platform": PLATFORM}).status_code == 403
        assert client.get("/api/v1/costs").status_code == 200


def test_collections_are_listed_with_what_they_cost(http: httpx2.Client) -> None:
    found = http.get("/api/v1/metering/collections", params={"platform": PLATFORM}).json()
    done = {each["dollars"] for each in found["collections"] if each["month"] == str(OPEN)}
    assert done == {"0.07"}
    assert found["today"] == [{"platform": PLATFORM, "dollars": "0.00", "limit": "5.00"}]
    assert http.get("/api/v1/metering/collections/999").status_code == 404


def test_reports_are_listed_by_page_and_one_by_one(http: httpx2.Client) -> None:
    first = http.get("/api/v1/usage-reports", params={"size": 1}).json()
    second = http.get("/api/v1/usage-reports", params={"size": 1, "page": 1}).json()
    assert first["page"] == {"number": 0, "size": 1, "totalElements": 2, "totalPages": 2}
    assert [page["reports"][0]["accountId"] for page in (first, second)] == ["700000000001", "700000000002"]
    assert first["reports"][0]["totals"] == [{"amount": "31.00", "currency": "USD"}]
    one = http.get(f"/api/v1/usage-reports/{PLATFORM}/{OPEN}/700000000001")
    assert one.json() == first["reports"][0]
    assert http.get(f"/api/v1/usage-reports/{PLATFORM}/{OPEN}/700000000009").status_code == 404
    for wanted in ({"workspace": "likvid"}, {"tenant": "likvid.shop.aws.sandbox"}):
        assert len(http.get("/api/v1/usage-reports", params=wanted).json()["reports"]) == 1
    assert http.get("/api/v1/usage-reports", params={"platform": "aws.x"}).status_code == 404


def test_reports_are_exported(http: httpx2.Client) -> None:
    answer = http.get("/api/v1/usage-reports/export")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert [(row["accountId"], row["productName"], row["amount"]) for row in rows] == [
        ("700000000001", "AWS Lambda", "30.00"),
        ("700000000001", "Amazon S3", "1.00"),
        ("700000000002", "Amazon S3", "5.00"),
    ]
    assert rows[0]["accountName"] == "'=name"  # no formula for a spreadsheet
    text = http.get("/api/v1/usage-reports/export", params={"format": "json"}).text
    shown = http.get("/api/v1/usage-reports").json()["reports"]
    assert [UsageReport.model_validate(each) for each in json.loads(text)] == [
        UsageReport.model_validate(each) for each in shown
    ]
    assert json.loads(http.get("/api/v1/usage-reports/export?format=json&month=2024-01").text) == []


def test_a_parquet_file_has_the_rows_of_the_csv_file_as_numbers_and_days(http: httpx2.Client) -> None:
    answer = http.get("/api/v1/usage-reports/export", params={"format": "parquet"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    table = parquet.read_table(io.BytesIO(answer.content))
    text = http.get("/api/v1/usage-reports/export").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [
        {name: str(value or "").removeprefix("'") for name, value in row.items() if not isinstance(value, Decimal)}
        for row in table.to_pylist()
    ] == [{name: row[name].removeprefix("'") for name in row if name not in AMOUNTS or not row[name]} for row in rows]
    found = table.to_pylist()
    assert [row["amount"] for row in found] == [Decimal(row["amount"]) for row in rows]
    assert (found[0]["firstDay"], found[0]["accountName"]) == (OPEN.first, "=name")
    empty = http.get("/api/v1/usage-reports/export?format=parquet&month=2024-01").content
    assert parquet.read_table(io.BytesIO(empty)).schema == table.schema


def test_without_pyarrow_a_parquet_file_says_what_to_install() -> None:
    code = "import sys; sys.modules['pyarrow'] = None; from tasks.metering.parquet import as_parquet; as_parquet([])"
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "NoParquet" in failed.stderr
    assert "pip install 'meshstack-aws-connector[parquet]'" in failed.stderr


def test_statements_are_in_whole_cents(http: httpx2.Client) -> None:
    (found,) = http.get("/api/v1/chargeback", params={"month": str(OPEN.before)}).json()["statements"]
    assert (found["workspace"], found["amount"], found["rounding"], found["final"]) == (
        "likvid",
        "10.00",
        "-0.005",
        True,
    )


def test_costs_are_shown_beside_those_of_the_month_before(http: httpx2.Client) -> None:
    found = http.get("/api/v1/costs", params={"by": "service"}).json()
    assert [(row["name"], row["amount"], row.get("before")) for row in found["rows"]] == [
        ("AWS Lambda", "30.00", "10.005"),
        ("Amazon S3", "6.00", None),
    ]
    assert [each["toDate"] for each in found["forecasts"]] == ["36.00"]
    by_tenant = http.get("/api/v1/costs", params={"by": "tenant"}).json()
    assert {row["name"] for row in by_tenant["rows"]} == {"likvid.shop.aws.sandbox", "no tenant"}
    assert by_tenant["idle"] == ["likvid.idle.aws.sandbox"]
    for by in ("account", "project", "workspace"):
        assert len(http.get("/api/v1/costs", params={"by": by}).json()["rows"]) == 2
    by_method = http.get("/api/v1/costs", params={"by": "payment-method"}).json()
    assert [(row["name"], row["amount"]) for row in by_method["rows"]] == [("main", "31.00"), ("no tenant", "5.00")]


def test_those_that_rise_most_come_first_where_that_is_asked_for(http: httpx2.Client) -> None:
    found = http.get("/api/v1/costs", params={"by": "service", "order": "rise", "size": 1}).json()
    assert [row["name"] for row in found["rows"]] == ["AWS Lambda"]
    assert (found["count"], found["totals"]) == (2, [{"amount": "36.00", "currency": "USD"}])
    by_amount = http.get("/api/v1/costs", params={"by": "service"}).json()["rows"]
    rises = [Decimal(row["rise"]) for row in by_amount]
    assert Decimal(found["rows"][0]["rise"]) == max(rises) > 0


def test_tenants_without_costs_are_listed(http: httpx2.Client) -> None:
    idle = {"tenant": "likvid.idle.aws.sandbox", "workspace": "likvid", "project": "idle", "accountId": "900000000001"}
    assert http.get("/api/v1/costs/idle").json() == {"tenants": [idle]}
    assert http.get("/api/v1/costs/idle", params={"workspace": "likvid"}).json() == {"tenants": [idle]}
    assert http.get("/api/v1/costs/idle", params={"workspace": "other"}).json() == {"tenants": []}
    assert http.get("/api/v1/costs/idle", params={"platform": "aws.x"}).status_code == 404


def test_budgets_are_listed_with_what_is_used(http: httpx2.Client) -> None:
    found, usd = http.get("/api/v1/costs/budgets").json(), {"currency": "USD"}
    assert found["month"] == str(OPEN)
    assert found["budgets"] == [
        {
            "of": "payment-method",
            "name": "main",
            "amount": "100.00",
            **usd,
            "used": "41.00",
            "percent": "41",
            "beside": [],
        },
        {
            "of": "project",
            "name": "likvid.idle",
            "amount": "10.00",
            **usd,
            "used": "0.00",
            "percent": "0",
            "beside": [],
        },
    ]
    assert found["unreadable"] == [{"of": "project", "name": "likvid.odd", "text": "plenty"}]
    other = http.get("/api/v1/costs/budgets", params={"workspace": "other"}).json()
    assert (other["budgets"], other["unreadable"]) == ([], [])


def test_days_are_those_of_the_owner_who_is_asked_for(costs_api: Api, http: httpx2.Client) -> None:
    whole = http.get("/api/v1/costs", params={"by": "day"}).json()["rows"]
    own = http.get("/api/v1/costs", params={"by": "day", "workspace": "likvid"}).json()["rows"]
    assert [row["name"] for row in whole] == [str(day) for day in OPEN.days()]
    rate = costs_api.connector.catalog.prices.rate(str(OPEN), "USD") or 1  # the example has rates of some months
    assert Decimal(whole[0]["amount"]) - Decimal(own[0]["amount"]) == 5 * rate
    assert http.get("/api/v1/costs", params={"by": "day", "tenant": "nobody.x.aws.sandbox"}).json()["rows"] == []


def test_a_platform_that_another_one_reads_the_costs_of_has_those_of_its_tenants(
    costs_api: Api, http: httpx2.Client
) -> None:
    """Two platforms of one organization: one reads the costs of all accounts."""
    tenant, account = "likvid.other.aws-scim.sandbox", "700000000003"
    database, first = open_database(costs_api.connector.settings), OPEN.before.first
    restore(database, [report(OPEN.before, account, {"AWS Lambda": "3"}, tenant, "OPEN")])
    with database.writing() as connection:
        collection = select(collections.c.id).where(
            collections.c.month == str(OPEN.before), collections.c.state == "DONE"
        )
        done = connection.execute(collection).scalars().first()
        number = connection.execute(insert(accounts).values(account=account, name="c").returning(accounts.c.number))
        day = {"collection": done, "account": number.scalar_one(), "day": first.toordinal() + 3, "currency": "USD"}
        connection.execute(insert(account_days), [day | {"amount": 3, "amount_tail": 0}])

    asked = {"platform": "aws-scim.sandbox", "month": str(OPEN.before)}
    reports = http.get("/api/v1/usage-reports", params=asked).json()["reports"]
    assert [each["tenant"] for each in reports] == [tenant]
    days = http.get("/api/v1/costs", params={**asked, "by": "day"}).json()
    assert [row["name"] for row in days["rows"]] == [str(first + timedelta(days=3))]
    assert days["totals"][0]["amount"] == "3.00"


def test_a_database_that_is_away_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        CheckedRedis(fsync="no") as redis,
        running(redis, data_dir=tmp_path / "file" / "no-folder") as api,
        api.client() as client,
    ):
        answers = [client.get(path) for path in ("/api/v1/costs", "/api/v1/usage-reports/export")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].headers["retry-after"]


@pytest.mark.parametrize("by", ["tenant", "workspace", "project", "service", "day", "account"])
@pytest.mark.parametrize("order", ["amount", "rise"])
def test_the_page_shows_what_the_api_shows(costs_api: Api, http: httpx2.Client, by: str, order: str) -> None:
    shown = http.get("/api/v1/costs", params={"by": by, "order": order}).json()["rows"]
    with visiting(costs_api) as pages:
        said = text_of(pages.get("/costs", params={"by": by, "order": order}))
    places = [said.index(row["name"]) for row in shown]
    assert places == sorted(places)
    for row in shown:
        assert f"{money(row['amount'])} {row['currency']}" in said


def test_the_page_shows_the_month_so_far_and_a_month_of_before(costs_api: Api) -> None:
    with visiting(costs_api) as pages:
        assert "so far" in (said := text_of(pages.get("/costs")))
        assert "likvid.odd: “plenty” is not a budget; write it as 500 EUR." in said
        assert "Costs of this month" in text_of(pages.get("/"))
        assert f"Costs in {OPEN.before}" in text_of(pages.get("/costs", params={"month": str(OPEN.before)}))
