"""One tactic a file, pure."""
