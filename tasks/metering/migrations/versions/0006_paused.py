"""How long a collection pauses after AWS has not answered, and how often that was in a row."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Let every collection go on at once."""
    op.add_column("collections", Column("paused_until", BigInteger, nullable=False, server_default="0"))
    op.add_column("collections", Column("failures", Integer, nullable=False, server_default="0"))
