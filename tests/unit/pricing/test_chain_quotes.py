"""Which quotes are believed: one per strike, two-sided, with time value, not parked; and parity's forward."""

import math

import numpy as np
import pytest

from bot.pricing import black76, chain_quotes
from bot.pricing.chain_quotes import Chain, Drop

_FORWARD = 60_000.0
_TAU = 10.0 / 365.0
_NAN = math.nan


def _chain(rows: list[tuple[float, bool, float, float]], forward: float = _FORWARD) -> Chain:
    strike, is_call, bid, ask = (np.array(column) for column in zip(*rows, strict=True))
    return Chain("10D", _TAU, np.full(len(rows), forward), strike.astype(float), is_call.astype(bool), bid, ask)


def _price(strike: float, is_call: bool, iv: float) -> float:
    return black76.price(_FORWARD, strike, _TAU, iv, is_call)


def _quoted(strike: float, is_call: bool, iv_bid: float, iv_ask: float) -> tuple[float, bool, float, float]:
    return strike, is_call, _price(strike, is_call, iv_bid), _price(strike, is_call, iv_ask)


def test_quotes_come_back_as_volatilities_in_order() -> None:
    """Bid and ask of each strike out of the money, ordered by k, with the spread that weighs them."""
    found = chain_quotes.points(_chain([_quoted(66_000.0, True, 0.58, 0.60), _quoted(54_000.0, False, 0.62, 0.66)]))

    assert found.k == pytest.approx([math.log(0.9), math.log(1.1)])
    assert found.iv_bid == pytest.approx([0.62, 0.58])
    assert found.iv_ask == pytest.approx([0.66, 0.60])
    assert found.iv_mid == pytest.approx([0.64, 0.59])
    assert found.spread == pytest.approx([0.04, 0.02])
    assert found.dropped == {}


_BAD = [
    ((66_000.0, True, _NAN, 100.0), Drop.ONE_SIDED),
    ((66_000.0, True, 0.0, 100.0), Drop.ONE_SIDED),
    ((66_000.0, True, 100.0, 0.0), Drop.ONE_SIDED),
    ((66_000.0, True, _NAN, _NAN), Drop.ONE_SIDED),
    ((66_000.0, True, 101.0, 100.0), Drop.CROSSED),
    ((66_000.0, True, 100.0, 100.0), Drop.CROSSED),
    ((54_000.0, True, 5_999.0, 6_100.0), Drop.NO_VOLATILITY),
    ((66_000.0, True, 500.0, 61_000.0), Drop.NO_VOLATILITY),
    ((66_000.0, True, 500.0, 40_000.0), Drop.TOO_WIDE),
    ((0.0, True, 500.0, 600.0), Drop.INVALID),
    ((_NAN, True, 500.0, 600.0), Drop.INVALID),
    ((66_000.0, True, -5.0, 600.0), Drop.INVALID),
    ((66_000.0, True, 500.0, math.inf), Drop.INVALID),
]


@pytest.mark.parametrize(("row", "reason"), _BAD)
def test_a_quote_that_says_nothing_is_left_out(row: tuple[float, bool, float, float], reason: Drop) -> None:
    """By itself it leaves no point, beside a good one it takes nothing away."""
    good = _quoted(60_500.0, True, 0.58, 0.60)
    alone, beside = chain_quotes.points(_chain([row])), chain_quotes.points(_chain([good, row]))

    assert (alone.k.size, alone.dropped, beside.k.size, beside.dropped) == (0, {reason: 1}, 1, {reason: 1})


@pytest.mark.parametrize("forward", [0.0, -1.0, _NAN, math.inf])
def test_a_forward_that_is_none_leaves_no_point(forward: float) -> None:
    """Without a forward no price is a volatility."""
    found = chain_quotes.points(_chain([_quoted(66_000.0, True, 0.58, 0.60)], forward))

    assert (found.k.size, found.dropped) == (0, {Drop.INVALID: 1})


def test_the_option_in_the_money_stands_in() -> None:
    """A chain of calls alone still has a left wing; where the put is quoted, the put is taken."""
    call, put = _quoted(54_000.0, True, 0.55, 0.70), _quoted(54_000.0, False, 0.62, 0.66)
    alone, both = chain_quotes.points(_chain([call])), chain_quotes.points(_chain([call, put]))

    assert alone.iv_bid == pytest.approx([0.55])
    assert (both.iv_bid.tolist(), both.dropped) == ([pytest.approx(0.62)], {Drop.IN_THE_MONEY: 1})


def test_one_tight_quote_does_not_rule() -> None:
    """A spread below half a point weighs like half a point."""
    found = chain_quotes.points(_chain([_quoted(66_000.0, True, 0.599, 0.600)]))

    assert found.spread.tolist() == [0.005]


def _parity(strikes: list[float], widths: list[float]) -> list[np.ndarray]:
    calls = np.array([_price(strike, True, 0.6) / _FORWARD for strike in strikes])
    puts = np.array([_price(strike, False, 0.6) / _FORWARD for strike in strikes])
    half = 0.5 * np.array(widths)
    return [np.array(strikes), calls - half, calls + half, puts - half, puts + half]


def test_parity_gives_the_forward() -> None:
    """From the middles of the three tightest strikes; a wide and wrong one does not count."""
    columns = _parity([50_000.0, 55_000.0, 60_000.0, 65_000.0], [0.01, 0.001, 0.001, 0.001])
    columns[1][0] += 0.004

    assert chain_quotes.parity_forward(*columns) == pytest.approx(_FORWARD, rel=1e-12)


@pytest.mark.parametrize("side", [1, 2, 3, 4])
@pytest.mark.parametrize("number", [0.0, _NAN, math.inf])
def test_parity_needs_four_prices(side: int, number: float) -> None:
    """An empty side anywhere: no forward; beside a whole strike: that one's."""
    columns = _parity([60_000.0], [0.001])
    columns[side][0] = number
    both = [np.concatenate(pair) for pair in zip(columns, _parity([61_000.0], [0.02]), strict=True)]

    assert chain_quotes.parity_forward(*columns) is None
    assert chain_quotes.parity_forward(*both) == pytest.approx(_FORWARD, rel=1e-9)


def test_parity_of_nonsense_is_none() -> None:
    """Crossed quotes, no quotes, a call dearer than the coin: no forward."""
    crossed = _parity([60_000.0], [-0.001])
    dear = [np.array([1.0]), np.array([1.2]), np.array([1.3]), np.array([0.1]), np.array([0.2])]

    assert chain_quotes.parity_forward(*crossed) is None
    assert chain_quotes.parity_forward(*[np.array([])] * 5) is None
    assert chain_quotes.parity_forward(*dear) is None
