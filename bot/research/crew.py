"""Who runs the jobs of a sweep: processes of this machine, or a Ray cluster. A few at a time, answers as they come.

Knows nothing of the jobs. What a job raises is its own to tell; what is raised here is a worker that is gone.
"""

import enum
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Final, Protocol, TypeVar

from bot.domain.errors import ConfigError

_AHEAD: Final = 2
"""Jobs given out for each worker: one to do, one to go on with."""
_STARTS_MAX: Final = 3
"""Of a cluster of this machine: one that is busy may take too long the first time, and has it all in memory after."""

Job = TypeVar("Job")
Work = Callable[[Job], object]


class CrewKind(enum.StrEnum):
    """Where jobs run."""

    PROCESS = "process"
    RAY = "ray"


class Crew(Protocol):
    """Workers that are there until closed; closing ends what they are at."""

    size_count: int
    """Jobs done at the same time."""

    def give(self, name: str, job: object) -> None:
        """Begin one."""

    def done(self) -> list[tuple[str, object]]:
        """What came of those that have ended since, by name; one at least. ConfigError when a worker is gone."""

    def close(self) -> None:
        """No worker is left."""


def answers(crew: Crew | None, work: Work[Job], jobs: Iterable[tuple[str, Job]]) -> Iterator[tuple[str, object]]:
    """What came of each job, by its name, in the order they end; `crew` None: in this process, one by one.

    `jobs` is asked for the next as there is room. The crew was made for the same `work`.
    """
    if crew is None:
        yield from ((name, work(job)) for name, job in jobs)
        return
    waiting, given_count = iter(jobs), 0
    while True:
        while given_count < _AHEAD * crew.size_count and (following := next(waiting, None)) is not None:
            crew.give(*following)
            given_count += 1
        if not given_count:
            return
        for found in crew.done():
            given_count -= 1
            yield found


class Processes:
    """Of this machine; they end with the process that made them, however it ends."""

    def __init__(self, work: Work[Job], workers_count: int) -> None:
        """Nothing starts before the first job. `work` can be imported."""
        self.size_count = workers_count
        self._work: Callable[..., object] = work
        self._given: dict[futures.Future[object], str] = {}
        # Spawned: a fork would inherit whatever threads and locks there are.
        context = multiprocessing.get_context("spawn")
        self._ours, self._theirs = context.Pipe(duplex=False)
        self._pool = futures.ProcessPoolExecutor(
            workers_count, mp_context=context, initializer=_end_with, initargs=(self._ours,)
        )

    def give(self, name: str, job: object) -> None:
        """Begin one. A terminal's Ctrl-C is this process's to hear: workers are born deaf to it."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._given[self._pool.submit(self._work, job)] = name
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def done(self) -> list[tuple[str, object]]:
        """Those that have ended."""
        ended = futures.wait(self._given, return_when=futures.FIRST_COMPLETED).done
        try:
            return [(self._given.pop(one), one.result()) for one in ended]
        except BrokenProcessPool:
            raise ConfigError(
                "--workers: a worker is gone, as if out of memory; start again with fewer, what is done is kept"
            ) from None

    def close(self) -> None:
        """Workers see the pipe end, and go."""
        self._theirs.close()
        self._pool.shutdown(cancel_futures=True)
        self._ours.close()


def _end_with(owner: Connection) -> None:
    """Leave when the other end of the pipe is gone: closed, or its process dead."""

    def watch() -> None:
        owner.poll(None)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class RayCluster:
    """The cluster of RAY_ADDRESS, else one of this machine that ends with this process."""

    def __init__(self, work: Work[Job], workers_count: int) -> None:
        """Connect, or start; ConfigError where that cannot be."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray  # noqa: PLC0415 - of an extra
        except ImportError:
            raise ConfigError("--executor ray needs the extra `ray`: pip install 'hedgebot[ray]'") from None
        self._ray = ray
        local = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": workers_count, "include_dashboard": False}
        for number in range(_STARTS_MAX):
            try:
                ray.init(logging_level="ERROR", log_to_driver=False, configure_logging=False, **local)
                break
            except Exception as error:  # noqa: BLE001 - it raises just that when its node takes over 30 s to start
                ray.shutdown()
                if number == _STARTS_MAX - 1:
                    raise ConfigError(f"--executor ray: {str(error).splitlines()[0]}") from None
        self.size_count = max(workers_count, round(ray.cluster_resources().get("CPU", 1)))
        self._remote = ray.remote(work)
        self._given: dict[object, str] = {}

    def give(self, name: str, job: object) -> None:
        """Begin one; a worker that is lost has it tried again by another."""
        self._given[self._remote.remote(job)] = name

    def done(self) -> list[tuple[str, object]]:
        """Those that have ended."""
        try:
            ended = self._ray.wait(list(self._given))[0]
            return [(self._given.pop(one), self._ray.get(one)) for one in ended]
        except self._ray.exceptions.RayError as error:
            raise ConfigError(f"--executor ray: {str(error).splitlines()[0]}; what is done is kept") from None

    def close(self) -> None:
        """Leave the cluster; one of our own ends."""
        self._ray.shutdown()


def crew_of(kind: CrewKind, work: Work[Job], workers_count: int) -> Crew | None:
    """So many workers of this kind; None where this process can do it as well alone."""
    if kind is CrewKind.RAY:
        return RayCluster(work, max(workers_count, 1))
    return Processes(work, workers_count) if workers_count > 1 else None
