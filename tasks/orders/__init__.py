"""What people and meshStack ask for: order a tenant, replicate it again, delete it, roll a landing zone out.

Open `producer.py` first: it checks an order and stores it.
"""
