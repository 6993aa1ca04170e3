"""What a collection has paid for; reports in the same order in every database: PostgreSQL has a language of its own."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, String, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Count the pages that were asked for, and sort by bytes, as SQLite does."""
    op.add_column("collections", Column("asked", Integer, nullable=False, server_default="0"))
    op.execute("update collections set asked = pages")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("reports", "platform", type_=String(255, collation="C"))
        op.alter_column("reports", "account", type_=Text(collation="C"))
