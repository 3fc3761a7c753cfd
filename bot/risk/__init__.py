"""Positions to exposure, limits, profit. Knows nothing of when to trade."""
