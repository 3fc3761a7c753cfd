"""The gap-risk ladder as log lines: one a minute, and its limits when they are broken."""

from typing import Final

from bot.domain.decided import AlarmRaised
from bot.domain.events import LadderMeasured
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_S, Ns
from bot.observe.logs import Log

_TOLD_EVERY_NS: Final = 60 * NS_PER_S


class GapTeller:
    """Tells one run."""

    def __init__(self, log: Log) -> None:
        """Nothing is told yet."""
        self._log = log
        self._told_ns: dict[InstrumentId, Ns] = {}

    def measured(self, seq: int, event: LadderMeasured) -> None:
        """The worst rungs, `spot_share` and `iv_move` beside each figure."""
        last_ns = self._told_ns.get(event.instrument)
        if last_ns is not None and event.received_ns - last_ns < _TOLD_EVERY_NS:
            return
        self._told_ns[event.instrument] = event.received_ns
        worst = {
            rung.rung.value: {"figure": rung.figure_native, "spot_share": rung.spot_share, "iv_move": rung.iv_move}
            for rung in event.worst
        }
        ends = {f"{step.spot_share:+.2f}": step.pnl_usd for step in event.steps}
        self._log.tell("ladder.measured", seq=seq, instrument=event.instrument, worst=worst, pnl_usd_by_spot=ends)

    def alarm(self, book: str, seq: int, note: AlarmRaised) -> None:
        """A limit of the ladder, by the name all limits have."""
        if note.name == Reason.LIMIT_LADDER:
            self._log.tell("limit.breached", book=book, seq=seq, limit=note.name, detail=note.detail)
