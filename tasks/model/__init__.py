"""The shapes that everybody shares. They know nothing of AWS, Celery or Redis.

Open `desired.py` for what was ordered, `handles.py` for what AWS gave us and what we wrote down before a call,
`replication.py` for where a replication stands and how a step answers. The words are explained in
docs/architecture.md.
"""
