"""Reports are in the same order in every database: PostgreSQL would sort them by its own language."""

from __future__ import annotations

from alembic import op
from sqlalchemy import String, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Sort by bytes, as SQLite does."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("reports", "platform", type_=String(255, collation="C"))
        op.alter_column("reports", "account", type_=Text(collation="C"))
