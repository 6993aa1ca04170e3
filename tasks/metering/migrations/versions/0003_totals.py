"""What each report adds up to, so that nobody reads all lines to know it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table, and fill it."""
    op.create_table(
        "report_totals",
        Column("report", Integer, primary_key=True, autoincrement=False),
        Column("currency", String(400), primary_key=True, autoincrement=False),
        Column("amount", BigInteger, nullable=False),
        Column("amount_tail", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(
        "insert into report_totals (report, currency, amount, amount_tail) "
        "select report, currency, sum(amount), sum(amount_tail) from report_lines group by report, currency"
    )
