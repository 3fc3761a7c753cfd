"""hedgebot: keeps a crypto option book delta-hedged."""

__version__ = "0.1.0"
