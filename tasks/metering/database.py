"""The metering database: SQLite for one machine, PostgreSQL for many; opened, and brought up to date, when first used.

Readers see what was committed and never wait (SQLite: WAL). Writers take turns: with SQLite a transaction that writes
begins as one, because one that only later wants to write could be refused. Whoever opens the database first brings its
tables up to date, in one transaction and alone; the others wait for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from config.environment import SettingsError
from config.made_once import made_once
from config.settings import Settings
from tasks.metering.errors import DatabaseAway
from tasks.metering.postgresql import WAIT_SECONDS, postgresql_engine

NEWEST = "0007"  # the revision that this version needs
FILE = "metering.sqlite"
MIGRATIONS = Path(__file__).with_name("migrations")
LOCK = 7_301_442_251  # of PostgreSQL, while tables are brought up to date; any number that nobody else uses


class Database:
    """One database. Every method may raise DatabaseAway."""

    def __init__(self, url: str) -> None:
        """Prepare to connect; raises SettingsError for a URL that cannot be one."""
        self._engine = _engine(url)
        self._ready = False
        self._lock = Lock()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file on this machine."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database while the block runs, and changes nothing."""
        self._prepare()
        with _answering(), self._engine.connect() as connection:
            if not self.is_sqlite:  # else each statement would see another state
                connection.exec_driver_sql("set transaction isolation level repeatable read, read only")
            connection.execution_options(stream_results=True)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are committed at the end of the block, or, if that raises, not made."""
        self._prepare()
        with self._transaction() as connection:
            yield connection

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with _answering(), self._engine.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def _prepare(self) -> None:
        with self._lock:
            if not self._ready:
                self._bring_up_to_date()
                self._ready = True

    def _bring_up_to_date(self) -> None:
        with _answering(), self._engine.connect() as connection:
            found = _revision(connection)
        if found == NEWEST:
            return
        with self._transaction() as connection:
            if not self.is_sqlite:
                connection.execute(text(f"select pg_advisory_xact_lock({LOCK})"))
            if _revision(connection) != NEWEST:
                _migrate(connection)


def open_database(settings: Settings) -> Database:
    """Return this process's database; nothing is connected yet. Raises SettingsError for a URL that cannot be one."""
    given = settings.metering_database_url
    if given is not None:
        return _opened(given.get_secret_value())
    return _opened(f"sqlite:///{settings.data_dir.absolute() / FILE}")


@made_once
def _opened(url: str) -> Database:
    return Database(url)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError(["CONNECTOR_METERING_DATABASE_URL is not the URL of a database"]) from error
    if parsed.drivername in ("postgresql", "postgres", "postgresql+pg8000"):
        return postgresql_engine(parsed)
    if parsed.drivername == "sqlite" and parsed.database:
        engine = create_engine(parsed, connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False})
        event.listen(engine, "do_connect", _make_folder)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    raise SettingsError(["CONNECTOR_METERING_DATABASE_URL must start with postgresql:// or sqlite:///"])


def _make_folder(_dialect: Any, _record: Any, arguments: Any, _parameters: Any) -> None:
    """Make SQLite's folder and file, which nobody else may read."""
    file = Path(arguments[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's own begin, below, and not one that Python's module guesses
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode = wal")
    cursor.execute("pragma synchronous = normal")  # a crash of the machine loses the last pages: they are read again
    cursor.execute("pragma cache_size = -16384")  # KiB; each connection has that much, and as much for sorting
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise DatabaseAway(f"the metering database: {error.orig}") from error
    except OSError as error:
        raise DatabaseAway(f"the metering database: {error.strerror or error} ({error.filename})") from error


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar()


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 (0.2 s, and needed once in the life of a database)
    from alembic.config import Config  # noqa: PLC0415 (as above)

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
