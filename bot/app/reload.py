"""Another configuration for a running bot: read again, compared, written down, and begun as a restart would begin it.

The run ends in order and another begins in the same process, with a ledger entry, a tape and a manifest of its own: an
engine's parameters never change under it, so that every tape is replayed with those it was made with (decision record
0018). Knows what has to be quiet and what follows what; modes are `compose`'s.
"""

import gc
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec
from msgspec import structs

from bot.app.config import Config
from bot.app.plain_settings import differences, words
from bot.domain.errors import BotError, ConfigError, LeaseLost
from bot.domain.reasons import Phase
from bot.domain.status import BookStatus
from bot.domain.time import Ns
from bot.web import control_file
from bot.web.control_config import Difference, Offer, Running

_PAUSES_S: Final = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
"""Between starts that fail after a reload: nobody may be there to start it again."""
_SETTLED: Final = frozenset({Phase.RUNNING, Phase.HALTED})

_Result = TypeVar("_Result")


class Trader(Protocol):
    """The live driver, as far as a reload needs it."""

    def statuses(self) -> tuple[BookStatus, ...]:
        """Of all books."""

    def request_stop(self, cause: str) -> None:
        """Begin an orderly end."""


class Diary(Protocol):
    """The ledger, likewise."""

    def commit_reload(self, *, by: str, reason: str, config_hash: str, changes: Sequence[str], at_ns: Ns) -> None:
        """Durable on return, or JournalError."""


class Reloads:
    """The configuration of one run, and the one that is to follow it."""

    def __init__(self, file: Path, read: Callable[[Path], Config], config: Config, *, run_id: str, token: str) -> None:
        """`read` reads the file and the environment again; ConfigError where a run would not start with them.

        `token` opens the control pages, of every run of this process.
        """
        self._config = config
        self._file = file
        self._read = read
        self._run_id = run_id
        self._offered: dict[str, Config] = {}
        self._trader: Trader | None = None
        self._diary: Diary | None = None
        self._now_ns: Callable[[], Ns] | None = None
        self.token: Final = token
        self.following: Config | None = None
        """What the next run is to have; None: no next run."""

    @property
    def has_begun(self) -> bool:
        """Whether the run came as far as to trade."""
        return self._trader is not None

    def follow(self, trader: Trader, diary: Diary, now_ns: Callable[[], Ns]) -> None:
        """The run has begun."""
        self._trader, self._diary, self._now_ns = trader, diary, now_ns

    def running(self) -> Running:
        """What runs, without its secrets."""
        config = self._config
        return Running(
            run_id=self._run_id, config_hash=config.digest, file=str(self._file), settings=dict(config.plain)
        )

    def offered(self) -> Offer:
        """What the file says now; ConfigError where it would not do."""
        config = self._read(self._file)
        both = sorted({**config.plain, **config.sealed}.items())
        fingerprint = hashlib.sha256(msgspec.json.encode(both)).hexdigest()[:32]
        self._offered = {fingerprint: config}
        return Offer(fingerprint=fingerprint, config_hash=config.digest, differences=self._against(config))

    def _against(self, config: Config) -> tuple[Difference, ...]:
        return differences({**self._config.plain, **self._config.sealed}, {**config.plain, **config.sealed})

    def unrest(self) -> str:
        """An order whose fate is not known, or a book that is not settled: no moment for it."""
        assert self._trader is not None, "a run that has begun"
        for status in self._trader.statuses():
            if status.phase not in _SETTLED:
                return f"{status.book} is {status.phase.value}"
            if status.orders_unknown:
                return f"{status.book}: the fate of {status.orders_unknown} orders is not known"
        return ""

    def take(self, fingerprint: str, *, by: str, reason: str) -> None:
        """Write it down, then end this run for the next.

        ConfigError where another process would take over meanwhile, JournalError when it cannot be written.
        """
        assert self._trader is not None, "a run that has begun"
        assert self._diary is not None, "likewise"
        assert self._now_ns is not None, "likewise"
        if self._config.stands_by:
            raise ConfigError(
                "standby.enabled: another process would take over while this one begins anew; give that one the file "
                "first, then end this one"
            )
        config = self._offered[fingerprint]
        self._diary.commit_reload(
            by=by,
            reason=reason,
            config_hash=config.digest,
            changes=[words(difference) for difference in self._against(config)],
            at_ns=self._now_ns(),
        )
        self.following = config
        self._trader.request_stop(f"reload by {by}: {reason}")

    def forget(self) -> None:
        """Somebody wants the process to end: nothing follows."""
        self.following = None


def lived(  # noqa: PLR0913 - by name, what runs begin with
    config: Config,
    file: Path,
    read: Callable[[Path], Config],
    live: Callable[[Config, str, float | None, Reloads], _Result],
    *,
    run_id: str,
    seconds: float | None,
    new_tag: Callable[[], str],
    wait: Callable[[float], None] = time.sleep,
) -> _Result:
    """Run after run, until one has no successor; the last one's result. `seconds` are those of all of them.

    After a reload a start that fails is tried again, within bounds, with the configuration of before where the new one
    is at fault: the bot was hedging a moment ago. LeaseLost passes: another process hedges.
    """
    token, end_s = control_file.new_token(), None if seconds is None else time.monotonic() + seconds
    before, failed_count, is_first = config, 0, True
    while True:
        reloads = Reloads(file, read, config, run_id=run_id, token=token)
        try:
            result = live(config, run_id, None if end_s is None else max(end_s - time.monotonic(), 0.0), reloads)
        except LeaseLost:
            raise
        except BotError as error:
            if is_first or reloads.has_begun or failed_count == len(_PAUSES_S):
                raise
            if isinstance(error, ConfigError):
                config, before = before, config
            pause_s = _PAUSES_S[failed_count]
            text = f"the start failed ({' '.join(str(error).split())}); again in {pause_s:g} s with {config.digest}"
            sys.stderr.write(f"hedgebot: reload: {text}\n")
            wait(pause_s)
            failed_count += 1
        else:
            if reloads.following is None:
                return result
            before, config, failed_count, is_first = config, reloads.following, 0, False
            gc.unfreeze()  # what the run that ended has left may be collected
        tag = new_tag()
        config, run_id = _tagged(config, tag), f"run-{tag}"


def _tagged(config: Config, tag: str) -> Config:
    """For a run of its own: no label may meet one of an earlier run.

    Positions are adopted by the one start that was asked to, never by those of a reload, whose environment is the same.
    """
    books = tuple(structs.replace(book, run_tag=tag, adopts_positions=False) for book in config.books)
    return structs.replace(config, books=books)
