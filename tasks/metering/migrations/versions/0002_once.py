"""One collection of a month runs at a time; what meshStack has of reports; budgets of payment methods."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, String, Text, text

revision = "0002"
down_revision = "0001"

RUNNING = text("state = 'RUNNING'")


def upgrade() -> None:
    """Change the tables."""
    op.execute(
        "update collections set state = 'FAILED', note = 'another one of this month runs' where state = 'RUNNING' and "
        "id not in (select min(id) from collections where state = 'RUNNING' group by platform, month)"
    )
    op.create_index(
        "collections_running_once",
        "collections",
        ["platform", "month"],
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )
    op.add_column("collections", Column("audited", Integer, nullable=False, server_default="0"))
    op.execute("update collections set audited = pages")
    op.add_column("ownerships", Column("payment_budget", Text))
    op.execute("delete from told where subject = 'owners noted'")  # so that they are noted with the new column
    op.add_column("reports", Column("sent_version", Integer))
    op.add_column("reports", Column("refused_at", String(40)))
