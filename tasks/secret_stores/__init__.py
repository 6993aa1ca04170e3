"""Secrets that stand in a secret store, read by who calls AWS."""
