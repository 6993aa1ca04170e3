"""meshStack as a client sees it: log in, claim and report building block runs, read meshObjects.

Open `client.py` first: every request passes it. `runs.py` speaks the protocol of runs, `run.py` says what a claimed run
is, `sealed.py` opens encrypted inputs, `objects.py` reads meshObjects. Nothing here knows Redis, Celery or AWS.
Source: docs.meshcloud.io, API reference.
"""
