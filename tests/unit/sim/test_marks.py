"""Marks and funding."""

from decimal import Decimal

import pytest

from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_S, Ns
from bot.sim.exchange import Exchange
from bot.sim.listing import build_listing
from bot.sim.marks import Funding, funding_rate_8h

_D = Decimal
_HOUR_NS = 3600 * NS_PER_S


def _instrument(name: str, start_ns: Ns) -> Instrument:
    return next(item for item in build_listing(start_ns) if item.id == name)


@pytest.mark.parametrize(
    ("name", "premium", "expected"),
    [
        ("BTC-PERPETUAL", 0.0, 0.0),
        ("BTC-PERPETUAL", 0.0002, 0.0),
        ("BTC-PERPETUAL", 0.00125, 0.001),
        ("BTC-PERPETUAL", -0.00125, -0.001),
        ("BTC-PERPETUAL", 0.02, 0.005),
        ("ETH-PERPETUAL", -0.02, -0.01),
        ("BTC_USDC-PERPETUAL", 0.02, 0.01975),
    ],
)
def test_funding_rates(start_ns: Ns, *, name: str, premium: float, expected: float) -> None:
    """Zero in the damper of 2.5 bp, the premium beyond it outside, capped (exchange facts 2.6)."""
    assert funding_rate_8h(_instrument(name, start_ns), premium) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "size", "premium", "expected"),
    [
        # 10 bp a period, half a period, 0.2 coin: long pays 0.0001 coin.
        ("BTC-PERPETUAL", "10000", 0.00125, "-0.0001"),
        ("BTC-PERPETUAL", "-10000", 0.00125, "0.0001"),
        ("BTC-PERPETUAL", "10000", -0.00125, "0.0001"),
        ("BTC_USDC-PERPETUAL", "0.2", 0.00125, "-5"),
        ("BTC-PERPETUAL", "10000", 0.0002, "0"),
    ],
)
def test_positive_funding_is_paid_by_longs(
    exchange: Exchange, market: object, start_ns: Ns, *, name: str, size: str, premium: float, expected: str
) -> None:
    """Four hours at a steady premium, in one step or many."""
    market.premium = premium  # type: ignore[attr-defined]
    currency = exchange.instrument(name).settlement_currency
    before = exchange.balance_native("a", currency)
    exchange.seed_position("a", name, _D(size))
    for step in range(1, 5):
        exchange.advance(Ns(start_ns + step * _HOUR_NS))
    paid = exchange.balance_native("a", currency) - before

    assert paid == pytest.approx(_D(expected), abs=_D("1e-11"))
    assert exchange.positions("a")[0].realized_funding_native == pytest.approx(int(paid * 10**9) / 1e9, abs=1e-8)


def test_funding_before_a_position_is_not_its_own(exchange: Exchange, market: object, start_ns: Ns) -> None:
    """A position pays from the moment it exists."""
    market.premium = 0.00125  # type: ignore[attr-defined]
    exchange.advance(Ns(start_ns + _HOUR_NS))
    exchange.seed_position("a", "BTC-PERPETUAL", _D(10_000))

    assert exchange.balance_native("a", "BTC") == 10


def test_trailing_funding_follows_the_rate(start_ns: Ns) -> None:
    """After hours at one rate the trailing figure is near it."""
    funding = Funding(_instrument("BTC-PERPETUAL", start_ns))
    for _ in range(24 * 60):
        funding.accrue(0.00125, 50_000.0, 60 * NS_PER_S)

    assert funding.rate_8h == pytest.approx(0.001)
    assert funding.rate_8h_trailing == pytest.approx(0.001, rel=0.06)


def test_inverse_options_are_marked_in_coin_of_their_forward(exchange: Exchange) -> None:
    """USD value over the forward for inverse, plain USD for linear options of the same terms."""
    inverse = exchange.ticker("BTC-24NOV26-63000-P")
    linear = exchange.ticker("BTC_USDC-24NOV26-63000-P")

    assert inverse.mark_native == pytest.approx(linear.mark_native / 50_000.0, abs=1e-6)
    assert inverse.forward_usd == linear.forward_usd == 50_000.0
    assert (inverse.forward_name, inverse.iv_mark_percent) == ("BTC-24NOV26", 50.0)


def test_the_perpetual_is_marked_with_its_premium(exchange: Exchange, market: object, start_ns: Ns) -> None:
    """Index 50,000 and 10 bp."""
    market.premium = 0.001  # type: ignore[attr-defined]
    exchange.advance(Ns(start_ns + 1))

    assert exchange.ticker("BTC-PERPETUAL").mark_native == 50_050.0


def test_funding_between_two_moments(start_ns: Ns) -> None:
    """A steady rate adds up with time; nothing before the start, nothing after now; any part of it in a line."""
    funding = Funding(_instrument("BTC-PERPETUAL", start_ns))
    now_ns = start_ns
    funding.note(now_ns)
    for _ in range(16):
        now_ns = Ns(now_ns + _HOUR_NS // 2)
        funding.accrue(0.00125, 50_000.0, _HOUR_NS // 2)
        funding.note(now_ns)

    def over(start_hours: float, end_hours: float) -> float:
        start, end = (Ns(start_ns + int(hours * _HOUR_NS)) for hours in (start_hours, end_hours))
        return funding.interest(start, end, now_ns)

    assert over(0, 8) == pytest.approx(0.001)
    assert over(-5, 50) == pytest.approx(0.001)
    assert over(2.25, 6.25) == pytest.approx(0.0005)
    assert over(9, 12) == over(-9, -1) == 0.0
