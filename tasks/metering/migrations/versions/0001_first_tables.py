"""The first tables."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "account_days",
        Column("collection", Integer, primary_key=True, autoincrement=False),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("account", Integer, primary_key=True, autoincrement=False),
        Column("currency", String(400), primary_key=True, autoincrement=False),
        Column("amount", BigInteger, nullable=False),
        Column("amount_tail", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "accounts",
        Column("number", Integer, primary_key=True),
        Column("account", String(12), nullable=False, unique=True),
        Column("name", String(255), nullable=False),
    )
    op.create_table(
        "collections",
        Column("id", Integer, primary_key=True),
        Column("platform", String(255), nullable=False),
        Column("month", String(7), nullable=False),
        Column("state", String(20), nullable=False),
        Column("asked_by", String(255)),
        Column("started_at", String(40), nullable=False),
        Column("ended_at", String(40)),
        Column("whole", Integer, nullable=False),
        Column("stage", String(30), nullable=False),
        Column("plan", Text, nullable=False),
        Column("part", Integer, nullable=False),
        Column("token", Text),
        Column("asked_from", Integer),
        Column("resume_day", Integer),
        Column("pages", Integer, nullable=False),
        Column("rows_kept", BigInteger, nullable=False),
        Column("estimated", Integer, nullable=False),
        Column("note", Text),
        Column("holder", String(64)),
        Column("held_until", BigInteger, nullable=False),
    )
    op.create_index("collections_by_month", "collections", ["platform", "month"], unique=False)
    op.create_table(
        "commitments",
        Column("collection", Integer, primary_key=True, autoincrement=False),
        Column("kind", String(400), primary_key=True, autoincrement=False),
        Column("identifier", String(400), primary_key=True, autoincrement=False),
        Column("account", Integer, nullable=False),
        Column("first_day", Integer, nullable=False),
        Column("end_day", Integer, nullable=False),
        Column("upfront", BigInteger, nullable=False),
        Column("upfront_tail", BigInteger, nullable=False),
        Column("amortized", BigInteger, nullable=False),
        Column("amortized_tail", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "costs",
        Column("collection", Integer, primary_key=True, autoincrement=False),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("account", Integer, primary_key=True, autoincrement=False),
        Column("product", Integer, primary_key=True, autoincrement=False),
        Column("shown_day", Integer, primary_key=True, autoincrement=False),
        Column("amount", BigInteger, nullable=False),
        Column("amount_tail", BigInteger, nullable=False),
        Column("quantity", BigInteger, nullable=False),
        Column("quantity_tail", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "live_days",
        Column("platform", String(400), primary_key=True, autoincrement=False),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("collection", Integer, nullable=False),
        Column("digest", String(64), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ownerships",
        Column("platform", String(400), primary_key=True, autoincrement=False),
        Column("account", String(400), primary_key=True, autoincrement=False),
        Column("since", Integer, primary_key=True, autoincrement=False),
        Column("tenant", String(255), nullable=False),
        Column("workspace", String(255), nullable=False),
        Column("project", String(255), nullable=False),
        Column("payment_method", String(255)),
        Column("landing_zone", String(255), nullable=False),
        Column("budget", Text),
        Column("deleted_on", Integer),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "products",
        Column("number", Integer, primary_key=True),
        Column("service", String(400), nullable=False),
        Column("usage_type", String(400), nullable=False),
        Column("unit", String(100), nullable=False),
        Column("currency", String(10), nullable=False),
    )
    op.create_index("products_once", "products", ["service", "usage_type", "unit", "currency"], unique=True)
    op.create_table(
        "report_lines",
        Column("report", Integer, primary_key=True, autoincrement=False),
        Column("position", Integer, primary_key=True, autoincrement=False),
        Column("kind", String(20), nullable=False),
        Column("product", String(400), nullable=False),
        Column("usage_type", String(400), nullable=False),
        Column("unit", String(100), nullable=False),
        Column("quantity", BigInteger, nullable=False),
        Column("quantity_tail", BigInteger, nullable=False),
        Column("amount", BigInteger, nullable=False),
        Column("amount_tail", BigInteger, nullable=False),
        Column("currency", String(10), nullable=False),
        Column("base_amount", BigInteger, nullable=False),
        Column("base_amount_tail", BigInteger, nullable=False),
        Column("base_currency", String(10), nullable=False),
        Column("exchange_rate", String(40)),
        Column("seller", String(255), nullable=False),
        Column("seller_product_group", String(255)),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reports",
        Column("id", Integer, primary_key=True),
        Column("platform", String(255), nullable=False),
        Column("month", String(7), nullable=False),
        Column("account", String(12), nullable=False),
        Column("account_name", String(255), nullable=False),
        Column("part", Integer, nullable=False),
        Column("first_day", Integer, nullable=False),
        Column("end_day", Integer, nullable=False),
        Column("tenant", String(255)),
        Column("workspace", String(255)),
        Column("project", String(255)),
        Column("payment_method", String(255)),
        Column("landing_zone", String(255)),
        Column("version", Integer, nullable=False),
        Column("status", String(20), nullable=False),
        Column("digest", String(64), nullable=False),
        Column("changed_at", String(40), nullable=False),
    )
    op.create_index("reports_by_tenant", "reports", ["month", "tenant"], unique=False)
    op.create_index("reports_once", "reports", ["platform", "month", "account", "part"], unique=True)
    op.create_table(
        "seen_products",
        Column("collection", Integer, primary_key=True, autoincrement=False),
        Column("service", String(400), primary_key=True, autoincrement=False),
        Column("usage_type", String(400), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spending",
        Column("platform", String(400), primary_key=True, autoincrement=False),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("pages", Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "told",
        Column("platform", String(400), primary_key=True, autoincrement=False),
        Column("subject", String(400), primary_key=True, autoincrement=False),
        Column("at", String(40), nullable=False),
        sqlite_with_rowid=False,
    )
