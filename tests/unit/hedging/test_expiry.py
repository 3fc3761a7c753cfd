"""A strike the price sits on shortly before its expiry: found, and taken as configured."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.ids import InstrumentId
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.band import Band
from bot.hedging.expiry import (
    Delivered,
    ExpiryParams,
    HedgeAtExpiry,
    PinRule,
    expired,
    kept,
    open_share,
    pin_held_back,
    pinned,
    widened,
)
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window
from bot.risk.exposure import Exposure
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


# --- keeping the hedge ---------------------------------------------------------------------------------------------

_WINDOW = Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))
_KEEP = ExpiryParams(hedge=HedgeAtExpiry.KEEP)
_EXPOSURE = Exposure(
    delta_coin_net=-0.3,
    delta_coin_low=-0.4,
    delta_coin_high=-0.1,
    delta_coin_options=0.7,
    delta_coin_futures=-1.0,
    delta_coin_collateral=0.0,
    delta_coin_expiring=0.5,
    gamma_coin_per_usd=1e-5,
    option_coin_gross=1.0,
    iv_mark=0.5,
    tau_years=0.01,
    option_age_ns_max=Ns(0),
    doubtful=(_CALL,),
)


def test_an_unwound_book_is_measured_as_it_is() -> None:
    """The default."""
    assert kept(ExpiryParams(), _EXPOSURE, 0.5, Delivered(9.0, 9.0)) is _EXPOSURE


def test_a_kept_hedge_stands_against_all_of_what_expires_and_of_what_was_delivered() -> None:
    """Half open: 0.5 coins count as 1.0; two coins delivered; doubt as wide as what is counted, plus theirs."""
    found = kept(_KEEP, _EXPOSURE, 0.5, Delivered(2.0, 0.25))

    assert (found.delta_coin_net, found.delta_coin_expiring, found.delta_coin_delivered) == pytest.approx(
        (2.2, 1.0, 2.0)
    )
    assert found.delta_coin_net - found.delta_coin_low == pytest.approx(2 * 0.1 + 0.25)
    assert found.delta_coin_high - found.delta_coin_net == pytest.approx(2 * 0.2 + 0.25)


def _listed(make: Any) -> MarketView:
    view = MarketView(make.trust())
    for spec in (make.perpetual(), make.option(_CALL)):
        view.list_instrument(spec)
    return view


@pytest.mark.parametrize(("before_s", "share"), [(1801, 1.0), (900, 0.5), (1, 1 / 450), (0, 1.0)])
def test_the_share_open_is_of_averages_that_run(make: Any, before_s: int, share: float) -> None:
    """Neither before their window nor after their end; a perpetual has none."""
    now_ns = Ns(make.option().expiry_ns - before_s * NS_PER_S)

    assert open_share(_listed(make), (_CALL, make.perpetual().id), _WINDOW, now_ns) == pytest.approx(share)


@pytest.mark.parametrize(
    ("delivery_usd", "expected"), [(125_000.0, (2.0, 0.0)), (80_000.0, (0.0, 0.0)), (None, (0.0, 2.0))]
)
def test_what_has_expired_and_is_still_held_is_counted_at_the_price_expected_last(
    make: Any, delivery_usd: float | None, expected: tuple[float, float]
) -> None:
    """Until the venue tells of the delivery; without a price it is doubt."""
    view, expiry_ns = _listed(make), make.option().expiry_ns
    view.see_option(make.option_marked(_CALL, delivery_usd=delivery_usd))
    held = {_CALL: Decimal(2), make.perpetual().id: Decimal(-1000), InstrumentId("BTC-UNKNOWN"): Decimal(1)}

    assert expired(view, held, expiry_ns, 100_000.0) == expected
    assert expired(view, held, Ns(expiry_ns - 1), 100_000.0) == (0.0, 0.0)
