"""Ctrl-C reaches the whole foreground group: the demonstration's exchange must outlive the bot's orderly end."""

import os
import subprocess
from typing import Any

import pytest

from bot.app import demo


def test_the_exchange_is_not_in_the_group_a_terminal_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the bot would stop without an exchange to ask, and report positions that do not match."""
    started: list[Any] = []
    popen = subprocess.Popen

    def start(*args: Any, **words: Any) -> Any:
        started.append(popen(*args, **words))
        return started[-1]

    monkeypatch.setattr(demo.subprocess, "Popen", start)
    with demo.local_exchange(portfolio=None, currency="BTC", seed=1, vol_scale=1.0):
        group = os.getpgid(started[0].pid)

    assert group != os.getpgid(0)
    assert started[0].returncode == 0, "it ends when the demonstration does"
