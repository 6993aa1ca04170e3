"""Names of AWS's of any length; reserved instances know of which service they are."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0004"
down_revision = "0003"

NAMES = {
    "account_days": ("currency",),
    "accounts": ("account",),
    "commitments": ("kind", "identifier"),
    "live_days": ("platform",),
    "ownerships": ("platform", "account"),
    "products": ("service", "usage_type", "unit", "currency"),
    "report_lines": ("product", "usage_type", "unit", "currency", "base_currency"),
    "report_totals": ("currency",),
    "reports": ("account",),
    "seen_products": ("service", "usage_type"),
    "spending": ("platform",),
    "told": ("platform", "subject"),
}


def upgrade() -> None:
    """Change the tables; SQLite heeds no length, so there is nothing to change there."""
    op.add_column("commitments", Column("service", Text, nullable=False, server_default=""))
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in NAMES.items():
            for column in columns:
                op.alter_column(table, column, type_=Text())
