"""The engine: takes what is due, leases it, runs a step, decides what its answer means and records it. Knows Celery.

Open `execution.py` first: one run of one step. `pump.py` sends what is due to the queue, `celery_tasks.py` receives it,
`stretch.py` runs one step after the other, `verdict.py` decides what becomes of a step's answer, `surroundings.py`
makes the AWS that the step is given.
"""
