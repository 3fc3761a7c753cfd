"""Inbox and the virtual-clock driver. Knows no socket."""
