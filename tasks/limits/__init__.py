"""AWS's limits, shared by all workers, and when to look again.

Open `lanes.py` first: it names the limits on work in flight and says how many places each has. `call_rates.py` limits
how often an API is called, `intervals.py` computes the time until the next poll or retry.
"""
