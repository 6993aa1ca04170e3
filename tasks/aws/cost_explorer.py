"""AWS Cost Explorer in our words: one page of what an organization costs, and what its commitments cost.

AWS charges $0.01 for every page that it answers, so nothing here asks for more than one: who calls decides about each.
All pages of a question are asked for with the same parameters. `TOKEN_LOST` are the errors after which a question must
be begun anew, `NO_DATA` says that there is nothing to tell yet, or that nothing was bought.
Source: docs.aws.amazon.com/aws-cost-management/latest/APIReference and aws.amazon.com/aws-cost-management/pricing
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from tasks.aws.calls import Calls
from tasks.errors import Unanswered

PRICE = Decimal("0.01")  # dollars for each page
BILL_EXPIRED = "BillExpirationException"  # AWS has made its bill anew, and may tell something else now
TOKEN_LOST = frozenset({"InvalidNextTokenException", "RequestChangedException", BILL_EXPIRED})
NO_DATA = frozenset({"DataUnavailableException"})
NO_UNIT = "N/A"  # of a quantity that adds up different units
MOST = Decimal(10) ** 18  # no amount or quantity of AWS's is as large, and the database keeps no larger one
SAVINGS_PLANS_AT_ONCE = 100  # on a page; AWS's own default is 20, and it names no limit
RESERVABLE: Mapping[str, frozenset[str]] = {
    "Amazon Elastic Compute Cloud - Compute": frozenset({"Amazon Elastic Compute Cloud - Compute"}),
    "Amazon Relational Database Service": frozenset({"Amazon Relational Database Service"}),
    "Amazon ElastiCache": frozenset({"Amazon ElastiCache"}),
    "Amazon Redshift": frozenset({"Amazon Redshift"}),
    "Amazon Elasticsearch Service": frozenset({"Amazon Elasticsearch Service", "Amazon OpenSearch Service"}),
}
"""Services with reserved instances, as GetReservationUtilization wants them named, and what costs call them."""
DEFAULT_SERVICE = next(iter(RESERVABLE))
"""Of which GetReservationUtilization tells where no service is named."""


class Dimension(StrEnum):
    """What costs are grouped and filtered by, in AWS's words."""

    ACCOUNT = "LINKED_ACCOUNT"
    SERVICE = "SERVICE"
    USAGE_TYPE = "USAGE_TYPE"


class Granularity(StrEnum):
    """Of which length the periods are that costs are added up over."""

    DAILY = "DAILY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True)
class Question:
    """What is asked of GetCostAndUsage: the same for all of its pages."""

    start: date
    end: date  # exclusive
    groups: tuple[Dimension, ...]  # two at most
    granularity: Granularity = Granularity.DAILY
    only: tuple[Dimension, tuple[str, ...]] | None = None  # None: everything
    without: tuple[tuple[Dimension, tuple[str, ...]], ...] = ()  # what is left out
    without_tax: bool = False


@dataclass(frozen=True)
class CostGroup:
    """What one group costs in one period."""

    day: date  # the first of the period
    keys: tuple[str, ...]  # one for each dimension of the question
    amount: Decimal
    currency: str  # ISO 4217
    quantity: Decimal
    unit: str


@dataclass(frozen=True)
class CostPage:
    """One page of an answer."""

    groups: tuple[CostGroup, ...]
    next_token: str | None
    estimated: bool  # AWS may still change what it says
    account_names: Mapping[str, str]  # id -> name, where the question is grouped by account


@dataclass(frozen=True)
class Commitment:
    """A reserved instance or a savings plan, and which part of its upfront fee falls into the time asked for."""

    id: str
    account: str  # that has bought it
    first: date
    end: date
    upfront: Decimal
    amortized: Decimal


@dataclass(frozen=True)
class CommitmentPage:
    """One page of commitments."""

    commitments: tuple[Commitment, ...]
    next_token: str | None


class CostExplorer:
    """The costs of an organization, as its management account sees them. Every method is one page; raises StepError."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def request_id(self) -> str | None:
        """The AWS request id of the newest answer."""
        return self._calls.request_id

    def costs(self, question: Question, token: str | None = None) -> CostPage:
        """Ask for a page of amortized costs and usage. Reads ce:GetCostAndUsage 1 call."""
        answer = self._calls.read("get_cost_and_usage", **_parameters(question), **_token("NextPageToken", token))
        periods = answer["ResultsByTime"]
        named = answer.get("DimensionValueAttributes") or ()
        return CostPage(
            groups=tuple(group for period in periods for group in _groups(period)),
            next_token=answer.get("NextPageToken"),
            estimated=any(period.get("Estimated", False) for period in periods),
            account_names={each["Value"]: (each.get("Attributes") or {}).get("description", "") for each in named},
        )

    def reserved_instances(self, service: str, start: date, end: date, token: str | None = None) -> CommitmentPage:
        """Ask for a page of the reserved instances of one service. Reads ce:GetReservationUtilization 1 call."""
        of_service = {} if service == DEFAULT_SERVICE else {"Filter": _one_of(Dimension.SERVICE, (service,))}
        answer = self._calls.read(
            "get_reservation_utilization",
            TimePeriod=_period(start, end),
            GroupBy=[{"Type": "DIMENSION", "Key": "SUBSCRIPTION_ID"}],
            **of_service,
            **_token("NextPageToken", token),
        )
        groups = (group for period in answer["UtilizationsByTime"] for group in period.get("Groups") or ())
        return CommitmentPage(tuple(map(_reserved_instance, groups)), answer.get("NextPageToken"))

    def savings_plans(self, start: date, end: date, token: str | None = None) -> CommitmentPage:
        """Ask for a page of savings plans. Reads ce:GetSavingsPlansUtilizationDetails 1 call.

        end  lies before today
        """
        answer = self._calls.read(
            "get_savings_plans_utilization_details",
            TimePeriod=_period(start, end),
            MaxResults=SAVINGS_PLANS_AT_ONCE,
            **_token("NextToken", token),
        )
        found = tuple(map(_savings_plan, answer["SavingsPlansUtilizationDetails"]))
        return CommitmentPage(found, answer.get("NextToken"))


def _parameters(question: Question) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "TimePeriod": _period(question.start, question.end),
        "Granularity": str(question.granularity),
        "Metrics": ["AmortizedCost", "UsageQuantity"],
    }
    if question.groups:
        parameters["GroupBy"] = [{"Type": "DIMENSION", "Key": str(each)} for each in question.groups]
    wanted = [*_filters(question)]
    if wanted:
        parameters["Filter"] = wanted[0] if len(wanted) == 1 else {"And": wanted}
    return parameters


def _filters(question: Question) -> Iterator[dict[str, Any]]:
    if question.only is not None:
        yield _one_of(*question.only)
    for left_out in question.without:
        yield {"Not": _one_of(*left_out)}
    if question.without_tax:
        yield {"Not": _one_of("RECORD_TYPE", ("Tax",))}


def _one_of(dimension: str, values: tuple[str, ...]) -> dict[str, Any]:
    return {"Dimensions": {"Key": str(dimension), "Values": list(values)}}


def _period(start: date, end: date) -> dict[str, str]:
    return {"Start": start.isoformat(), "End": end.isoformat()}


def _token(member: str, token: str | None) -> dict[str, str]:
    return {} if token is None else {member: token}


def _groups(period: Mapping[str, Any]) -> Iterator[CostGroup]:
    day = _day(period["TimePeriod"]["Start"])
    for group in period.get("Groups") or ():
        cost, used = group["Metrics"]["AmortizedCost"], group["Metrics"]["UsageQuantity"]
        yield CostGroup(
            day,
            tuple(group["Keys"]),
            _decimal(cost["Amount"]),
            cost.get("Unit") or NO_UNIT,
            _decimal(used["Amount"]),
            used.get("Unit") or NO_UNIT,
        )


def _reserved_instance(group: Mapping[str, Any]) -> Commitment:
    about, used = group["Attributes"], group["Utilization"]
    return Commitment(
        id=group["Value"],
        account=about["accountId"],
        first=_day(about["startDateTime"]),
        end=_day(about["endDateTime"]),
        upfront=_decimal(about.get("upfrontFee") or "0"),
        amortized=_decimal(used.get("AmortizedUpfrontFee") or "0"),
    )


def _savings_plan(detail: Mapping[str, Any]) -> Commitment:
    about, committed = detail["Attributes"], detail["AmortizedCommitment"]
    return Commitment(
        id=detail["SavingsPlanArn"].rpartition("/")[2],
        account=about["AccountId"],
        first=_day(about["StartDateTime"]),
        end=_day(about["EndDateTime"]),
        upfront=_decimal(about.get("UpfrontFee") or "0"),
        amortized=_decimal(committed.get("AmortizedUpfrontCommitment") or "0"),
    )


def _day(text: str) -> date:
    """Read the day of a date, or of a time with one."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise Unanswered("MalformedAnswer", f"ce: {text!r} is no date") from error


def _decimal(text: str) -> Decimal:
    """Read an amount as AWS writes it, which may have an exponent."""
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise Unanswered("MalformedAnswer", f"ce: {text!r} is not an amount") from error
    if not amount.is_finite() or abs(amount) >= MOST:
        raise Unanswered("MalformedAnswer", f"ce: {text!r} is not an amount")
    return amount
