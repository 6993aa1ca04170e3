"""Numbers for Prometheus.

Open `gauges.py` for what stands in Redis and is the same from every process, `counters.py` for what one process has
counted since it began.
"""
