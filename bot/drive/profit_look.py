"""What has to be kept of one moment of a book so that its profit can be taken apart later, off the tick path.

Keeps what the engine has then, works nothing out: references to tickers that never change, and what the account holds.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from bot.domain.commands import PlaceOrder
from bot.domain.decided import FillBooked, Outcome
from bot.domain.events import Event, Settled, Ticked
from bot.domain.ids import InstrumentId, Label
from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.status import EquitySeen
from bot.domain.time import Ns
from bot.engine import Engine

_MIDS_MAX: Final = 10_000
"""Orders whose mid is remembered: of the oldest one nothing is filled any more."""


class Look(Struct, frozen=True, kw_only=True):
    """One moment; whatever has been held since the look before is in it."""

    at_ns: Ns
    is_tick: bool
    """Of a decision, with everything applied; else of a fill or a delivery."""
    is_opening: bool
    """The account is open from here on; what was before does not count."""
    options: Mapping[InstrumentId, OptionMarked]
    futures: Mapping[InstrumentId, FutureMarked]
    instruments: Mapping[InstrumentId, Instrument]
    held: Mapping[InstrumentId, Decimal]
    expected_usd: Mapping[InstrumentId, float | None]
    """Delivery price the venue expected of what is held no more."""
    equity: tuple[EquitySeen, ...]
    funded: Mapping[InstrumentId, Decimal]
    fills: tuple[FillBooked, ...]
    mids_usd: Mapping[Label, float]
    """At the decision, of the orders behind the fills."""
    settled: Settled | None


class Watch:
    """Looks at one book: at the decision its account can be opened at, then once a step, at fills and deliveries.

    A look costs what the legs cost to copy; between looks an event costs two comparisons.
    """

    def __init__(self, hedge_instrument: InstrumentId, step_ns: Ns, opens: Callable[[Look], bool]) -> None:
        """Nothing seen; `opens` says whether an account can be opened at a look."""
        self._hedge = hedge_instrument
        self._step_ns = step_ns
        self._opens = opens
        self._looked_ns: Ns | None = None
        self.seen_ns = Ns(0)
        """Of the newest event."""
        self._names: Collection[InstrumentId] = ()
        self._mids_usd: dict[Label, float] = {}

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> Look | None:
        """One event and what the engine made of it; a look when one is due."""
        for command in outcome.commands:
            if isinstance(command, PlaceOrder):
                self._mids_usd[command.label] = command.arrival_mid_native
                if len(self._mids_usd) > _MIDS_MAX:
                    del self._mids_usd[next(iter(self._mids_usd))]
        fills = tuple(note for note in outcome.notes if isinstance(note, FillBooked)) if outcome.notes else ()
        self.seen_ns = event.now_ns if isinstance(event, Ticked) else event.received_ns
        if isinstance(event, Ticked):
            return self._tick(engine, event.now_ns, fills)
        settled = event if isinstance(event, Settled) else None
        if self._looked_ns is None or (not fills and settled is None):
            return None
        return self.look(engine, event.received_ns, is_tick=False, fills=fills, settled=settled)

    def _tick(self, engine: Engine, now_ns: Ns, fills: tuple[FillBooked, ...]) -> Look | None:
        assert not fills, "a decision books no fill"
        if self._looked_ns is None:
            return self._opening(engine, now_ns) if engine.account.is_reconciled else None
        if now_ns - self._looked_ns < self._step_ns:
            return None
        self._looked_ns = now_ns
        return self.look(engine, now_ns)

    def _opening(self, engine: Engine, now_ns: Ns) -> Look | None:
        look = structs.replace(self.look(engine, now_ns), is_opening=True)
        if not self._opens(look):
            return None
        self._looked_ns = now_ns
        return look

    def look(
        self,
        engine: Engine,
        at_ns: Ns,
        *,
        is_tick: bool = True,
        fills: tuple[FillBooked, ...] = (),
        settled: Settled | None = None,
    ) -> Look:
        """The book as it is."""
        view, held = engine.view, engine.account.held()
        names = {*self._names, *held, *(fill.instrument for fill in fills), *engine.account.funded(), self._hedge}
        expected = {name: _expected(engine, name) for name in names if name not in held}
        self._names = {*held, *(name for name, price in expected.items() if price is None)}
        return Look(
            at_ns=at_ns,
            is_tick=is_tick,
            is_opening=False,
            options={name: view.options[name] for name in names if name in view.options},
            futures={name: view.futures[name] for name in names if name in view.futures},
            instruments={name: view.instruments[name] for name in names if name in view.instruments},
            held=held,
            expected_usd=expected,
            equity=engine.account.equity(),
            funded=engine.account.funded(),
            fills=fills,
            mids_usd={
                fill.label: self._mids_usd[fill.label]
                for fill in fills
                if fill.label is not None and fill.label in self._mids_usd
            },
            settled=settled,
        )


def _expected(engine: Engine, name: InstrumentId) -> float | None:
    spec = engine.view.instruments.get(name)
    return None if spec is None or spec.expiry_ns is None else engine.view.delivery_usd(spec)
