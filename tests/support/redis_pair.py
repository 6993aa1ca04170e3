"""Two Redis-protocol servers, one the other's replica, and a Sentinel: real ones, all from the embedded binary."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.forwarding import forwarded
from tests.support.redis import CheckedRedis
from tests.support.waiting import eventually
from workers.sandbox.redis import _binary, _free_port

MASTER = "connector"  # what the Sentinel calls the primary
SENTINEL_PASSWORD = "the-sentinels-own"
SENTINEL = """
bind 127.0.0.1
port {port}
dir {directory}
requirepass {own}
sentinel monitor {master} 127.0.0.1 {primary} 1
sentinel auth-pass {master} {password}
sentinel down-after-milliseconds {master} 1000
sentinel failover-timeout {master} 5000
"""


@dataclass
class Pair:
    """A primary and its replica, both with the primary's password."""

    servers: tuple[CheckedRedis, CheckedRedis]
    clients: tuple[Any, Any]
    primary: int = 0  # which of the two it is

    @property
    def password(self) -> str:
        return self.servers[0]._password

    @property
    def port(self) -> int:
        """The primary's."""
        return port_of(self.servers[self.primary])

    @property
    def replica(self) -> Any:
        """A client of the replica."""
        return self.clients[1 - self.primary]

    def fail_over(self) -> None:
        """Make the replica the primary, losing nothing; the old one becomes a replica and keeps its connections."""
        old, new = self.clients[self.primary], self.replica
        old.execute_command("FAILOVER")
        eventually(lambda: new.info("replication")["role"] == "master")
        eventually(lambda: old.info("replication")["role"] == "slave")
        self.primary = 1 - self.primary

    @contextmanager
    def address(self) -> Iterator[str]:
        """Give a URL that leads to whichever is the primary when somebody connects."""
        with forwarded(lambda: self.port) as port:
            yield f"redis://:{self.password}@127.0.0.1:{port}/0"


@contextmanager
def redis_pair() -> Iterator[Pair]:
    with CheckedRedis() as first, CheckedRedis() as second:
        with client(second.url) as one:
            second._password = first._password  # one URL is to fit both
            one.config_set("requirepass", first._password)
        with client(first.url) as one, client(second.url) as other:
            pair = Pair((first, second), (one, other))
            for each in pair.clients:
                each.config_set("masterauth", pair.password)
                each.config_set("repl-diskless-sync-delay", 0)
            other.replicaof("127.0.0.1", port_of(first))
            eventually(lambda: other.info("replication")["master_link_status"] == "up")
            yield pair


@contextmanager
def sentinel(pair: Pair, directory: Path) -> Iterator[int]:
    """Run a Sentinel that watches a pair; gives its port."""
    port = _free_port()
    configuration = directory / "sentinel.conf"
    configuration.write_text(
        SENTINEL.format(
            port=port,
            directory=directory,
            own=SENTINEL_PASSWORD,
            master=MASTER,
            primary=pair.port,
            password=pair.password,
        )
    )
    with (directory / "sentinel.log").open("wb") as log:
        process = subprocess.Popen([_binary(), configuration, "--sentinel"], stdout=log, stderr=log)
    try:
        with asked(port) as one:
            eventually(lambda: replicas(one) == 1)
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def asked(port: int) -> Iterator[Any]:
    """Give a client of a Sentinel."""
    with client(f"redis://:{SENTINEL_PASSWORD}@127.0.0.1:{port}") as one:
        yield one


def replicas(one: Any) -> int:
    """Count the replicas that a Sentinel knows and could promote."""
    with suppress(redis.ConnectionError):
        return sum(each["master-link-status"] == "ok" for each in one.sentinel_slaves(MASTER))
    return 0


def client(url: str) -> Any:
    return redis.Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 2))


def port_of(server: CheckedRedis) -> int:
    return int(urlsplit(server.url).port or 0)
