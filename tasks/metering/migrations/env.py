"""What Alembic runs: the migrations on the connection that `database.py` holds, within its transaction."""

from __future__ import annotations

from alembic import context

from tasks.metering.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
