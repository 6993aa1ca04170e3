"""The engine: takes what is due, leases it, runs a step, decides what its answer means and records it."""
