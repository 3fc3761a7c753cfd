"""What decisions make somebody need to know: whose data are doubted, and what a human must look at by when.

Remembers what was told, so that it is told once. Decides nothing.
"""

from collections.abc import Collection
from typing import Final

from bot.domain.decided import AlarmRaised, Decided, Note, TrustChanged
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.market.view import MarketView

_ALARM_AFTER_NS: Final = Ns(10 * NS_PER_S)
"""A refusal this old is an alarm: standing still is not safe for short gamma."""
_DEADLINE_NS: Final = Ns(60 * NS_PER_S)
_KEPT: Final = "hedge_kept"
_CALM: Final = frozenset({Reason.INSIDE_BAND, Reason.OSCILLATES, Reason.NO_OPTIONS})
_QUIET: Final = frozenset({Reason.STOPPING, Reason.HALTED, Reason.PAUSED})
"""Refusals somebody asked for, or that have an alarm of their own."""


class Notices:
    """Mutable private state of one engine."""

    def __init__(self, hedges: Collection[InstrumentId]) -> None:
        """Nothing told."""
        self._hedges = hedges
        self._causes: dict[InstrumentId, DistrustCause] = {}
        self._refusing_since_ns: Ns | None = None
        self._has_alarmed = False
        self._is_over_limit = False
        self._kept_coin_told = 0.0

    def trust(self, view: MarketView, decided: Decided) -> list[Note]:
        """Changes of trust, in what is held and in what hedges are made with."""
        now_ns = decided.now_ns
        causes: dict[InstrumentId, DistrustCause] = {}
        for name in decided.doubtful:
            causes[name] = view.option_verdict(view.options.get(name), now_ns) or DistrustCause.NO_GREEKS
        for name in self._hedges:
            hedge_cause = view.hedge_verdict(name, now_ns)
            if hedge_cause is not None:
                causes[name] = hedge_cause
        found: list[Note] = []
        if causes != self._causes:
            gone = [name for name in self._causes if name not in causes]
            found += [TrustChanged(instrument=name, cause=None) for name in gone]
            changed = [(name, cause) for name, cause in causes.items() if self._causes.get(name) is not cause]
            found += [TrustChanged(instrument=name, cause=cause) for name, cause in changed]
            self._causes = causes
        return found

    def alarms(self, decided: Decided, delta_coin_max: float) -> list[Note]:
        """What a human must look at; `delta_coin_max` is the hard limit of the appetite there is."""
        return self._over_limit(decided, delta_coin_max) + self._kept_alarm(decided) + self._alarms(decided)

    def _kept_alarm(self, decided: Decided) -> list[Note]:
        """Tells what a kept hedge stands against: only this run knows it."""
        coin = decided.delta_coin_delivered or 0.0
        if coin == self._kept_coin_told:
            return []
        self._kept_coin_told = coin
        key = f"books.{decided.book.lower()}.band.target_coin"
        text = f"{coin:+.4f} coins count as delivered outside; before a restart add {-coin:+.4f} to {key}"
        return [AlarmRaised(name=_KEPT, detail=text, deadline_ns=None)]

    def _over_limit(self, decided: Decided, limit_coin: float) -> list[Note]:
        """The alarm of a worst case beyond its hard limit: once, until the book has been inside its band again."""
        low, high = decided.delta_coin_low, decided.delta_coin_high
        if decided.action is Action.SKIP and decided.reason in _CALM:
            self._is_over_limit = False
        if low is None or high is None or max(abs(low), abs(high)) <= limit_coin or self._is_over_limit:
            return []
        self._is_over_limit = True
        text = f"net delta between {low:+.4f} and {high:+.4f}, worst-case limit {limit_coin:.4f}"
        return [AlarmRaised(name=Reason.LIMIT_DELTA_WORST.value, detail=text, deadline_ns=None)]

    def _alarms(self, decided: Decided) -> list[Note]:
        if decided.action is not Action.REFUSE or decided.reason in _QUIET:
            self._refusing_since_ns = None
            self._has_alarmed = False
            return []
        if self._refusing_since_ns is None:
            self._refusing_since_ns = decided.now_ns
        if self._has_alarmed or decided.now_ns - self._refusing_since_ns < _ALARM_AFTER_NS:
            return []
        self._has_alarmed = True
        deadline = Ns(self._refusing_since_ns + _DEADLINE_NS)
        return [AlarmRaised(name=decided.reason.value, detail=decided.detail, deadline_ns=deadline)]
