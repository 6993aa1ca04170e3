"""Messages to people: a tenant needs somebody, or is well again.

Open `alerts.py` first: it decides what is worth telling. `outbox.py` groups and delivers, `webhook.py` sends.
"""
