"""A small meshStack for the sandbox: it queues building block runs, hands them out, and shows what is reported.

`app.py` is the server, `runs.py` what it knows. The tests have another one, which is stricter (tests/meshstack).
"""
