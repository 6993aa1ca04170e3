"""Everything that is in Redis."""
