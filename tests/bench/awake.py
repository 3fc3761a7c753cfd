"""Two cores kept from sleeping: how fast a machine wakes, a virtual one above all, is none of the bot's doing.

A spinner of the lowest class runs on each only while nobody else wants it, and gives way at once.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SPIN = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == int(sys.argv[2]):
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def two_cores() -> Iterator[tuple[int, int] | None]:
    """One for this process, which is put there, and one for its peer; None, and nothing done, where there is one."""
    all_cores = os.sched_getaffinity(0)
    cores = sorted(all_cores)[-2:]
    if len(cores) == 1:
        yield None
        return
    mine, other = cores
    spinners = [subprocess.Popen([sys.executable, "-c", SPIN, str(core), str(os.getpid())]) for core in cores]
    os.sched_setaffinity(0, {mine})
    try:
        yield mine, other
    finally:
        os.sched_setaffinity(0, all_cores)
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
