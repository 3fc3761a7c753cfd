"""The wire between the simulated venue and the bot as badly as planned: what is lost, late, twice, spoilt or refused.

Knows messages and requests; nothing of decisions, and does nothing that was not drawn.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import structs

from bot.domain.commands import PlaceOrder, TakeSnapshot
from bot.domain.events import AccountSeen, Event, StreamName
from bot.domain.ids import InstrumentId
from bot.domain.market_events import FutureMarked, MarketEvent, OptionMarked
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.drive.wire import Parcels, Question
from bot.sim.facts import VenueSays
from bot.sim.faults import FaultKind, Faults
from bot.venues import sim_codec
from bot.venues.deribit_errors import ERRORS
from bot.venues.outcome import UNKNOWN

TIME_OUT_NS: Final = Ns(5 * NS_PER_S)
"""After which a gateway gives an answer up, as the one over REST does."""
_FEED_LATE_NS_MAX: Final = 3 * NS_PER_S
_PRIVATE_LATE_NS_MAX: Final = 5 * NS_PER_S
_FIGURES_LATE_NS: Final = 10 * NS_PER_S
_LOOK_LATE_NS: Final = 3 * NS_PER_S
DEAF_NS: Final = 8 * NS_PER_S
"""Longer than a time-out: the look-up is all that can tell."""
BEHIND_NS: Final = 50 * NS_PER_MS
"""How long after its `valid_until` a late request arrives."""

_K = FaultKind
LOCKS: Final = {
    _K.MAINTENANCE: (11051, "system_maintenance"),
    _K.SETTLEMENT_LOCK: (10041, "settlement_in_progress"),
    _K.INSTRUMENT_HALTED: (13019, "orderbook_closed"),
    _K.INSTRUMENT_EXPIRED: (13020, "not_found"),
    _K.MARGIN_EXHAUSTED: (10009, "not_enough_funds"),
}
"""What the venue says to every order while such a thing lasts: code and word. An exception is made anew each time: one
raised again and again keeps every frame it went through, and with them whole worlds."""
OPEN_CODES: Final = tuple(code for code, row in ERRORS.items() if row.outcome is UNKNOWN)
"""Codes after which nobody knows."""

_Spoil = Callable[[FutureMarked], FutureMarked]


def _crossed(marked: FutureMarked) -> FutureMarked:
    return structs.replace(marked, bid_usd=marked.ask_usd, ask_usd=marked.bid_usd)


def _one_sided(marked: FutureMarked) -> FutureMarked:
    return structs.replace(marked, ask_usd=None, ask_amount_native=None)


def _closed(marked: FutureMarked) -> FutureMarked:
    return structs.replace(marked, is_open=False)


def _flipped(marked: FutureMarked) -> FutureMarked:
    rate = marked.funding_rate_8h
    return structs.replace(marked, funding_rate_8h=None if rate is None else -rate)


_SPOILT: Final[Mapping[FaultKind, _Spoil]] = {
    _K.BOOK_CROSSED: _crossed,
    _K.BOOK_ONE_SIDED: _one_sided,
    _K.INSTRUMENT_HALTED: _closed,
    _K.FUNDING_FLIPPED: _flipped,
}


class FaultyWire:
    """Asks the faults of a run at each place where a wire or a venue can fail."""

    def __init__(self, faults: Faults, overtake: Callable[[PlaceOrder, Ns], None], *, has_sockets: bool = True) -> None:
        """`overtake` lets somebody be faster than an order that is about to be carried out.

        `has_sockets`: the lost sockets of the faults are those of this venue.
        """
        self._faults = faults
        self._has_sockets = has_sockets
        self._overtake = overtake
        self._deaf_until_ns = Ns(0)
        """Until when messages of the account are lost."""
        self._muted: InstrumentId | None = None
        """The option whose subscription is missing."""

    def is_down(self, stream: StreamName, now_ns: Ns) -> bool:
        """Whether a socket is down."""
        kind = _K.MARKET_LOST if stream is StreamName.MARKET else _K.ACCOUNT_LOST
        return self._has_sockets and self._faults.is_on(kind, now_ns)

    # --- requests --------------------------------------------------------------------------------------

    def departs(self, command: Question, now_ns: Ns) -> Ns | None:
        """Nanoseconds a request takes longer than ever; None: it never arrives."""
        strike = self._faults.strike
        if not isinstance(command, PlaceOrder):
            return None if strike(_K.QUESTIONS_FAIL, now_ns) else Ns(0)
        if strike(_K.REQUEST_LOST, now_ns):
            return None
        if strike(_K.REQUEST_LATE, now_ns):
            return Ns(command.valid_until_ns - now_ns + BEHIND_NS)
        if (dice := strike(_K.REQUESTS_SLOW, now_ns)) is not None:
            most_ns = max(command.valid_until_ns - now_ns - BEHIND_NS, 2)
            return Ns(dice.randrange(most_ns // 2, most_ns))
        return Ns(0)

    def objection(self, command: PlaceOrder, at_ns: Ns) -> VenueSays | None:
        """What the venue says to an order instead of carrying it out."""
        for kind, says in LOCKS.items():
            if self._faults.strike(kind, at_ns):
                return VenueSays(*says)
        dice = self._faults.strike(_K.REFUSED, at_ns)
        if dice is None:
            self._overtake(command, at_ns)
            return None
        code = dice.choice(list(ERRORS))
        return VenueSays(code, ERRORS[code].name)

    def answers(self, command: Question, events: Sequence[Event], received_ns: Ns) -> Parcels:
        """The reply to a request; no events: it never arrived."""
        silent_ns = Ns(received_ns + TIME_OUT_NS)
        timed_out = (silent_ns, [sim_codec.unanswered(command, silent_ns, "time-out")])
        if not events:
            return [timed_out]
        strike = self._faults.strike
        if isinstance(command, TakeSnapshot) and strike(_K.SNAPSHOTS_LATE, received_ns):
            return [(Ns(received_ns + _LOOK_LATE_NS), events)]
        if not isinstance(command, PlaceOrder):
            return [(received_ns, events)]
        for kind, parcels in ((_K.NO_ANSWER, []), (_K.REPLY_LOST, [timed_out])):
            if (dice := strike(kind, received_ns)) is not None:
                if dice.random() < 0.5:
                    self._deaf_until_ns = Ns(received_ns + DEAF_NS)
                return parcels
        if (dice := strike(_K.CODE_AFTER_ALL, received_ns)) is not None:
            code = dice.choice(OPEN_CODES)
            return [(received_ns, [sim_codec.refused(command, VenueSays(code, ERRORS[code].name), received_ns)])]
        if strike(_K.REPLY_LATE, received_ns):
            return [(Ns(max(received_ns, command.valid_until_ns + NS_PER_S)), events)]
        return [(received_ns, events)]

    # --- streams ---------------------------------------------------------------------------------------

    def tells(self, events: Sequence[Event], received_ns: Ns) -> Parcels:
        """A message of a stream: what becomes of its market part, and of its private part."""
        market = [event for event in events if isinstance(event, MarketEvent)]
        private = [event for event in events if not isinstance(event, MarketEvent)]
        return [*self._market(market, received_ns), *self._private(private, received_ns)]

    def _market(self, events: Sequence[Event], received_ns: Ns) -> Parcels:
        strike = self._faults.strike
        if not events or self.is_down(StreamName.MARKET, received_ns) or strike(_K.FEED_FROZEN, received_ns):
            return []
        if (dice := strike(_K.FEED_DROPPED, received_ns)) is not None and dice.random() < 0.5:
            return []
        spoilt = self._spoilt(events, received_ns)
        parcels: list[tuple[Ns, Sequence[Event]]] = [(received_ns, spoilt)]
        if (dice := strike(_K.FEED_DELAYED, received_ns)) is not None:
            parcels = [(_later(received_ns, dice, _FEED_LATE_NS_MAX), spoilt)]
        if (dice := strike(_K.FEED_DUPLICATED, received_ns)) is not None:
            parcels.append((_later(received_ns, dice, _FEED_LATE_NS_MAX), spoilt))
        return parcels

    def _spoilt(self, events: Sequence[Event], received_ns: Ns) -> list[Event]:
        kinds = [kind for kind in _SPOILT if self._faults.strike(kind, received_ns)]
        without_greeks = self._faults.strike(_K.GREEKS_MISSING, received_ns) is not None
        mute = self._muted_now(events, received_ns)
        spoilt: list[Event] = []
        for event in events:
            changed = event
            if isinstance(changed, FutureMarked):
                for kind in kinds:
                    changed = _SPOILT[kind](changed)
            elif isinstance(changed, OptionMarked):
                if changed.instrument == mute:
                    continue
                if without_greeks:
                    changed = structs.replace(changed, iv_mark=None)
            spoilt.append(changed)
        return spoilt

    def _muted_now(self, events: Sequence[Event], received_ns: Ns) -> InstrumentId | None:
        dice = self._faults.strike(_K.SUBSCRIPTION_MISSING, received_ns)
        options = sorted(event.instrument for event in events if isinstance(event, OptionMarked))
        if dice is None or not options:
            self._muted = None
        elif self._muted is None:
            self._muted = dice.choice(options)
        return self._muted

    def _private(self, events: Sequence[Event], received_ns: Ns) -> Parcels:
        if not events or self.is_down(StreamName.ACCOUNT, received_ns) or received_ns < self._deaf_until_ns:
            return []
        figures = [event for event in events if isinstance(event, AccountSeen)]
        moves = [event for event in events if not isinstance(event, AccountSeen)]
        return [*self._figures(figures, received_ns), *self._moves(moves, received_ns)]

    def _figures(self, figures: Sequence[AccountSeen], received_ns: Ns) -> Parcels:
        if not figures:
            return []
        if self._faults.is_on(_K.MARGIN_EXHAUSTED, received_ns):
            figures = [structs.replace(event, available_native=0.0) for event in figures]
        is_old = self._faults.strike(_K.ACCOUNT_OLD, received_ns) is not None
        return [(Ns(received_ns + _FIGURES_LATE_NS) if is_old else received_ns, figures)]

    def _moves(self, moves: Sequence[Event], received_ns: Ns) -> Parcels:
        if not moves:
            return []
        strike = self._faults.strike
        if (dice := strike(_K.PRIVATE_DROPPED, received_ns)) is not None and dice.random() < 0.5:
            return []
        parcels: list[tuple[Ns, Sequence[Event]]] = [(received_ns, moves)]
        if (dice := strike(_K.PRIVATE_DELAYED, received_ns)) is not None:
            parcels = [(_later(received_ns, dice, _PRIVATE_LATE_NS_MAX), [event]) for event in moves]
        if (dice := strike(_K.PRIVATE_DUPLICATED, received_ns)) is not None:
            parcels.append((_later(received_ns, dice, _PRIVATE_LATE_NS_MAX), moves))
        return parcels


def _later(received_ns: Ns, dice: random.Random, ns_max: int) -> Ns:
    return Ns(received_ns + dice.randrange(ns_max))
