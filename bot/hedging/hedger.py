"""One book's hedging: policy, last hedge, what was told of doubt. Calls `decide` with everything gathered.

Sees orders only as the `Desk` the engine passes; prices no order.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import Struct, structs

from bot.domain.decided import AlarmRaised, Decided, Note, TrustChanged
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import ZERO
from bot.hedging import situation
from bot.hedging.appetite import AppetiteParams, FloorAlarm
from bot.hedging.band import BandInputs, BandPolicy, TradeTo
from bot.hedging.decide import Situation, Verdict, decide
from bot.hedging.expiry import (
    Delivered,
    ExpiryParams,
    HedgeAtExpiry,
    expired,
    kept,
    open_share,
    pin_held_back,
    pinned,
)
from bot.hedging.index_bridge import IndexBridge
from bot.hedging.modifiers import HARD_WIDTHS, Modifiers, held_back, reverses_too_soon
from bot.hedging.regime import RegimeParams
from bot.hedging.situation import Frame, Hedge
from bot.hedging.stability import StabilityParams
from bot.hedging.width import Width, Widths
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window
from bot.risk.conventions import Collateral, Convention
from bot.risk.expiry_market import Terms
from bot.risk.exposure import Exposure, measure
from bot.risk.fitted_surface import FittedSurface
from bot.risk.ladder import Breach
from bot.risk.legs import Legs, arrange
from bot.risk.limits import Limits
from bot.risk.sources import Sources
from bot.risk.vanna import vanna_coin_per_vol

_ALARM_AFTER_NS: Final = Ns(10 * NS_PER_S)
"""A refusal this old is an alarm: standing still is not safe for short gamma."""
_DEADLINE_NS: Final = Ns(60 * NS_PER_S)
_KEPT: Final = "hedge_kept"
_CALM: Final = frozenset({Reason.INSIDE_BAND, Reason.OSCILLATES, Reason.NO_OPTIONS})
_QUIET: Final = frozenset({Reason.STOPPING, Reason.HALTED})
"""Refusals somebody asked for, or that have an alarm of their own."""


class Desk(Struct, frozen=True, kw_only=True):
    """The state of orders and account, as the engine sees it."""

    blocked: tuple[Reason, str] | None
    outstanding: Mapping[InstrumentId, tuple[Decimal, Decimal]]
    has_pending: bool
    is_backing_off: bool
    orders_last_minute: int
    last_hedge: tuple[Ns, float] | None
    """Time and price of the last hedge fill."""
    last_was_buy: bool | None = None
    """Its side."""
    resting_native: Decimal | None = None
    """What is left of the one order, when that rests in the book and nothing about it is in doubt; in `outstanding`."""
    collateral: Collateral | str
    """What the account adds to the delta, or why that is not known."""
    delivered_coin: float = 0.0
    """Coins that deliveries since the start would have brought, had they been physical."""
    gap: tuple[Breach, ...] = ()
    """Rungs of the gap-risk ladder beyond their limits."""
    appetite_share: float = 1.0
    """Of the configured risk, by the equity above the floor."""
    other_side: InstrumentId | None = None
    """What hedges in the other direction are made with, where that is another instrument."""
    closes_native: Decimal | None = None
    """Largest size, unsigned, of an order that may only close what is held; None: it may open."""


class HedgeParams(Struct, frozen=True, kw_only=True):
    """What hedging needs of a book's parameters."""

    convention: Convention
    hedges: tuple[InstrumentId, ...]
    modifiers: Modifiers
    trade_coin_min: float
    spread_bps_max: float
    window: Window
    expiry: ExpiryParams
    limits: Limits
    sources: Sources = Sources()
    appetite: AppetiteParams | None = None
    maker_cost_fraction: float | None = None
    """What a maker's fill costs beside its fee; None: hedges only take."""
    stability: StabilityParams = StabilityParams()
    regime: RegimeParams | None = None
    """None: regimes are not looked at."""


class Looked(NamedTuple):
    """What a decision was made on; None from where on it had no ground."""

    desk: Desk
    exposure: Exposure | None
    inputs: BandInputs | None = None
    now: Situation | None = None
    cheap: BandInputs | None = None
    """At a maker's cost, where that makes the band."""
    widths: Widths | None = None


class Ruling(NamedTuple):
    """One decision and what it was made on."""

    decided: Decided
    verdict: Verdict
    wanted: Verdict
    """The verdict if nothing rested: what an order in the book has to answer to."""
    hedge: Hedge | None


class Hedger:
    """Mutable private state of one engine."""

    def __init__(self, params: HedgeParams, policy: BandPolicy, *, needs_vanna: bool = False) -> None:
        """Start without a hedge and without doubt. `policy` is shaped by the modifiers already."""
        self._params = params
        self.surface = FittedSurface(params.sources)
        """Fed by the engine."""
        self._index = IndexBridge()
        self.width = Width(
            policy,
            expiry=params.expiry,
            delta_coin_max=params.limits.delta_coin_worst_max,
            stability=params.stability,
            regime=params.regime,
            maker_cost_fraction=params.maker_cost_fraction,
            trade_to=params.modifiers.trade_to,
        )
        """Fed by the engine, and told of orders."""
        self._needs_vanna = needs_vanna
        self._legs: Legs | None = None
        self._legs_of: dict[InstrumentId, Decimal] = {}
        self._legs_listed_count = 0
        self._causes: dict[InstrumentId, DistrustCause] = {}
        self._refusing_since_ns: Ns | None = None
        self._has_alarmed = False
        self._is_over_limit = False
        self._kept_coin_told = 0.0
        self._share = 1.0
        self._floor = FloorAlarm(params.appetite)
        self.looked: Looked | None = None
        """Of the last decision, for whoever asks why; nothing decides on it."""

    def decide(self, view: MarketView, held: dict[InstrumentId, Decimal], desk: Desk, frame: Frame) -> Ruling:
        """Decide for this moment; the record, what to do, and the hedge instrument it was done on."""
        params, now_ns, self._share = self._params, frame.now_ns, desk.appetite_share
        hedge = situation.hedge_seen(view, frame.hedge_instrument, now_ns)
        legs = self._arranged(view, held)
        exposure = self._measured(view, legs, desk, hedge, now_ns)
        if hedge is not None and exposure is not None and params.expiry.hedge is HedgeAtExpiry.KEEP:
            exposure = self._kept(view, held, exposure, (desk, hedge.price_usd, now_ns))
        if hedge is None or exposure is None:
            self.looked = Looked(desk, exposure)
            verdict = situation.missing(hedge, legs, desk.collateral)
            if desk.blocked is not None:
                verdict = Verdict(action=Action.REFUSE, reason=desk.blocked[0], detail=desk.blocked[1])
            record = situation.write_down(frame, verdict, exposure=exposure, bands=None, hedge=hedge)
            return Ruling(record, verdict, verdict, hedge)
        vanna = vanna_coin_per_vol(view, legs, now_ns, params.window) if self._needs_vanna else 0.0
        inputs = situation.inputs_of(exposure, hedge, desk.last_hedge, now_ns, vanna_coin_per_vol=vanna)
        pin = pinned(params.expiry, view, legs, now_ns)
        cheap = self.width.at_maker_cost(inputs, hedge.spec)
        widths = self.width.at(inputs, cheap, hedge, is_pinned=pin is not None, appetite_share=self._share)
        inputs = widths.inputs
        waits, why = self._held_back(inputs, widths, exposure, desk.last_was_buy, pin)
        now = self._situation(
            desk,
            hedge,
            exposure,
            widths,
            hedges_held=(
                held.get(frame.hedge_instrument, ZERO),
                situation.held_usd(view, held, desk.other_side, hedge.price_usd),
            ),
            held_back=(waits, why),
            hedge_cause=view.hedge_verdict(frame.hedge_instrument, now_ns),
        )
        self.looked = Looked(desk, exposure, inputs, now, cheap, widths)
        verdict = wanted = decide(now)
        if desk.resting_native is not None:
            wanted = decide(situation.without_resting(now, desk.resting_native))
        record = situation.write_down(
            frame, verdict, exposure=exposure, bands=widths.bands, hedge=hedge, features=widths.features()
        )
        return Ruling(record, verdict, wanted, hedge)

    def _situation(
        self,
        desk: Desk,
        hedge: Hedge,
        exposure: Exposure,
        widths: Widths,
        *,
        hedges_held: tuple[Decimal, float],
        held_back: tuple[Reason | None, str],
        hedge_cause: DistrustCause | None,
    ) -> Situation:
        params, touch, regime = self._params, hedge.touch, widths.regime
        bands, guard = widths.bands, widths.guard
        hard = params.modifiers.hard_width_multiple
        return Situation(
            blocked=None if desk.blocked is None else desk.blocked[0],
            blocked_detail="" if desk.blocked is None else desk.blocked[1],
            hedge=hedge.spec,
            hedge_cause=hedge_cause,
            bid_usd=0.0 if touch is None else touch.bid_native or 0.0,
            ask_usd=0.0 if touch is None else touch.ask_native or 0.0,
            spread_bps_max=params.spread_bps_max,
            price_usd=hedge.price_usd,
            hedge_native=hedges_held[0],
            other_usd=hedges_held[1],
            closes_native=desk.closes_native,
            exposure=exposure,
            band=bands.acted_on,
            band_taker=bands.taker,
            hard_width_multiple=HARD_WIDTHS if hard is None else hard,
            trade_to=TradeTo.EDGE if regime.lifts_filters else params.modifiers.trade_to,
            at_once=regime.at_once,
            held_back=held_back[0],
            held_back_detail=held_back[1],
            trade_coin_min=params.trade_coin_min,
            has_pending=desk.has_pending,
            is_backing_off=desk.is_backing_off,
            orders_last_minute=desk.orders_last_minute,
            limits=params.limits
            if self._share >= 1.0
            else structs.replace(params.limits, delta_coin_worst_max=self._delta_coin_max),
            gap=desk.gap,
            band_narrow=bands.narrow,
            share=guard.share,
            room_coin=guard.room_coin,
        )

    def _measured(self, view: MarketView, legs: Legs, desk: Desk, hedge: Hedge | None, now_ns: Ns) -> Exposure | None:
        """What is held in coins, by the book's sources; None where it cannot be counted."""
        if isinstance(desk.collateral, str):
            return None
        terms = Terms(
            convention=self._params.convention,
            window=self._params.window,
            collateral=desk.collateral,
            price_usd=None if hedge is None else hedge.price_usd,
            index_usd=None if hedge is None else self._index.index_usd(view, legs, hedge),
            sources=self._params.sources,
            smiles=self.surface.at(now_ns),
        )
        return measure(view, legs, now_ns, terms, desk.outstanding)

    def _held_back(
        self,
        inputs: BandInputs,
        widths: Widths,
        exposure: Exposure,
        last_was_buy: bool | None,
        pin: InstrumentId | None,
    ) -> tuple[Reason | None, str]:
        """Why a hedge that is due has to wait, with words.

        Beyond the hard limit neither a pin nor our part of the volume holds anything back.
        """
        hold = widths.guard.hold
        if hold is not None and not (hold[0] is Reason.PARTICIPATION and self._is_beyond_limit(exposure)):
            return hold
        if pin is not None and not self._is_beyond_limit(exposure):
            waits = pin_held_back(self._params.expiry, inputs.since_hedge_ns)
            if waits is not None:
                return waits, f"the price sits on the strike of {pin}"
        if widths.regime.lifts_filters:
            return None, ""
        band = widths.bands.acted_on
        waits = held_back(self._params.modifiers, inputs, band)
        if waits is None and reverses_too_soon(inputs, band, last_was_buy=last_was_buy):
            waits = Reason.REVERSES_TOO_SOON
        return waits, ""

    def _kept(
        self, view: MarketView, held: dict[InstrumentId, Decimal], exposure: Exposure, at: tuple[Desk, float, Ns]
    ) -> Exposure:
        """The exposure with what expires in full, and the coins of deliveries; `at` is (desk, hedge price, now)."""
        desk, price_usd, now_ns = at
        now_expired = expired(view, held, now_ns, price_usd)
        delivered = Delivered(now_expired.coin + desk.delivered_coin, now_expired.doubt_coin)
        share = open_share(view, held, self._params.window, now_ns)
        return kept(self._params.expiry, exposure, share, delivered)

    @property
    def _delta_coin_max(self) -> float:
        """The hard limit of the appetite there is."""
        return self._params.limits.delta_coin_worst_max * self._share

    def _is_beyond_limit(self, exposure: Exposure) -> bool:
        """Whether the worst case is over its hard limit."""
        worst_coin = max(abs(exposure.delta_coin_low), abs(exposure.delta_coin_high))
        return worst_coin > self._delta_coin_max

    def _arranged(self, view: MarketView, held: dict[InstrumentId, Decimal]) -> Legs:
        """The legs, sorted anew only when positions or specifications have changed."""
        if self._legs is None or self._legs_of is not held or self._legs_listed_count != len(view.instruments):
            self._legs = arrange(held, view.instruments)
            self._legs_of = held
            self._legs_listed_count = len(view.instruments)
        return self._legs

    def notes(self, view: MarketView, decided: Decided) -> list[Note]:
        """Changes of trust, and the alarm of a refusal that lasts."""
        now_ns = decided.now_ns
        causes: dict[InstrumentId, DistrustCause] = {}
        for name in decided.doubtful:
            causes[name] = view.option_verdict(view.options.get(name), now_ns) or DistrustCause.NO_GREEKS
        for name in self._params.hedges:
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
        found += self.surface.notes(now_ns)
        found += [*self.width.notes(), *self._floor.notes(self._share, now_ns)]
        return found + self._over_limit(decided) + self._kept_alarm(decided) + self._alarms(decided)

    def _kept_alarm(self, decided: Decided) -> list[Note]:
        """Tells what a kept hedge stands against: only this run knows it."""
        coin = decided.delta_coin_delivered or 0.0
        if coin == self._kept_coin_told:
            return []
        self._kept_coin_told = coin
        key = f"books.{decided.book.lower()}.band.target_coin"
        text = f"{coin:+.4f} coins count as delivered outside; before a restart add {-coin:+.4f} to {key}"
        return [AlarmRaised(name=_KEPT, detail=text, deadline_ns=None)]

    def _over_limit(self, decided: Decided) -> list[Note]:
        """The alarm of a worst case beyond its hard limit: once, until the book has been inside its band again."""
        low, high = decided.delta_coin_low, decided.delta_coin_high
        limit = self._delta_coin_max
        if decided.action is Action.SKIP and decided.reason in _CALM:
            self._is_over_limit = False
        if low is None or high is None or max(abs(low), abs(high)) <= limit or self._is_over_limit:
            return []
        self._is_over_limit = True
        text = f"net delta between {low:+.4f} and {high:+.4f}, worst-case limit {limit:.4f}"
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
