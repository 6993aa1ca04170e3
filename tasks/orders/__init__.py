"""What people and meshStack ask for: order, delete, roll out."""
