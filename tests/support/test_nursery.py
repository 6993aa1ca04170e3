"""Who starts processes by a nursery may go at any time, and leaves none behind; those of others live on."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tests.support.nursery import Nursery, Nursling, nursery
from tests.support.waiting import eventually

SERVER = ["http.server", "0", "--bind", "127.0.0.1"]


def child(of: Nursery, directory: Path) -> Nursling:
    return of.start(SERVER, os.environ, directory, directory / "log")


def test_the_children_of_a_client_that_has_gone_end_and_no_others(tmp_path: Path) -> None:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(nursery().connection.getpeername())
    mine, others = child(nursery(), tmp_path), child(Nursery(connection), tmp_path)

    connection.close()

    eventually(lambda: not Path(f"/proc/{others.pid}").exists())
    assert mine.poll() is None
    mine.terminate()
    assert mine.wait(60) == -15
