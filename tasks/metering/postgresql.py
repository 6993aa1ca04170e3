"""How a PostgreSQL server is reached: with the words of libpq's URLs, by a driver that we may ship."""

from __future__ import annotations

import ssl
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

from config.environment import SettingsError

WAIT_SECONDS = 30  # for another writer; none takes longer than a page or one statement over a month
CONNECT_SECONDS = 10
MODES = ("disable", "require", "verify-full")
SOCKET = ".s.PGSQL.5432"


def postgresql_engine(url: URL) -> Engine:
    """Make an engine; nothing is connected yet. Raises SettingsError.

    Of libpq's parameters these are understood: sslmode (disable, require, verify-full), sslrootcert, and host for the
    folder of a socket. Without sslmode a connection is not encrypted.
    """
    query = dict(url.query)
    arguments: dict[str, Any] = {"timeout": CONNECT_SECONDS}
    mode, authority, folder = (query.pop(name, None) for name in ("sslmode", "sslrootcert", "host"))
    if mode not in (None, *MODES):
        raise SettingsError([f"CONNECTOR_METERING_DATABASE_URL: sslmode must be one of {', '.join(MODES)}"])
    if mode not in (None, "disable"):
        arguments["ssl_context"] = _context(str(mode), None if authority is None else str(authority))
    if folder is not None:
        arguments["unix_sock"] = f"{folder}/{SOCKET}"
    engine = create_engine(
        url.set(drivername="postgresql+pg8000", query=query), pool_pre_ping=True, connect_args=arguments
    )
    event.listen(engine, "connect", _set_up)
    return engine


def _context(mode: str, authority: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise SettingsError([f"CONNECTOR_METERING_DATABASE_URL: sslrootcert cannot be read: {error}"]) from error
    if mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _set_up(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"set lock_timeout = {WAIT_SECONDS * 1000}")
    cursor.close()
    connection.commit()
