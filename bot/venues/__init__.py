"""Bytes to events and commands to requests, one venue a file. Takes no decision."""
