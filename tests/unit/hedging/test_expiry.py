"""A strike the price sits on shortly before its expiry: found, and taken as configured."""

from typing import Any

import pytest

from bot.domain.ids import InstrumentId
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.band import Band
from bot.hedging.expiry import ExpiryParams, PinRule, pin_held_back, pinned, widened
from bot.market.view import MarketView
from bot.risk.legs import arrange

_CALL, _FAR = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-27MAR26-110000-C")
_HOUR_NS = 3600 * NS_PER_S
_BAND = Band(low_coin=-0.1, high_coin=0.3, target_coin=0.1, inner_low_coin=0.0, inner_high_coin=0.2)


def _pinned(make: Any, *, before_ns: int = _HOUR_NS, rule: PinRule = PinRule.CAP, **change: Any) -> InstrumentId | None:
    view = MarketView(make.trust())
    for name in (_CALL, _FAR):
        view.list_instrument(make.option(name))
    view.see_option(make.option_marked(_CALL, **change))
    legs = arrange(dict.fromkeys((_FAR, _CALL), make.fill("1", "1").amount_native), view.instruments)
    return pinned(ExpiryParams(pin=rule), view, legs, Ns(make.option().expiry_ns - before_ns))


@pytest.mark.parametrize(
    ("forward_usd", "delivery_usd", "is_pinned"),
    [
        (100_499.0, None, True),
        (99_501.0, None, True),
        (100_501.0, None, False),
        (100_000.0, 100_501.0, False),  # the delivery price expected now counts before the forward
        (105_000.0, 100_100.0, True),
    ],
)
def test_the_price_sits_on_a_strike_within_half_a_percent(
    make: Any, forward_usd: float, delivery_usd: float | None, is_pinned: bool
) -> None:
    """Of the strike; the other strike of the expiry is ten percent away."""
    found = _pinned(make, forward_usd=forward_usd, delivery_usd=delivery_usd)

    assert found == (_CALL if is_pinned else None)


@pytest.mark.parametrize(("before_ns", "is_pinned"), [(_HOUR_NS, True), (_HOUR_NS + 1, False), (1, True), (0, False)])
def test_only_an_expiry_that_is_near_and_ahead_counts(make: Any, before_ns: int, is_pinned: bool) -> None:
    """To the nanosecond."""
    assert (_pinned(make, before_ns=before_ns) is not None) is is_pinned


def test_without_a_rule_or_a_price_nothing_is_pinned(make: Any) -> None:
    """No look at the legs at all; and no guess."""
    assert _pinned(make, rule=PinRule.NONE) is None
    assert _pinned(make, forward_usd=None, delivery_usd=None) is None


@pytest.mark.parametrize("rule", [PinRule.NONE, PinRule.CAP, PinRule.STOP])
def test_only_one_rule_touches_the_band(rule: PinRule) -> None:
    """`widen` stretches every distance from the target."""
    assert widened(ExpiryParams(pin=rule), _BAND) == _BAND
    wide = widened(ExpiryParams(pin=PinRule.WIDEN, pin_width_ratio=3.0), _BAND)
    assert (wide.low_coin, wide.target_coin, wide.high_coin) == pytest.approx((-0.5, 0.1, 0.7))
    assert (wide.inner_low_coin, wide.inner_high_coin) == pytest.approx((-0.2, 0.4))
    plain = widened(ExpiryParams(pin=PinRule.WIDEN), Band(low_coin=-1.0, high_coin=1.0, target_coin=0.0))
    assert (plain.inner_low_coin, plain.inner_high_coin) == (None, None)


@pytest.mark.parametrize(
    ("rule", "since_s", "expected"),
    [
        (PinRule.STOP, None, Reason.PIN_STOP),
        (PinRule.CAP, None, None),
        (PinRule.CAP, 299, Reason.PIN_WAIT),
        (PinRule.CAP, 300, None),
        (PinRule.WIDEN, 1, None),
    ],
)
def test_what_a_rule_holds_back(rule: PinRule, since_s: int | None, expected: Reason | None) -> None:
    """`stop` everything, `cap` what comes sooner than its interval after the last hedge."""
    since_ns = None if since_s is None else Ns(since_s * NS_PER_S)

    assert pin_held_back(ExpiryParams(pin=rule), since_ns) is expected
