"""One verdict per instrument; None means trusted."""

import math

import pytest
from msgspec.structs import replace

from bot.domain.ids import InstrumentId
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.reasons import DistrustCause
from bot.domain.time import NS_PER_S, Ns
from bot.market.quality import Touch, TrustLimits, judge_future, judge_option, judge_touch, least_volume_usd

_NOW = Ns(1_000 * NS_PER_S)
_LIMITS = TrustLimits(
    option_age_ns_max=Ns(60 * NS_PER_S),
    hedge_age_ns_max=Ns(5 * NS_PER_S),
    clock_ahead_ns_max=Ns(NS_PER_S),
    spread_bps_max=10.0,
)
_OPTION = OptionMarked(
    instrument=InstrumentId("BTC-27MAR26-100000-C"),
    received_ns=_NOW,
    venue_ns=_NOW,
    bid_native=0.05,
    ask_native=0.051,
    bid_amount_native=1.0,
    ask_amount_native=1.0,
    mark_native=0.0505,
    iv_mark=0.5,
    forward_usd=100_500.0,
    index_usd=100_000.0,
    is_open=True,
)
_FUTURE = FutureMarked(
    instrument=InstrumentId("BTC-PERPETUAL"),
    received_ns=_NOW,
    venue_ns=_NOW,
    bid_usd=99_999.5,
    ask_usd=100_000.0,
    bid_amount_native=10.0,
    ask_amount_native=10.0,
    mark_usd=100_000.0,
    index_usd=100_000.0,
    price_min_usd=98_000.0,
    price_max_usd=102_000.0,
    funding_rate_8h=0.0,
    is_open=True,
)
_TOUCH = Touch(
    bid_native=99_999.5,
    ask_native=100_000.0,
    bid_amount_native=10.0,
    ask_amount_native=10.0,
    received_ns=_NOW,
    venue_ns=_NOW,
)


def _ago(seconds: int) -> Ns:
    return Ns(_NOW - seconds * NS_PER_S)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({}, None),
        ({"received_ns": _ago(60)}, None),
        ({"received_ns": _ago(61)}, DistrustCause.STALE),
        ({"received_ns": _ago(-1)}, None),
        ({"received_ns": _ago(-2)}, DistrustCause.FROM_THE_FUTURE),
        ({"is_open": False}, DistrustCause.NOT_OPEN),
        ({"iv_mark": None}, DistrustCause.NO_GREEKS),
        ({"iv_mark": 0.0}, DistrustCause.NO_GREEKS),
        ({"iv_mark": -0.01}, DistrustCause.NO_GREEKS),
        ({"iv_mark": 5.0}, DistrustCause.NO_GREEKS),
        ({"iv_mark": 9.99}, DistrustCause.NO_GREEKS),
        ({"iv_mark": math.nan}, DistrustCause.NO_GREEKS),
        ({"iv_mark": math.inf}, DistrustCause.NO_GREEKS),
        ({"mark_native": 0.0}, None),
        ({"forward_usd": None}, DistrustCause.NO_GREEKS),
        ({"bid_native": 0.06}, DistrustCause.CROSSED),
        ({"bid_native": None}, None),
        ({"bid_native": None, "ask_native": None}, None),
    ],
)
def test_an_option_is_trusted_for_its_greeks(change: dict[str, object], cause: DistrustCause | None) -> None:
    """Volatility and forward must be there and fresh; an empty side is normal for options."""
    assert judge_option(replace(_OPTION, **change), _NOW, _LIMITS) is cause


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({}, None),
        ({"received_ns": _ago(5)}, None),
        ({"received_ns": _ago(6)}, DistrustCause.STALE),
        ({"received_ns": _ago(-2)}, DistrustCause.FROM_THE_FUTURE),
        ({"is_open": False}, DistrustCause.NOT_OPEN),
        ({"mark_usd": None}, DistrustCause.NO_GREEKS),
        ({"index_usd": None}, DistrustCause.NO_GREEKS),
    ],
)
def test_a_future_is_trusted_for_its_mark(change: dict[str, object], cause: DistrustCause | None) -> None:
    """Mark and index must be there and fresh, the market open."""
    assert judge_future(replace(_FUTURE, **change), _NOW, _LIMITS) is cause


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({}, None),
        ({"received_ns": _ago(6)}, DistrustCause.STALE),
        ({"received_ns": _ago(-2)}, DistrustCause.FROM_THE_FUTURE),
        ({"bid_native": None}, DistrustCause.ONE_SIDED),
        ({"ask_native": None}, DistrustCause.ONE_SIDED),
        ({"bid_native": 100_000.0}, DistrustCause.CROSSED),
        ({"bid_native": 100_001.0}, DistrustCause.CROSSED),
    ],
)
def test_a_touch_is_trusted_for_trading(change: dict[str, object], cause: DistrustCause | None) -> None:
    """Both sides, in order, fresh."""
    assert judge_touch(replace(_TOUCH, **change), _NOW, _LIMITS) is cause


def test_what_was_never_seen_is_not_trusted() -> None:
    """Absence is not a zero."""
    verdicts = [
        judge_option(None, _NOW, _LIMITS),
        judge_future(None, _NOW, _LIMITS),
        judge_touch(None, _NOW, _LIMITS),
    ]

    assert verdicts == [DistrustCause.NEVER_SEEN] * 3


@pytest.mark.parametrize(("told_usd", "counted_usd"), [(None, 1e9), (2e9, 1e9), (3e8, 3e8)])
def test_the_configured_volume_is_a_ceiling_and_stands_in(told_usd: float | None, counted_usd: float) -> None:
    """Doubt makes caps smaller, never larger."""
    assert least_volume_usd(1e9, told_usd) == counted_usd
