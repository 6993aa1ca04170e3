"""A server that is not the one to talk to any more is a lost connection, for whoever speaks to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from config.settings import Settings
from tasks.connector import redis_client
from tasks.state.connections import async_client, why_away
from tests.support.redis_pair import MASTER, SENTINEL_PASSWORD, Pair, redis_pair, sentinel
from tests.support.waiting import eventually


@pytest.fixture
def pair() -> Iterator[Pair]:
    with redis_pair() as found:
        yield found


def test_a_write_refused_by_a_replica_goes_to_the_new_primary(pair: Pair) -> None:
    with pair.address() as url, redis_client(Settings(_env_file=None, redis_url=url)) as client:
        client.set("order", "old")
        pair.fail_over()

        client.set("order", "new")

        assert pair.clients[pair.primary].get("order") == "new"


def test_a_transaction_refused_by_a_replica_goes_to_the_new_primary(pair: Pair) -> None:
    with pair.address() as url, redis_client(Settings(_env_file=None, redis_url=url)) as client:
        client.ping()
        pair.fail_over()
        with client.pipeline() as pipeline:
            assert pipeline.set("a", 1).incr("a").execute() == [True, 2]


def test_who_waits_at_a_primary_that_becomes_a_replica_waits_on_at_the_new_one(pair: Pair) -> None:
    with (
        pair.address() as url,
        redis_client(Settings(_env_file=None, redis_url=url)) as client,
        ThreadPoolExecutor(1) as waiting,
    ):
        answer = waiting.submit(client.blpop, ["bell"], 4)
        eventually(lambda: pair.clients[0].info("clients")["blocked_clients"] == 1)
        pair.fail_over()
        eventually(lambda: pair.clients[1].info("clients")["blocked_clients"] == 1)
        pair.clients[1].rpush("bell", "1")
        assert list(answer.result(10)) == ["bell", "1"]


def test_the_same_holds_for_asyncio(pair: Pair) -> None:
    async def write(url: str) -> None:
        client = async_client(Settings(_env_file=None, redis_url=url), decode_responses=True)
        await client.incr("count")
        await asyncio.to_thread(pair.fail_over)
        with pytest.raises(redis.ConnectionError):  # this client does not try again by itself
            await client.incr("count")
        assert await client.incr("count") == 2
        await client.aclose()

    with pair.address() as url:
        asyncio.run(write(url))


def test_sentinels_lead_both_kinds_of_clients_to_the_primary(pair: Pair, tmp_path: Path) -> None:
    with sentinel(pair, tmp_path) as port:
        url = f"sentinel://:{pair.password}@127.0.0.1:1;sentinel://127.0.0.1:{port}/0?master_name={MASTER}"
        password = SecretStr(SENTINEL_PASSWORD)
        settings = Settings(_env_file=None, redis_url=url, redis_sentinel_password=password)
        with redis_client(settings) as client:
            client.set("who", "sync")
            assert pair.clients[pair.primary].get("who") == "sync"

        async def write() -> None:
            client = async_client(settings)
            await client.set("who", "async")
            await client.aclose()

        asyncio.run(write())
        assert pair.clients[pair.primary].get("who") == "async"


@pytest.mark.parametrize(
    ("name", "value", "code"), [("min-replicas-to-write", "2", "NOREPLICAS"), ("maxmemory", "1", "OOM")]
)
def test_a_server_that_takes_no_writes_is_away_and_not_wrong(pair: Pair, name: str, value: str, code: str) -> None:
    with redis_client(Settings(_env_file=None, redis_url=pair.servers[0].url)) as client:
        pair.clients[0].config_set(name, value)
        with pytest.raises(redis.ConnectionError, match="this Redis is not ready") as away:
            client.set("a", 1)
    assert why_away(away.value).startswith("Redis is full" if code == "OOM" else "Redis does not answer")


def test_a_wrong_command_stays_an_answer(pair: Pair) -> None:
    with redis_client(Settings(_env_file=None, redis_url=pair.servers[0].url)) as client:
        client.set("text", "a")
        with pytest.raises(redis.ResponseError, match="not an integer"):
            client.incr("text")
