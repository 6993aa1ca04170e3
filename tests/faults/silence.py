"""Stands before the simulator and answers nothing to whoever signs in with one access key: connections are accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
CLOSE = b"\r\nConnection: close"
CHUNK = 65_536  # bytes


@dataclass
class SilentAws:
    """One running front. It has every connection closed after one request: each request says whose it is."""

    key: str
    url: str = ""
    upstream: str = ""  # the simulator's URL
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    held: int = 0  # requests that wait for an answer, or whose client has given up since
    clients: set[asyncio.StreamWriter] = field(default_factory=set)  # whose connections are open
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def answer(self) -> None:
        """Answer from now on, also what waits."""
        self.loop.call_soon_threadsafe(self.answering.set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.clients.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(HEAD_END)
            if self.key.encode() in head and not self.answering.is_set():
                self.held += 1
                await self.answering.wait()
            address = urlsplit(self.upstream)
            there_reader, there_writer = await asyncio.open_connection(address.hostname, address.port)
            there_writer.write(head.removesuffix(HEAD_END) + CLOSE + HEAD_END)
            await asyncio.gather(_pass(reader, there_writer), _pass(there_reader, writer))
        await _close(writer)
        self.clients.remove(writer)

    async def end(self) -> None:
        """Cut every connection, and wait until nobody serves one: what runs on would show up in a later test."""
        self.answering.set()
        for client in self.clients:
            client.transport.abort()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while part := await reader.read(CHUNK):
            writer.write(part)
            await writer.drain()
    await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@contextmanager
def silent_aws(key: str) -> Iterator[SilentAws]:
    """Run one on a free port of 127.0.0.1; set `upstream` before the first call."""
    front = SilentAws(key)
    server = front.loop.run_until_complete(asyncio.start_server(front.serve, "127.0.0.1", 0))
    front.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = Thread(target=front.loop.run_forever)
    thread.start()
    try:
        yield front
    finally:
        front.loop.call_soon_threadsafe(front.loop.stop)
        thread.join()
        server.close()
        front.loop.run_until_complete(front.end())
        front.loop.close()
