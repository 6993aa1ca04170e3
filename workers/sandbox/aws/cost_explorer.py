"""Cost Explorer: GetCostAndUsage, GetReservationUtilization, GetSavingsPlansUtilizationDetails.

As strict as AWS: at most two groups, an exclusive end not behind the beginning of next month, a token that holds for
the parameters that it was given for, for an hour and until the bill is made anew, estimated months, reserved instances
of one service at a time, 20 savings plans where nobody asks for more, nothing at all from an account that has bought
nothing. Every page that is answered is counted, for AWS charges $0.01 for it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.cost_book import Commitment, CostBook, Line, today, written
from workers.sandbox.aws.cost_filters import DIMENSIONS, fits
from workers.sandbox.aws.shapes import answer

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

METRICS = ("AmortizedCost", "UsageQuantity", "UnblendedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost")
HISTORY = timedelta(days=14 * 31)
FINAL_AFTER = timedelta(days=5)  # of the next month; then a month is not estimated any more
ANSWERS_KEPT = 4
DEFAULT_PLANS = 20  # savings plans on a page
RESERVABLE = (
    "Amazon Elastic Compute Cloud - Compute",  # the default
    "Amazon Relational Database Service",
    "Amazon ElastiCache",
    "Amazon Redshift",
    "Amazon Elasticsearch Service",
)

Row = tuple[date, tuple[str, ...], int, str, int, str]  # period, keys, amount, currency, quantity, unit


@dataclass
class Answers:
    """What was worked out for the last questions, so that their further pages need not be."""

    rows: dict[str, list[Row]] = field(default_factory=dict)


@answer("ce", "GetCostAndUsage")
def get_cost_and_usage(call: Call, world: World) -> Mapping[str, Any]:
    """Answer one page of costs."""
    given, book = call.parameters, world.state(CostBook)
    start, end = _period(given, _next_month(today(world)))
    groups = given.get("GroupBy") or []
    if len(groups) > 2:
        raise _invalid("Only up to two groupBy parameters are supported.")
    if unknown := [each["Key"] for each in groups if each["Key"] not in DIMENSIONS]:
        raise _invalid(f"Group Definition dimension is invalid: {', '.join(unknown)}")
    if not given["Metrics"] or (strange := set(given["Metrics"]) - set(METRICS)):
        raise _invalid(f"Metrics are invalid: {', '.join(sorted(strange)) if given['Metrics'] else 'none'}")
    if given["Granularity"] not in ("DAILY", "MONTHLY"):
        raise _invalid("Hourly granularity is not enabled.")
    if today(world) - start > HISTORY:
        raise _invalid("You haven't enabled historical data beyond 14 months")
    _check_available(book)
    digest = _digest(given, "NextPageToken")
    offset = _offset(given.get("NextPageToken"), digest, world)
    rows = _rows(call, world, digest, (start, end))
    size = world.options.cost_page_rows
    found, more = rows[offset : offset + size], len(rows) > offset + size
    book.pages += 1
    shown = {
        "GroupDefinitions": list(groups),
        "ResultsByTime": [_result(call, world, period, each) for period, each in _by_period(found, start)],
        "DimensionValueAttributes": _names(call, world, found),
    }
    return {**shown, "NextPageToken": _token(digest, offset + size, world)} if more else shown


def _rows(call: Call, world: World, digest: str, period: tuple[date, date]) -> list[Row]:
    answers, book = world.state(Answers), world.state(CostBook)
    key = f"{digest} {hash(book.costs)} {len(world.accounts)} {today(world)} {call.caller.account_id}"
    if key not in answers.rows:
        while len(answers.rows) >= ANSWERS_KEPT:
            del answers.rows[next(iter(answers.rows))]
        answers.rows[key] = _summed(call, world, *period)
    return answers.rows[key]


def _summed(call: Call, world: World, start: date, end: date) -> list[Row]:
    """Add up the lines of each period and group."""
    given, book = call.parameters, world.state(CostBook)
    monthly = given["Granularity"] == "MONTHLY"
    keys = [DIMENSIONS[each["Key"]] for each in given.get("GroupBy") or []]
    wanted = given.get("Filter")
    sums: dict[tuple[date, tuple[str, ...]], list[Any]] = {}
    until = min(end, today(world) + timedelta(days=1))
    for line in book.lines(_visible(call, world, book), start, until):
        if wanted is not None and not fits(wanted, line):
            continue
        shown = line.day_shown or line.day
        period = max(start, shown.replace(day=1)) if monthly else shown
        name = (period, tuple(getattr(line, key) for key in keys))
        _add(sums.setdefault(name, [0, line.currency, 0, line.unit]), line)
    return [(period, names, *values) for (period, names), values in sorted(sums.items())]


def _add(total: list[Any], line: Line) -> None:
    total[1] = _common(total[1], line.currency, total[0], line.amount)
    total[0] += line.amount
    total[2] += line.quantity
    total[3] = line.unit if total[3] == line.unit else "N/A"


def _common(one: str, other: str, of_one: int, of_other: int) -> str:
    """Return the currency of a sum; what costs nothing may have none."""
    if one == other or (other == "N/A" and not of_other):
        return one
    return other if one == "N/A" and not of_one else "N/A"


def _visible(call: Call, world: World, book: CostBook) -> list[str]:
    """List whose costs a caller sees: the management account everybody's, others their own."""
    if call.caller.account_id == world.management_account_id:
        return book.accounts(world)
    return [call.caller.account_id]


def _by_period(rows: list[Row], start: date) -> Iterable[tuple[date, list[Row]]]:
    if not rows:
        return [(start, [])]
    return [(period, list(each)) for period, each in groupby(rows, key=lambda row: row[0])]


def _result(call: Call, world: World, period: date, rows: list[Row]) -> dict[str, Any]:
    given = call.parameters
    last = _next_month(period) if given["Granularity"] == "MONTHLY" else period + timedelta(days=1)
    end = min(last, date.fromisoformat(given["TimePeriod"]["End"][:10])) if last > period else last
    metrics = given["Metrics"]
    groups = [{"Keys": list(keys), "Metrics": _metrics(metrics, row)} for row in rows if (keys := row[1])]
    totals = [_metrics(metrics, row) for row in rows if not row[1]]
    if not given.get("GroupBy") and not totals:
        totals = [_metrics(metrics, (period, (), 0, "USD", 0, "N/A"))]
    return {
        "TimePeriod": {"Start": str(period), "End": str(max(end, period + timedelta(days=1)))},
        "Groups": groups,
        "Total": totals[0] if totals else {},
        "Estimated": today(world) < _next_month(period) + FINAL_AFTER,
    }


def _metrics(names: list[str], row: Row) -> dict[str, Any]:
    _, _, amount, currency, quantity, unit = row
    cost, used = {"Amount": written(amount), "Unit": currency}, {"Amount": written(quantity), "Unit": unit}
    return {name: used if name == "UsageQuantity" else cost for name in names}


def _names(call: Call, world: World, rows: list[Row]) -> list[dict[str, Any]]:
    """Name the accounts of a page, as AWS does where they are a group."""
    keys = [each["Key"] for each in call.parameters.get("GroupBy") or []]
    if "LINKED_ACCOUNT" not in keys:
        return []
    position = keys.index("LINKED_ACCOUNT")
    known = {account.id: account.name for account in world.accounts}
    ids = dict.fromkeys(row[1][position] for row in rows)
    return [{"Value": each, "Attributes": {"description": known.get(each, f"Former account {each}")}} for each in ids]


@answer("ce", "GetReservationUtilization")
def get_reservation_utilization(call: Call, world: World) -> Mapping[str, Any]:
    """Answer what reserved instances cost in a time."""
    given, book = call.parameters, world.state(CostBook)
    start, end = _period(given, today(world))
    if given.get("GroupBy") and given.get("Granularity"):
        raise _invalid("Granularity cannot be set together with groupBy.")
    if [each["Key"] for each in given.get("GroupBy") or []] != ["SUBSCRIPTION_ID"]:
        raise _invalid("Only SUBSCRIPTION_ID is supported as groupBy.")
    service = _service(given.get("Filter"))
    found = _bought((each for each in book.costs.reserved_instances if each.service == service), start, end, book)
    page, token = _page(found, given, "NextPageToken", world)
    groups = [
        {
            "Key": "SUBSCRIPTION_ID",
            "Value": each.id,
            "Attributes": {
                "accountId": each.account,
                "subscriptionId": each.id,
                "startDateTime": f"{each.first}T00:00:00.000Z",
                "endDateTime": f"{each.end}T00:00:00.000Z",
                "upfrontFee": written(each.upfront),
                "subscriptionType": "All Upfront",
                "service": service,
            },
            "Utilization": {"AmortizedUpfrontFee": written(each.amortized(start, end)), "AmortizedRecurringFee": "0"},
        }
        for each in page
    ]
    times = {"TimePeriod": {"Start": str(start), "End": str(end)}, "Groups": groups}
    return {"UtilizationsByTime": [times], **token}


@answer("ce", "GetSavingsPlansUtilizationDetails")
def get_savings_plans_utilization_details(call: Call, world: World) -> Mapping[str, Any]:
    """Answer what savings plans cost in a time."""
    given, book = call.parameters, world.state(CostBook)
    start, end = _period(given, today(world) - timedelta(days=1))
    found = _bought(book.costs.savings_plans, start, end, book)
    page, token = _page(found, given, "NextToken", world)
    details = [
        {
            "SavingsPlanArn": f"arn:aws:savingsplans::{each.account}:savingsplan/{each.id}",
            "Attributes": {
                "AccountId": each.account,
                "StartDateTime": f"{each.first}T00:00:00.000Z",
                "EndDateTime": f"{each.end}T00:00:00.000Z",
                "UpfrontFee": written(each.upfront),
                "PaymentOption": "All Upfront",
            },
            "AmortizedCommitment": {
                "AmortizedUpfrontCommitment": written(each.amortized(start, end)),
                "AmortizedRecurringCommitment": "0",
            },
        }
        for each in page
    ]
    return {"SavingsPlansUtilizationDetails": details, "TimePeriod": {"Start": str(start), "End": str(end)}, **token}


def _service(wanted: Mapping[str, Any] | None) -> str:
    """Read the service whose reserved instances are asked for."""
    if wanted is None:
        return RESERVABLE[0]
    dimension = wanted.get("Dimensions") or {}
    if dimension.get("Key") != "SERVICE":
        raise _invalid("Only a SERVICE filter is supported here.")
    if len(values := dimension.get("Values") or []) != 1:
        raise _invalid("Values are invalid. The number of values for Service Filter should not exceed 1")
    if values[0] not in RESERVABLE:
        raise _invalid(f"Service {values[0]} has no reservations.")
    return str(values[0])


def _bought(all_of_them: Iterable[Commitment], start: date, end: date, book: CostBook) -> list[Commitment]:
    _check_available(book)
    found = [each for each in all_of_them if each.first < end and each.end > start]
    if not found:
        raise AwsError("DataUnavailableException", "Data is not available. Please try to adjust the time period.")
    return sorted(found, key=lambda each: each.id)


def _page(
    found: list[Commitment], given: Mapping[str, Any], member: str, world: World
) -> tuple[list[Commitment], dict[str, str]]:
    digest = _digest(given, member)
    default = DEFAULT_PLANS if member == "NextToken" else world.options.cost_page_rows
    offset, size = _offset(given.get(member), digest, world, changed=False), given.get("MaxResults", default)
    world.state(CostBook).pages += 1
    more = len(found) > offset + size
    return found[offset : offset + size], {member: _token(digest, offset + size, world)} if more else {}


def _period(given: Mapping[str, Any], latest: date) -> tuple[date, date]:
    start, end = (date.fromisoformat(given["TimePeriod"][name][:10]) for name in ("Start", "End"))
    if start >= end:
        raise _invalid("Start date (and hour) should be before end date (and hour)")
    if end > latest:
        raise _invalid(f"end date past {latest}" if latest.day != 1 else "end date past the beginning of next month")
    return start, end


def _check_available(book: CostBook) -> None:
    if not book.costs.available:
        raise AwsError("DataUnavailableException", "Data is not available. Please try to adjust the time period.")


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _digest(given: Mapping[str, Any], token: str) -> str:
    rest = {name: value for name, value in given.items() if name != token}
    return sha256(json.dumps(rest, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _token(digest: str, offset: int, world: World) -> str:
    text = f"{digest} {offset} {world.now()} {world.state(CostBook).bill}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _offset(token: str | None, digest: str, world: World, *, changed: bool = True) -> int:
    if token is None:
        return 0
    try:
        bound, offset, made, bill = base64.urlsafe_b64decode(token.encode()).decode().split()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise AwsError(
            "InvalidNextTokenException", "The pagination token is invalid. Try again without one."
        ) from error
    if bound != digest:
        code = "RequestChangedException" if changed else "InvalidNextTokenException"
        raise AwsError(code, "Your request parameters changed between pages. Try again with the old parameters.")
    if world.now() - float(made) > world.options.cost_token_seconds:
        raise AwsError("InvalidNextTokenException", "The pagination token has expired. Try again without one.")
    if int(bill) != world.state(CostBook).bill:
        raise AwsError("BillExpirationException", "The requested report expired. Try again without a token.")
    return int(offset)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
