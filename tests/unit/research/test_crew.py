"""Who runs the jobs of a sweep."""

import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from bot.domain.errors import ConfigError
from bot.research.crew import CrewKind, Processes, answers, crew_of

_S_MAX = 600.0


class _LastFirst:
    """Does what was given to it last; counts what it holds."""

    def __init__(self) -> None:
        self.size_count, self.held_max = 3, 0
        self._held: list[tuple[str, object]] = []

    def give(self, name: str, job: object) -> None:
        self._held.append((name, job))
        self.held_max = max(self.held_max, len(self._held))

    def done(self) -> list[tuple[str, object]]:
        return [self._held.pop()]

    def close(self) -> None:
        """Nothing to end."""


def test_jobs_are_asked_for_as_there_is_room() -> None:
    """Two for each worker at most, however many there are; every answer goes with its name."""
    asked: list[int] = []

    def jobs() -> Iterator[tuple[str, int]]:
        for number in range(50):
            asked.append(number)
            yield str(number), number

    crew = _LastFirst()
    found = answers(crew, abs, jobs())

    assert next(found) == ("5", 5)
    assert len(asked) == 6
    assert sorted(found, key=lambda item: int(item[0])) == [(str(n), n) for n in range(50) if n != 5]
    assert crew.held_max == 6


def test_one_worker_is_this_process() -> None:
    """Nothing is started for it."""
    assert crew_of(CrewKind.PROCESS, abs, 1) is None
    assert list(answers(None, abs, [("a", -1), ("b", 2)])) == [("a", 1), ("b", 2)]


def test_processes_answer_and_end_when_they_are_closed() -> None:
    """Even in the middle of something that would take an hour."""
    before = set(multiprocessing.active_children())
    with closing(Processes(math.sqrt, 2)) as crew:
        assert dict(answers(crew, math.sqrt, [("a", 4.0), ("b", 9.0)])) == {"a": 2.0, "b": 3.0}
        assert len(set(multiprocessing.active_children()) - before) == 2

    assert set(multiprocessing.active_children()) <= before
    with closing(Processes(time.sleep, 1)) as busy:
        busy.give("long", 3_600)

    assert set(multiprocessing.active_children()) <= before


def test_a_worker_that_is_gone_is_told() -> None:
    """As one that ran out of memory."""
    with closing(Processes(os._exit, 1)) as crew, pytest.raises(ConfigError, match="--workers: a worker is gone"):
        list(answers(crew, os._exit, [("a", 3)]))


_OWNER = """
import multiprocessing, time
from bot.research.crew import Processes
if __name__ == "__main__":
    crew = Processes(time.sleep, 2)
    for _ in range(2):
        crew.give("long", 3_600)
    print(len(multiprocessing.active_children()), flush=True)
    time.sleep(3_600)
"""


def test_workers_end_with_the_process_that_made_them() -> None:
    """Killed, it can close nothing: what it held open tells them. All who held its output are gone when that ends."""
    owner = subprocess.Popen([sys.executable, "-c", _OWNER], stdout=subprocess.PIPE)
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"2\n"
        owner.send_signal(signal.SIGKILL)
        assert owner.communicate(timeout=_S_MAX)[0] == b""
    finally:
        owner.kill()
        owner.communicate(timeout=_S_MAX)
