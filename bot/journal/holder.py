"""Who holds a lease, by name: a human finds the process, and one on the same machine sees whether it lives.

Knows `/proc`; where there is none, nobody is ever known to have ended.
"""

import os
import socket
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")
_GONE: Final = frozenset("ZX")
"""States of a process that has ended and waits for its parent to notice: it runs no instruction any more."""


class Holder(NamedTuple):
    """A process, in words of its host."""

    host: str
    process_id: int
    place: str
    """Boot and process namespace: only inside one and the same do numbers of processes mean anything."""
    started: str
    """Clock ticks since the boot: a number used again is told apart by it."""

    @property
    def text(self) -> str:
        """As it stands in the row."""
        return f"{self.host} pid {self.process_id} {self.place}/{self.started}"


def this_process() -> Holder:
    """Whoever asks."""
    pid = os.getpid()
    return Holder(socket.gethostname(), pid, _place(), _started(pid) or "")


def has_ended(text: str) -> bool:
    """Whether the holder of that name is known to have ended. False is no proof of life: it may be on another host."""
    host, _, rest = text.rpartition(" pid ")
    number, _, where = rest.partition(" ")
    place, _, started = where.partition("/")
    here = _place()
    if not (host and number.isdigit() and started and here) or place != here:
        return False
    return _is_gone(int(number)) or _started(int(number)) not in {started, None}


def lives(text: str) -> bool:
    """Whether the holder of that name is known to be there, running or stopped."""
    where = text.rpartition(" pid ")[2].partition(" ")[2]
    is_here = bool(_place()) and where.partition("/")[0] == _place()
    return is_here and not has_ended(text)


def short(text: str) -> str:
    """The part a human looks for: host and process."""
    return " ".join(text.split()[:3])


def _is_gone(pid: int) -> bool:
    """No process has that number, or only what is left of one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    try:
        return _stat(pid)[0] in _GONE
    except OSError:
        return False


def _place() -> str:
    """This boot and this namespace of processes; empty where they cannot be told."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """When the process began; None where that cannot be read."""
    try:
        return _stat(pid)[19]
    except OSError:
        return None


def _stat(pid: int) -> list[str]:
    """What the kernel says of it, from its state on; the name before may hold anything."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
