"""The wall clock: the only place that reads it."""

import time

from bot.domain.time import Ns


def now_ns() -> Ns:
    """UTC epoch nanoseconds."""
    return Ns(time.time_ns())
