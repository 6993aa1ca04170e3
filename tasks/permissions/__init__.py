"""Who may do what in an account: groups, federation, IAM roles and policies."""
