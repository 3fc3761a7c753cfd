"""Averaged-index options at the edges of their window; the figures themselves are held by tests/reference."""

import itertools
import math

import pytest

from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.pricing import black76
from bot.pricing import settlement_window as sw

_MINUTES_30 = sw.Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))
_MINUTES_60 = sw.Window(Ns(3600 * NS_PER_S), Ns(6 * NS_PER_S))
_INDEX = 64_250.5


@pytest.mark.parametrize(
    ("window", "left_ns", "share"),
    [
        (_MINUTES_30, 86_400 * NS_PER_S, 1.0),
        (_MINUTES_30, 1800 * NS_PER_S, 1.0),
        (_MINUTES_30, 1796 * NS_PER_S + 1, 1.0),  # the first fixing is made 4 s into the window, and not before
        (_MINUTES_30, 1796 * NS_PER_S, 449 / 450),
        (_MINUTES_30, 900 * NS_PER_S, 0.5),
        (_MINUTES_30, 4 * NS_PER_S, 1 / 450),
        (_MINUTES_30, 1, 1 / 450),
        (_MINUTES_30, 0, 0.0),
        (_MINUTES_30, -1, 0.0),
        (_MINUTES_60, 1800 * NS_PER_S, 0.5),
    ],
)
def test_the_share_still_open_is_counted_in_fixings(window: sw.Window, left_ns: int, share: float) -> None:
    """To the nanosecond; the last fixing is at expiry, and then nothing is open."""
    assert sw.left_of(window, left_ns).share == share


def test_a_double_sum_over_all_pairs_of_fixings_gives_the_variance() -> None:
    """v² = ln mean exp(σ² min(ti, tj)), added up pair by pair; at 500 % volatility, where the series is worst."""
    window = sw.Window(Ns(3600 * NS_PER_S), Ns(60 * NS_PER_S))
    for left_s, iv in ((90_000.5, 5.0), (3599.0, 5.0), (1234.5, 0.6), (60.0, 0.6), (0.5, 5.0)):
        left_ns = round(left_s * NS_PER_S)
        count = min(60, math.ceil(left_s / 60.0))
        times = [(left_ns - place * 60 * NS_PER_S) / NS_PER_YEAR for place in range(count)]
        mean = math.fsum(math.expm1(iv * iv * min(one, two)) for one in times for two in times) / count**2

        assert sw.variance(sw.left_of(window, left_ns), iv) == pytest.approx(math.log1p(mean), rel=1e-13), left_s


def test_one_fixing_alone_is_a_european_option() -> None:
    """A window of one fixing at expiry: Black-76 with the time to it."""
    window = sw.Window(Ns(4 * NS_PER_S), Ns(4 * NS_PER_S))
    left_ns = 7 * 86_400 * NS_PER_S
    found = sw.worth(sw.Average(sw.left_of(window, left_ns), _INDEX, 0.0), 64_000.0, 0.6, is_call=True)
    european = black76.greeks_scalar(_INDEX, 64_000.0, left_ns / NS_PER_YEAR, 0.6, is_call=True)

    assert found == pytest.approx(
        (european.price, european.delta, european.gamma, european.coin_price, european.pa_delta), rel=1e-12
    )


@pytest.mark.parametrize("left_s", [1799, 900, 61, 5, 1])
@pytest.mark.parametrize("strike", [60_000.0, 64_200.0, 64_250.5, 70_000.0])
def test_a_call_less_a_put_is_what_is_open_of_the_future(left_s: int, strike: float) -> None:
    """Parity: values differ by A - K, deltas by w, gammas not at all; a hedge is unwound by what is fixed."""
    left = sw.left_of(_MINUTES_30, left_s * NS_PER_S)
    known = (1.0 - left.share) * 64_100.0
    call, put = (sw.worth(sw.Average(left, _INDEX, known), strike, 0.6, is_call) for is_call in (True, False))

    assert call.price - put.price == pytest.approx(known + left.share * _INDEX - strike, abs=1e-9)
    assert call.delta - put.delta == pytest.approx(left.share, rel=1e-12)
    assert call.gamma == pytest.approx(put.gamma, rel=1e-12)
    assert 0.0 <= call.delta <= left.share


def test_the_unwind_of_a_certain_option_adds_up_to_its_delta() -> None:
    """A call far in the money: 1/450 of a coin is sold at each fixing, nothing is left to sell at 08:00."""
    deltas = []
    for made in range(451):
        left = sw.left_of(_MINUTES_30, (450 - made) * 4 * NS_PER_S)
        deltas.append(sw.worth(sw.Average(left, _INDEX, made / 450 * _INDEX), 30_000.0, 0.6, is_call=True).delta)

    assert deltas[0] == pytest.approx(1.0)
    assert [before - after for before, after in itertools.pairwise(deltas)] == pytest.approx([1 / 450] * 450)
    assert deltas[-1] == 0.0


def test_gamma_at_the_strike_falls_to_expiry() -> None:
    """No pin blow-up: higher than European when the window opens, lower and lower afterwards (theory 1.5)."""
    gammas = []
    for left_s in (1800, 300, 60):
        left = sw.left_of(_MINUTES_30, left_s * NS_PER_S)
        gammas.append(sw.worth(sw.Average(left, _INDEX, (1.0 - left.share) * _INDEX), _INDEX, 0.6, is_call=True).gamma)

    assert gammas == [
        pytest.approx(0.00237, abs=5e-6),
        pytest.approx(0.00096, abs=5e-6),
        pytest.approx(0.00041, abs=5e-6),
    ]


@pytest.mark.parametrize(("is_call", "price"), [(True, 1_000.0), (False, 0.0)])
def test_once_the_known_part_exceeds_the_strike_nothing_is_uncertain(is_call: bool, price: float) -> None:
    """Half of the window at 130,000: a call struck at 64,000 has paid already, whatever comes."""
    left = sw.left_of(_MINUTES_30, 900 * NS_PER_S)
    found = sw.worth(sw.Average(left, 2_000.0, 64_000.0), 64_000.0, 0.6, is_call)

    assert (found.price, found.delta, found.gamma) == (price, 0.5 if is_call else 0.0, 0.0)


@pytest.mark.parametrize(("is_call", "price"), [(True, 500.0), (False, 0.0)])
def test_after_the_last_fixing_only_money_is_left(is_call: bool, price: float) -> None:
    """No delta at 08:00:00."""
    left = sw.left_of(_MINUTES_30, 0)

    assert sw.worth(sw.Average(left, 99_000.0, 64_500.0), 64_000.0, 0.6, is_call)[:3] == (price, 0.0, 0.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_an_index_that_is_no_price_is_doubt(bad: float) -> None:
    """NaN, not a number somebody might trade on."""
    found = sw.worth(sw.Average(sw.left_of(_MINUTES_30, 900 * NS_PER_S), bad, 100.0), 64_000.0, 0.6, is_call=True)

    assert math.isnan(found.delta)


def test_what_is_known_follows_from_the_estimate_of_the_venue() -> None:
    """Half of the window at 64,000 and the index at 65,000 now: the venue expects 64,500, of which 32,000 is fixed."""
    left = sw.left_of(_MINUTES_30, 900 * NS_PER_S)

    assert sw.average_of(left, 65_000.0, 64_500.0).known_usd == pytest.approx(32_000.0)


def test_before_anything_is_fixed_an_estimate_off_the_index_cannot_make_the_known_part_negative() -> None:
    """Two feeds a moment apart."""
    left = sw.left_of(_MINUTES_30, 1800 * NS_PER_S)

    assert sw.average_of(left, 65_000.0, 64_999.0).known_usd == 0.0


@pytest.mark.parametrize("iv", [0.0, -1.0])
def test_without_volatility_the_delta_is_a_step_of_what_is_open(iv: float) -> None:
    """As Black-76 does it."""
    left = sw.left_of(_MINUTES_30, 900 * NS_PER_S)
    deltas = [
        sw.worth(sw.Average(left, _INDEX, 0.5 * _INDEX), strike, iv, is_call=True).delta
        for strike in (64_000.0, 65_000.0)
    ]

    assert deltas == [0.5, 0.0]
