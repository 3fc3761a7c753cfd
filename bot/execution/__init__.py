"""Order life cycle, working orders, tactics. Knows nothing of why an order exists."""
