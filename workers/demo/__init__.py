"""The demo: every process on this machine, the example tenants, and a look at what came out."""
