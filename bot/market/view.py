"""The newest of everything about each instrument, and the verdict whether it can be used.

Older and duplicate messages never replace newer ones. Knows nothing of positions.
"""

from collections import defaultdict

from bot.domain.events import QuoteDistrusted
from bot.domain.ids import DERIBIT, InstrumentId, VenueId, venue_of
from bot.domain.instruments import Instrument, Kind
from bot.domain.market_events import DepthSeen, FutureMarked, OptionMarked, Quoted
from bot.domain.reasons import DistrustCause
from bot.domain.time import Ns
from bot.market import quality
from bot.market.forwards import Expiry, Forwards
from bot.market.index_path import IndexPath
from bot.market.leaps import Leaps, basis_leaps, iv_leaps
from bot.market.quality import Touch, TrustLimits

_NEVER: Ns = Ns(-1)
_Stamped = OptionMarked | FutureMarked | Touch | DepthSeen


class MarketView:
    """Mutable private state of one engine; fed in order of arrival."""

    def __init__(self, limits: TrustLimits) -> None:
        """Start blind: every verdict is `never_seen`."""
        self._limits = limits
        self.instruments: dict[InstrumentId, Instrument] = {}
        self._expiries: dict[InstrumentId, Expiry] = {}
        """Of those listed that have one."""
        self.options: dict[InstrumentId, OptionMarked] = {}
        self.futures: dict[InstrumentId, FutureMarked] = {}
        self.dated: dict[Expiry, InstrumentId] = {}
        """The listed future of each expiry that has one."""
        self._touches: dict[InstrumentId, Touch] = {}
        self._depths: dict[InstrumentId, DepthSeen] = {}
        self._distrusted: dict[InstrumentId, DistrustCause] = {}
        self._forwards = Forwards()
        self.paths: defaultdict[str, IndexPath] = defaultdict(IndexPath)
        """Of each index, by name."""
        self._marks: Leaps[InstrumentId] = basis_leaps()
        self._ivs: Leaps[InstrumentId] = iv_leaps()
        self._last_greeks: dict[InstrumentId, OptionMarked] = {}
        """Of options that lost theirs or closed: the last ticker before."""
        self._lost_ns: dict[VenueId, Ns] = {}
        self._options_lost_ns: Ns = _NEVER
        """The same of the venue of the options: looked at once per leg."""
        self.ignored_count = 0
        """Messages dropped because a newer one of the same instrument was already here."""

    def list_instrument(self, instrument: Instrument) -> None:
        """Remember a specification; data about an instrument without one is ignored."""
        self.instruments[instrument.id] = instrument
        if instrument.expiry_ns is not None:
            self._expiries[instrument.id] = (instrument.index_name, instrument.expiry_ns)
        if instrument.kind is Kind.FUTURE and instrument.expiry_ns is not None:
            self.dated[(instrument.index_name, instrument.expiry_ns)] = instrument.id

    def see_option(self, marked: OptionMarked) -> None:
        """Take an option ticker unless a newer one is here."""
        name = marked.instrument
        expiry, seen = self._expiries.get(name), self.options.get(name)
        if expiry is None or (seen is not None and _is_older(marked, seen)):
            self.ignored_count += 1
            return
        iv = marked.iv_mark
        if seen is not None:
            before = seen.iv_mark
            if iv is None or not marked.is_open:
                if quality.judge_greeks(seen) is None:
                    self._last_greeks[name] = seen
            elif before is not None and not self._ivs.believes(name, (before, None), (iv, None)):
                return
        self.options[name] = marked
        if marked.index_usd is not None:
            self.paths[expiry[0]].see(marked.index_usd, marked.received_ns)
        self._forwards.see(expiry, marked)

    def see_future(self, marked: FutureMarked) -> bool:
        """Take a future's or perpetual's ticker unless a newer one is here; False where its mark is not believed."""
        seen = self.futures.get(marked.instrument)
        if marked.instrument not in self.instruments or (seen is not None and _is_older(marked, seen)):
            self.ignored_count += 1
            return False
        if marked.mark_usd is not None:
            before = None if seen is None or seen.mark_usd is None else (seen.mark_usd, seen.index_usd)
            if not self._marks.believes(marked.instrument, before, (marked.mark_usd, marked.index_usd)):
                return False
        self.futures[marked.instrument] = marked
        if marked.index_usd is not None:
            self.paths[self.instruments[marked.instrument].index_name].see(marked.index_usd, marked.received_ns)
        if marked.instrument not in self._distrusted:
            self._see_touch(
                marked.instrument,
                Touch(
                    bid_native=marked.bid_usd,
                    ask_native=marked.ask_usd,
                    bid_amount_native=marked.bid_amount_native,
                    ask_amount_native=marked.ask_amount_native,
                    received_ns=marked.received_ns,
                    venue_ns=marked.venue_ns,
                ),
            )
        return True

    def see_quote(self, quoted: Quoted) -> None:
        """Take a touch from a book or quote channel; it ends an earlier distrust."""
        self._distrusted.pop(quoted.instrument, None)
        self._see_touch(
            quoted.instrument,
            Touch(
                bid_native=quoted.bid_native,
                ask_native=quoted.ask_native,
                bid_amount_native=quoted.bid_amount_native,
                ask_amount_native=quoted.ask_amount_native,
                received_ns=quoted.received_ns,
                venue_ns=quoted.venue_ns,
            ),
        )

    def _see_touch(self, instrument: InstrumentId, touch: Touch) -> None:
        seen = self._touches.get(instrument)
        if seen is None or not _is_older(touch, seen):
            self._touches[instrument] = touch
        else:
            self.ignored_count += 1

    def see_depth(self, seen: DepthSeen) -> None:
        """Take what stands behind the touch unless a newer one is here."""
        known = self._depths.get(seen.instrument)
        if known is None or not _is_older(seen, known):
            self._depths[seen.instrument] = seen
        else:
            self.ignored_count += 1

    def distrust(self, event: QuoteDistrusted) -> None:
        """Forget the touch until the next quote, and what stood behind it."""
        self._distrusted[event.instrument] = event.cause
        self._touches.pop(event.instrument, None)
        self._depths.pop(event.instrument, None)

    def lose_stream(self, lost_ns: Ns, venue: VenueId = DERIBIT) -> None:
        """Nothing received of a venue up to now counts as fresh any more."""
        self._lost_ns[venue] = lost_ns
        if venue == DERIBIT:
            self._options_lost_ns = lost_ns
        self._touches = {name: touch for name, touch in self._touches.items() if venue_of(name) != venue}
        self._depths = {name: depth for name, depth in self._depths.items() if venue_of(name) != venue}

    def touch(self, instrument: InstrumentId) -> Touch | None:
        """Newest touch; None when there is none to trust."""
        return self._touches.get(instrument)

    def depth(self, instrument: InstrumentId, now_ns: Ns) -> DepthSeen | None:
        """What stands behind the touch; None where it was not told, or not lately."""
        seen = self._depths.get(instrument)
        return None if seen is None or now_ns - seen.received_ns > self._limits.hedge_age_ns_max else seen

    def forward_usd(self, index_name: str, expiry_ns: Ns) -> float | None:
        """Newest forward of an expiry that is believed, from any option of it."""
        held = self._forwards.newest((index_name, expiry_ns))
        return None if held is None else held.forward_usd

    def delivery_usd(self, spec: Instrument) -> float | None:
        """Delivery price the venue expected last of an instrument that expires."""
        if spec.is_option:
            option = None if spec.expiry_ns is None else self._forwards.newest((spec.index_name, spec.expiry_ns))
            return None if option is None else option.delivery_usd
        future = self.futures.get(spec.id)
        return None if future is None else future.delivery_usd

    def newest_of(self, index_name: str, expiry_ns: Ns) -> OptionMarked | None:
        """Newest ticker of any option of an expiry: its forward, index and expected delivery price belong together."""
        return self._forwards.newest((index_name, expiry_ns))

    def last_greeks(self, instrument: InstrumentId) -> OptionMarked | None:
        """Newest ticker of an option that had greeks one could use when it came, however old."""
        seen = self.options.get(instrument)
        if seen is not None and quality.judge_greeks(seen) is None:
            return seen
        return self._last_greeks.get(instrument)

    def option_verdict(self, marked: OptionMarked | None, now_ns: Ns) -> DistrustCause | None:
        """Whether greeks can be computed from this ticker of an option now."""
        if marked is not None and marked.received_ns <= self._options_lost_ns:
            return DistrustCause.STREAM_LOST
        jumped = self._forwards.jumped
        if jumped and marked is not None and self._expiries.get(marked.instrument) in jumped:
            return DistrustCause.FORWARD_JUMPED
        if self._ivs.jumped and marked is not None and marked.instrument in self._ivs.jumped:
            return DistrustCause.IV_JUMPED
        return quality.judge_option(marked, now_ns, self._limits)

    def fresh(self, now_ns: Ns) -> tuple[int, int]:
        """Since and until when an option's ticker was received of which `quality.judge_greeks` has the last word now.

        For a look at many; all others are for `option_verdict`. Where anything jumped that is every one.
        """
        if self._forwards.jumped or self._ivs.jumped:
            return now_ns, _NEVER
        limits = self._limits
        since_ns = max(now_ns - limits.option_age_ns_max, self._options_lost_ns + 1)
        return since_ns, now_ns + limits.clock_ahead_ns_max

    def future_verdict(self, instrument: InstrumentId, now_ns: Ns) -> DistrustCause | None:
        """Whether the future's mark can value a position."""
        marked = self.futures.get(instrument)
        lost = self._lost_ns
        if lost and marked is not None and marked.received_ns <= lost.get(venue_of(instrument), _NEVER):
            return DistrustCause.STREAM_LOST
        if instrument in self._marks.jumped:
            return DistrustCause.MARK_JUMPED
        return quality.judge_future(marked, now_ns, self._limits)

    def hedge_verdict(self, instrument: InstrumentId, now_ns: Ns) -> DistrustCause | None:
        """Whether an order may be priced off this instrument: its ticker, its touch and its state."""
        cause = self._distrusted.get(instrument)
        if cause is not None:
            return cause
        touch = self._touches.get(instrument)
        return (
            self.future_verdict(instrument, now_ns)
            or quality.judge_touch(touch, now_ns, self._limits)
            or quality.judge_together(touch, self.futures.get(instrument))
        )


def _is_older(told: _Stamped, held: _Stamped) -> bool:
    return told.venue_ns < held.venue_ns and quality.is_older(told.venue_ns, held.venue_ns, told.received_ns)
