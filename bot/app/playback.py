"""Recorded history as a venue to trade at: opens a folder, and gives the clock that plays it.

A tape is played on its own time: names of expiries are absolute, so moments are not moved. Knows the two
formats; serves nothing.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from bot.domain.errors import ConfigError, JournalError, MalformedMessage
from bot.domain.time import NS_PER_S, Ns
from bot.journal.history_files import read_rows
from bot.journal.tape_history import is_run, read_tape
from bot.research.tapes.history import first_round_ns
from bot.sim.exchange import Exchange
from bot.sim.history import RecordedMarket
from bot.sim.recorded_listing import listed_from_rows


class Playback(Struct, frozen=True, kw_only=True):
    """A recorded venue whose chain has been quoted once."""

    exchange: Exchange
    end_ns: Ns
    """Last recorded moment."""


class PlayClock:
    """Tape time: from a start, `speed_multiple` times as fast as the wall clock; it goes on after the tape's end."""

    def __init__(self, start_ns: Ns, wall_ns: Callable[[], Ns], speed_multiple: float) -> None:
        """Start now."""
        self._start_ns, self._wall_ns, self._speed_multiple = start_ns, wall_ns, speed_multiple
        self._began_ns = wall_ns()

    def __call__(self) -> Ns:
        """Tape time now."""
        return Ns(self._start_ns + round((self._wall_ns() - self._began_ns) * self._speed_multiple))

    def wall_s(self, until_ns: Ns) -> float:
        """Seconds of wall clock from now to a moment of the tape; zero when it is over."""
        return max(0.0, (until_ns - self()) / self._speed_multiple / NS_PER_S)


def open_playback(folder: Path, currency: str, seed: int) -> Playback:
    """The venue of a folder: a run's tape, or files of one coin; ConfigError says what is wrong with it."""
    if not folder.is_dir():
        raise ConfigError(f"--tape: there is no folder {folder}")
    try:
        if is_run(folder):
            tape = read_tape(folder)
            market, listed = RecordedMarket(tape.rows(), tape.listed, tape.index_usd), tape.listed
            seen_ns, end_ns = tape.first_seen_ns, tape.end_ns
        else:
            rows = list(read_rows(folder, currency))
            listed = listed_from_rows(rows)
            market = RecordedMarket(rows, listed)
            first_seen: dict[str, Ns] = {}
            for row in rows:
                first_seen.setdefault(row.instrument, row.time_ns)
            seen_ns, end_ns = tuple(sorted(first_seen.values())), rows[-1].time_ns
    except (OSError, JournalError, MalformedMessage, ValueError) as error:
        raise ConfigError(f"--tape: {str(error).removeprefix('tape: ')}") from error
    exchange = Exchange(seed=seed, start_ns=seen_ns[0], market=market, listed=listed, takers_scale=None)
    exchange.advance(first_round_ns(seen_ns))
    return Playback(exchange=exchange, end_ns=end_ns)
