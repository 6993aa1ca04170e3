"""Whose name an account carries is read once and shared; one reads while others wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from tasks.aws.run import Unread
from tasks.model.desired import Desired, TenantId
from tasks.model.handles import HANDLES, Handles
from tasks.organization.account_lists import BELIEVED
from tasks.organization.tag_index import KEPT, SharedTagIndex
from tasks.state.orders import Order
from tasks.state.store import Store

ORGANIZATION = "111111111111"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SHOP, OTHER = "likvid.shop.aws.sandbox", "likvid.shop.aws.sandbox-2"


@pytest.fixture
def index(store: Store) -> SharedTagIndex:
    return SharedTagIndex(store, ORGANIZATION)


def test_an_account_is_found_by_the_tenant_that_its_tag_names(index: SharedTagIndex) -> None:
    index.note("222222222222", SHOP, NOW)
    index.note("333333333333", OTHER, NOW)
    index.note("444444444444", None, NOW)
    index.note("555555555555", SHOP, NOW)

    assert index.accounts_of(SHOP) == {"222222222222", "555555555555"}
    assert index.accounts_of("likvid.sho") == frozenset()
    assert SharedTagIndex(index.store, "999999999999").accounts_of(SHOP) == frozenset()


def test_a_tag_that_changed_is_another_tenants(index: SharedTagIndex) -> None:
    index.note("222222222222", SHOP, NOW)
    index.note("222222222222", OTHER, NOW)
    index.note("333333333333", OTHER, NOW)
    index.note("333333333333", None, NOW)

    assert index.accounts_of(SHOP) == frozenset()
    assert index.accounts_of(OTHER) == {"222222222222"}


def test_a_look_goes_on_until_all_are_read(index: SharedTagIndex, redis: Redis) -> None:
    assert index.unread(2) is None
    index.begin(["2", "3", "4"], NOW)
    first = index.unread(2)
    assert first is not None
    assert (len(first.accounts), first.left, first.total) == (2, 3, 3)

    for account in ("2", "3"):
        index.note(account, None, NOW)
    assert index.unread(5) == Unread(("4",), 1, 3)
    assert not index.is_whole()
    index.note("4", SHOP, NOW)
    index.end(NOW + timedelta(minutes=1))

    assert index.is_whole()
    assert index.unread(5) is None
    left = redis.pttl(f"connector:tags_whole:{ORGANIZATION}")
    assert 0 < left <= (BELIEVED - timedelta(minutes=1)) / timedelta(milliseconds=1)


def test_a_look_that_took_longer_than_a_list_is_believed_is_followed_by_another(index: SharedTagIndex) -> None:
    index.begin(["2"], NOW)
    index.note("2", None, NOW)
    index.end(NOW + BELIEVED)

    assert not index.is_whole()
    index.begin(["2", "3"], NOW + BELIEVED)
    assert index.unread(5) == Unread(("3",), 1, 2)


def test_what_was_read_is_read_again_when_it_is_old(index: SharedTagIndex) -> None:
    index.note("2", None, NOW)
    index.note("3", SHOP, NOW + timedelta(days=1))

    index.begin(["2", "3"], NOW + KEPT)

    assert index.unread(5) == Unread(("2",), 1, 2)


def test_accounts_that_a_record_has_are_not_read(index: SharedTagIndex, redis: Redis) -> None:
    tenant = TenantId("likvid", "shop", "aws.sandbox")
    index.store.orders.submit(Order(tenant, Desired(landing_zone="development")))
    handles = HANDLES.dump_json(Handles(account_id="2", closed_accounts=("3",))).decode()
    redis.hset(f"connector:tenant:{tenant}", "handles", handles)

    index.begin(["2", "3", "4"], NOW)

    assert index.unread(5) == Unread(("4",), 1, 3)


@pytest.mark.parametrize("ahead", [-11_000, 11_000], ids=["long ago", "of a clock that is ahead"])
def test_what_was_read_before_no_worker_looked_for_a_while_counts_for_nothing(
    index: SharedTagIndex, redis: Redis, ahead: int
) -> None:
    """Redis may have come back as it was before an account was taken over: nobody's in what was read, and whole."""
    look(index)
    now = index.store.now()
    index.begin(["2", "3"], now)
    index.note("2", None, now)
    index.note("3", None, now)
    index.end(now)
    assert index.is_whole()
    index.begin(["4"], now)

    look(index)
    assert index.is_whole()
    assert index.unread(5) == Unread(("4",), 1, 1)
    redis.hincrby("connector:clock", "pumped", ahead)
    look(index)

    assert not index.is_whole()
    assert index.unread(5) is None
    index.begin(["2", "3"], now + timedelta(seconds=0.05))  # its clock may be a little behind what was noted
    assert index.unread(5) is None
    later = now + timedelta(seconds=3)
    index.begin(["2", "3"], later)
    assert index.unread(5) == Unread(("2", "3"), 2, 2)
    index.note("2", None, later + timedelta(seconds=1))
    index.begin(["2", "3"], later)
    assert index.unread(5) == Unread(("3",), 1, 2)


def look(index: SharedTagIndex) -> None:
    """Look for due work, as each worker does all the time."""
    index.store.work.pump("queue", 1, MINUTE, MINUTE, "worker")


def test_one_reads_at_a_time_and_goes_on_in_its_next_execution(index: SharedTagIndex, redis: Redis) -> None:
    assert index.take_turn(SHOP)
    assert not index.take_turn(OTHER)
    assert index.take_turn(SHOP)
    assert 0 < redis.pttl(f"connector:tags_reader:{ORGANIZATION}") <= 60_000
    index.leave_turn(OTHER)
    assert not index.take_turn(OTHER)
    index.leave_turn(SHOP)
    assert index.take_turn(OTHER)
    redis.pexpire(f"connector:tags_reader:{ORGANIZATION}", 1_000)
    index.begin(["2", "3"], NOW)
    redis.pexpire(f"connector:tags_unread:{ORGANIZATION}", 1_000)
    index.note("3", None, NOW)  # who reads slowly keeps the turn, and the look
    assert redis.pttl(f"connector:tags_reader:{ORGANIZATION}") > 50_000
    assert redis.pttl(f"connector:tags_unread:{ORGANIZATION}") > 3_500_000
    index.end(NOW)
    assert index.take_turn(SHOP)
