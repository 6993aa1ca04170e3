"""Under which platform's name the costs of an organization are kept."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, String, Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table; the next round fills it."""
    account = Text().with_variant(String(12), "sqlite")
    op.create_table(
        "payers",
        Column("account", account, primary_key=True),
        Column("platform", String(255), nullable=False),
        sqlite_with_rowid=False,
    )
