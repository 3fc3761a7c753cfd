"""How the book's delta moves with volatility: against the difference of two exposures."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window
from bot.risk.conventions import Convention
from bot.risk.expiry_market import Terms
from bot.risk.exposure import measure
from bot.risk.legs import arrange
from bot.risk.vanna import vanna_coin_per_vol

WINDOW = Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))


def _view(make: Any, iv: float | None) -> MarketView:
    view = MarketView(make.trust())
    view.list_instrument(make.option())
    view.list_instrument(make.perpetual())
    view.see_option(make.option_marked(iv_mark=iv, forward_usd=90_000.0))
    view.see_future(make.future_marked())
    return view


def _held(make: Any) -> dict[Any, Decimal]:
    return {make.option().id: Decimal(3), make.perpetual().id: Decimal(100)}


def test_it_is_the_slope_of_the_exposure_in_volatility(make: Any) -> None:
    """Central difference of a hundredth of a point, to six digits; futures have none."""
    held = _held(make)

    def delta(iv: float) -> float:
        view = _view(make, iv)
        found = measure(
            view,
            arrange(held, view.instruments),
            make.now_ns,
            Terms(convention=Convention.OPTIONS_ONLY, window=WINDOW),
            {},
        )
        assert found is not None
        return found.delta_coin_net

    view = _view(make, 0.6)
    vanna = vanna_coin_per_vol(view, arrange(held, view.instruments), make.now_ns, WINDOW)

    assert vanna == pytest.approx((delta(0.6001) - delta(0.5999)) / 0.0002, rel=1e-6)
    assert vanna != 0.0


@pytest.mark.parametrize("iv", [None, float("nan")])
def test_a_leg_without_usable_greeks_is_left_out(make: Any, iv: float | None) -> None:
    """It shifts no target; that its delta is in doubt is the exposure's word."""
    view = _view(make, iv)

    assert vanna_coin_per_vol(view, arrange(_held(make), view.instruments), make.now_ns, WINDOW) == 0.0


def test_what_is_settling_or_has_no_forward_is_left_out(make: Any) -> None:
    """Nothing left to move."""
    view, blind = _view(make, 0.6), MarketView(make.trust())
    blind.list_instrument(make.option())
    legs = arrange(_held(make), view.instruments)

    for left_ns in (0, WINDOW.length_ns - 1):
        assert vanna_coin_per_vol(view, legs, Ns(make.option().expiry_ns - left_ns), WINDOW) == 0.0
    assert vanna_coin_per_vol(view, legs, Ns(make.option().expiry_ns - WINDOW.length_ns), WINDOW) != 0.0
    assert vanna_coin_per_vol(blind, legs, make.now_ns, WINDOW) == 0.0
