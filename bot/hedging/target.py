"""What to hedge with: splits the coins a decision wants traded over several hedge instruments, by least cost and risk.

Pure. Does not decide how much is traded (`decide` does) and sends nothing. Coins are signed: + long, + bought.

With x_i >= 0 coins traded in the wanted direction s, h_i = held_i + s x_i held afterwards and V the covariance of each
leg's basis against the index, USD^2 per coin^2 to the horizon,

    minimise  a/2 h'Vh + Σ c_i x_i + Σ k_i x_i^2 + Σ c_i |h_i| + Σ f_i h_i     with Σ x_i = |wanted|, 0 <= x_i <= room_i

(minimum variance with costs, theory 6.4; the sum is given, so the index's own variance is the same for every split).
c = price x taker fee + half the spread; k = half the spread / depth, as if the book went on in levels of the touch's
size, one spread apart; c|h| = what closing costs one day, which is why closing an opposite leg comes before opening
another, unless carry pays for holding both; f = carry to the horizon. Solved exactly by `least_cost`, then rounded to
lots toward zero; whole lots that are left over go to the legs in the split, cheapest first.
"""

import enum
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.domain.units import ZERO, amount_from_coin_toward_zero, coin_from_amount
from bot.hedging.band import WIDEST_COIN
from bot.hedging.least_cost import Course, least

LEGS_MAX: Final = 4
"""More instruments that may be traded at once are not looked at: every combination is tried."""
_PRICE_USD_MAX: Final = 1e9
_DEPTH_COIN_MIN: Final = 1e-9
"""Less is no depth."""
_FRACTION_MAX: Final = 1.0
"""A fee, a carry per 8 h or half a spread of the whole price is no figure."""
_VOL_MAX: Final = 10.0
_AVERSION_PER_USD_MAX: Final = 1.0
"""So averse, a standard deviation of 2 USD already counts as much as losing 2 USD: more is no figure."""
_EIGHT_HOURS_PER_YEAR: Final = NS_PER_YEAR / (8 * 3600 * NS_PER_S)
_NOTHING: Final = 1e-12
"""Share of the wanted coins below which a share of the split is rounding."""


class HedgeSide(enum.StrEnum):
    """Positions an instrument may be used for. Whatever it says, an opposite position may be closed."""

    BOTH = "both"
    LONG = "long"
    SHORT = "short"


class Why(enum.StrEnum):
    """Why a leg got what it got."""

    CLOSES = "closes"
    """Closes, in whole or in part, what is held the other way."""
    CHEAPEST = "cheapest"
    """Opens or adds, and costs least of those that do."""
    SHARES = "shares"
    """Takes a part that the cheaper ones have no room for, or whose impact or basis risk makes it worth sharing."""
    DEARER = "dearer"
    NOT_TRUSTED = "not_trusted"
    BAD_FIGURES = "bad_figures"
    """A price, fee, spread, depth or volatility that is none."""
    NO_DEPTH = "no_depth"
    OTHER_SIDE = "other_side"
    NO_HEADROOM = "no_headroom"
    BELOW_LOT = "below_lot"
    """Its part is smaller than its lot or its smallest order."""
    NOTHING_WANTED = "nothing_wanted"


class HedgeLeg(Struct, frozen=True, kw_only=True):
    """One instrument as it stands.

    Legs that can only be held, like the options' own forward, are given with `is_usable=False`: their risk counts.
    """

    spec: Instrument
    """Lot, contract kind, settlement currency."""
    position_coin: float
    """Held now and on its way for certain, as delta: of an inverse contract amount / price."""
    price_usd: float
    """What its coins are counted at: mark, else mid."""
    fee_rate_taker: float
    """Of the account's tier. A rebate counts as no fee."""
    half_spread_usd: float
    depth_coin: float
    """At the touch that would be taken."""
    carry_rate_8h: float = 0.0
    """What a long pays in 8 h, as a fraction: funding at whatever interval, times 8 h / interval; of a dated future its
    premium over the index times 8 h / time left. Due or not within the horizon, its expectation is its share."""
    basis_vol_per_root_year: float = 0.0
    """Standard deviation of price / index, fraction: what this instrument does that the index does not."""
    quote_vol_per_root_year: float = 0.0
    """Of the money it is quoted in against USD: a stablecoin's basis, one for all legs of that settlement currency."""
    headroom_coin: float = WIDEST_COIN
    """The most that margin, and the owner's limit on a position, let be opened or added; closing needs none."""
    order_coin_min: float = 0.0
    """Smallest order the venue takes."""
    side: HedgeSide = HedgeSide.BOTH
    is_usable: bool
    """Whether its market, its account and its orders are trusted now."""


class BasisCorrelation(Struct, frozen=True, kw_only=True):
    """How the own bases of two instruments move together, -1 to 1; 0 where none is given."""

    one: InstrumentId
    other: InstrumentId
    value: float


class SplitTerms(Struct, frozen=True, kw_only=True):
    """What all legs have in common."""

    risk_aversion_per_usd: float
    """The band's own; 0 looks at costs only."""
    horizon_ns: Ns
    """How long a hedge is held, for carry and basis risk: the time between hedges, or to the next expiry."""
    correlations: tuple[BasisCorrelation, ...] = ()


class LegTrade(Struct, frozen=True, kw_only=True):
    """What one leg gets: zero with the reason where nothing."""

    instrument: InstrumentId
    amount_native: Decimal
    """On its lot, signed."""
    trade_coin: float
    cost_usd: float
    """Fee, half spread and impact of this trade."""
    cost_fraction: float
    """Fee and half spread of one coin."""
    carry_fraction: float
    """Carry of one coin more in the wanted direction, to the horizon."""
    why: Why


class Split(Struct, frozen=True, kw_only=True):
    """Trades in the order to send them, all legs among them."""

    trades: tuple[LegTrade, ...]
    left_coin: float
    """Wanted and not traded, signed like it."""
    cost_usd: float
    carry_usd: float
    """Of all that is held afterwards, to the horizon; negative: received."""
    basis_usd_squared: float
    """Variance of what is held afterwards against the index, to the horizon."""


def split(wanted_coin: float, legs: Sequence[HedgeLeg], terms: SplitTerms) -> Split:
    """Trades that add up to at most `wanted_coin`, none of them against it: the net delta never grows by them.

    With one leg this is `amount_from_coin_toward_zero` of what is wanted. Deterministic, whatever the order of `legs`.
    Finite for finite input; a leg with figures that are none gets nothing. Asserts on more than LEGS_MAX usable legs.
    """
    assert math.isfinite(wanted_coin), f"{wanted_coin} coins cannot be split"
    assert sum(leg.is_usable for leg in legs) <= LEGS_MAX, f"more than {LEGS_MAX} usable hedge instruments"
    assert len({leg.spec.id for leg in legs}) == len(legs), "a hedge instrument is given twice"
    way, total = math.copysign(1.0, wanted_coin), min(abs(wanted_coin), WIDEST_COIN)
    sane = sorted(
        (leg for leg in legs if _has_figures(leg)),
        key=lambda leg: (way * leg.position_coin >= 0.0, _cost_usd(leg), leg.spec.id),
    )
    refusals = {leg.spec.id: why for leg in sane if (why := _refusal(leg, way, total)) is not None}
    open_to = [leg for leg in sane if leg.spec.id not in refusals]
    covariance = _covariance(sane, terms)
    shares = _shares(total, open_to, way, (sane, covariance, terms))
    amounts = _in_lots(total, open_to, way, shares)
    whys = _whys(open_to, way, shares, amounts) | refusals
    horizon_8h = _years(terms) * _EIGHT_HOURS_PER_YEAR
    trades = [_told(leg, amounts.get(leg.spec.id, ZERO), whys[leg.spec.id], way * horizon_8h) for leg in sane]
    after = [leg.position_coin + trade.trade_coin for leg, trade in zip(sane, trades, strict=True)]
    carries = [coin * leg.price_usd * leg.carry_rate_8h * horizon_8h for leg, coin in zip(sane, after, strict=True)]
    return Split(
        trades=(*sorted(trades, key=lambda trade: trade.amount_native == ZERO), *map(_without_figures, _insane(legs))),
        left_coin=wanted_coin - math.fsum(trade.trade_coin for trade in trades),
        cost_usd=math.fsum(trade.cost_usd for trade in trades),
        carry_usd=math.fsum(carries),
        basis_usd_squared=max(_product(after, covariance, after), 0.0),
    )


# --- what a leg may take ---------------------------------------------------------------------------------


def _has_figures(leg: HedgeLeg) -> bool:
    fractions = (leg.fee_rate_taker, leg.carry_rate_8h)
    vols = (leg.basis_vol_per_root_year, leg.quote_vol_per_root_year)
    return (
        0.0 < leg.price_usd <= _PRICE_USD_MAX
        and abs(leg.position_coin) <= WIDEST_COIN
        and all(abs(each) <= _FRACTION_MAX for each in fractions)
        and 0.0 <= leg.half_spread_usd <= _FRACTION_MAX * leg.price_usd
        and all(0.0 <= each <= _VOL_MAX for each in vols)
        and not any(map(math.isnan, (leg.depth_coin, leg.headroom_coin, leg.order_coin_min)))
    )


def _insane(legs: Sequence[HedgeLeg]) -> list[HedgeLeg]:
    return sorted((leg for leg in legs if not _has_figures(leg)), key=lambda leg: leg.spec.id)


def _cost_usd(leg: HedgeLeg) -> float:
    """Of one coin, one way, at the touch."""
    return max(leg.fee_rate_taker, 0.0) * leg.price_usd + leg.half_spread_usd


def _closable_coin(leg: HedgeLeg, way: float) -> float:
    """What is held against the wanted direction."""
    return max(-way * leg.position_coin, 0.0)


def _other_side(way: float) -> HedgeSide:
    return HedgeSide.SHORT if way > 0.0 else HedgeSide.LONG


def _openable_coin(leg: HedgeLeg, way: float) -> float:
    return 0.0 if leg.side is _other_side(way) else min(max(leg.headroom_coin, 0.0), WIDEST_COIN)


def _room_coin(leg: HedgeLeg, way: float) -> float:
    return _closable_coin(leg, way) + _openable_coin(leg, way)


def _refusal(leg: HedgeLeg, way: float, total: float) -> Why | None:
    """Why a leg gets nothing, whatever the others cost."""
    if not leg.is_usable:
        return Why.NOT_TRUSTED
    if total == 0.0:
        return Why.NOTHING_WANTED
    if leg.depth_coin < _DEPTH_COIN_MIN:
        return Why.NO_DEPTH
    if _room_coin(leg, way) <= _NOTHING * total:
        return Why.OTHER_SIDE if leg.side is _other_side(way) else Why.NO_HEADROOM
    return None


# --- the split -------------------------------------------------------------------------------------------


def _covariance(legs: Sequence[HedgeLeg], terms: SplitTerms) -> list[list[float]]:
    """Of the legs' values against the index, USD^2 per coin^2, to the horizon."""
    given = {frozenset((each.one, each.other)): min(max(each.value, -1.0), 1.0) for each in terms.correlations}
    years = _years(terms)

    def entry(one: HedgeLeg, other: HedgeLeg) -> float:
        alike = 1.0 if one is other else given.get(frozenset((one.spec.id, other.spec.id)), 0.0)
        own = alike * one.basis_vol_per_root_year * other.basis_vol_per_root_year
        same_money = one.spec.settlement_currency == other.spec.settlement_currency
        money = one.quote_vol_per_root_year * other.quote_vol_per_root_year if same_money else 0.0
        return one.price_usd * other.price_usd * (own + money) * years

    return [[entry(one, other) for other in legs] for one in legs]


def _years(terms: SplitTerms) -> float:
    """The horizon, at most a year."""
    return min(max(terms.horizon_ns / NS_PER_YEAR, 0.0), 1.0)


def _product(left: Sequence[float], matrix: Sequence[Sequence[float]], right: Sequence[float]) -> float:
    return math.fsum(
        a * row[j] * b for a, row in zip(left, matrix, strict=True) for j, b in enumerate(right) if a != 0.0
    )


def _shares(
    total: float,
    open_to: Sequence[HedgeLeg],
    way: float,
    risk: tuple[Sequence[HedgeLeg], Sequence[Sequence[float]], SplitTerms],
) -> dict[InstrumentId, float]:
    """Coins for each leg, unsigned and not yet in lots: as much of `total` as there is room for."""
    sane, covariance, terms = risk
    room = math.fsum(_room_coin(leg, way) for leg in open_to)
    whole = min(total, room)
    if whole == 0.0:
        return {}
    aversion, horizon_8h = (
        min(max(terms.risk_aversion_per_usd, 0.0), _AVERSION_PER_USD_MAX),
        _years(terms) * _EIGHT_HOURS_PER_YEAR,
    )
    at = [sane.index(leg) for leg in open_to]
    held = [leg.position_coin for leg in sane]
    courses, quadratic = [], []
    for i, leg in zip(at, open_to, strict=True):
        slope = way * (
            aversion * _product([1.0], [covariance[i]], held) + leg.carry_rate_8h * leg.price_usd * horizon_8h
        )
        closes, most = min(_closable_coin(leg, way), whole), min(_room_coin(leg, way), whole)
        # Closing pays now what it saves later; opening pays twice.
        ends = [(closes, slope), (most, slope + 2.0 * _cost_usd(leg))]
        kept = [each for each, before in zip(ends, (0.0, closes), strict=True) if each[0] > before]
        courses.append(Course(tuple(end / whole for end, _ in kept), tuple(each * whole for _, each in kept)))
        impact = 2.0 * leg.half_spread_usd / leg.depth_coin
        quadratic.append([(aversion * covariance[i][j] + impact * (i == j)) * whole * whole for j in at])
    found = least(courses, quadratic)
    return {leg.spec.id: share * whole for leg, share in zip(open_to, found, strict=True) if share > _NOTHING}


def _in_lots(
    total: float, open_to: Sequence[HedgeLeg], way: float, shares: dict[InstrumentId, float]
) -> dict[InstrumentId, Decimal]:
    """Native amounts: each share toward zero to its lot; whole lots left over close first, then open where cheapest."""
    split_over = [leg for leg in open_to if leg.spec.id in shares]
    amounts = {leg.spec.id: ZERO for leg in split_over}
    coins = {leg.spec.id: 0.0 for leg in split_over}

    def add(leg: HedgeLeg, coin: float) -> None:
        name = leg.spec.id
        amount = amounts[name] + amount_from_coin_toward_zero(leg.spec, way * max(coin, 0.0), leg.price_usd)
        size = abs(coin_from_amount(leg.spec, amount, leg.price_usd))
        if size >= leg.order_coin_min:
            amounts[name], coins[name] = amount, size

    for leg in split_over:
        add(leg, shares[leg.spec.id])
    if len(split_over) > 1:
        closing = [(leg, _closable_coin(leg, way)) for leg in split_over]
        opening = [(leg, _room_coin(leg, way)) for leg in sorted(split_over, key=_cost_usd)]
        for leg, room in closing + opening:
            left = total * (1.0 + _NOTHING) - math.fsum(coins.values())
            add(leg, min(left, room - coins[leg.spec.id]))
    return amounts


# --- in words --------------------------------------------------------------------------------------------


def _whys(
    open_to: Sequence[HedgeLeg], way: float, shares: dict[InstrumentId, float], amounts: dict[InstrumentId, Decimal]
) -> dict[InstrumentId, Why]:
    whys: dict[InstrumentId, Why] = {}
    for leg in open_to:
        name = leg.spec.id
        if name not in shares:
            whys[name] = Why.DEARER
        elif amounts[name] == ZERO:
            whys[name] = Why.BELOW_LOT
        elif _closable_coin(leg, way) > 0.0:
            whys[name] = Why.CLOSES
        else:
            whys[name] = Why.SHARES if Why.CHEAPEST in whys.values() else Why.CHEAPEST
    return whys


def _told(leg: HedgeLeg, amount: Decimal, why: Why, way_8h: float) -> LegTrade:
    trade_coin = coin_from_amount(leg.spec, amount, leg.price_usd)
    impact_usd = leg.half_spread_usd * trade_coin**2 / leg.depth_coin if trade_coin else 0.0
    return LegTrade(
        instrument=leg.spec.id,
        amount_native=amount,
        trade_coin=trade_coin,
        cost_usd=_cost_usd(leg) * abs(trade_coin) + impact_usd,
        cost_fraction=_cost_usd(leg) / leg.price_usd,
        carry_fraction=way_8h * leg.carry_rate_8h,
        why=why,
    )


def _without_figures(leg: HedgeLeg) -> LegTrade:
    return LegTrade(
        instrument=leg.spec.id,
        amount_native=ZERO,
        trade_coin=0.0,
        cost_usd=0.0,
        cost_fraction=0.0,
        carry_fraction=0.0,
        why=Why.BAD_FIGURES,
    )
