"""Plan mode: writes are noted and not sent."""
