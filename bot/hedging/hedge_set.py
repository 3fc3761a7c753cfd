"""The hedge instruments of a book that names several, as they stand now: legs for `target.split`, from live data.

Knows quotes, fees, funding, head-room and which may be traded; decides neither whether nor how much is hedged.
"""

import math
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from bot.domain.ids import InstrumentId, VenueId, venue_of
from bot.domain.instruments import Instrument
from bot.domain.market_events import FutureMarked
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import ZERO, coin_from_amount, float_from_decimal
from bot.hedging.band import WIDEST_COIN
from bot.hedging.basis import BasisWatch
from bot.hedging.sides import Sides
from bot.hedging.situation import Hedge, hedge_cause, hedge_seen, held_usd
from bot.hedging.target import BasisCorrelation, HedgeLeg, HedgeSide, SplitTerms
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window

_HELD_NS: Final = Ns(86_400 * NS_PER_S)
"""How long a hedge is held, for carry and basis risk, where nothing is said: options' deltas live for days."""
_MARGIN_SHARE: Final = 0.1
"""Margin kept for a coin of hedge: venues ask for 2 to 5 % of it, and what is left is for the move of a day."""
_STABLECOIN_VOL: Final = 0.01
"""Of USDC and USDT in dollars, per root year: five basis points a day, as ever but in a panic."""
_EIGHT_HOURS_NS: Final = 8 * 3_600 * NS_PER_S
_DOLLAR: Final = "USD"

Available = Mapping[tuple[VenueId, str], float]
"""Funds of each account by venue and currency that margin does not hold yet, as last told."""


class SetParams(Struct, frozen=True, kw_only=True):
    """What a set needs of a book's parameters."""

    names: tuple[InstrumentId, ...]
    """All of them, the one whose price counts first."""
    sides: Sides
    spread_bps_max: float
    position_usd_max: float
    trade_coin_min: float
    open_until_ns: Ns
    """Nothing is opened in what expires sooner."""
    window: Window
    """Of the venue, before delivery: nothing is traded in what is inside its own."""
    horizon_ns: Ns
    """0: a day."""
    maker_cost_fraction: float | None
    """What a maker's fill costs beside its fee; None: hedges only take."""


class Bar(Struct, frozen=True, kw_only=True):
    """Why an instrument is not traded now."""

    reason: Reason
    detail: str


class Among(Struct, frozen=True, kw_only=True):
    """What a hedge is split over at one moment."""

    legs: tuple[HedgeLeg, ...]
    """Of those with a price."""
    bars: dict[InstrumentId, Bar]
    """Of those not traded; of all of them."""
    terms: SplitTerms
    fees_maker: dict[InstrumentId, float]
    """What resting costs in each, fraction; empty where hedges only take."""
    opened: tuple[InstrumentId, ...]
    """What may be opened in the direction of the hedge, the preferred one first."""
    beside_usd: float = 0.0
    """Held of those without a price, unsigned, at the price of another: it counts for the limit."""

    @property
    def gross_usd(self) -> float:
        """What is held of all of them, none setting the other off."""
        return math.fsum(abs(leg.position_coin) * leg.price_usd for leg in self.legs) + self.beside_usd


class HedgeSet:
    """Mutable private state of one engine."""

    def __init__(self, params: SetParams) -> None:
        """Nothing seen."""
        self._params = params
        self._opened = tuple(name for name in params.names if params.sides.of(name) is not None)
        self._basis = BasisWatch(params.names)

    def see_future(self, marked: FutureMarked) -> None:
        """A ticker that is believed."""
        self._basis.see(marked)

    def pivot(self, view: MarketView, now_ns: Ns, away: Collection[VenueId]) -> InstrumentId:
        """The instrument whose price and costs the decision is made at: the first that can be traded on."""
        can_be = (
            name
            for name in self._opened
            if venue_of(name) not in away and hedge_cause(view, name, self._params.window, now_ns) is None
        )
        return next(can_be, self._opened[0])

    def at(
        self,
        view: MarketView,
        held: Mapping[InstrumentId, Decimal],
        desk: tuple[Available, Mapping[VenueId, str], Collection[InstrumentId]],
        now_ns: Ns,
        *,
        is_buy: bool,
        risk_aversion_per_usd: float,
    ) -> Among:
        """All of them now, for a hedge in a direction; what has no price is only barred.

        `desk`: funds free for margin, the venues at which no hedge can be made, with what is missing, and the
        instruments an order was refused in a moment ago.
        """
        params, (available, away, refused) = self._params, desk
        seen = [hedge for name in params.names if (hedge := hedge_seen(view, name, now_ns)) is not None]
        bars = {name: bar for name in params.names if (bar := self._bar(view, name, away, now_ns)) is not None}
        bars |= {name: _refused_bar(name) for name in params.names if name in refused and name not in bars}
        coins = {
            hedge.spec.id: coin_from_amount(hedge.spec, held.get(hedge.spec.id, ZERO), hedge.price_usd)
            for hedge in seen
        }
        beside = (name for name in params.names if name not in coins)
        beside_usd = held_usd(view, held, beside, seen[0].price_usd) if seen else 0.0
        held_in_all_usd = math.fsum(abs(coins[each.spec.id]) * each.price_usd for each in seen) + beside_usd
        room_usd = params.position_usd_max - held_in_all_usd
        extra = params.maker_cost_fraction
        legs = (
            structs.replace(
                self._leg(each, coins[each.spec.id], now_ns, is_buy=is_buy),
                headroom_coin=self._headroom_coin(each, (room_usd, available), now_ns),
                is_usable=each.spec.id not in bars,
            )
            for each in seen
        )
        return Among(
            legs=tuple(legs),
            bars=bars,
            terms=SplitTerms(
                risk_aversion_per_usd=risk_aversion_per_usd,
                horizon_ns=params.horizon_ns or _HELD_NS,
                correlations=self._correlations(),
            ),
            fees_maker={}
            if extra is None
            else {each.spec.id: float_from_decimal(each.spec.fee_rate_maker) + extra for each in seen},
            opened=params.sides.buying if is_buy else params.sides.selling,
            beside_usd=beside_usd,
        )

    def _bar(self, view: MarketView, name: InstrumentId, away: Mapping[VenueId, str], now_ns: Ns) -> Bar | None:
        missing = away.get(venue_of(name))
        if missing is not None:
            return Bar(reason=Reason.STREAM_LOST, detail=f"{name}: {missing}")
        cause = hedge_cause(view, name, self._params.window, now_ns)
        if cause is not None:
            return Bar(reason=Reason.HEDGE_QUOTE_DISTRUSTED, detail=f"{name}: {cause.value}")
        touch = view.touch(name)
        assert touch is not None, "a quote is trusted without a touch"
        assert touch.bid_native is not None, "a quote is trusted with one side"
        assert touch.ask_native is not None, "a quote is trusted with one side"
        wide_bps = 2e4 * (touch.ask_native - touch.bid_native) / (touch.ask_native + touch.bid_native)
        if wide_bps <= self._params.spread_bps_max:
            return None
        text = f"{name}: spread {wide_bps:.1f} bps over {self._params.spread_bps_max:g} bps"
        return Bar(reason=Reason.SPREAD_TOO_WIDE, detail=text)

    def _leg(self, hedge: Hedge, position_coin: float, now_ns: Ns, *, is_buy: bool) -> HedgeLeg:
        """Without head-room, and not to be traded yet."""
        spec, price, touch = hedge.spec, hedge.price_usd, hedge.touch
        half_spread = depth = 0.0
        if touch is not None and touch.bid_native is not None and touch.ask_native is not None:
            half_spread = max(0.5 * (touch.ask_native - touch.bid_native), 0.0)
            depth = _depth_coin(spec, price, touch.ask_amount_native if is_buy else touch.bid_amount_native)
        return HedgeLeg(
            spec=spec,
            position_coin=position_coin,
            price_usd=price,
            fee_rate_taker=float_from_decimal(spec.fee_rate_taker),
            half_spread_usd=half_spread,
            depth_coin=depth,
            carry_rate_8h=_carry_rate_8h(hedge, now_ns),
            basis_vol_per_root_year=self._basis.vol_per_root_year(spec.id, is_dated=spec.expiry_ns is not None),
            quote_vol_per_root_year=0.0 if spec.is_inverse or spec.settlement_currency == _DOLLAR else _STABLECOIN_VOL,
            headroom_coin=0.0,
            order_coin_min=self._params.trade_coin_min,
            side=self._params.sides.of(spec.id) or HedgeSide.BOTH,
            is_usable=False,
        )

    def _headroom_coin(self, hedge: Hedge, room: tuple[float, Available], now_ns: Ns) -> float:
        """The most that may be opened: by the owner's limit on positions, by the margin of its account, by its expiry.

        An account that was never told limits nothing: the venue does.
        """
        (room_usd, available), spec, price = room, hedge.spec, hedge.price_usd
        expires = spec.expiry_ns is not None and spec.expiry_ns - now_ns < self._params.open_until_ns
        if expires or self._params.sides.of(spec.id) is None:
            return 0.0
        most = max(room_usd, 0.0) / price
        free = available.get((venue_of(spec.id), spec.settlement_currency))
        if free is None:
            return most
        free_coin = max(free, 0.0) if spec.is_inverse else max(free, 0.0) / price
        return min(most, free_coin / _MARGIN_SHARE)

    def _correlations(self) -> tuple[BasisCorrelation, ...]:
        names = self._params.names
        pairs = [(one, other) for i, one in enumerate(names) for other in names[i + 1 :]]
        found = [(one, other, self._basis.correlation(one, other)) for one, other in pairs]
        return tuple(BasisCorrelation(one=one, other=other, value=value) for one, other, value in found if value)


def _refused_bar(name: InstrumentId) -> Bar:
    return Bar(reason=Reason.BACKING_OFF, detail=f"{name}: the venue refused an order a moment ago")


def _depth_coin(spec: Instrument, price_usd: float, amount_native: float | None) -> float:
    """What a side of the touch shows, coins; what is not told is not thin."""
    if amount_native is None:
        return WIDEST_COIN
    return amount_native / price_usd if spec.amount_is_in_usd else amount_native


def _carry_rate_8h(hedge: Hedge, now_ns: Ns) -> float:
    """What a long pays in 8 h, as a fraction: funding, or the premium of a dated future that wears off."""
    expiry_ns, index_usd = hedge.spec.expiry_ns, hedge.index_usd
    if expiry_ns is None:
        return hedge.funding_rate_8h
    if index_usd is None or index_usd <= 0.0:
        return 0.0
    return math.log(hedge.price_usd / index_usd) * _EIGHT_HOURS_NS / max(expiry_ns - now_ns, _EIGHT_HOURS_NS)
