"""What is true of a whole organization, listed once for all of its tenants.

Open `snapshot.py` first: the accounts as the last daily list showed them. `account_lists.py` shares emails and names
for some minutes; `unmanaged.py` finds accounts that belong to no tenant.
"""
