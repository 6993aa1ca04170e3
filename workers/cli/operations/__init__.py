"""Commands for whoever keeps the connector running: what differs, what is paused, what was written, is it healthy."""
