"""Which instrument a hedge goes to: cases computed by hand, one rule each."""

import math
from decimal import Decimal

import pytest
from msgspec import structs

from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.domain.units import amount_from_coin_toward_zero
from bot.hedging.target import BasisCorrelation, HedgeLeg, HedgeSide, Split, SplitTerms, Why, split

NAN = float("nan")
DAY = Ns(86_400 * NS_PER_S)
COSTS_ONLY = SplitTerms(risk_aversion_per_usd=0.0, horizon_ns=DAY)
INVERSE = Instrument(
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
LINEAR = structs.replace(
    INVERSE,
    id=InstrumentId("OKX:BTC-USDT-SWAP"),
    venue=VenueId("okx"),
    settlement=Settlement.USD,
    settlement_currency="USDT",
    lot_native=Decimal("0.0001"),
)


def _leg(spec: Instrument = LINEAR, **changes: object) -> HedgeLeg:
    leg = HedgeLeg(
        spec=spec,
        position_coin=0.0,
        price_usd=50_000.0,
        fee_rate_taker=0.0005,
        half_spread_usd=0.5,
        depth_coin=10.0,
        is_usable=True,
    )
    return structs.replace(leg, **changes)


def _named(name: str, **changes: object) -> HedgeLeg:
    return _leg(structs.replace(LINEAR, id=InstrumentId(name)), **changes)


def _coins(result: Split) -> dict[str, float]:
    return {trade.instrument: trade.trade_coin for trade in result.trades}


def _whys(result: Split) -> dict[str, Why]:
    return {trade.instrument: trade.why for trade in result.trades}


@pytest.mark.parametrize("wanted", [0.30000000000000004, 0.29999999999999998, -1.23456789, 0.00019, 0.0])
@pytest.mark.parametrize("spec", [INVERSE, LINEAR], ids=["inverse", "linear"])
def test_one_instrument_gets_what_it_got_before_there_were_several(spec: Instrument, wanted: float) -> None:
    """All of it, toward zero to the lot; what is less than a lot is left."""
    result = split(wanted, [_leg(spec)], COSTS_ONLY)

    (trade,) = result.trades
    assert trade.amount_native == amount_from_coin_toward_zero(spec, wanted, 50_000.0)
    assert result.left_coin == pytest.approx(wanted - trade.trade_coin)


def test_the_cheaper_one_comes_first_and_the_dearer_takes_what_it_has_no_room_for() -> None:
    """Fees of 2 and 5 bp; head-room of 0.4 in the cheap one."""
    cheap = _named("B", fee_rate_taker=0.0002, headroom_coin=0.4)

    result = split(1.0, [_named("A"), cheap], COSTS_ONLY)

    assert [trade.instrument for trade in result.trades] == ["B", "A"]
    assert _coins(result) == pytest.approx({"B": 0.4, "A": 0.6})
    assert _whys(result) == {"B": Why.CHEAPEST, "A": Why.SHARES}
    # 10.5 USD a coin and 0.5 x 0.4^2 / 10 of impact; 25.5 and 0.5 x 0.6^2 / 10.
    assert result.cost_usd == pytest.approx(10.5 * 0.4 + 0.008 + 25.5 * 0.6 + 0.018)


def test_a_thin_book_is_shared_with_a_dearer_one_where_its_impact_has_grown_to_the_difference() -> None:
    """Half spreads 10 USD, depths 1 and 100 coins, fees 5 USD apart: 2 x 10 x / 1 = 2 x 5 + 2 x 10 (4 - x) / 100."""
    thin = _named("THIN", half_spread_usd=10.0, depth_coin=1.0)
    deep = _named("DEEP", half_spread_usd=10.0, depth_coin=100.0, fee_rate_taker=0.0006)

    coins = _coins(split(4.0, [deep, thin], COSTS_ONLY))

    assert coins["THIN"] == pytest.approx(10.8 / 20.2, abs=1.1e-4)
    assert math.fsum(coins.values()) == pytest.approx(4.0)


def test_what_is_held_the_other_way_is_closed_before_anything_is_opened() -> None:
    """Also where closing costs more than opening: the opened one has to be closed one day too."""
    short = _named("A", position_coin=-0.3, fee_rate_taker=0.0007)

    result = split(0.5, [_named("B", fee_rate_taker=0.0004), short], COSTS_ONLY)

    assert [trade.instrument for trade in result.trades] == ["A", "B"]
    assert _coins(result) == pytest.approx({"A": 0.3, "B": 0.2})
    assert _whys(result) == {"A": Why.CLOSES, "B": Why.CHEAPEST}


@pytest.mark.parametrize(("carry", "where"), [(0.0003, "A"), (0.0004, "B")])
def test_both_ways_are_held_only_where_carry_pays_for_opening_and_closing(carry: float, where: str) -> None:
    """A day is three payments to the short; two crossings of 5 bp and half a spread of 0.1 bp each are 10.2 bp."""
    short = _named("A", position_coin=-1.0, carry_rate_8h=carry)

    coins = _coins(split(0.5, [short, _named("B")], COSTS_ONLY))

    assert coins[where] == pytest.approx(0.5)


def test_a_funding_spike_moves_where_and_never_how_much() -> None:
    """A long that would pay 1 % in 8 h is dearer than twice the fee elsewhere."""
    spiked = _named("A", carry_rate_8h=0.01)

    result = split(0.5, [spiked, _named("B", fee_rate_taker=0.001)], COSTS_ONLY)

    assert _coins(result) == pytest.approx({"B": 0.5, "A": 0.0})
    assert _whys(result)["A"] is Why.DEARER
    assert _coins(split(-0.5, [spiked, _named("B", fee_rate_taker=0.001)], COSTS_ONLY))["A"] == pytest.approx(-0.5)


def test_basis_risk_is_shared_in_inverse_proportion_to_variance() -> None:
    """Equal costs, basis volatilities of 1 % and 2 %: four fifths and one; correlated by a half: all in the quieter."""
    legs = [
        _named("CALM", half_spread_usd=0.0, basis_vol_per_root_year=0.01),
        _named("WILD", half_spread_usd=0.0, basis_vol_per_root_year=0.02),
    ]
    averse = SplitTerms(risk_aversion_per_usd=1e-4, horizon_ns=DAY)
    linked = BasisCorrelation(one=InstrumentId("WILD"), other=InstrumentId("CALM"), value=0.5)

    apart = split(10.0, legs, averse)
    together = split(10.0, legs, structs.replace(averse, correlations=(linked,)))

    assert _coins(apart) == pytest.approx({"CALM": 8.0, "WILD": 2.0}, abs=2e-4)
    assert apart.basis_usd_squared == pytest.approx((0.01 * 8.0 * 50_000) ** 2 / 365 * 1.25, rel=1e-3)
    assert _coins(together) == pytest.approx({"CALM": 10.0, "WILD": 0.0})


def test_one_stablecoin_is_one_risk_on_every_venue() -> None:
    """Held 5 coins of USDT perps, more in USDT elsewhere shares nothing: USDC costs 1 bp more and is taken."""
    usdc = structs.replace(LINEAR, id=InstrumentId("C"), settlement_currency="USDC")
    held = _named("A", position_coin=5.0, is_usable=False, quote_vol_per_root_year=0.05)
    legs = [held, _named("B", quote_vol_per_root_year=0.05), _leg(usdc, fee_rate_taker=0.0006)]

    assert _coins(split(0.5, legs, COSTS_ONLY))["B"] == pytest.approx(0.5)
    assert _coins(split(0.5, legs, SplitTerms(risk_aversion_per_usd=1e-3, horizon_ns=DAY)))["C"] == pytest.approx(0.5)


def test_what_the_options_are_marked_on_counts_without_being_traded() -> None:
    """Long 10 coins on the forward: the future that moves with it takes all but what its 5 USD more, twice, outweigh.

    Variance per coin (50 000 x 0.05)^2 / 365, times the aversion, times what is left on the forward = 10 USD.
    """
    forward = _named("OPTIONS", position_coin=10.0, is_usable=False, basis_vol_per_root_year=0.05)
    future = _named("FUTURE", fee_rate_taker=0.0006, half_spread_usd=0.0, basis_vol_per_root_year=0.05)
    legs = [forward, future, _named("PERP", half_spread_usd=0.0)]
    same = BasisCorrelation(one=InstrumentId("FUTURE"), other=InstrumentId("OPTIONS"), value=1.0)
    terms = SplitTerms(risk_aversion_per_usd=1e-3, horizon_ns=DAY, correlations=(same,))

    left = 10.0 / (1e-3 * 2500.0**2 / 365)
    assert _coins(split(-10.0, legs, terms)) == pytest.approx(
        {"FUTURE": left - 10.0, "PERP": -left, "OPTIONS": 0.0}, abs=1.1e-4
    )
    assert _coins(split(-10.0, legs, COSTS_ONLY))["PERP"] == pytest.approx(-10.0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"is_usable": False}, Why.NOT_TRUSTED),
        ({"depth_coin": 0.0}, Why.NO_DEPTH),
        ({"headroom_coin": 0.0}, Why.NO_HEADROOM),
        ({"headroom_coin": -1.0}, Why.NO_HEADROOM),
        ({"side": HedgeSide.SHORT}, Why.OTHER_SIDE),
        ({"side": HedgeSide.SHORT, "headroom_coin": 0.0}, Why.OTHER_SIDE),
        ({"order_coin_min": 0.6}, Why.BELOW_LOT),
        ({"price_usd": NAN}, Why.BAD_FIGURES),
        ({"price_usd": 0.0}, Why.BAD_FIGURES),
        ({"fee_rate_taker": math.inf}, Why.BAD_FIGURES),
        ({"half_spread_usd": -1.0}, Why.BAD_FIGURES),
        ({"depth_coin": NAN}, Why.BAD_FIGURES),
        ({"carry_rate_8h": NAN}, Why.BAD_FIGURES),
        ({"basis_vol_per_root_year": -0.1}, Why.BAD_FIGURES),
        ({"position_coin": math.inf}, Why.BAD_FIGURES),
    ],
)
def test_an_instrument_that_may_not_be_traded_gets_nothing_and_says_why(changes: dict[str, object], why: Why) -> None:
    """All of it is left where there is no other."""
    result = split(0.5, [_leg(**changes)], COSTS_ONLY)

    (trade,) = result.trades
    assert (trade.amount_native, trade.why, result.left_coin, result.cost_usd) == (0, why, 0.5, 0.0)


def test_nothing_wanted_is_nothing_done() -> None:
    """And says so."""
    result = split(0.0, [_leg()], COSTS_ONLY)

    assert _whys(result) == {LINEAR.id: Why.NOTHING_WANTED}
    assert split(0.5, [], COSTS_ONLY).left_coin == 0.5


def test_one_instrument_for_longs_and_another_for_shorts() -> None:
    """Buying opens in the one; selling closes it first, whichever side it is for, then opens in the other."""
    longs = _named("L", side=HedgeSide.LONG, position_coin=0.2)
    shorts = _named("S", side=HedgeSide.SHORT)

    assert _coins(split(0.5, [longs, shorts], COSTS_ONLY)) == {"L": 0.5, "S": 0.0}
    assert _coins(split(-0.5, [longs, shorts], COSTS_ONLY)) == pytest.approx({"L": -0.2, "S": -0.3})


def test_a_wrong_sided_position_may_be_closed_and_no_further() -> None:
    """An instrument for longs that is held short is bought back; the same short is never added to."""
    longs = _named("L", side=HedgeSide.LONG, position_coin=-0.2)

    assert _coins(split(0.1, [longs], COSTS_ONLY)) == pytest.approx({"L": 0.1})
    assert _whys(split(-0.1, [longs], COSTS_ONLY)) == {"L": Why.OTHER_SIDE}


def test_closing_needs_no_headroom() -> None:
    """It gives margin back."""
    full = _named("A", position_coin=-0.3, headroom_coin=0.0)

    assert _coins(split(1.0, [full], COSTS_ONLY)) == pytest.approx({"A": 0.3})


def test_whole_lots_left_over_by_rounding_go_to_the_first_in_the_split() -> None:
    """Halves of one and a half lots each: one lot each, and the third to the first."""
    legs = [_named(name, half_spread_usd=1.0) for name in ("A", "B")]

    assert _coins(split(0.0003, legs, COSTS_ONLY)) == pytest.approx({"A": 0.0002, "B": 0.0001})


def test_a_part_below_the_smallest_order_goes_to_the_others_in_the_split() -> None:
    """Two halves, each too small for its venue: one order of both."""
    legs = [_named(name, half_spread_usd=1.0, order_coin_min=0.002) for name in ("A", "B")]

    result = split(0.003, legs, COSTS_ONLY)

    assert _coins(result) == pytest.approx({"A": 0.003, "B": 0.0})
    assert _whys(result)["B"] is Why.BELOW_LOT


def test_inverse_and_linear_legs_are_counted_in_the_same_coins() -> None:
    """0.4 coins of room at 50 000 are 20 000 USD of the inverse perpetual."""
    inverse = _leg(INVERSE, fee_rate_taker=0.0001, headroom_coin=0.4)

    result = split(-1.0, [inverse, _leg()], COSTS_ONLY)

    assert {trade.instrument: trade.amount_native for trade in result.trades} == {
        "BTC-PERPETUAL": Decimal(-20_000),
        "OKX:BTC-USDT-SWAP": Decimal("-0.6"),
    }


def test_carry_to_the_horizon_is_of_all_that_is_held_afterwards() -> None:
    """One coin held and half a coin bought, 1 bp per 8 h, a day: 1.5 x 50 000 x 3 bp."""
    result = split(0.5, [_leg(position_coin=1.0, carry_rate_8h=0.0001)], COSTS_ONLY)

    assert result.carry_usd == pytest.approx(1.5 * 50_000 * 0.0003)
    assert result.trades[0].carry_fraction == pytest.approx(0.0003)


def test_mistakes_of_the_caller_are_told() -> None:
    """A delta that is no number, five instruments to try, one instrument twice."""
    with pytest.raises(AssertionError, match="cannot be split"):
        split(NAN, [_leg()], COSTS_ONLY)
    with pytest.raises(AssertionError, match="more than 4"):
        split(1.0, [_named(name) for name in "ABCDE"], COSTS_ONLY)
    with pytest.raises(AssertionError, match="twice"):
        split(1.0, [_leg(), _leg()], COSTS_ONLY)


def test_a_horizon_beyond_a_year_counts_as_a_year() -> None:
    """So that no figure overflows."""
    leg = _leg(carry_rate_8h=0.0001)
    far = SplitTerms(risk_aversion_per_usd=math.inf, horizon_ns=Ns(100 * NS_PER_YEAR))

    assert split(1.0, [leg], far).carry_usd == pytest.approx(50_000 * 0.0001 * 3 * 365)
