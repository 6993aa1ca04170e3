"""What the tests of this folder need to run servers of ours as processes."""

from __future__ import annotations

from socket import socket

import httpx2


def free_port() -> int:
    """Find a port of 127.0.0.1 that nobody listens on."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(http: httpx2.Client, path: str) -> bool:
    """Tell whether a server answers and does not fail."""
    try:
        return http.get(path).status_code < 500
    except httpx2.TransportError:
        return False
