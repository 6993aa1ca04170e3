"""botocore's HTTP session, with one deadline over each answer, and the proxies as everybody here reads them.

botocore's read time-out is for one read, so an endpoint (or a proxy before it) that sends a byte now and then would
hold a thread for ever. Here it is for the whole answer, from the first byte of its head to the last of its body.
"""

from __future__ import annotations

import io
import socket
from http.client import HTTPResponse
from time import monotonic
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.httpsession import ProxyConfiguration

from config.proxies import Proxies


def bound(client: Any, proxies: Proxies) -> None:
    """Let a client wait for a whole answer as long as its read time-out says, and go by these proxies."""
    session = client._endpoint.http_session  # noqa: SLF001  # botocore lets nobody hand in a session of their own
    session._pool_classes_by_scheme.update(http=_Pool, https=_TlsPool)  # noqa: SLF001  # as above
    session._proxy_config = _Environment(proxies)  # noqa: SLF001  # as above


class _Environment(ProxyConfiguration):  # type: ignore[misc]  # botocore has no types
    """The proxies of the environment, as `config/proxies.py` reads them."""

    def __init__(self, proxies: Proxies) -> None:
        super().__init__()
        self._environment = proxies

    def proxy_url_for(self, url: str) -> str | None:
        """Return the proxy of a request."""
        return self._environment.leading_to(url)


class _Answer(HTTPResponse):
    """An answer of which everything must have come within the connection's read time-out."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Arriving(sock))


class _Arriving(io.RawIOBase):
    """What a socket receives, until the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        timeout = sock.gettimeout()
        self._socket = sock
        self._bytes: Any = sock.makefile("rb", buffering=0)  # keeps the socket open until the answer is read
        self._ends = None if timeout is None else monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._ends is not None:
            left = self._ends - monotonic()
            if left <= 0:
                raise TimeoutError("the whole answer took too long")
            self._socket.settimeout(left)
        read: int | None = self._bytes.readinto(buffer)
        return read

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _Connection(AWSHTTPConnection):  # type: ignore[misc]  # botocore has no types
    response_class = _Answer


class _TlsConnection(AWSHTTPSConnection):  # type: ignore[misc]  # botocore has no types
    response_class = _Answer


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]  # botocore has no types
    ConnectionCls = _Connection


class _TlsPool(AWSHTTPSConnectionPool):  # type: ignore[misc]  # botocore has no types
    ConnectionCls = _TlsConnection
