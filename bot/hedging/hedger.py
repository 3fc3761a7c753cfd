"""One book's hedging: policy, last hedge, what was told of doubt. Calls `decide` with everything gathered.

Sees orders only as the `Desk` the engine passes; prices no order.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from types import MappingProxyType

from msgspec import Struct, structs

from bot.domain.decided import Decided, Note
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.market_events import FutureMarked
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.time import Ns
from bot.domain.units import ZERO
from bot.hedging import situation
from bot.hedging.appetite import AppetiteParams, FloorAlarm
from bot.hedging.band import BandInputs, BandPolicy, TradeTo
from bot.hedging.decide import Situation, Verdict, decide
from bot.hedging.division import Division, Part, divide, of_resting, whole
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
from bot.hedging.hedge_set import Available, HedgeSet, SetParams
from bot.hedging.index_bridge import IndexBridge
from bot.hedging.modifiers import HARD_WIDTHS, Modifiers, held_back, reverses_too_soon
from bot.hedging.notices import Notices
from bot.hedging.regime import RegimeParams
from bot.hedging.sides import Sides
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


def _not_averse(_: BandInputs) -> float:
    return 0.0


class Desk(Struct, frozen=True, kw_only=True):
    """The state of orders and account, as the engine sees it."""

    blocked: tuple[Reason, str] | None
    outstanding: Mapping[InstrumentId, tuple[Decimal, Decimal]]
    has_pending: bool
    backing_off: frozenset[InstrumentId]
    orders_last_minute: int
    last_hedge: tuple[Ns, float] | None
    """Time and price of the last hedge fill."""
    last_was_buy: bool | None = None
    """Its side."""
    resting: Mapping[InstrumentId, Decimal] | None = None
    """What is left of all orders, when they rest in the book and nothing about them is in doubt; in `outstanding`."""
    collateral: Collateral | str
    """What the account adds to the delta, or why that is not known."""
    delivered_coin: float = 0.0
    """Coins that deliveries since the start would have brought, had they been physical."""
    gap: tuple[Breach, ...] = ()
    """Rungs of the gap-risk ladder beyond their limits."""
    appetite_share: float = 1.0
    """Of the configured risk, by the equity above the floor."""
    available: Available = MappingProxyType({})
    """Funds free for margin, of each account."""
    away: Mapping[VenueId, str] = MappingProxyType({})
    """Of several venues hedges are made at, those at which none can be made now: what is missing."""


class HedgeParams(Struct, frozen=True, kw_only=True):
    """What hedging needs of a book's parameters."""

    convention: Convention
    hedges: tuple[InstrumentId, ...]
    sides: Sides | None = None
    """None: one instrument both ways."""
    open_until_ns: Ns = Ns(0)
    """With several: nothing is opened in what expires sooner."""
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


class Looked(Struct, frozen=True):
    """What a decision was made on; None from where on it had no ground."""

    desk: Desk
    exposure: Exposure | None
    inputs: BandInputs | None = None
    now: Situation | None = None
    cheap: BandInputs | None = None
    """At a maker's cost, where that makes the band."""
    widths: Widths | None = None


class Ruling(Struct, frozen=True):
    """One decision and what it was made on."""

    decided: Decided
    verdict: Verdict
    wanted: Verdict
    """The verdict if nothing rested: what orders in the book have to answer to."""
    parts: tuple[Part, ...] = ()
    """Of it, by instrument; none unless it is to hedge."""


class Hedger:
    """Mutable private state of one engine."""

    def __init__(
        self,
        params: HedgeParams,
        policy: BandPolicy,
        *,
        needs_vanna: bool = False,
        aversion: Callable[[BandInputs], float] = _not_averse,
    ) -> None:
        """Start without a hedge and without doubt. `policy` is shaped by the modifiers already.

        `aversion`: the policy's risk aversion, per USD; what a hedge is split by.
        """
        self._params = params
        self.surface = FittedSurface(params.sources)
        """Fed by the engine."""
        self._index = IndexBridge(params.hedges)
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
        self._needs_vanna, self._aversion = needs_vanna, aversion
        self._set = None if params.sides is None else HedgeSet(_set_params(params, params.sides))
        self._legs: Legs | None = None
        self._legs_of: dict[InstrumentId, Decimal] = {}
        self._legs_listed_count = 0
        self._notices = Notices(params.hedges)
        self._share = 1.0
        self._floor = FloorAlarm(params.appetite)
        self.looked: Looked | None = None
        """Of the last decision, for whoever asks why; nothing decides on it."""

    def decide(self, view: MarketView, held: dict[InstrumentId, Decimal], desk: Desk, frame: Frame) -> Ruling:
        """Decide for this moment; the record, what to do, and the hedge instrument it was done on."""
        params, now_ns, self._share = self._params, frame.now_ns, desk.appetite_share
        hedge = situation.hedge_seen(view, frame.hedge_instrument, now_ns)
        legs = self._arranged(view, held)
        self._index.pair(view, legs)
        exposure = self._measured(view, legs, desk, hedge, now_ns)
        if hedge is not None and exposure is not None and params.expiry.hedge is HedgeAtExpiry.KEEP:
            exposure = self._kept(view, held, exposure, (desk, hedge.price_usd, now_ns))
        if hedge is None or exposure is None:
            self.looked = Looked(desk, exposure)
            verdict = situation.missing(hedge, legs, desk.collateral)
            if desk.blocked is not None:
                verdict = Verdict(action=Action.REFUSE, reason=desk.blocked[0], detail=desk.blocked[1])
            record = situation.write_down(frame, verdict, exposure=exposure, bands=None, hedge=hedge)
            return Ruling(record, verdict, verdict)
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
                0.0 if self._set is None else self._beside_usd(view, held, hedge),
            ),
            held_back=(waits, why),
            hedge_cause=situation.hedge_cause(view, frame.hedge_instrument, params.window, now_ns),
        )
        self.looked = Looked(desk, exposure, inputs, now, cheap, widths)
        division = self._ruled(view, held, now, desk, inputs)
        verdict, wanted, parts = division.verdict, division.verdict, division.parts
        if desk.resting:
            left_coin = situation.resting_coin(view, desk.resting, hedge.price_usd)
            of_resting = self._ruled(view, held, situation.without_resting(now, left_coin), desk, inputs)
            wanted, parts = of_resting.verdict, of_resting.parts
        record = situation.write_down(
            frame,
            verdict,
            exposure=exposure,
            bands=widths.bands,
            hedge=hedge,
            features=widths.features(),
            split=division.told,
        )
        return Ruling(record, verdict, wanted, parts)

    def pivot(self, view: MarketView, now_ns: Ns, away: Collection[VenueId] = ()) -> InstrumentId:
        """The instrument at whose price and costs this moment is decided."""
        return self._params.hedges[0] if self._set is None else self._set.pivot(view, now_ns, away)

    def see_future(self, marked: FutureMarked) -> None:
        """A ticker: of the first hedge instrument it tells what own trades may have moved."""
        if marked.instrument == self._params.hedges[0] and marked.mark_usd is not None:
            self.width.see_price(marked.mark_usd, marked.received_ns)
        if self._set is not None:
            self._set.see_future(marked)

    def _ruled(
        self, view: MarketView, held: dict[InstrumentId, Decimal], now: Situation, desk: Desk, inputs: BandInputs
    ) -> Division:
        """The verdict on a situation, with its parts where it is to hedge."""
        verdict = decide(now)
        if verdict.action is not Action.HEDGE:
            return Division(verdict)
        if self._set is None:
            return Division(verdict, (whole(verdict, now),))
        among = self._set.at(
            view,
            held,
            (desk.available, desk.away, () if desk.resting else desk.backing_off),
            inputs.now_ns,
            is_buy=verdict.amount_native > ZERO,
            risk_aversion_per_usd=self._aversion(inputs),
        )
        return of_resting(verdict, desk.resting, among) if desk.resting else divide(now, verdict, among)

    def _beside_usd(self, view: MarketView, held: dict[InstrumentId, Decimal], hedge: Hedge) -> float:
        """What is held of the other hedge instruments, unsigned."""
        others = (name for name in self._params.hedges if name != hedge.spec.id)
        return situation.held_usd(view, held, others, hedge.price_usd)

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
            is_divided=self._set is not None,
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
            is_backing_off=desk.backing_off.issuperset(params.hedges),
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
            index_usd=None if hedge is None else self._index.index_usd(view, hedge),
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
        """What a decision made somebody need to know: changes of trust, guards, alarms."""
        found = self._notices.trust(view, decided)
        found += self.surface.notes(decided.now_ns)
        found += [*self.width.notes(), *self._floor.notes(self._share, decided.now_ns)]
        return found + self._notices.alarms(decided, self._delta_coin_max)


def _set_params(params: HedgeParams, sides: Sides) -> SetParams:
    return SetParams(
        names=params.hedges,
        sides=sides,
        spread_bps_max=params.spread_bps_max,
        position_usd_max=params.limits.hedge_position_usd_max,
        trade_coin_min=params.trade_coin_min,
        open_until_ns=params.open_until_ns,
        window=params.window,
        horizon_ns=params.modifiers.funding_horizon_ns,
        maker_cost_fraction=params.maker_cost_fraction,
    )
