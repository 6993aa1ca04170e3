"""HTTP to servers of other people: one deadline over the whole exchange, and the proxies of the environment.

httpx2's time-outs are for one read each, so a server that sends a byte every few seconds would hold a thread for ever.
Here every wait of an exchange gets what is left of the whole: the proxy, connecting, TLS, sending, headers and body.
Only the look-up of the host's name is the operating system's own, which gives up after some 10 s by itself.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from time import monotonic
from typing import Any

import httpcore2
import httpx2

from config.proxies import Proxies, is_loopback

CONNECTIONS = httpx2.Limits(max_connections=128)  # one for each thread of a worker (config/threads.py)
_ends: ContextVar[float | None] = ContextVar("ends", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the exchange inside so many seconds, from connecting to the last byte; then a TimeoutException comes."""
    token = _ends.set(monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def transport(url: str, trusted: SSLContext | None = None) -> httpx2.HTTPTransport:
    """Make what leads to an address; connections are kept.

    trusted   whose certificates are believed; None: the usual authorities'
    Raises ProxyMistakes when the environment names proxies that cannot be used; to this machine none is needed.
    """
    address = httpx2.URL(url)
    proxy = None if is_loopback(address.host) else Proxies.read(os.environ).leading_to(url)
    made = httpx2.HTTPTransport(verify=trusted or _trusted(address), proxy=proxy, limits=CONNECTIONS)
    pool: Any = made._pool  # noqa: SLF001  # httpx2 has no option for httpcore2's public `network_backend`
    pool._network_backend = _Network()  # noqa: SLF001  # as above
    return made


def _trusted(address: httpx2.URL) -> SSLContext:
    """Return whose certificates are believed: nobody's where none is shown."""
    if address.scheme == "http":
        return SSLContext(PROTOCOL_TLS_CLIENT)
    return _authorities(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _authorities(_file: str | None, _directory: str | None) -> SSLContext:
    """Read the usual authorities' certificates, once: that takes 20 ms, as long as a whole exchange.

    The variables are those that httpx2 looks at.
    """
    return httpx2.create_ssl_context()


def _left(timeout: float | None, error: type[httpcore2.TimeoutException]) -> float | None:
    """Return how long a wait may take: its own time-out, or what is left of the exchange; raises when nothing is."""
    ends = _ends.get()
    if ends is None:
        return timeout
    left = ends - monotonic()
    if left <= 0:
        raise error("the whole exchange took too long")
    return left if timeout is None else min(timeout, left)


class _Network(httpcore2.NetworkBackend):
    """Connects as httpcore2 does, within the time of the exchange."""

    def __init__(self) -> None:
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Try one address of the host after the other."""
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            left = _left(timeout, httpcore2.ConnectTimeout)
            try:
                return _Stream(self._inner.connect_tcp(address, port, left, local_address, socket_options))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


class _Stream(httpcore2.NetworkStream):
    """A connection of httpcore2's, within the time of the exchange that uses it."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _addresses(host: str, port: int) -> Iterable[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore2.ConnectError(str(error)) from error
    return dict.fromkeys(str(address[0]) for *_, address in found)
