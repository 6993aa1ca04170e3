"""What happens every day: the daily round, retries, drift."""
