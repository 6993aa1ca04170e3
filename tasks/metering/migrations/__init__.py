"""How the metering database came to its tables, step by step (Alembic); `database.py` runs what is missing."""
