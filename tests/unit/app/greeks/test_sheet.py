"""A sheet of greeks: every number is the formula's, every delta is named, nothing is left out quietly."""

from decimal import Decimal

import numpy as np
import pytest
from msgspec.structs import replace

from bot.app.greeks.figures import Deltas, Sheet
from bot.app.greeks.sheet import Choices, sheet
from bot.app.greeks.snapshot import Quote, Snapshot
from bot.domain.ids import InstrumentId
from bot.domain.portfolio import Holding
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.pricing import black76, settlement_window
from bot.pricing.settlement_window import Window
from bot.risk import ladder as gap

_CALL, _PUT = "BTC-27MAR26-100000-C", "BTC-24APR26-95000-P"
_LINEAR = "BTC_USDC-24APR26-105000-C"
_WINDOW = Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))


def _held(market: Snapshot, **quantities: str) -> tuple[Holding, ...]:
    return tuple(
        Holding(instrument=market.listed[InstrumentId(name)], qty_coin=Decimal(qty)) for name, qty in quantities.items()
    )


def _of(market: Snapshot, quantities: dict[str, str], **how: object) -> Sheet:
    return sheet(market, _held(market, **quantities), Choices(**how))  # type: ignore[arg-type]


def test_one_options_numbers_are_the_formulas(market: Snapshot) -> None:
    """Units of the name: per point, per day, per 1 % move."""
    (found,) = _of(market, {_PUT: "-2"}).options
    years = found.hours_left / 8760.0
    greeks = black76.greeks_scalar(102_000.0, 95_000.0, years, found.iv, False)

    assert (found.kind, found.settlement, found.qty_coin, found.open_share) == ("put", "coin", -2.0, 1.0)
    assert years == pytest.approx(35.0 / 365.0)
    assert [
        found.price_usd,
        found.premium_coin,
        found.gamma_coin_per_usd,
        found.gamma_coin_per_percent,
        found.vega_usd_per_percent,
        found.theta_usd_per_day,
        found.vanna_coin_per_iv,
        found.volga_usd_per_iv,
        found.charm_coin_per_day,
        found.speed_coin_per_usd,
        found.coin_gamma_per_usd,
    ] == pytest.approx(
        [
            greeks.price,
            greeks.coin_price,
            greeks.gamma,
            greeks.gamma * 1020.0,
            greeks.vega / 100.0,
            greeks.theta / 365.0,
            greeks.vanna,
            greeks.volga,
            greeks.charm / 365.0,
            greeks.speed,
            greeks.coin_gamma,
        ],
        rel=1e-9,
    )


def test_each_convention_counts_a_leg_its_own_way(market: Snapshot) -> None:
    """Coin-settled: the premium comes off for a book flat in coins. Linear: by the spot, forward over index."""
    inverse, linear = _of(market, {_PUT: "1", _LINEAR: "1"}).options
    one = black76.greeks_scalar(102_000.0, 95_000.0, inverse.hours_left / 8760.0, inverse.iv, False)
    other = black76.greeks_scalar(102_000.0, 105_000.0, linear.hours_left / 8760.0, linear.iv, True)

    assert [getattr(inverse.delta, name) for name in Deltas.__struct_fields__] == pytest.approx(
        [one.delta, one.delta, one.pa_delta, one.delta], abs=1e-12
    )
    assert [getattr(linear.delta, name) for name in Deltas.__struct_fields__] == pytest.approx(
        [other.delta, 1.02 * other.delta, 1.02 * other.delta, 1.02 * other.delta]
    )


def test_a_linear_perpetual_counts_by_the_spot(market: Snapshot) -> None:
    """Mark over index, but where legs are taken as they are; an inverse one is its coins."""
    linear, inverse = _of(market, {"BTC_USDC-PERPETUAL": "1", "BTC-PERPETUAL": "1"}).futures

    assert [getattr(linear.delta, name) for name in Deltas.__struct_fields__] == pytest.approx(
        [1.0, 1.0005, 1.0005, 1.0005]
    )
    assert [getattr(inverse.delta, name) for name in Deltas.__struct_fields__] == [1.0] * 4


def test_totals_apply_quantities_and_equity(market: Snapshot) -> None:
    """Sum over legs, futures at one; in dollars the equity joins without the options' own value in it."""
    found = _of(market, {_CALL: "3", _LINEAR: "-2", "BTC-PERPETUAL": "-1.5"}, equity_coin=10.0)
    call, linear = found.options
    totals = found.totals
    usd = 3.0 * call.delta.usd_coin - 2.0 * linear.delta.usd_coin - 1.5

    assert totals.delta.options_only_coin == pytest.approx(
        3.0 * call.delta.options_only_coin - 2.0 * linear.delta.options_only_coin - 1.5
    )
    assert totals.delta.usd_coin == pytest.approx(usd)
    assert totals.delta_usd_with_equity_coin == pytest.approx(10.0 - 3.0 * call.premium_coin + usd)
    assert totals.vega_usd_per_percent == pytest.approx(
        3.0 * (call.vega_usd_per_percent or 0.0) - 2.0 * (linear.vega_usd_per_percent or 0.0)
    )
    assert _of(market, {_CALL: "1"}).totals.delta_usd_with_equity_coin is None


def test_smile_aware_deltas_stand_beside_black76(market: Snapshot) -> None:
    """Puts are dearer here: sticky delta is above Black-76, a ratio of 2 as far below."""
    (found,) = _of(market, {_CALL: "1"}, ssr_ratio=2.0).options
    assert found.smile is not None

    assert found.smile.sticky_strike_coin == found.delta.options_only_coin
    assert found.smile.skew_iv_per_log < 0.0
    assert found.smile.iv_surface == pytest.approx(found.iv, abs=0.01)
    assert found.smile.sticky_delta_coin - found.smile.sticky_strike_coin == pytest.approx(
        found.smile.sticky_strike_coin - found.smile.ssr_coin
    )
    assert found.smile.sticky_delta_coin > found.smile.sticky_strike_coin


def test_without_quotes_there_is_no_smile(market: Snapshot) -> None:
    """Numbers alone: greeks yes, smile no."""
    bare = replace(market, quotes={k: q._replace(bid_native=None, ask_native=None) for k, q in market.quotes.items()})

    assert _of(bare, {_CALL: "1"}).options[0].smile is None


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        (_CALL, {"iv": None}, "it has no volatility"),
        (_CALL, {"iv": 0.0}, "it has no volatility"),
        (_CALL, {"forward_usd": None}, "it has no forward"),
        ("BTC-PERPETUAL", {"forward_usd": None}, "it has no mark"),
    ],
)
def test_a_leg_without_numbers_is_told(
    market: Snapshot, name: str, change: dict[str, float | None], reason: str
) -> None:
    """By name and reason; the others are still valued."""
    key = InstrumentId(name)
    quotes = {**market.quotes, key: market.quotes[key]._replace(**change)}
    found = _of(replace(market, quotes=quotes), {name: "1", _PUT: "1"})

    assert (found.unvalued, [item.instrument for item in found.options]) == ({name: reason}, [_PUT])


def test_what_was_never_seen_or_has_expired_is_told(market: Snapshot) -> None:
    """Listed without a ticker; past its expiry."""
    unseen = replace(market, quotes={k: q for k, q in market.quotes.items() if k != _CALL})
    late = replace(market, now_ns=ns_from_iso("2026-03-27T08:00:00Z"))

    assert _of(unseen, {_CALL: "1"}).unvalued == {_CALL: "nothing was seen of it"}
    assert _of(late, {_CALL: "1"}).unvalued == {_CALL: "it has expired"}


def test_inside_the_settlement_window_the_average_counts(market: Snapshot) -> None:
    """Price, delta and gamma of an option on what is open; without the average so far it is not valued."""
    at = ns_from_iso("2026-03-27T07:45:00Z")
    key = InstrumentId(_CALL)
    inside = replace(market, now_ns=at)
    known = replace(inside, quotes={**market.quotes, key: market.quotes[key]._replace(delivery_usd=100_200.0)})
    (found,) = _of(known, {_CALL: "2"}, window=_WINDOW).options
    left = settlement_window.left_of(_WINDOW, 900 * NS_PER_S)
    worth = settlement_window.worth(settlement_window.average_of(left, 100_000.0, 100_200.0), 100_000.0, found.iv, True)

    assert (found.open_share, found.vega_usd_per_percent, found.smile) == (0.5, None, None)
    assert [found.price_usd, found.delta.options_only_coin, found.gamma_coin_per_usd] == list(worth[:3])
    assert found.delta.coin_coin == worth.pa_delta
    assert _of(known, {_CALL: "2"}, window=_WINDOW).totals.theta_usd_per_day == 0.0
    assert _of(inside, {_CALL: "2"}, window=_WINDOW).unvalued == {
        _CALL: "it is inside its settlement window, and the average so far is not known"
    }


def test_the_ladder_is_the_risk_modules(market: Snapshot) -> None:
    """Every rung, legs of all kinds; none unless asked for."""
    quantities = {_CALL: "3", _LINEAR: "-2", "BTC-PERPETUAL": "-1.5", "BTC_USDC-PERPETUAL": "0.5"}
    found = _of(market, quantities, with_ladder=True)
    middle = next(rung for rung in found.ladder if rung.spot_share == 0.0 and rung.iv_move == 0.0)

    assert len(found.ladder) == len(gap.SPOT_SHARES) * len(gap.IV_MOVES)
    assert middle.delta_coin_net == pytest.approx(found.totals.delta.options_only_coin)
    assert (middle.pnl_coin, middle.pnl_usd) == (0.0, 0.0)
    assert middle.margin_coin > 0.0
    assert np.isfinite([rung.pnl_usd for rung in found.ladder]).all()
    assert _of(market, quantities).ladder == ()


def test_a_portfolio_of_futures_alone(market: Snapshot) -> None:
    """No option, no greeks; a ladder all the same."""
    found = _of(market, {"BTC-PERPETUAL": "2"}, with_ladder=True)

    assert (found.options, found.totals.delta.coin_coin, found.totals.premium_coin) == ((), 2.0, 0.0)
    assert len(found.ladder) == 205


def test_a_quote_without_an_index_counts_a_linear_leg_as_its_forward(market: Snapshot) -> None:
    """Nothing to compare the forward with: a basis of one."""
    key = InstrumentId(_LINEAR)
    quote: Quote = market.quotes[key]._replace(index_usd=None)
    (found,) = _of(replace(market, quotes={**market.quotes, key: quote}), {_LINEAR: "1"}).options

    assert found.delta.usd_coin == found.delta.options_only_coin
