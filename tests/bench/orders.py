"""How many orders one API process takes, and how long each waits: 16 at once, and Redis writes each to its disk first.

python -m tests.bench.orders
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from config.api_token import ApiToken
from tests.support.cluster import CONFIG_DIR, desired
from tests.support.redis import CheckedRedis
from tests.support.waiting import LONG
from workers.demo.processes import free_port
from workers.demo.supervisor import Supervisor
from workers.sandbox.organization import environment

ORDERS, AT_ONCE = 4000, 16
TOKEN = ApiToken.of("bench", "order", "bench")


@dataclass(frozen=True)
class Taken:
    """How orders were taken."""

    per_second: float
    p50_milliseconds: float
    p99_milliseconds: float

    def __str__(self) -> str:
        times = f"half of them in {self.p50_milliseconds:.0f} ms, 99 of 100 in {self.p99_milliseconds:.0f} ms"
        return f"{self.per_second:.0f} a second, {times}"


@contextmanager
def running_api(directory: Path) -> Iterator[int]:
    """Run one API process with a durable Redis; gives its port."""
    port = free_port()
    with CheckedRedis(fsync="always") as redis:
        variables = {
            **environment("http://127.0.0.1:1", redis.url),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path.cwd()),
            "CONNECTOR_CONFIG_DIR": str(CONFIG_DIR),
            "CONNECTOR_API_TOKENS": TOKEN.entry,
            "CONNECTOR_API_PORT": str(port),
            "CONNECTOR_LOG_LEVEL": "warning",
        }
        with Supervisor(directory, variables) as processes:
            processes.start("api", [sys.executable, "-m", "workers.cli", "api"])
            processes.wait("api", lambda: asyncio.run(_answers(port)), LONG)
            yield port


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def order(port: int, orders: int, at_once: int) -> Taken:
    """Order new tenants over connections that stay open: each sends its next order when the last one is answered."""
    numbers, times = iter(range(orders)), []
    body = json.dumps(desired()).encode()
    began = perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            sent = perf_counter()
            writer.write(_request(f"o{number}", body))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 202"), head
            [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(length.partition(b":")[2]))
            times.append(perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(client() for _ in range(at_once)))
    seconds, times = perf_counter() - began, sorted(times)
    return Taken(orders / seconds, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000)


def _request(project: str, body: bytes) -> bytes:
    lines = (
        f"PUT /api/v1/tenants/likvid/{project}/aws.sandbox HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {TOKEN.name}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory, running_api(Path(directory)) as port:
        asyncio.run(order(port, 200, AT_ONCE))  # warm
        print(asyncio.run(order(port, ORDERS, AT_ONCE)))


if __name__ == "__main__":
    main()
