"""Black-76 at its edges: expiry, nothing to price, extremes, shapes. Its digits are checked in tests/reference."""

import math

import numpy as np
import pytest

from bot.pricing import black76

_DAY = 1.0 / 365.0
_EXPIRED = [
    # forward, strike, is_call, price, delta, pa_delta
    (110.0, 100.0, True, 10.0, 1.0, 100.0 / 110.0),
    (110.0, 100.0, False, 0.0, 0.0, 0.0),
    (80.0, 100.0, True, 0.0, 0.0, 0.0),
    (80.0, 100.0, False, 20.0, -1.0, -1.25),
    (100.0, 100.0, True, 0.0, 0.5, 0.5),
    (100.0, 100.0, False, 0.0, -0.5, -0.5),
]
_NAN = math.nan
_NOTHING_TO_PRICE = [
    (0.0, 100.0, 0.1, 0.5),
    (-1.0, 100.0, 0.1, 0.5),
    (100.0, 0.0, 0.1, 0.5),
    (100.0, -5.0, 0.0, 0.5),
    (_NAN, 100.0, 0.1, 0.5),
    (100.0, _NAN, 0.1, 0.5),
    (100.0, 100.0, _NAN, 0.5),
    (100.0, 100.0, 0.1, _NAN),
    (math.inf, 100.0, 0.1, 0.5),
    (100.0, math.inf, 0.1, 0.5),
    (100.0, 100.0, math.inf, 0.5),
    (100.0, 100.0, 0.1, math.inf),
]


def test_the_venues_published_sample() -> None:
    """Deribit's documented ticker (exchange facts 2.3), to its printed digits: delta, vega a point, coins, theta a day.

    F 38,992.71, K 40,000, 61.27 %. The sample states no time: 322.281 days gives its vega, and with it all the rest.
    """
    one = black76.greeks_scalar(38992.71, 40000.0, 322.281 * _DAY, 0.6127, True)
    actual = round(one.delta, 5), round(one.vega / 100.0, 2), round(one.coin_price, 5), one.theta / 365.0

    assert actual == (0.59622, 141.90, 0.21678, pytest.approx(-13.488, abs=1e-3))


@pytest.mark.parametrize(("tau_years", "iv"), [(0.0, 0.5), (-1.0, 0.5), (0.1, 0.0), (0.1, -1.0), (0.0, 0.0)])
@pytest.mark.parametrize("row", _EXPIRED)
def test_without_time_or_volatility_there_is_intrinsic_value(
    row: tuple[float, float, bool, float, float, float], tau_years: float, iv: float
) -> None:
    """A step of delta, a half of it at the strike, no gamma: on the decision's, the scalar and the array path."""
    forward, strike, is_call, price, delta, pa_delta = row
    scalar = black76.greeks_scalar(forward, strike, tau_years, iv, is_call)
    chain = black76.greeks([forward, 100.0], [strike, 90.0], [tau_years, 0.1], [iv, 0.5], [is_call, True])
    expected = black76.Greeks(
        price, delta, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, price / forward, pa_delta, -2.0 * pa_delta / forward**2
    )

    assert scalar == pytest.approx(expected, rel=1e-15)
    assert [item[0] for item in chain] == list(scalar)
    assert black76.delta_gamma(forward, strike, tau_years, iv, is_call) == (delta, 0.0)
    assert black76.pa_delta_gamma(forward, strike, tau_years, iv, is_call) == (delta * (strike / forward), 0.0)
    assert black76.price(forward, strike, tau_years, iv, is_call) == price


@pytest.mark.parametrize("numbers", _NOTHING_TO_PRICE)
def test_what_is_no_price_gives_nan_and_never_raises(numbers: tuple[float, float, float, float]) -> None:
    """Doubt stays visible: no zero delta for a forward that is NaN, infinite, zero or negative."""
    decided = *black76.delta_gamma(*numbers, True), *black76.pa_delta_gamma(*numbers, True)
    alone = *decided, *black76.greeks_scalar(*numbers, False)
    columns = [[number, good] for number, good in zip(numbers, (100.0, 100.0, 0.1, 0.5), strict=True)]
    chain = np.stack(black76.greeks(*columns, True))

    assert [math.isnan(number) for number in alone] == [True] * 16
    assert np.isnan(chain).tolist() == [[True, False]] * 12


@pytest.mark.parametrize("discount", [0.0, -0.5, math.nan, math.inf])
def test_a_discount_that_is_no_factor_gives_nan(discount: float) -> None:
    """A discount factor is positive and finite."""
    scalar = black76.greeks_scalar(100.0, 100.0, 0.1, 0.5, True, discount=discount)
    chain = black76.greeks(100.0, 100.0, 0.1, 0.5, True, discount=discount)

    assert [math.isnan(number) for number in scalar] == [True] * 12
    assert [math.isnan(number) for number in chain] == [True] * 12


def test_a_discounted_option_after_expiry_is_discounted_intrinsic() -> None:
    """At expiry the factor still multiplies."""
    scalar = black76.greeks_scalar(110.0, 100.0, 0.0, 0.5, True, discount=0.5)
    chain = black76.greeks(110.0, 100.0, 0.0, 0.5, True, discount=0.5)

    assert (scalar.price, scalar.delta) == (5.0, 0.5)
    assert [float(item) for item in chain] == list(scalar)


def test_a_factor_of_one_is_no_discount() -> None:
    """An array of ones, the float one and the integer one give what no discount gives."""
    plain = black76.greeks([90.0, 100.0], 100.0, 0.1, 0.5, True)
    for discount in (np.ones(2), 1, 1.0):
        assert (
            np.stack(black76.greeks([90.0, 100.0], 100.0, 0.1, 0.5, True, discount=discount)).tolist()
            == np.stack(plain).tolist()
        )


def test_results_beyond_doubles_saturate() -> None:
    """A put of 1e300 on a coin of 1e-300 is worth the largest double of coins, not infinity; gamma likewise."""
    largest = float(np.finfo(np.float64).max)
    scalar = black76.greeks_scalar(1e-300, 1e300, 1.0, 1.0, False)
    chain = black76.greeks(1e-300, 1e300, 1.0, 1.0, False)

    assert (scalar.coin_price, float(chain.coin_price)) == (largest, largest)
    assert black76.delta_gamma(1e-300, 1e-300, 1e-300, 1e-300, True) == (0.5, largest)


def test_the_log_of_a_ratio_beyond_doubles_is_still_right() -> None:
    """F/K of 1e600 overflows, ln(F/K) does not: with σ√T = 40 both probabilities are N(±20 + ln/40)."""
    delta, _ = black76.delta_gamma(1e-300, 1e300, 1.0, 40.0, True)
    x = -600.0 * math.log(10.0)
    expected = 0.5 * math.erfc(-(x / 40.0 + 20.0) / math.sqrt(2.0))
    scalar, chain = (path(1e-300, 1e300, 1.0, 40.0, True) for path in (black76.greeks_scalar, black76.greeks))

    assert [delta, scalar.delta, float(chain.delta)] == pytest.approx([expected] * 3, rel=1e-11)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (((), (), (), (), ()), ()),
        (((3,), (3,), (3,), (3,), (3,)), (3,)),
        (((), (3,), (), (), (2, 1)), (2, 3)),
        (((2, 1), (3,), (), (1,), ()), (2, 3)),
        (((0,), (), (), (), ()), (0,)),
        (((0,), (), (), (), (0,)), (0,)),
    ],
)
def test_inputs_broadcast(shapes: tuple[tuple[int, ...], ...], expected: tuple[int, ...]) -> None:
    """All twelve outputs have the broadcast shape of all inputs and are arrays of their own."""
    forward, strike, tau_years, iv = (
        np.full(shape, number) for shape, number in zip(shapes, (100.0, 90.0, 0.1, 0.5), strict=False)
    )
    chain = black76.greeks(forward, strike, tau_years, iv, np.ones(shapes[4], dtype=bool))

    assert {(item.shape, item.flags.writeable) for item in chain} == {(expected, True)}


def test_a_discount_per_option_broadcasts() -> None:
    """A discount per expiry is one more axis of the chain, and scales the price."""
    chain = black76.greeks(100.0, [90.0, 100.0], 0.1, 0.5, True, discount=np.array([[1.0], [0.5]]))

    assert chain.price.shape == (2, 2)
    assert chain.price[1].tolist() == (0.5 * chain.price[0]).tolist()


def test_shapes_that_do_not_fit_raise() -> None:
    """Two forwards for three strikes are a bug of the caller, told as one."""
    with pytest.raises(ValueError, match="broadcast"):
        black76.greeks([1.0, 2.0], [1.0, 2.0, 3.0], 0.1, 0.5, True)


def test_inputs_are_left_as_they_were() -> None:
    """A chain does not write into the arrays it was given."""
    columns = [np.array([64250.5, 64250.5]), np.array([64000.0, 70000.0]), np.array([1e-5, 0.1]), np.array([0.8, 0.6])]
    before = [column.copy() for column in columns]
    black76.greeks(*columns, np.array([True, False]))

    assert [column.tolist() for column in columns] == [column.tolist() for column in before]


def test_units_of_time_and_volatility() -> None:
    """At the money, one day, 50 %: vega per 1.00 is F sqrt(T) n(d1), theta per year -F σ n(d1) / (2 sqrt(T))."""
    one = black76.greeks_scalar(60000.0, 60000.0, _DAY, 0.5, True)
    density = math.exp(-0.5 * (0.25 * math.sqrt(_DAY)) ** 2) / math.sqrt(2.0 * math.pi)
    root = math.sqrt(_DAY)

    assert one.vega == pytest.approx(60000.0 * root * density, rel=1e-14)
    assert one.theta == pytest.approx(-60000.0 * 0.5 * density / (2.0 * root), rel=1e-14)
