"""Costs: read from AWS, kept in a database of their own, and reported to who owns the accounts.

Open `collection.py` first: it reads one month, page by page, and can be killed at any of them.

rounds.py        which months are due, and who goes on with which collection
plan.py          the questions that show a month in the fewest pages
ledger.py        collections and what they have read
database.py      SQLite or PostgreSQL; tables.py, migrations/, exact.py, upserts.py
"""
