"""The simulator's Cost Explorer, asked through boto3: as strict as AWS, and every answered page counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import OperationNotPageableError

from tests.workers.sandbox.conftest import Connect, error_of
from workers.sandbox.client import SimulatorClient

TODAY = datetime.now(UTC).date()
FIRST = TODAY.replace(day=1)
NEXT = (FIRST + timedelta(days=32)).replace(day=1)
BEFORE = (FIRST - timedelta(days=1)).replace(day=1)
ACCOUNT, SERVICE, USAGE_TYPE = (
    {"Type": "DIMENSION", "Key": key} for key in ("LINKED_ACCOUNT", "SERVICE", "USAGE_TYPE")
)
METRICS = ["AmortizedCost", "UsageQuantity"]


@pytest.fixture
def ce(connect: Connect, simulator: SimulatorClient) -> Any:
    simulator.operator("set_costs", forget=True, accounts=0, lines=12, available=True)
    return connect("ce", region_name="us-east-1")


def asked(start: date = BEFORE, end: date = FIRST, *groups: dict[str, str], **more: Any) -> dict[str, Any]:
    period = {"Start": str(start), "End": str(end)}
    return {"TimePeriod": period, "Granularity": "DAILY", "Metrics": METRICS, "GroupBy": list(groups), **more}


def total(answer: dict[str, Any]) -> Decimal:
    groups = [group for period in answer["ResultsByTime"] for group in period["Groups"]]
    return sum((Decimal(group["Metrics"]["AmortizedCost"]["Amount"]) for group in groups), Decimal())


def test_groups_add_up_whatever_they_are(ce: Any) -> None:
    by_service = ce.get_cost_and_usage(**asked(BEFORE, FIRST, SERVICE, USAGE_TYPE))
    by_account = ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT))
    plain = ce.get_cost_and_usage(**asked(Granularity="MONTHLY", GroupBy=[]))
    whole = Decimal(plain["ResultsByTime"][0]["Total"]["AmortizedCost"]["Amount"])

    assert total(by_service) == total(by_account) == whole > 100
    assert all(period["Total"] == {} for period in by_service["ResultsByTime"])
    assert by_account["DimensionValueAttributes"][0]["Attributes"]["description"] == "Management"


def test_pages_are_counted_and_refusals_are_not(ce: Any, simulator: SimulatorClient) -> None:
    simulator.set_options(cost_page_rows=50)
    before = simulator.state()["cost_explorer"]["pages"]
    answer = ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT, SERVICE))
    first, number, whole = answer["NextPageToken"], 1, total(answer)
    while token := answer.get("NextPageToken"):
        answer = ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT, SERVICE), NextPageToken=token)
        number, whole = number + 1, whole + total(answer)

    simulator.set_options(cost_page_rows=100_000)
    assert whole == total(ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT, SERVICE)))
    changed = error_of(lambda: ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT), NextPageToken=first))
    assert changed["Code"] == "RequestChangedException"
    assert error_of(lambda: ce.get_cost_and_usage(**asked(), NextPageToken="x"))["Code"] == "InvalidNextTokenException"
    assert simulator.state()["cost_explorer"]["pages"] == before + number + 1
    assert number > 2
    simulator.set_options(cost_page_rows=5000)


def test_a_token_ends_with_its_bill(ce: Any, simulator: SimulatorClient) -> None:
    simulator.set_options(cost_page_rows=50)
    token = ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT, SERVICE))["NextPageToken"]
    line = {"service": "AWS Lambda", "usage_type": "late", "amount": "1"}
    simulator.operator("add_cost", day=str(BEFORE), account="111111111111", **line)
    error = error_of(lambda: ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT, SERVICE), NextPageToken=token))
    assert error["Code"] == "BillExpirationException"
    simulator.set_options(cost_page_rows=5000)


def test_a_token_ends(ce: Any, simulator: SimulatorClient) -> None:
    simulator.set_options(cost_page_rows=50, cost_token_seconds=0.0001)
    token = ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT, SERVICE))["NextPageToken"]
    error = error_of(lambda: ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT, SERVICE), NextPageToken=token))
    assert error["Code"] == "InvalidNextTokenException"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (asked(BEFORE, FIRST, ACCOUNT, SERVICE, USAGE_TYPE), "two groupBy"),
        (asked(FIRST, FIRST), "before end date"),
        (asked(FIRST, NEXT + timedelta(days=1)), "beginning of next month"),
        (asked(Granularity="HOURLY"), "Hourly"),
        (asked(Metrics=["Cost"]), "Metrics are invalid"),
        (asked(BEFORE - timedelta(days=500), FIRST), "14 months"),
        (asked(Filter={"And": [{"Dimensions": {"Key": "SERVICE", "Values": ["Tax"]}}]}), "at least 2"),
        (asked(Filter={"Dimensions": {"Key": "AZ", "Values": ["a"]}}), "not supported"),
    ],
)
def test_what_aws_refuses_is_refused(ce: Any, wrong: dict[str, Any], says: str) -> None:
    error = error_of(lambda: ce.get_cost_and_usage(**wrong))
    assert error["Code"] == "ValidationException"
    assert says in error["Message"]


def test_the_open_month_is_estimated_and_the_one_before_last_is_not(ce: Any) -> None:
    two_ago = (BEFORE - timedelta(days=1)).replace(day=1)
    answer = ce.get_cost_and_usage(**asked(two_ago, NEXT, Granularity="MONTHLY"))
    assert [period["Estimated"] for period in answer["ResultsByTime"]][::2] == [False, True]


def test_tax_credits_and_currencies(ce: Any, simulator: SimulatorClient) -> None:
    simulator.operator("set_costs", accounts=10, second_currency="EUR")
    without = {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Tax"]}}}
    whole = ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT, SERVICE))
    taxless = ce.get_cost_and_usage(**asked(BEFORE, FIRST, ACCOUNT, SERVICE, Filter=without))
    groups = [group for period in whole["ResultsByTime"] for group in period["Groups"]]

    assert total(taxless) < total(whole)
    assert {group["Metrics"]["AmortizedCost"]["Unit"] for group in groups} == {"USD", "EUR"}
    credited = ce.get_cost_and_usage(
        **asked(Filter={"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Refund"]}}, Granularity="MONTHLY")
    )
    assert Decimal(credited["ResultsByTime"][0]["Total"]["AmortizedCost"]["Amount"]) < 0
    simulator.operator("set_costs", second_currency=None)


def test_what_was_not_bought_and_what_was(ce: Any, simulator: SimulatorClient) -> None:
    period = {"Start": str(BEFORE), "End": str(min(FIRST, TODAY - timedelta(days=1)))}
    by_id: dict[str, Any] = {"TimePeriod": period, "GroupBy": [{"Type": "DIMENSION", "Key": "SUBSCRIPTION_ID"}]}
    for ask in (
        lambda: ce.get_reservation_utilization(**by_id),
        lambda: ce.get_savings_plans_utilization_details(TimePeriod=period),
    ):
        assert error_of(ask)["Code"] == "DataUnavailableException"
    bought = {"id": "ri-1", "account": "111111111111", "first": str(BEFORE), "end": str(NEXT), "upfront": "100"}
    simulator.operator("set_costs", reserved_instances=[bought], savings_plans=[{**bought, "id": "sp-1"}])

    (time,) = ce.get_reservation_utilization(**by_id)["UtilizationsByTime"]
    (plan,) = ce.get_savings_plans_utilization_details(TimePeriod=period)["SavingsPlansUtilizationDetails"]

    assert time["Groups"][0]["Attributes"]["accountId"] == plan["Attributes"]["AccountId"] == "111111111111"
    assert 40 < Decimal(time["Groups"][0]["Utilization"]["AmortizedUpfrontFee"]) < 60
    error = error_of(lambda: ce.get_reservation_utilization(**{**by_id, "TimePeriod": {**period, "End": str(NEXT)}}))
    assert error["Code"] == "ValidationException"
    error = error_of(
        lambda: ce.get_savings_plans_utilization_details(TimePeriod={"Start": str(BEFORE), "End": str(TODAY)})
    )
    assert error["Code"] == "ValidationException"
    simulator.operator("set_costs", reserved_instances=[], savings_plans=[])


def test_reserved_instances_are_told_of_one_service_and_savings_plans_twenty_at_once(
    ce: Any, simulator: SimulatorClient
) -> None:
    database = "Amazon Relational Database Service"
    bought = {"account": "111111111111", "first": str(BEFORE), "end": str(NEXT), "upfront": "100"}
    simulator.operator(
        "set_costs",
        reserved_instances=[{"id": "ri-1", **bought}, {"id": "ri-2", **bought, "service": database}],
        savings_plans=[{"id": f"sp-{number:02d}", **bought} for number in range(21)],
    )
    period = {"Start": str(BEFORE), "End": str(BEFORE + timedelta(days=20))}
    by_id: dict[str, Any] = {"TimePeriod": period, "GroupBy": [{"Type": "DIMENSION", "Key": "SUBSCRIPTION_ID"}]}

    def of(*services: str) -> dict[str, Any]:
        return {**by_id, "Filter": {"Dimensions": {"Key": "SERVICE", "Values": list(services)}}}

    found = [ce.get_reservation_utilization(**asked) for asked in (by_id, of(database))]
    assert [[group["Value"] for group in each["UtilizationsByTime"][0]["Groups"]] for each in found] == [
        ["ri-1"],
        ["ri-2"],
    ]
    for wrong in (of(database, "Amazon Redshift"), of("AWS Lambda")):
        assert error_of(partial(ce.get_reservation_utilization, **wrong))["Code"] == "ValidationException"
    few = ce.get_savings_plans_utilization_details(TimePeriod=period)
    all_of_them = ce.get_savings_plans_utilization_details(TimePeriod=period, MaxResults=100)
    assert (len(few["SavingsPlansUtilizationDetails"]), "NextToken" in few) == (20, True)
    assert (len(all_of_them["SavingsPlansUtilizationDetails"]), "NextToken" in all_of_them) == (21, False)
    simulator.operator("set_costs", reserved_instances=[], savings_plans=[])


def test_throttling_is_called_a_limit_and_there_is_no_paginator(ce: Any, simulator: SimulatorClient) -> None:
    simulator.inject(service="ce", kind="throttle")
    assert error_of(lambda: ce.get_cost_and_usage(**asked()))["Code"] == "LimitExceededException"
    with pytest.raises(OperationNotPageableError):
        ce.get_paginator("get_cost_and_usage")


def test_a_new_organization_has_no_data(ce: Any, simulator: SimulatorClient) -> None:
    simulator.operator("set_costs", available=False)
    assert error_of(lambda: ce.get_cost_and_usage(**asked()))["Code"] == "DataUnavailableException"
    simulator.operator("set_costs", available=True)
