"""What we are told: settings, platforms, landing zones, name patterns and logging. Imports nothing of ours."""
