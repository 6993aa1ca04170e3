"""Rows that may be there already, in the words of SQLite and PostgreSQL alike: what is kept twice is there once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, TextClause, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

Rows = Sequence[Mapping[str, Any]]


def put(connection: Connection, table: Table, rows: Rows, key: Sequence[str] | None = None) -> None:
    """Insert rows; the newest wins where one of that key is there.

    key   columns that tell rows apart; None: the primary key
    """
    if not rows:
        return
    names = list(key or [column.name for column in table.primary_key])
    if connection.dialect.name == "sqlite":
        statement = sqlite.insert(table)
        connection.execute(_or_update(statement, rows[0], names), list(rows))
        return
    last = list({tuple(row[name] for name in names): row for row in rows}.values())
    connection.execute(_or_update(_at_once(table, last), rows[0], names))


def add(
    connection: Connection, table: Table, row: Mapping[str, Any], key: Sequence[str], where: TextClause | None = None
) -> Row[Any] | None:
    """Insert a row, unless one of that key is there; answers it, or None. Of several at once one is the first.

    where   which rows the unique index of the key covers; None: all
    """
    statement = _insert(connection, table).values(row)
    new = statement.on_conflict_do_nothing(index_elements=key, index_where=where).returning(table)
    found: Row[Any] | None = connection.execute(new).first()
    return found


def count_up(connection: Connection, column: Column[int], row: Mapping[str, Any], most: int) -> bool:
    """Add one to a counter in one statement; False: it is at its most already.

    row   the primary key of the counter
    """
    if most < 1:
        return False
    table = column.table
    statement = _insert(connection, table).values({**row, column.name: 1})
    keys = [each.name for each in table.primary_key]
    counted = statement.on_conflict_do_update(index_elements=keys, set_={column.name: column + 1}, where=column < most)
    return connection.execute(counted.returning(column)).first() is not None


def _insert(connection: Connection, table: Any) -> Any:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _at_once(table: Table, rows: Rows) -> postgresql.Insert:
    """Send all rows in one statement, a list for each column: a round trip for each row would take a minute a page."""
    columns = [table.columns[name] for name in rows[0]]
    lists = (
        bindparam(f"rows_{column.name}", [row[column.name] for row in rows], postgresql.ARRAY(column.type))
        for column in columns
    )
    return postgresql.insert(table).from_select(columns, select(*map(func.unnest, lists)))


def _or_update(statement: Any, row: Mapping[str, Any], key: Sequence[str]) -> Any:
    values = {name: statement.excluded[name] for name in row if name not in key}
    if values:
        return statement.on_conflict_do_update(index_elements=key, set_=values)
    return statement.on_conflict_do_nothing(index_elements=key)
