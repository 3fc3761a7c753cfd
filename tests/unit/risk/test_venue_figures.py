"""Our figures as the venue shows them, and how far apart both may be."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S, Ns
from bot.market.view import MarketView
from bot.pricing import black76
from bot.pricing.settlement_window import Window
from bot.risk import venue_figures
from bot.risk.venue_figures import Compared, Scene

_CALL, _PUT, _PERP = InstrumentId("BTC-27MAR26-100000-C"), InstrumentId("BTC-27MAR26-90000-P"), "BTC-PERPETUAL"
_HELD = {_CALL: Decimal(2), _PUT: Decimal(-1), InstrumentId(_PERP): Decimal(-50_000)}
_WINDOW = Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))


def _scene(make: Any, now_ns: Ns, move_usd: float = 0.0, held: Any = None) -> Scene:
    view = MarketView(make.trust())
    for spec in (make.perpetual(), make.option(_CALL), make.option(_PUT)):
        view.list_instrument(spec)
    for name in (_CALL, _PUT):
        view.see_option(make.option_marked(name, received_ns=now_ns, delivery_usd=100_000.0))
    view.see_future(make.future_marked(received_ns=now_ns))
    return Scene(
        view=view,
        held=_HELD if held is None else held,
        now_ns=now_ns,
        window=_WINDOW,
        price_usd=100_000.0,
        move_usd=move_usd,
    )


def _greeks(make: Any, now_ns: Ns) -> list[tuple[float, black76.Greeks[float], float]]:
    tau_years = (make.option().expiry_ns - now_ns) / (365 * 86_400 * NS_PER_S)
    call = black76.greeks_scalar(100_000.0, 100_000.0, tau_years, 0.6, True)
    return [
        (2.0, call, tau_years),
        (-1.0, black76.greeks_scalar(100_000.0, 90_000.0, tau_years, 0.6, False), tau_years),
    ]


def _seen(make: Any, now_ns: Ns, share: float = 1.0) -> Any:
    """What a venue would say of it: decayed in a straight line, greeks in its units."""
    legs = _greeks(make, now_ns)
    delta = share * sum(qty * one.delta for qty, one, _ in legs)
    return make.account_seen(
        delta_coin_options=delta,
        delta_coin_total=share * sum(qty * one.pa_delta for qty, one, _ in legs) - 0.5,
        delta_coin_by_index={"btc_usd": delta - 0.5},
        options_value_native=sum(qty * one.coin_price for qty, one, _ in legs),
        gamma_coin_per_usd_options=sum(qty * one.gamma for qty, one, _ in legs),
        vega_usd_per_point_options=sum(qty * one.vega for qty, one, _ in legs) / 100.0,
        theta_usd_per_day_options=sum(qty * one.theta * min(1.0, 365.0 * tau) for qty, one, tau in legs) / 365.0,
    )


def _apart(found: list[Compared]) -> list[str]:
    return [item.figure for item in found if item.is_apart]


def test_every_figure_agrees_to_the_venues_rounding(make: Any) -> None:
    """Map, deltas, gamma, vega, theta: all compared, none apart, to a few units of the last digit."""
    found = venue_figures.compare(_scene(make, make.now_ns), _seen(make, make.now_ns))

    assert [item.figure for item in found] == [
        *("delta_total_map.btc_usd", "options_delta", "delta_total"),
        *("options_gamma", "options_vega", "options_theta", "options_value"),
    ]
    assert _apart(found) == []
    assert max(abs(item.ours_native - item.venue_native) for item in found) < 1e-9


@pytest.mark.parametrize(
    ("field", "off", "figure"),
    [
        ("delta_coin_options", 0.02, "options_delta"),
        ("delta_coin_total", 0.02, "delta_total"),
        ("gamma_coin_per_usd_options", 4e-5, "options_gamma"),
        ("vega_usd_per_point_options", 5.0, "options_vega"),
        ("theta_usd_per_day_options", 9.0, "options_theta"),
        ("options_value_native", 0.01, "options_value"),
    ],
)
def test_a_figure_that_is_off_is_found_and_named(make: Any, field: str, off: float, figure: str) -> None:
    """Only that one."""
    seen = _seen(make, make.now_ns)
    wrong = structs.replace(seen, **{field: getattr(seen, field) + off})

    assert _apart(venue_figures.compare(_scene(make, make.now_ns), wrong)) == [figure]


def test_a_move_one_side_has_not_seen_explains_what_gamma_makes_of_it(make: Any) -> None:
    """100 USD: the delta may differ by gamma times that and more; without the move it may not."""
    (two, call, _), (one, put, _) = _greeks(make, make.now_ns)
    seen = _seen(make, make.now_ns)
    moved = (two * call.gamma + one * put.gamma) * 100.0
    other = structs.replace(
        seen,
        delta_coin_options=seen.delta_coin_options + moved,
        delta_coin_by_index={"btc_usd": seen.delta_coin_by_index["btc_usd"] + moved},
    )

    assert "options_delta" in _apart(venue_figures.compare(_scene(make, make.now_ns), other))
    assert _apart(venue_figures.compare(_scene(make, make.now_ns, 100.0), other)) == []


def test_in_the_window_the_straight_decay_is_what_is_compared(make: Any) -> None:
    """Ten minutes before delivery a third is left of delta and premium; undecayed figures are apart."""
    now_ns = Ns(make.option().expiry_ns - 600 * NS_PER_S)
    scene = _scene(make, now_ns)

    decayed = venue_figures.compare(scene, _seen(make, now_ns, share=1.0 / 3.0))
    assert _apart(decayed) == []
    assert decayed[-1].figure == "expiring_delta"
    assert {"options_delta", "delta_total"} <= set(_apart(venue_figures.compare(scene, _seen(make, now_ns))))


def test_what_a_venue_does_not_tell_is_not_compared(make: Any) -> None:
    """No map, no greeks: what is left is."""
    seen = structs.replace(
        _seen(make, make.now_ns),
        delta_coin_by_index=None,
        gamma_coin_per_usd_options=None,
        vega_usd_per_point_options=None,
        theta_usd_per_day_options=None,
        options_value_native=None,
    )

    figures = [item.figure for item in venue_figures.compare(_scene(make, make.now_ns), seen)]
    assert figures == ["options_delta", "delta_total"]


def test_figures_of_another_currency_concern_other_legs(make: Any) -> None:
    """Nothing of ours is settled in ETH."""
    assert venue_figures.compare(_scene(make, make.now_ns), make.account_seen(currency="ETH")) == []


def test_a_leg_has_the_delta_its_position_shows(make: Any) -> None:
    """Options by Black-76, a perpetual in coins, nothing held is none, what nobody listed is unknown."""
    scene = _scene(make, make.now_ns, held=_HELD | {InstrumentId("BTC-1JAN30-1-C"): Decimal(1)})
    (two, call, _), _ = _greeks(make, make.now_ns)

    assert venue_figures.leg_delta_coin(scene, _CALL) == pytest.approx(two * call.delta, rel=1e-12)
    assert venue_figures.leg_delta_coin(scene, InstrumentId(_PERP)) == pytest.approx(-0.5)
    assert venue_figures.leg_delta_coin(scene, InstrumentId("BTC-27MAR26-1-C")) == 0.0
    assert venue_figures.leg_delta_coin(scene, InstrumentId("BTC-1JAN30-1-C")) is None


def test_a_figure_that_is_no_number_is_apart() -> None:
    """NaN explains nothing."""
    assert Compared(figure="x", ours_native=float("nan"), venue_native=0.0, tolerance_native=9.0).is_apart
