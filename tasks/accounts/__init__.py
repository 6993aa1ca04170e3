"""What the steps on an account share: how one is created, found, entered, enrolled, moved and closed.

Open `creation.py` first: it asks AWS for an account exactly once. `lookup.py` finds the account that a tenant has
already, and takes it over only on proof; `closing.py` decides which account may be closed.
"""
