"""What one list of an organization's accounts tells everybody for some minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from redis import Redis

from tasks.model.account import Account, AccountState
from tasks.organization.account_lists import BELIEVED, SharedAccountLists
from tasks.state.store import Store

ORGANIZATION = "111111111111"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHOP = Account("222222222222", "arn", "likvid.shop", "aws+Shop@example.com", AccountState.ACTIVE, NOW)


def test_before_a_list_nothing_is_known(store: Store) -> None:
    assert SharedAccountLists(store, ORGANIZATION).find("aws+new@example.com", "likvid.new") is None


def test_a_list_tells_whose_emails_and_names_it_has(store: Store) -> None:
    lists = SharedAccountLists(store, ORGANIZATION)
    lists.share([SHOP], NOW, NOW)

    assert lists.find("aws+new@example.com", "likvid.new") == frozenset()
    assert lists.find("AWS+shop@example.com", "likvid.new") == frozenset({SHOP.id})
    assert lists.find("aws+new@example.com", "likvid.shop") == frozenset({SHOP.id})
    assert SharedAccountLists(store, ORGANIZATION, believed=False).find("AWS+shop@example.com", "likvid.new") is None
    assert SharedAccountLists(store, "333333333333").find("aws+new@example.com", "likvid.new") is None


def test_a_newer_list_replaces_the_one_before(store: Store) -> None:
    lists = SharedAccountLists(store, ORGANIZATION)
    lists.share([SHOP], NOW, NOW)
    lists.share([Account("4" * 12, "arn", "other", "other@example.com", AccountState.ACTIVE, NOW)], NOW, NOW)

    assert lists.find(SHOP.email, SHOP.name) == frozenset()
    assert lists.find("other@example.com", "new") == frozenset({"4" * 12})


def test_it_is_believed_for_some_minutes_from_its_beginning_on(store: Store, redis: Redis) -> None:
    lists = SharedAccountLists(store, ORGANIZATION)
    lists.share([SHOP], NOW, NOW + BELIEVED)  # listing took that long
    assert lists.find("aws+new@example.com", "likvid.new") is None

    lists.share([SHOP], NOW, NOW + timedelta(minutes=1))
    assert (
        0
        < redis.pttl(f"connector:listed:{ORGANIZATION}")
        <= (BELIEVED - timedelta(minutes=1)) / timedelta(milliseconds=1)
    )


def test_what_redis_loses_is_believed_no_more(store: Store, redis: Redis) -> None:
    lists = SharedAccountLists(store, ORGANIZATION)
    lists.share([SHOP], NOW, NOW)
    redis.flushall()

    assert lists.find("aws+new@example.com", "likvid.new") is None
