"""Dashboard, control and health pages over frozen statuses. Knows nothing inside the engine."""
