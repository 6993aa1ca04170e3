"""A month is read in the fewest pages, once, whole, and the same whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import count, product
from math import ceil
from threading import Barrier
from typing import Any, cast

import boto3
import pytest
from sqlalchemy import create_engine, func, select, text

from config.prices import Prices
from config.schedule import COLLECT, EVERY
from tasks.metering import rounds
from tasks.metering.database import MIGRATIONS
from tasks.metering.exact import join
from tasks.metering.export import as_csv, as_json
from tasks.metering.ledger import State
from tasks.metering.months import Month
from tasks.metering.parquet import as_parquet
from tasks.metering.reading import Wanted, stream
from tasks.metering.tables import collections, costs, live_days, report_totals
from tests.tasks.metering.conftest import AFTER_A_PAUSE, CLOSED, OPEN, PAGE, PLATFORM, House, total
from workers.sandbox import organization

PERIOD = {"Start": str(CLOSED.first), "End": str(CLOSED.end)}


def asked(house: House, **more: Any) -> list[dict[str, Any]]:
    """Ask the simulator itself, as the administrator; answers the groups of the closed month."""
    client = boto3.client(
        "ce",
        region_name=organization.REGION,
        endpoint_url=house.simulator.url,
        aws_access_key_id=organization.ADMINISTRATOR_ACCESS_KEY,
        aws_secret_access_key=organization.ADMINISTRATOR_SECRET_KEY,
    )
    answer = client.get_cost_and_usage(
        **{"TimePeriod": PERIOD, "Granularity": "MONTHLY", "Metrics": ["AmortizedCost"], **more}
    )
    return [group for period in answer["ResultsByTime"] for group in period["Groups"]]


def own_totals(house: House) -> dict[tuple[str, str], Decimal]:
    """Return AWS's own total of every account."""
    groups = asked(house, GroupBy=[{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}])
    found: dict[tuple[str, str], Decimal] = {}
    for group in groups:  # more than one of an account, if it has costs that AWS dates outside of the month
        amount = group["Metrics"]["AmortizedCost"]
        key = group["Keys"][0], amount["Unit"]
        found[key] = found.get(key, Decimal(0)) + Decimal(amount["Amount"])
    return found


def exported(house: House) -> tuple[bytes, bytes, bytes]:
    """Return all exports; the moments at which reports were made are no part of their content."""
    found = [
        report.model_copy(update={"changed_at": datetime(2026, 1, 1)})  # noqa: DTZ001 (no moment at all)
        for report in stream(house.database, Wanted(CLOSED))
    ]
    return "".join(as_csv(found)).encode(), "".join(as_json(found)).encode(), b"".join(as_parquet(found))


def test_a_month_adds_up_to_what_aws_says_itself(house: House) -> None:
    done = house.collect()

    reports = house.reports()
    assert total(reports) == own_totals(house)
    assert {currency for _, currency in total(reports)} == {"USD", "EUR"}
    assert {item.kind for report in reports for item in report.line_items} == {"USAGE"}
    assert {report.status for report in reports} == {"FINALIZED"}
    assert done.is_final


def test_it_is_read_in_the_fewest_pages(house: House) -> None:
    before = house.pages()
    done = house.collect()

    with house.database.reading() as connection:
        rows = connection.execute(select(func.count()).select_from(costs)).scalar_one()
    accounts = len({report.account_id for report in house.reports()})
    batches = 2  # four services of the simulator share one usage type, which is asked for apart
    fewest = ceil(accounts * CLOSED.length / PAGE) + 1 + ceil(rows / PAGE)
    assert rows > 5 * PAGE
    assert house.pages() - before == done.pages
    assert fewest <= done.pages < fewest + batches  # each further question has one page that is not full


def test_days_that_did_not_change_are_not_read_again(house: House) -> None:
    house.collect(OPEN, whole=False)
    first = house.reports(OPEN)
    before = house.pages()

    again = house.collect(OPEN, whole=False)

    assert again.pages == house.pages() - before <= 2  # the totals alone
    assert again.rows > 0
    assert house.reports(OPEN) == first
    assert {report.status for report in first} == {"OPEN"}


def test_a_cost_that_comes_late_is_read_and_makes_another_version(house: House) -> None:
    house.collect()
    day = str(CLOSED.first + timedelta(days=9))
    house.simulator.operator(
        "add_cost", day=day, account="700000000001", service="AWS Lambda", usage_type="late", amount="7.25"
    )

    house.collect()

    assert total(house.reports()) == own_totals(house)
    changed = {report.account_id: (report.version, report.status) for report in house.reports() if report.version > 1}
    assert changed == {"700000000001": (2, "UPDATED")}


def test_a_loss_at_every_page_changes_nothing(make_house: Callable[..., House]) -> None:
    calm, shaken = make_house(), make_house()
    calm.collect()
    begun = shaken.begin()
    for number in count():
        shaken.simulator.inject(service="ce", kind=("lost_response", "reset", "throttle")[number % 3], skip=1)
        rounds.collect(shaken.worker, shaken.now)
        shaken.simulator.clear_faults()
        done = shaken.ledger.find(begun.id)
        assert done is not None
        if done.state is not State.RUNNING:
            break
        assert "it continues automatically" in (done.note or "")

    assert number > 5
    assert exported(shaken) == exported(calm)


class Killed(BaseException):
    """The process ends."""


@pytest.mark.thorough
def test_a_death_anywhere_changes_nothing(make_house: Callable[..., House]) -> None:
    calm, killed = make_house(), make_house()
    calm.collect()
    begun = killed.begin()
    deaths, done = 0, None
    while done is None or done.state is State.RUNNING:
        clock = dying(killed, after=4 + 2 * deaths)
        try:
            rounds.collect(killed.worker, clock.__next__)
        except Killed:
            deaths += 1
        killed.database.close()
        done = killed.ledger.find(begun.id)

    assert deaths > 10
    assert exported(killed) == exported(calm)


def dying(house: House, after: int) -> Iterator[datetime]:
    """Tell the time so often, then die: it is asked for at every page, within transactions too."""
    for _ in range(after):
        yield house.now()
    raise Killed


@pytest.mark.parametrize(
    "lost",
    [
        ((4, "InvalidNextTokenException"), (6, "RequestChangedException")),  # the second and third page
        pytest.param(((4, "BillExpirationException"), (6, "BillExpirationException")), marks=pytest.mark.thorough),
    ],
)
def test_a_token_that_ends_costs_one_day_and_no_line(
    make_house: Callable[..., House], lost: tuple[tuple[int, str], ...]
) -> None:
    calm, slow = make_house(), make_house()
    calm.collect()
    begun = slow.begin()
    for skip, code in lost:
        slow.simulator.inject(service="ce", operation="GetCostAndUsage", code=code, status=400, skip=skip)
    rounds.collect(slow.worker, slow.now)
    assert [fault["struck"] for fault in slow.simulator.clear_faults()] == [1, 1]

    done = slow.ledger.find(begun.id)
    assert done is not None
    assert done.state is State.DONE
    assert exported(slow) == exported(calm)


def test_a_bill_that_is_made_anew_in_the_middle_is_read_as_it_is_then(house: House) -> None:
    house.set(metering_dollars_per_day=Decimal("0.05"))
    begun = house.begin()
    rounds.collect(house.worker, house.now)
    line = {"service": "AWS Lambda", "usage_type": "late", "amount": "-70.0000000001"}
    house.simulator.operator("add_cost", day=str(CLOSED.first), account="700000000001", **line)

    house.set(metering_dollars_per_day=Decimal(5))
    rounds.collect(house.worker, house.now)
    done = house.ledger.find(begun.id)
    assert done is not None
    assert done.state is State.DONE
    assert total(house.reports(), "USAGE") == own_totals(house)


def test_the_dollars_of_a_day_are_kept_and_the_next_day_goes_on(house: House) -> None:
    house.set(metering_dollars_per_day=Decimal("0.03"))
    begun = house.begin()
    before = house.pages()

    rounds.collect(house.worker, house.now)
    rounds.collect(house.worker, house.now)
    stopped = house.ledger.find(begun.id)
    assert stopped is not None
    assert (stopped.state, house.pages() - before) == (State.RUNNING, 3)
    assert "today's $0.03 are spent" in (stopped.note or "")

    done = stopped
    while done.state is State.RUNNING:
        house.ahead += timedelta(days=1)
        rounds.collect(house.worker, house.now)
        found = house.ledger.find(begun.id)
        assert found is not None
        done = found
    assert total(house.reports()) == own_totals(house)


def test_refusals_are_no_dollars(house: House) -> None:
    house.simulator.inject(service="ce", kind="throttle", times=3)
    house.begin()
    for _ in range(3):
        rounds.collect(house.worker, house.now)
    assert house.ledger.spent(PLATFORM, house.now().date()) == 0


def test_a_throttled_collection_pauses_with_all_of_its_platform_and_goes_on_by_itself(
    make_house: Callable[..., House],
) -> None:
    calm, throttled = make_house(), make_house()
    calm.collect()
    for month in (OPEN, CLOSED):
        begun = throttled.ledger.begin(PLATFORM, month, throttled.now(), whole=True, asked_by="test")
    throttled.simulator.inject(service="ce", code="LimitExceededException", status=400, skip=3, times=2)
    before = throttled.pages()

    rounds.resume(throttled.worker, throttled.now)
    stopped = throttled.pages()
    rounds.resume(throttled.worker, throttled.now)
    assert (stopped - before, throttled.pages() - stopped) == (3, 0)
    for _ in range(2):
        throttled.ahead += timedelta(seconds=8)  # the second pause is twice the first
        rounds.resume(throttled.worker, throttled.now)

    done = throttled.ledger.find(begun.id)
    assert done is not None
    assert (done.state, done.failures) == (State.DONE, 0)
    paid = throttled.ledger.spent(PLATFORM, throttled.now().date())
    assert paid == throttled.pages() - before  # no page was paid for twice
    assert exported(throttled) == exported(calm)


def test_nobody_goes_on_beside_another_worker_until_that_is_dead(house: House) -> None:
    house.ledger.begin(PLATFORM, OPEN, house.now(), whole=False, asked_by="test")
    begun = house.begin()
    assert house.ledger.take(begun, "first", house.now()) is not None
    assert rounds.resume(house.worker, house.now) == rounds.Round()
    house.ahead += AFTER_A_PAUSE
    assert rounds.resume(house.worker, house.now).ended == 1


def test_pauses_grow_and_are_not_of_one_length() -> None:
    def seconds(failures: int, retry_after: float | None = None, drawn: float = 1.0) -> float:
        return rounds.pause(failures, retry_after, lambda: drawn).total_seconds()

    assert [seconds(failures) for failures in (0, 1, 2, 6, 7, 10_000)] == [4, 8, 16, 256, 512, 600]
    assert (seconds(0, drawn=0), seconds(0, 60), seconds(0, 9000)) == (2, 60, 600)
    assert seconds(10, drawn=0) >= EVERY[COLLECT].total_seconds()  # in a long outage the rounds alone ask


def test_an_answer_that_was_lost_is_paid_for(house: House) -> None:
    house.simulator.inject(service="ce", operation="GetCostAndUsage", kind="lost_response", skip=2, times=2)
    begun, before = house.begin(), house.pages()
    for _ in range(3):
        rounds.collect(house.worker, house.now)

    done = house.ledger.find(begun.id)
    assert done is not None
    assert done.state is State.DONE
    assert done.asked == done.pages + 2 == house.pages() - before == house.ledger.spent(PLATFORM, house.now().date())
    assert done.audited == done.asked


def test_one_worker_holds_a_collection_until_it_is_dead(house: House) -> None:
    begun = house.begin()
    assert house.ledger.take(begun, "first", house.now()) is not None
    assert house.ledger.take(begun, "second", house.now()) is None
    assert house.ledger.take(begun, "second", house.now() + AFTER_A_PAUSE) is not None
    assert house.begin().id == begun.id


def test_a_month_that_aws_does_not_tell_any_more_fails_and_says_so(house: House) -> None:
    begun = house.begin()
    house.simulator.inject(service="ce", code="BillExpirationException", status=400)
    rounds.collect(house.worker, house.now)
    failed = house.ledger.find(begun.id)
    assert failed is not None
    assert failed.state is State.FAILED
    assert "BillExpirationException" in (failed.note or "")


def test_a_defect_of_ours_stops_no_other_platform(house: House) -> None:
    begun = house.begin()
    house.priced(cast("Prices", None))
    rounds.collect(house.worker, house.now)
    stopped = house.ledger.find(begun.id)
    assert stopped is not None
    assert "a defect" in (stopped.note or "")

    house.priced(Prices())
    rounds.collect(house.worker, house.now)
    assert total(house.reports()) == own_totals(house)


def test_a_new_organization_has_no_data_yet_which_is_no_error(house: House) -> None:
    house.simulator.operator("set_costs", available=False)
    assert house.collect().pages == 0
    assert house.reports() == []


def test_no_data_never_empties_what_was_reported(house: House) -> None:
    """AWS answers so as well while it makes its data anew."""
    house.collect()
    first = exported(house)
    house.simulator.operator("set_costs", available=False)

    begun = house.begin()
    rounds.collect(house.worker, house.now)
    waiting = house.ledger.find(begun.id)
    assert waiting is not None
    assert waiting.state is State.RUNNING
    assert "DataUnavailableException" in (waiting.note or "")

    house.simulator.operator("set_costs", available=True)
    rounds.collect(house.worker, house.now)
    assert exported(house) == first


@pytest.mark.parametrize(
    "pages", [3, pytest.param(8, marks=pytest.mark.thorough)]
)  # after the totals, and after some lines
def test_no_data_in_the_middle_is_asked_again(make_house: Callable[..., House], pages: int) -> None:
    calm, shaken = make_house(), make_house()
    calm.collect()
    begun = shaken.begin()
    shaken.simulator.inject(
        service="ce", operation="GetCostAndUsage", code="DataUnavailableException", status=400, skip=pages
    )
    rounds.collect(shaken.worker, shaken.now)
    shaken.simulator.clear_faults()
    rounds.collect(shaken.worker, shaken.now)

    done = shaken.ledger.find(begun.id)
    assert done is not None
    assert done.state is State.DONE
    assert exported(shaken) == exported(calm)


@pytest.mark.thorough
def test_a_commitment_that_was_known_is_waited_for_a_day(house: House) -> None:
    bought = {"id": "a", "account": "700000000001", "first": str(CLOSED.first), "end": str(CLOSED.end)}
    house.simulator.operator("set_costs", reserved_instances=[{**bought, "upfront": "10"}])
    house.collect()
    house.simulator.operator("set_costs", reserved_instances=[])

    begun = house.begin()
    rounds.collect(house.worker, house.now)
    waiting = house.ledger.find(begun.id)
    assert waiting is not None
    assert waiting.state is State.RUNNING
    house.ahead = timedelta(days=1, minutes=1)
    rounds.collect(house.worker, house.now)
    done = house.ledger.find(begun.id)
    assert done is not None
    assert done.state is State.DONE


@pytest.mark.thorough
def test_those_who_begin_at_once_begin_one(make_house: Callable[..., House], postgresql: Callable[[], str]) -> None:
    house, together = make_house(postgresql()), Barrier(5)  # as many connections as are kept

    def begin(month: Month) -> int:
        together.wait()
        return house.ledger.begin(PLATFORM, month, house.now(), whole=True, asked_by=None).id

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda _: (together.wait(), house.ledger.running()), range(5)))
        for month in (CLOSED, CLOSED.before, CLOSED.before.before):
            assert len(set(threads.map(begin, [month] * 5))) == 1
    assert len(house.ledger.running()) == 3


@pytest.mark.thorough
def test_those_who_spend_at_once_keep_the_limit(
    make_house: Callable[..., House], postgresql: Callable[[], str]
) -> None:
    house = make_house(postgresql())
    begun = house.begin()
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(house.ledger.spend, begun, CLOSED.first, 50) for _ in range(120)]
    assert sum(each.result() for each in asked) == 50 == house.ledger.spent(PLATFORM, CLOSED.first)


def test_on_the_first_day_of_a_month_there_is_little_to_tell(house: House) -> None:
    noon = datetime.combine(OPEN.first, time(12), UTC)
    house.ahead = noon - datetime.now(UTC)
    mark = house.simulator.mark()
    assert house.collect(OPEN, whole=False).state is State.DONE
    asked_of = {call.operation for call in house.simulator.calls(mark) if call.service == "ce"}
    assert asked_of == {"GetCostAndUsage"}  # of commitments AWS tells once a day is over


def test_costs_outside_of_the_month_stay_in_it(house: House) -> None:
    shown = str(CLOSED.first - timedelta(days=3))
    for amount in ("12.00", "0.35"):
        house.simulator.operator(
            "add_cost",
            day=str(CLOSED.first),
            day_shown=shown,
            account="111111111111",
            service="Amazon Registrar",
            usage_type=f"domain-{amount}",
            amount=amount,
        )
    house.collect()
    assert total(house.reports()) == own_totals(house)
    registrar = [
        item for item in house.reports(account="111111111111")[0].line_items if "Registrar" in item.product_name
    ]
    assert [item.net_amount.base_amount for item in registrar] == ["0.35", "12.00"]


def test_tax_is_left_out_where_the_platform_says_so(house: House) -> None:
    house.change(filter="EXCLUDE_TAX")
    house.collect()
    assert not [item for report in house.reports() for item in report.line_items if item.product_name == "Tax"]


def test_few_accounts_are_asked_for_one_by_one(house: House) -> None:
    house.simulator.operator("set_costs", accounts=0, lines=9)
    house.simulator.set_options(cost_page_rows=300)
    for service, usage_type in product("ABCDE", "vwxyz"):  # which need five questions, however they are put together
        line = {"service": service, "usage_type": usage_type, "amount": "1.5"}
        house.simulator.operator("add_cost", day=str(CLOSED.first), account="111111111111", **line)
    done = house.collect()
    assert total(house.reports()) == own_totals(house)
    assert done.pages == 5  # totals, products, and each of three accounts


def test_both_databases_give_the_same_bytes(make_house: Callable[..., House], postgresql: Callable[[], str]) -> None:
    file, server = make_house(), make_house(postgresql())
    for house in (file, server):
        house.collect()

    assert exported(server) == exported(file)
    assert exported(file)[0].count(b"\r\n") > 40


def test_reports_are_sorted_by_bytes_whatever_the_language_of_the_server(
    make_house: Callable[..., House], postgresql: Callable[[], str]
) -> None:
    with make_house(postgresql()).database.reading() as connection:
        query = "select column_name, collation_name from information_schema.columns where table_name = 'reports'"
        found = {row.column_name: row.collation_name for row in connection.execute(text(query))}
    assert (found["platform"], found["account"]) == ("C", "C")


@pytest.mark.parametrize("tables", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def test_who_reads_sees_one_state(tables: str, make_house: Callable[..., House], postgresql: Callable[[], str]) -> None:
    house = make_house(postgresql() if tables == "postgresql" else None)
    number = select(func.count()).select_from(collections)
    with house.database.reading() as connection:
        before = connection.execute(number).scalar_one()
        house.begin()
        assert connection.execute(number).scalar_one() == before
    with house.database.reading() as connection:
        assert connection.execute(number).scalar_one() == before + 3


@pytest.mark.thorough
def test_days_that_were_replaced_leave_nothing_behind(house: House) -> None:
    house.collect()
    house.collect()
    with house.database.reading() as connection:
        live = select(live_days.c.collection).distinct()
        assert connection.execute(select(func.count()).where(costs.c.collection.not_in(live))).scalar_one() == 0


@pytest.mark.parametrize("tables", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def test_the_migrations_make_the_tables_that_the_code_names(
    tables: str, make_house: Callable[..., House], postgresql: Callable[[], str]
) -> None:
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 (slow to import)
    from alembic.migration import MigrationContext  # noqa: PLC0415 (as above)

    from tasks.metering.tables import metadata  # noqa: PLC0415 (as above)

    database = make_house(postgresql() if tables == "postgresql" else None).database
    with database.writing() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_database_of_the_first_tables_is_brought_up_to_date(house: House) -> None:
    """What was there stays, and what the newer tables need is made of it."""
    from alembic import command  # noqa: PLC0415 (slow to import)
    from alembic.config import Config  # noqa: PLC0415 (as above)

    file = house.worker.settings.data_dir / "metering.sqlite"
    file.unlink()  # that of today
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{file}")
    report = {"platform": PLATFORM, "month": str(CLOSED), "account": "700000000001", "account_name": "a", "part": 0}
    report |= {"first_day": 1, "end_day": 2, "version": 1, "status": "OPEN", "digest": "d", "changed_at": "2026-01-01"}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        fields = "platform, month, state, started_at, whole, stage, plan, part, pages, rows_kept, estimated, held_until"
        values = "'p', '2026-10', 'RUNNING', 'x', 0, 'COSTS', '{}', 0, 3, 0, 0, 0"
        running = f"insert into collections ({fields}) values ({values})"
        for _ in range(2):  # as two workers could begin it at once
            connection.exec_driver_sql(running)
        names, places = ", ".join(report), ", ".join("?" * len(report))
        connection.exec_driver_sql(f"insert into reports ({names}) values ({places})", (*report.values(),))
        line = "1, ?, 'USAGE', 's', 'u', 'N/A', 0, 0, 7, 6000000000, 'USD', 7, 6000000000, 'USD', null, 'AWS', null"
        for position in range(2):
            connection.exec_driver_sql(f"insert into report_lines values ({line})", (position,))
    engine.dispose()

    with house.database.reading() as connection:
        states = connection.execute(select(collections.c.state).order_by(collections.c.id)).scalars().all()
        totals = connection.execute(select(report_totals)).one()
    assert states == ["RUNNING", "FAILED"]
    assert (totals.currency, join(totals.amount, totals.amount_tail)) == ("USD", Decimal("15.2"))
