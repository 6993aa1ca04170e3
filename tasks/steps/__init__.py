"""The steps of a replication: one file each, named like its function. Their order stands in `tasks/chain.py`.

A step reads what AWS has, decides, writes the difference and answers Done or Wait, or raises. It never sleeps, and
running it again is always right. No step imports another.
"""
