"""Usage reports on their way to meshStack: what is new or has changed, as an API user, one account by one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import httpx2
import pytest

from tasks.meshstack.api_user import ApiUser
from tasks.meshstack.client import ApiKey, MeshStack
from tasks.metering.restoring import restore
from tasks.metering.sending import AT_ONCE, MOST_UNANSWERED, Sent, send
from tests.tasks.metering.conftest import CLOSED, House

SHOP, BLOG = "likvid.shop.aws.sandbox", "likvid.blog.aws.sandbox"
ACCOUNT, OTHER = "700000000001", "700000000002"
MEDIA = "application/vnd.meshcloud.api.meshobjects.v1+json"  # as the metering API documents it


@dataclass
class Mesh:
    """A meshStack that takes reports."""

    status: dict[str, int] = field(default_factory=dict)  # of an account's report
    headers: dict[str, str] = field(default_factory=dict)  # of an answer that says no
    rows: dict[str, str] = field(default_factory=dict)  # of an account's report, what the row of the answer says
    taken: dict[str, Any] = field(default_factory=dict)  # by account and month
    requests: int = 0

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        assert request.method == "PUT"
        assert request.headers["authorization"] == "Basic YXBpOnBhc3N3b3Jk"  # api:password
        assert request.headers["content-type"] == MEDIA
        assert request.headers["accept"] == MEDIA
        *_, kind, account, month = request.url.path.split("/")
        assert kind == "meshresourceusagereports"
        row = self.rows.get(account, "SUCCESS")
        if (status := self.status.get(account, 200)) != 200:
            return httpx2.Response(status, headers=self.headers)
        if row == "SUCCESS":
            self.taken[f"{account} {month}"] = json.loads(request.content, parse_float=Decimal, parse_int=Decimal)
        said = {"meshObject": "meshResourceUsageReport", "status": row, "resultCode": None, "message": "no tenant"}
        return httpx2.Response(200, json=said)

    def reports(self) -> ApiUser:
        meshstack = MeshStack("https://mesh.example.com", ApiKey("i", "s"), transport=httpx2.MockTransport(self.handle))
        return ApiUser(meshstack, "api:password")


@pytest.fixture
def mesh() -> Mesh:
    return Mesh()


@pytest.fixture(autouse=True)
def collected(house: House) -> None:
    house.own(SHOP, ACCOUNT, paymentMethod="main")
    house.own(BLOG, OTHER, paymentMethod="main")
    house.collect()


def test_the_reports_of_tenants_are_sent_once(house: House, mesh: Mesh) -> None:
    assert send(house.worker, mesh.reports(), house.now()) == Sent(2)

    found = mesh.taken[f"{ACCOUNT} {CLOSED}-01Z"]
    assert found["fullPlatformIdentifier"] == "aws.sandbox"
    [report] = house.reports(account=ACCOUNT)
    assert len(found["lineItems"]) == len(report.line_items)
    for line, item in zip(found["lineItems"], report.line_items, strict=True):
        assert line["totalCost"] == Decimal(item.net_amount.amount)
        assert line["usageQuantity"] * line["usageCost"] == line["totalCost"]  # to the last digit
    assert send(house.worker, mesh.reports(), house.now()) == Sent()
    assert mesh.requests == 2


def test_what_has_changed_is_sent_again(house: House, mesh: Mesh) -> None:
    send(house.worker, mesh.reports(), house.now())
    house.simulator.operator(
        "add_cost", day=str(CLOSED.first), account=ACCOUNT, service="AWS Lambda", usage_type="x", amount="3"
    )
    house.collect()

    assert send(house.worker, mesh.reports(), house.now()) == Sent(1)


def test_one_that_is_refused_stops_no_other_and_is_tried_again(house: House, mesh: Mesh) -> None:
    mesh.status[ACCOUNT] = 422
    assert send(house.worker, mesh.reports(), house.now()) == Sent(1, 1)
    assert send(house.worker, mesh.reports(), house.now()) == Sent()
    later = house.now() + timedelta(hours=1, minutes=1)
    assert send(house.worker, mesh.reports(), later) == Sent(0, 1)
    mesh.status.clear()

    assert send(house.worker, mesh.reports(), later + timedelta(hours=1, minutes=1)) == Sent(1)


@pytest.mark.thorough
def test_many_that_are_refused_do_not_hold_up_the_others(house: House, mesh: Mesh) -> None:
    refused = [f"80000000{number:04d}" for number in range(AT_ONCE)]
    mesh.status = dict.fromkeys(refused, 422)
    [report] = house.reports(account=ACCOUNT)
    restore(house.database, [report.model_copy(update={"account_id": each, "line_items": []}) for each in refused])
    restore(house.database, [report.model_copy(update={"account_id": "900000000009"})])

    for _ in range(2):
        send(house.worker, mesh.reports(), house.now())
    assert f"900000000009 {CLOSED}-01Z" in mesh.taken


def test_a_month_of_long_ago_that_changes_is_sent_as_well(house: House, mesh: Mesh) -> None:
    [report] = house.reports(account=ACCOUNT)
    restore(house.database, [report.model_copy(update={"month": "2024-02"})])

    assert send(house.worker, mesh.reports(), house.now()) == Sent(3)
    assert f"{ACCOUNT} 2024-02-01Z" in mesh.taken


def test_an_account_that_changed_hands_is_one_report(house: House, mesh: Mesh) -> None:
    [report] = house.reports(account=ACCOUNT)
    line = report.line_items[0]
    other = report.model_copy(update={"part": 1, "tenant": "likvid.other.aws.sandbox", "line_items": [line]})
    restore(house.database, [other])

    send(house.worker, mesh.reports(), house.now())
    assert len(mesh.taken[f"{ACCOUNT} {CLOSED}-01Z"]["lineItems"]) == len(report.line_items) + 1


def test_a_row_that_says_no_is_no_success(house: House, mesh: Mesh) -> None:
    """The answer to a report is 200 all the same."""
    mesh.rows[ACCOUNT] = "FAILED"
    assert send(house.worker, mesh.reports(), house.now()) == Sent(1, 1)
    mesh.rows.clear()

    assert send(house.worker, mesh.reports(), house.now() + timedelta(hours=1, minutes=1)) == Sent(1)


def test_an_amount_loses_no_digit_on_its_way(house: House, mesh: Mesh) -> None:
    """A float would say 12345678901.12346, and 0.30000000000000004 for a third of a product."""
    amount = "12345678901.1234567891"
    house.simulator.operator(
        "add_cost", day=str(CLOSED.first), account=ACCOUNT, service="AWS Lambda", usage_type="x", amount=amount
    )
    house.collect()

    send(house.worker, mesh.reports(), house.now())

    lines = mesh.taken[f"{ACCOUNT} {CLOSED}-01Z"]["lineItems"]
    assert Decimal(amount) in {line["totalCost"] for line in lines}


def test_an_api_user_that_is_not_accepted_is_not_tried_with_every_report(house: House, mesh: Mesh) -> None:
    mesh.status = {ACCOUNT: 401, OTHER: 401}
    assert send(house.worker, mesh.reports(), house.now()) == Sent()
    assert mesh.requests == 1


def test_when_meshstack_is_away_the_next_tick_goes_on(house: House, mesh: Mesh) -> None:
    [report] = house.reports(account=ACCOUNT)
    others = [f"90000000000{number}" for number in range(6)]
    restore(house.database, [report.model_copy(update={"account_id": each}) for each in others])
    mesh.status = dict.fromkeys((ACCOUNT, OTHER, *others), 503)
    assert str(send(house.worker, mesh.reports(), house.now())) == "0 usage reports sent, 0 refused"
    assert mesh.requests == MOST_UNANSWERED
    mesh.status.clear()

    assert send(house.worker, mesh.reports(), house.now()) == Sent(8)


@pytest.mark.parametrize("status", [500, pytest.param(504, marks=pytest.mark.thorough)])
def test_one_that_has_no_answer_stops_no_other_and_is_tried_again(house: House, mesh: Mesh, status: int) -> None:
    mesh.status[ACCOUNT] = status
    assert str(send(house.worker, mesh.reports(), house.now())) == "1 usage reports sent, 1 refused"
    assert send(house.worker, mesh.reports(), house.now()) == Sent()
    mesh.status.clear()
    assert send(house.worker, mesh.reports(), house.now() + timedelta(hours=1, minutes=1)) == Sent(1)


@pytest.mark.thorough
def test_several_that_never_have_an_answer_do_not_hold_up_the_others(house: House, mesh: Mesh) -> None:
    [report] = house.reports(account=ACCOUNT)
    first = [f"10000000000{number}" for number in range(MOST_UNANSWERED + 1)]
    restore(house.database, [report.model_copy(update={"account_id": each}) for each in first])
    mesh.status = dict.fromkeys(first, 500)

    for _ in range(2):
        send(house.worker, mesh.reports(), house.now())
    assert {each.split()[0] for each in mesh.taken} == {ACCOUNT, OTHER}


def test_a_pause_that_meshstack_asks_for_is_no_fault_of_a_report(house: House, mesh: Mesh) -> None:
    mesh.headers = {"retry-after": "0"}
    mesh.status[OTHER] = 429
    assert send(house.worker, mesh.reports(), house.now()) == Sent(1)
    mesh.status.clear()
    assert send(house.worker, mesh.reports(), house.now()) == Sent(1)


def test_a_tick_ends_before_its_lock_does(house: House, mesh: Mesh) -> None:
    slow = count(0, 200)
    assert send(house.worker, mesh.reports(), house.now(), lambda: float(next(slow))) == Sent(1)
    assert send(house.worker, mesh.reports(), house.now()) == Sent(1)
