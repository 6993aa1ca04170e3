"""Costs: read from AWS, kept in a database of their own, and reported to who owns the accounts.

Open `collection.py` first: it reads one month, page by page, and can be killed at any of them.

known.py         whether AWS may say that it has no data
rounds.py        which months are due, and who goes on with which collection
plan.py          the questions that show a month in the fewest pages
ledger.py        collections and what they have read
payers.py        under which platform's name an organization's costs are kept
owners.py        whose an account is since when
reporting.py     makes reports from what was read, with lines.py; reading.py reads them
export.py        reports as files; parquet.py; restoring.py puts them back
sending.py       reports to meshStack
views.py         what people look at, with days.py, once.py, forecasting.py and budgets.py
watch.py         tells them of some of it without being asked
desk.py          what the API asks
database.py      SQLite or PostgreSQL; tables.py, migrations/, exact.py, upserts.py
"""
