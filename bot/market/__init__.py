"""What was last seen of each instrument and whether it can be trusted. Knows no position."""
