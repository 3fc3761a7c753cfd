"""The collector's pace during a run, and after it."""

import gc

import pytest

from bot.drive.collector import seldom


def test_it_looks_seldom_and_afterwards_as_before() -> None:
    """Also where the run raises; and it is never off: a run that leaves cycles is collected."""
    before = gc.get_threshold()
    with seldom():
        during = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), seldom():
        1 / 0  # noqa: B018 - raises

    assert during[0] > before[0] > 0
    assert gc.get_threshold() == before
