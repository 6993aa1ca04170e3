"""What happens every day without being asked: the daily round, the look for drift, retries of failed tenants.

Open `round.py` first: it chooses who is replicated next. `look.py` is what sets a step of a daily replication apart
from any other; `drift.py` keeps what was found different.
"""
