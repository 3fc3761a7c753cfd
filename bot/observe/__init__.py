"""Logs, health and narration. Takes no decision."""
