"""What the tests of this folder need to run servers of ours as processes."""

from __future__ import annotations

import random
from socket import socket

import httpx2

PORTS = range(20_000, 32_000)  # the system gives none of these to who asks for any, and so nobody takes ours meanwhile


def free_port() -> int:
    """Find a port of 127.0.0.1 that nobody listens on."""
    while True:
        port = random.choice(PORTS)
        with socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # somebody does
                continue
            return port


def answers(http: httpx2.Client, path: str) -> bool:
    """Tell whether a server answers and does not fail."""
    try:
        return http.get(path).status_code < 500
    except httpx2.TransportError:
        return False
