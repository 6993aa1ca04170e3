"""Commands around costs."""
