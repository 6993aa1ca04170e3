"""The tables of the metering database, as the newest migration leaves them (`migrations/versions`).

A number stands in two columns (`exact.py`), a day as its ordinal, a moment as ISO 8601 in UTC. What was read belongs
to the collection that read it; `live_days` says which collection tells the truth of a day. Accounts and products are
numbered: a cost is a row of small whole numbers, of which a large organization has millions a month.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text, text

metadata = MetaData()
BYTES = "C"  # PostgreSQL's name of the order that SQLite has: exports are the same bytes
IS_RUNNING = text("state = 'RUNNING'")


def _number(name: str) -> tuple[Column[int], Column[int]]:
    return Column(name, BigInteger, nullable=False), Column(f"{name}_tail", BigInteger, nullable=False)


def _name(length: int) -> Text:
    """Return the type of AWS's own names: PostgreSQL would cut them at any length, SQLite heeds none."""
    return Text().with_variant(String(length), "sqlite")


def _key(name: str, *, text: bool = False) -> Column[Any]:
    return Column(name, _name(400) if text else Integer, primary_key=True, autoincrement=False)


payers = Table(  # under which platform's name the costs of an organization are kept
    "payers",
    metadata,
    Column("account", _name(12), primary_key=True),  # its management account
    Column("platform", String(255), nullable=False),
    sqlite_with_rowid=False,
)

collections = Table(  # one reading of one month
    "collections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform", String(255), nullable=False),
    Column("month", String(7), nullable=False),
    Column("state", String(20), nullable=False),
    Column("asked_by", String(255)),  # name of the API token; null: the connector itself
    Column("started_at", String(40), nullable=False),
    Column("ended_at", String(40)),
    Column("whole", Integer, nullable=False),  # 1: every day is read, whether it changed or not
    Column("stage", String(30), nullable=False),
    Column("plan", Text, nullable=False),  # JSON: the questions of the stage COSTS
    Column("part", Integer, nullable=False),  # which of them is asked
    Column("token", Text),  # AWS's for the next page; null: the first one
    Column("asked_from", Integer),  # the first day of the question; null: that of the part
    Column("resume_day", Integer),  # days before it are complete in this part; 0: nobody knows
    Column("pages", Integer, nullable=False),  # that were answered
    Column(
        "asked", Integer, nullable=False, server_default="0"
    ),  # that AWS charges for, also if their answers were lost
    Column("audited", Integer, nullable=False, server_default="0"),  # of these: those that the audit log has
    Column("rows_kept", BigInteger, nullable=False),
    Column("estimated", Integer, nullable=False),  # 1: AWS may still change what it says
    Column("note", Text),  # why it waits, or has failed
    Column("holder", String(64)),  # the worker that reads
    Column("held_until", BigInteger, nullable=False),  # milliseconds since the epoch
    Column("paused_until", BigInteger, nullable=False, server_default="0"),  # as above: AWS is not asked before
    Column("failures", Integer, nullable=False, server_default="0"),  # since AWS has answered last
    Index("collections_by_month", "platform", "month"),
    Index(  # whoever begins one at the same moment finds it
        "collections_running_once",
        "platform",
        "month",
        unique=True,
        sqlite_where=IS_RUNNING,
        postgresql_where=IS_RUNNING,
    ),
)

accounts = Table(
    "accounts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("account", _name(12), nullable=False, unique=True),
    Column("name", String(255), nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("service", _name(400), nullable=False),
    Column("usage_type", _name(400), nullable=False),
    Column("unit", _name(100), nullable=False),
    Column("currency", _name(10), nullable=False),
    Index("products_once", "service", "usage_type", "unit", "currency", unique=True),
)

account_days = Table(  # what AWS says that an account costs on a day, as a whole
    "account_days",
    metadata,
    _key("collection"),
    _key("day"),
    _key("account"),
    _key("currency", text=True),
    *_number("amount"),
    sqlite_with_rowid=False,
)

seen_products = Table(  # which usage types which services have in the month
    "seen_products",
    metadata,
    _key("collection"),
    _key("service", text=True),
    _key("usage_type", text=True),
    sqlite_with_rowid=False,
)

costs = Table(
    "costs",
    metadata,
    _key("collection"),
    _key("day"),
    _key("account"),
    _key("product"),
    _key("shown_day"),  # the day that AWS names, if it lies outside of what was asked for; else 0
    *_number("amount"),
    *_number("quantity"),
    sqlite_with_rowid=False,
)

live_days = Table(  # which collection's costs are those of a day
    "live_days",
    metadata,
    _key("platform", text=True),
    _key("day"),
    Column("collection", Integer, nullable=False),
    Column("digest", String(64), nullable=False),  # of what AWS said that all accounts cost on the day
    sqlite_with_rowid=False,
)

commitments = Table(
    "commitments",
    metadata,
    _key("collection"),
    _key("kind", text=True),  # RESERVED_INSTANCES or SAVINGS_PLANS, as the stage
    _key("identifier", text=True),
    Column("service", Text, nullable=False, server_default=""),  # of reserved instances
    Column("account", Integer, nullable=False),
    Column("first_day", Integer, nullable=False),
    Column("end_day", Integer, nullable=False),
    *_number("upfront"),
    *_number("amortized"),
    sqlite_with_rowid=False,
)

spending = Table(  # pages that were asked for, whether they came or not
    "spending",
    metadata,
    _key("platform", text=True),
    _key("day"),
    Column("pages", Integer, nullable=False),
    sqlite_with_rowid=False,
)

ownerships = Table(  # whose an account is since when
    "ownerships",
    metadata,
    _key("platform", text=True),
    _key("account", text=True),
    _key("since"),
    Column("tenant", String(255), nullable=False),
    Column("workspace", String(255), nullable=False),
    Column("project", String(255), nullable=False),
    Column("payment_method", String(255)),
    Column("landing_zone", String(255), nullable=False),
    Column("budget", Text),  # as the tag has it
    Column("payment_budget", Text),  # the amount of the payment method, of all its months together
    Column("deleted_on", Integer),  # the day on which the tenant was deleted
    sqlite_with_rowid=False,
)

reports = Table(  # what one account costs one owner in a month
    "reports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform", String(255).with_variant(String(255, collation=BYTES), "postgresql"), nullable=False),
    Column("month", String(7), nullable=False),
    Column("account", Text(collation=BYTES).with_variant(String(12), "sqlite"), nullable=False),
    Column("account_name", String(255), nullable=False),
    Column("part", Integer, nullable=False),  # 0, 1 …: which of the account's owners in this month
    Column("first_day", Integer, nullable=False),
    Column("end_day", Integer, nullable=False),
    Column("tenant", String(255)),  # null: no tenant owns the account
    Column("workspace", String(255)),
    Column("project", String(255)),
    Column("payment_method", String(255)),
    Column("landing_zone", String(255)),
    Column("version", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("digest", String(64), nullable=False),  # of its content: another one is another version
    Column("changed_at", String(40), nullable=False),
    Column("sent_version", Integer),  # that meshStack has; null: none
    Column("refused_at", String(40)),  # when meshStack last refused this version; null: it has not
    Index("reports_once", "platform", "month", "account", "part", unique=True),
    Index("reports_by_tenant", "month", "tenant"),
)

report_lines = Table(
    "report_lines",
    metadata,
    _key("report"),
    _key("position"),
    Column("kind", String(20), nullable=False),
    Column("product", _name(400), nullable=False),
    Column("usage_type", _name(400), nullable=False),
    Column("unit", _name(100), nullable=False),
    *_number("quantity"),
    *_number("amount"),
    Column("currency", _name(10), nullable=False),
    *_number("base_amount"),
    Column("base_currency", _name(10), nullable=False),
    Column("exchange_rate", String(40)),  # null: not converted
    Column("seller", String(255), nullable=False),
    Column("seller_product_group", String(255)),
    sqlite_with_rowid=False,
)

report_totals = Table(  # what the lines of a report add up to
    "report_totals",
    metadata,
    _key("report"),
    _key("currency", text=True),
    *_number("amount"),
    sqlite_with_rowid=False,
)

told = Table(  # what people were told of, which they are told once
    "told",
    metadata,
    _key("platform", text=True),
    _key("subject", text=True),
    Column("at", String(40), nullable=False),
    sqlite_with_rowid=False,
)
