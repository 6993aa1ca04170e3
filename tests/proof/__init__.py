"""Proof that costs add up: a made-up organization, collected by processes that are killed, into both databases.

`python -m tests.proof` takes 500 accounts and 13 months; `tests/tasks/metering/test_proof.py` a small one.
"""
