"""Health endpoints over a frozen status. Knows nothing inside the engine."""
