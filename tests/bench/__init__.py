"""Measurements: `make bench` prints them and writes docs/benchmarks.md. Compare ratios; machines are noisy."""
