"""The split over hedge instruments: whatever stands in them, the trades are never more than what was wanted."""

import math
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import amount_from_coin_toward_zero
from bot.hedging.target import BasisCorrelation, HedgeLeg, HedgeSide, Split, SplitTerms, split

_NAMES = "ABCD"
_any_float = st.floats(allow_nan=True, allow_infinity=True)


_INVERSE = Instrument(
    id=InstrumentId("BTC-PERPETUAL"),
    venue=VenueId("deribit"),
    kind=Kind.PERPETUAL,
    base="BTC",
    settlement=Settlement.COIN,
    settlement_currency="BTC",
    index_name="btc_usd",
    contract_size_native=Decimal(10),
    lot_native=Decimal(10),
    tick_native=Decimal("0.5"),
    fee_rate_maker=Decimal(0),
    fee_rate_taker=Decimal(0),
)


@st.composite
def _specs(draw: st.DrawFn, name: str) -> Instrument:
    if draw(st.booleans()):
        return structs.replace(_INVERSE, id=InstrumentId(name))
    return structs.replace(
        _INVERSE,
        id=InstrumentId(name),
        settlement=Settlement.USD,
        settlement_currency=draw(st.sampled_from(["USDC", "USDT"])),
        lot_native=draw(st.sampled_from([Decimal("0.0001"), Decimal("0.01")])),
    )


@st.composite
def _legs(draw: st.DrawFn, *, is_plain: bool = False) -> list[HedgeLeg]:
    """Legs as they stand; plain ones are deep and carry nothing."""
    return [
        HedgeLeg(
            spec=draw(_specs(name)),
            position_coin=draw(st.floats(-5.0, 5.0)),
            price_usd=draw(st.floats(49_000.0, 51_000.0)),
            fee_rate_taker=draw(st.floats(-0.0002, 0.001)),
            half_spread_usd=draw(st.floats(0.1 if is_plain else 0.0, 30.0)),
            depth_coin=1e9 if is_plain else draw(st.floats(0.0, 20.0)),
            carry_rate_8h=0.0 if is_plain else draw(st.floats(-0.01, 0.01)),
            basis_vol_per_root_year=0.0 if is_plain else draw(st.floats(0.0, 0.2)),
            quote_vol_per_root_year=0.0 if is_plain else draw(st.floats(0.0, 0.2)),
            headroom_coin=draw(st.one_of(st.just(1e9), st.floats(0.0, 3.0))),
            order_coin_min=draw(st.sampled_from([0.0, 0.002])),
            side=draw(st.sampled_from(HedgeSide)),
            is_usable=draw(st.sampled_from([True, True, True, False])),
        )
        for name in _NAMES[: draw(st.integers(1, 4))]
    ]


@st.composite
def _terms(draw: st.DrawFn) -> SplitTerms:
    one, other = draw(st.sampled_from([("A", "B"), ("A", "C"), ("B", "C")]))
    link = BasisCorrelation(one=InstrumentId(one), other=InstrumentId(other), value=draw(st.floats(-1.0, 1.0)))
    return SplitTerms(
        risk_aversion_per_usd=draw(st.sampled_from([0.0, 1e-6, 1e-4, 1e-2])),
        horizon_ns=Ns(draw(st.integers(0, 30 * 86_400)) * NS_PER_S),
        correlations=(link,),
    )


def _coins(result: Split) -> dict[InstrumentId, float]:
    return {trade.instrument: trade.trade_coin for trade in result.trades}


_wanted = st.floats(-20.0, 20.0)


@given(wanted=_wanted, legs=_legs(), terms=_terms())
def test_the_trades_never_exceed_what_is_wanted_nor_go_against_it(
    wanted: float, legs: list[HedgeLeg], terms: SplitTerms
) -> None:
    """So the net delta never grows by them; what is not traded is told, and every leg gets a line."""
    result = split(wanted, legs, terms)

    coins = _coins(result)
    assert set(coins) == {leg.spec.id for leg in legs}
    assert all(coin * wanted >= 0.0 for coin in coins.values())
    assert abs(math.fsum(coins.values())) <= abs(wanted) * (1.0 + 1e-11)
    assert math.fsum([*coins.values(), result.left_coin]) == pytest.approx(wanted)


@given(wanted=_wanted, legs=_legs(), terms=_terms())
def test_no_leg_gets_what_it_may_not_have(wanted: float, legs: list[HedgeLeg], terms: SplitTerms) -> None:
    """Trust, side, head-room, lots and the smallest order; closing needs no head-room and no side."""
    for leg in legs:
        coin = _coins(split(wanted, legs, terms))[leg.spec.id]
        after = leg.position_coin + coin
        opened = max(abs(after) - (abs(leg.position_coin) if after * leg.position_coin > 0.0 else 0.0), 0.0)
        if not leg.is_usable or leg.depth_coin == 0.0:
            assert coin == 0.0
        assert opened <= leg.headroom_coin + 1e-9
        if opened > 1e-9 and leg.side is not HedgeSide.BOTH:
            assert (leg.side is HedgeSide.LONG) == (coin > 0.0)
        assert coin == 0.0 or abs(coin) >= leg.order_coin_min


@given(wanted=_wanted, legs=_legs(), terms=_terms())
def test_as_much_is_traded_as_there_is_room_for_but_for_lots(
    wanted: float, legs: list[HedgeLeg], terms: SplitTerms
) -> None:
    """No reason but room, lots and smallest orders leaves anything."""
    way = math.copysign(1.0, wanted)
    other = HedgeSide.SHORT if way > 0.0 else HedgeSide.LONG
    usable = [leg for leg in legs if leg.is_usable and leg.depth_coin > 1e-9]
    closable = [max(-way * leg.position_coin, 0.0) for leg in usable]
    room = math.fsum(closable) + math.fsum(leg.headroom_coin for leg in usable if leg.side is not other)

    traded = abs(math.fsum(_coins(split(wanted, legs, terms)).values()))

    # 10 USD or 0.01 coins a lot, 0.002 coins an order.
    assert traded >= min(abs(wanted), room) - 0.0125 * len(legs)


@given(wanted=_wanted, legs=_legs(), terms=_terms(), seed=st.randoms(use_true_random=False))
def test_the_order_of_the_legs_changes_nothing(
    wanted: float, legs: list[HedgeLeg], terms: SplitTerms, seed: random.Random
) -> None:
    """And the same question has the same answer."""
    mixed = list(legs)
    seed.shuffle(mixed)

    assert split(wanted, mixed, terms) == split(wanted, legs, terms)


@given(wanted=_wanted, leg=_legs(is_plain=True))
def test_one_usable_leg_with_room_gets_exactly_what_it_got_alone(wanted: float, leg: list[HedgeLeg]) -> None:
    """`amount_from_coin_toward_zero` of what is wanted."""
    alone = structs.replace(leg[0], is_usable=True, side=HedgeSide.BOTH, headroom_coin=1e9, order_coin_min=0.0)

    (trade,) = split(wanted, [alone], SplitTerms(risk_aversion_per_usd=1e-5, horizon_ns=Ns(0))).trades

    assert trade.amount_native == amount_from_coin_toward_zero(alone.spec, wanted, alone.price_usd)


@given(wanted=_wanted, legs=_legs(is_plain=True))
def test_nothing_is_opened_while_something_could_be_closed(wanted: float, legs: list[HedgeLeg]) -> None:
    """Where neither carry nor basis pays for holding both ways, and books are deep."""
    coins = _coins(split(wanted, legs, SplitTerms(risk_aversion_per_usd=1e-5, horizon_ns=Ns(0))))
    way = math.copysign(1.0, wanted)
    closable = {leg.spec.id: max(-way * leg.position_coin, 0.0) if leg.is_usable else 0.0 for leg in legs}
    opened = [name for name, coin in coins.items() if abs(coin) > closable[name] + 0.0125]
    free = [leg for leg in legs if abs(coins[leg.spec.id]) < closable[leg.spec.id] - 0.0125]

    assert not (opened and free), (coins, closable)


@given(wanted=_wanted, legs=_legs(is_plain=True))
def test_nothing_is_opened_in_a_dearer_one_while_a_cheaper_has_room(wanted: float, legs: list[HedgeLeg]) -> None:
    """Deep books without carry and basis: by fee and half spread alone."""
    coins = _coins(split(wanted, legs, SplitTerms(risk_aversion_per_usd=0.0, horizon_ns=Ns(0))))
    way = math.copysign(1.0, wanted)
    other = HedgeSide.SHORT if way > 0.0 else HedgeSide.LONG

    def cost(leg: HedgeLeg) -> float:
        return max(leg.fee_rate_taker, 0.0) * leg.price_usd + leg.half_spread_usd

    def opened(leg: HedgeLeg) -> float:
        return abs(coins[leg.spec.id]) - max(-way * leg.position_coin, 0.0)

    free = [leg for leg in legs if leg.is_usable and leg.side is not other and opened(leg) < leg.headroom_coin - 0.0125]
    for dear in (leg for leg in legs if opened(leg) > 0.0125):
        assert all(cost(dear) <= cost(cheap) + 1e-6 for cheap in free if opened(cheap) > -0.0125)


@given(wanted=st.floats(allow_nan=False, allow_infinity=False), figures=st.lists(_any_float, min_size=9, max_size=18))
def test_whatever_the_figures_are_the_answer_is_finite(wanted: float, figures: list[float]) -> None:
    """Numbers that are none stop one leg and nothing else."""
    rows = [figures[i : i + 9] for i in range(0, len(figures) - 8, 9)]
    legs = [
        HedgeLeg(
            spec=structs.replace(_INVERSE, id=InstrumentId(name)),
            position_coin=row[0],
            price_usd=row[1],
            fee_rate_taker=row[2],
            half_spread_usd=row[3],
            depth_coin=row[4],
            carry_rate_8h=row[5],
            basis_vol_per_root_year=row[6],
            headroom_coin=row[7],
            order_coin_min=row[8],
            is_usable=True,
        )
        for name, row in zip(_NAMES, rows, strict=False)
    ]

    result = split(wanted, legs, SplitTerms(risk_aversion_per_usd=1e300, horizon_ns=Ns(2**62)))

    figures_out = (result.left_coin, result.cost_usd, result.carry_usd, result.basis_usd_squared)
    assert all(map(math.isfinite, figures_out)), result
    assert all(math.isfinite(trade.trade_coin + trade.cost_usd) for trade in result.trades)
