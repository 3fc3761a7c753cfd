import time

from bot.app import clock


def test_now_is_the_wall_clock_in_nanoseconds() -> None:
    """Between two readings of the same clock."""
    before = time.time_ns()
    now_ns = clock.now_ns()

    assert before <= now_ns <= time.time_ns()
