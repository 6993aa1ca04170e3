"""Several platforms of one organization: its costs are there once, under one name at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from config.platform import Platform
from tasks.metering import rounds
from tasks.metering.ledger import State
from tasks.metering.payers import kept_under
from tasks.metering.restoring import restore
from tests.tasks.metering.conftest import CLOSED, PLATFORM, House, total

SHOP, ACCOUNT = "likvid.shop.aws.sandbox", "700000000001"
OTHER = "aaa.sandbox"  # comes first by name


def configure(house: House, *platforms: Platform) -> None:
    catalog = replace(house.worker.catalog, platforms={each.identifier: each for each in platforms})
    house.worker = replace(house.worker, catalog=catalog)


def second(house: House) -> tuple[Platform, Platform]:
    """Return the platform, and another one of the same organization."""
    one = house.worker.catalog.platforms[PLATFORM]
    return one, one.model_copy(update={"name": "aaa", "identifier": OTHER})


@pytest.mark.thorough
def test_the_platform_that_has_begun_goes_on_when_there_is_another_one(house: House) -> None:
    house.own(SHOP, ACCOUNT)
    house.collect()
    once = total(house.reports())
    configure(house, *second(house))

    house.collect()
    assert (total(house.reports()), {report.platform for report in house.reports()}) == (once, {PLATFORM})


@pytest.mark.parametrize("tables", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def test_a_platform_takes_over_what_is_there(
    tables: str, make_house: Callable[..., House], postgresql: Callable[[], str]
) -> None:
    house = make_house(postgresql() if tables == "postgresql" else None)
    house.own(SHOP, ACCOUNT)
    done = house.collect()
    once, before = total(house.reports()), house.pages()
    one, other = second(house)
    configure(house, one.model_copy(update={"metering": None}), other)

    rounds.collect(house.worker, house.now)
    again = house.ledger.begin(OTHER, CLOSED, house.now(), whole=True, asked_by="test")
    rounds.collect(house.worker, house.now)

    assert {(each.platform, each.version) for each in house.reports()} == {(OTHER, 1)}
    assert total(house.reports()) == once
    found = house.ledger.find(again.id)
    assert found is not None
    assert (found.platform, found.state) == (OTHER, State.DONE)
    assert house.pages() - before == house.ledger.spent(OTHER, house.now().date()) - done.asked
    assert list(kept_under(house.database).values()) == [OTHER]


@pytest.mark.parametrize("tables", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def test_what_the_new_name_has_already_stops_nothing(
    tables: str, make_house: Callable[..., House], postgresql: Callable[[], str]
) -> None:
    house = make_house(postgresql() if tables == "postgresql" else None)
    house.own(SHOP, ACCOUNT)
    house.collect()
    once, today = total(house.reports()), house.now().date()
    running = house.ledger.begin(PLATFORM, CLOSED, house.now(), whole=True, asked_by="test")
    early = house.ledger.begin(OTHER, CLOSED, house.now(), whole=True, asked_by="test")
    assert house.ledger.spend(early, today, 1000)
    spent = house.ledger.spent(PLATFORM, today) + 1
    one, other = second(house)
    configure(house, one.model_copy(update={"metering": None}), other)
    assert house.ledger.take(running, "a worker", house.now())
    rounds.collect(house.worker, house.now)
    assert list(kept_under(house.database).values()) == [PLATFORM], "a worker reads"

    house.ledger.release(running.id, "a worker", None, None)
    rounds.collect(house.worker, house.now)

    assert list(kept_under(house.database).values()) == [OTHER]
    ended = {each.id: each.state for each in (house.ledger.find(running.id), house.ledger.find(early.id)) if each}
    assert ended == {running.id: State.DONE, early.id: State.FAILED}
    assert total(house.reports()) == once
    assert house.ledger.spent(OTHER, today) >= spent
    assert house.ledger.take(running, "late", house.now()) is None, "it has another name by now"


def test_an_export_from_before_a_takeover_is_there_already(house: House) -> None:
    house.own(SHOP, ACCOUNT)
    house.collect()
    exported, once = house.reports(), total(house.reports())
    one, other = second(house)
    configure(house, one.model_copy(update={"metering": None}), other)
    rounds.collect(house.worker, house.now)

    assert restore(house.database, exported) == (0, len(exported))
    assert total(house.reports()) == once


def test_a_platform_that_has_costs_of_another_organization_takes_over_nothing(house: House) -> None:
    house.collect()
    one, other = second(house)
    assert one.metering is not None
    elsewhere = one.metering.model_copy(update={"management_role_arn": "arn:aws:iam::999999999999:role/x"})
    configure(house, one.model_copy(update={"metering": elsewhere}), other)

    rounds.collect(house.worker, house.now)
    assert {report.platform for report in house.reports()} == {PLATFORM}
    assert kept_under(house.database) == {one.metering.account_id: OTHER, "999999999999": PLATFORM}
