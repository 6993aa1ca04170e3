"""Accounts: how one is created, found, entered, enrolled, moved and closed."""
