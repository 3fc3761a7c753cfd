"""Durable records: the ledger. Takes no decision."""
