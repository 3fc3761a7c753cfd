"""When the gap-risk ladder is measured anew, and what comes of it: limits that are broken, an alarm, hedges refused.

Gathers what is held as plain rows for a command; measuring happens off the tick path and comes back as an event.
Knows no order; closes nothing: a broken limit only stops hedges that would make its rung worse.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import numpy as np
from msgspec import Struct

from bot.domain.commands import MeasureLadder
from bot.domain.decided import AlarmRaised
from bot.domain.events import LadderMeasured
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.ladder import FutureHeld, LadderStep, OptionHeld
from bot.domain.reasons import Reason, Rung
from bot.domain.time import NS_PER_S, Ns, tau_years
from bot.domain.units import float_from_decimal
from bot.market.view import MarketView
from bot.pricing import settlement_window
from bot.pricing.normal_tail import FloatArray
from bot.pricing.settlement_window import Window
from bot.risk.ladder import Breach, FutureRows, LadderLimits, OptionRows, breaches, ladder, worst

_SHOWN_EVERY: Final = 5
"""Of the moves of spot, the share shown: each fifth, 5 % apart."""
_ANSWER_NS_MAX: Final = Ns(60 * NS_PER_S)
"""A ladder asked for and not come by then is asked for again."""
_UNPRICED_NS_MAX: Final = Ns(60 * NS_PER_S)
"""A book of which no ladder can be told for so long, under limits, is an alarm."""


class GapParams(Struct, frozen=True, kw_only=True):
    """How often the ladder is measured, and how bad its worst rungs may be."""

    interval_ns: Ns
    limits: LadderLimits


def measure(command: MeasureLadder, received_ns: Ns) -> LadderMeasured:
    """The ladder of the rows of a command. Pure; a few milliseconds: never between a tick and its order."""
    held = command.options
    options = OptionRows(
        qty_coin=_column([row.qty_coin for row in held]),
        forward_usd=_column([row.forward_usd for row in held]),
        strike_usd=_column([row.strike_usd for row in held]),
        tau_years=_column([row.tau_years for row in held]),
        iv=_column([row.iv for row in held]),
        is_call=np.array([row.is_call for row in held], dtype=np.bool_),
        is_inverse=np.array([row.is_inverse for row in held], dtype=np.bool_),
    )
    futures = FutureRows(
        _column([row.amount_native for row in command.futures]),
        _column([row.price_usd for row in command.futures]),
        np.array([row.is_inverse for row in command.futures], dtype=np.bool_),
    )
    found = ladder(options, futures, command.spot_usd)
    unmoved = int(np.argmin(np.abs(found.iv_move)))
    steps = tuple(
        LadderStep(
            spot_share=float(found.spot_share[at]),
            delta_coin_net=float(found.delta_coin_net[at, unmoved]),
            gamma_coin_per_usd=float(found.gamma_coin_per_usd[at, unmoved]),
            pnl_coin=float(found.pnl_coin[at, unmoved]),
            pnl_usd=float(found.pnl_usd[at, unmoved]),
            margin_coin=float(found.margin_coin[at, unmoved]),
        )
        for at in range(0, found.spot_share.size, _SHOWN_EVERY)
    )
    return LadderMeasured(
        instrument=command.instrument,
        received_ns=received_ns,
        worst=worst(found, command.equity_coin),
        steps=steps,
    )


def _column(values: list[float]) -> FloatArray:
    return np.array(values, dtype=np.float64)


class GapWatch:
    """Mutable private state of one engine."""

    def __init__(self, params: GapParams | None, view: MarketView, window: Window) -> None:
        """Nothing is measured yet; without parameters nothing ever is."""
        self._params = params
        self._view = view
        self._window = window
        self._due_ns = Ns(0)
        self._asked_ns: Ns | None = None
        self._unpriced_since_ns: Ns | None = None
        self._alarmed: frozenset[Rung] = frozenset()
        self.measured: LadderMeasured | None = None
        """The newest one."""
        self.breached: tuple[Breach, ...] = ()
        """Its worst rungs that are beyond their limits."""

    def tick(
        self, hedge: InstrumentId, held: Mapping[InstrumentId, Decimal], equity_coin: float | None, now_ns: Ns
    ) -> tuple[list[MeasureLadder], list[AlarmRaised]]:
        """The question, where one is due; called once the decision has been made."""
        if self._params is None or now_ns < self._due_ns:
            return [], []
        if self._asked_ns is not None and now_ns - self._asked_ns < _ANSWER_NS_MAX:
            return [], []
        self._due_ns = Ns(now_ns + self._params.interval_ns)
        rows = _Rows(self._view, self._window, now_ns)
        for name, amount in held.items():
            rows.add(name, float_from_decimal(amount))
        spot_usd = _spot_usd(self._view, hedge)
        if spot_usd is None or rows.unpriced is not None:
            return [], self._unpriced(rows.unpriced or hedge, now_ns)
        self._unpriced_since_ns, self._asked_ns = None, now_ns
        question = MeasureLadder(
            instrument=hedge,
            asked_ns=now_ns,
            spot_usd=spot_usd,
            options=tuple(rows.options),
            futures=tuple(rows.futures),
            equity_coin=equity_coin,
        )
        return [question], []

    def _unpriced(self, name: InstrumentId, now_ns: Ns) -> list[AlarmRaised]:
        """No ladder can be told: an alarm once it lasts, where there are limits to watch."""
        assert self._params is not None, "nothing is measured"
        since_ns = self._unpriced_since_ns
        if since_ns is None:
            self._unpriced_since_ns = now_ns
            return []
        if now_ns - since_ns < _UNPRICED_NS_MAX:
            return []
        self.breached = ()  # of what was held then: it must not refuse a hedge of what is held now, for ever
        if Rung.UNKNOWN in self._alarmed or not self._params.limits.any_set:
            return []
        self._alarmed |= {Rung.UNKNOWN}
        text = f"no ladder for {(now_ns - since_ns) // NS_PER_S} s: {name} has no price; its limits are not watched"
        return [AlarmRaised(name=Reason.LIMIT_LADDER.value, detail=text, deadline_ns=None)]

    def see(self, measured: LadderMeasured) -> list[AlarmRaised]:
        """Take an answer; an alarm for each limit that is newly broken."""
        if self._params is None:
            return []
        self._asked_ns = None
        self.measured = measured
        self.breached = breaches(measured.worst, self._params.limits)
        before, self._alarmed = self._alarmed, frozenset(item.rung for item in self.breached)
        return [
            AlarmRaised(name=Reason.LIMIT_LADDER.value, detail=words(item), deadline_ns=None)
            for item in self.breached
            if item.rung not in before
        ]


def objection(breached: tuple[Breach, ...], trade_coin: float) -> str | None:
    """Why a hedge would make a rung worse that is beyond its limit already; None where it does not."""
    return next((f"{words(item)}; this hedge makes it worse" for item in breached if _worsens(item, trade_coin)), None)


def _worsens(breach: Breach, trade_coin: float) -> bool:
    """Bought coins lose where spot falls, and add to a delta of their own sign.

    The margin's share of the equity follows the loss: 1 % of notional weighs less than a move of spot. What is not
    known is not made worse by a hedge, which answers to the interval of the delta.
    """
    match breach.rung:
        case Rung.LOSS | Rung.MARGIN:
            return trade_coin * breach.spot_share < 0.0
        case Rung.DELTA:
            return trade_coin * breach.figure_native > 0.0
        case Rung.UNKNOWN:
            return False


def words(breach: Breach) -> str:
    """`loss would be 125000 USD at spot -20 %, volatility +10 points, limit 100000`."""
    where = f"at spot {100.0 * breach.spot_share:+.0f} %, volatility {100.0 * breach.iv_move:+.0f} points"
    match breach.rung:
        case Rung.LOSS:
            return f"loss would be {breach.figure_native:.0f} USD {where}, limit {breach.limit_native:.0f}"
        case Rung.DELTA:
            return f"net delta would be {breach.figure_native:+.4f} {where}, limit {breach.limit_native:.4f}"
        case Rung.MARGIN:
            return f"margin would be {breach.figure_native:.2f} of the equity {where}, limit {breach.limit_native:.2f}"
        case Rung.UNKNOWN:
            return "the ladder is no number; its limits are not watched"


class _Rows:
    """What is held, priced as far as it can be."""

    def __init__(self, view: MarketView, window: Window, now_ns: Ns) -> None:
        self._view = view
        self._window = window
        self._now_ns = now_ns
        self.options: list[OptionHeld] = []
        self.futures: list[FutureHeld] = []
        self.unpriced: InstrumentId | None = None

    def add(self, name: InstrumentId, amount_native: float) -> None:
        """One position; in its settlement window only what is still open of the average."""
        spec = self._view.instruments.get(name)
        if spec is None:
            self.unpriced = name
            return
        left_ns = None if spec.expiry_ns is None else spec.expiry_ns - self._now_ns
        if left_ns is not None and left_ns <= 0:
            return
        share = 1.0 if left_ns is None else settlement_window.share_of(self._window, left_ns)
        if spec.is_option:
            self._option(spec, share * amount_native)
            return
        marked = self._view.futures.get(name)
        if marked is None or marked.mark_usd is None:
            self.unpriced = name
            return
        row = FutureHeld(
            amount_native=share * amount_native, price_usd=marked.mark_usd, is_inverse=spec.amount_is_in_usd
        )
        self.futures.append(row)

    def _option(self, spec: Instrument, qty_coin: float) -> None:
        assert spec.expiry_ns is not None, f"option {spec.id} has no expiry"
        assert spec.strike_usd is not None, f"option {spec.id} has no strike"
        marked = self._view.options.get(spec.id)
        if marked is None or marked.iv_mark is None:
            marked = self._view.last_greeks(spec.id)
        forward_usd = self._view.forward_usd(spec.index_name, spec.expiry_ns)
        if marked is None or marked.iv_mark is None or forward_usd is None:
            self.unpriced = spec.id
            return
        self.options.append(
            OptionHeld(
                qty_coin=qty_coin,
                forward_usd=forward_usd,
                strike_usd=spec.strike_usd,
                tau_years=tau_years(self._now_ns, spec.expiry_ns),
                iv=marked.iv_mark,
                is_call=spec.is_call is True,
                is_inverse=spec.is_inverse,
            )
        )


def _spot_usd(view: MarketView, hedge: InstrumentId) -> float | None:
    marked = view.futures.get(hedge)
    return None if marked is None else marked.index_usd or marked.mark_usd
