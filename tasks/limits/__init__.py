"""AWS's limits, shared by all workers."""
