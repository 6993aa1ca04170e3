"""What is counted in Redis, for metrics: the names of the counters."""

REPAIRS = "repairs in "  # and a platform: how often a step of a daily replication had to write
DROPPED = "notifications dropped"
