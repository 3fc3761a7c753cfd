"""What is laid over a policy: each modifier alone, by hand-computed cases."""

import pytest
from msgspec import structs

from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.hedging.band import Band, BandInputs, Law, TradeTo, around
from bot.hedging.modifiers import Modifiers, QuietHours, TargetStep, held_back, reverses_too_soon, shaped

HOUR = 3600 * NS_PER_S
INPUTS = BandInputs(
    delta_coin_net=3.0,
    delta_coin_options=5.0,
    gamma_coin_per_usd=7e-4,
    vanna_coin_per_vol=0.0,
    option_coin_gross=10.0,
    price_usd=64_000.0,
    iv_mark=0.6,
    tau_years=0.02,
    fee_rate_taker=0.0005,
    half_spread_usd=0.0,
    funding_rate_8h=0.0,
    since_hedge_ns=Ns(10 * NS_PER_S),
    price_at_hedge_usd=63_900.0,
    now_ns=Ns(20_000 * NS_PER_DAY + 3 * HOUR),
)


def _band(modifiers: Modifiers, *laws: Law, **changes: object) -> Band:
    return shaped(lambda _: around(0.0, 1.0), laws, modifiers)(structs.replace(INPUTS, **changes))


def test_the_defaults_change_nothing() -> None:
    """Including inner edges that a policy gives."""
    inner = Band(low_coin=-2.0, high_coin=1.0, target_coin=0.25, inner_low_coin=-0.5, inner_high_coin=0.5)

    assert _band(Modifiers()) == around(0.0, 1.0)
    assert shaped(lambda _: inner, (), Modifiers())(INPUTS) == inner


@pytest.mark.parametrize(
    ("hour", "coin"), [(0, 3.0), (1, 3.0), (2, 1.0), (3, 1.0), (11, 1.0), (12, 2.0), (22, 3.0), (23, 3.0)]
)
def test_a_target_by_the_hour_holds_until_the_next_step_and_over_midnight(hour: int, coin: float) -> None:
    """02:00, 12:00 and 22:00 UTC."""
    steps = tuple(TargetStep(of_day_ns=at * HOUR, coin=to) for at, to in ((2, 1.0), (12, 2.0), (22, 3.0)))

    band = _band(Modifiers(target=steps), now_ns=Ns(20_000 * NS_PER_DAY + hour * HOUR))

    assert (band.low_coin, band.target_coin, band.high_coin) == (coin - 1.0, coin, coin + 1.0)


@pytest.mark.parametrize(("ratio", "target"), [(1.0, 0.0), (0.0, 5.0), (0.5, 2.5), (1.5, -2.5)])
def test_the_share_hedged_moves_the_target_by_what_stays_open(ratio: float, target: float) -> None:
    """Of an option delta of five coins; over-hedging leans the other way."""
    assert _band(Modifiers(hedge_ratio=ratio)).target_coin == pytest.approx(target)


@pytest.mark.parametrize(("gamma", "half"), [(7e-4, 2.0), (-7e-4, 0.5), (0.0, 2.0)])
def test_width_by_the_sign_of_gamma(gamma: float, half: float) -> None:
    """Short gamma defensively, long gamma at leisure."""
    modifiers = Modifiers(width_ratio_long_gamma=2.0, width_ratio_short_gamma=0.5)

    assert _band(modifiers, gamma_coin_per_usd=gamma).high_coin == half


@pytest.mark.parametrize(
    ("hour", "half"), [(21, 1.0), (22, 3.0), (1, 3.0), (2, 1.0), (5, 1.0), (6, 2.0), (7, 2.0), (8, 1.0)]
)
def test_quiet_hours_widen_also_over_midnight(hour: int, half: float) -> None:
    """22:00 to 02:00 three times, 06:00 to 08:00 twice; ends are outside."""
    quiet = (
        QuietHours(from_ns=22 * HOUR, to_ns=2 * HOUR, width=3.0),
        QuietHours(from_ns=6 * HOUR, to_ns=8 * HOUR, width=2.0),
    )

    band = _band(Modifiers(quiet=quiet), now_ns=Ns(20_000 * NS_PER_DAY + hour * HOUR))

    assert (band.low_coin, band.high_coin) == (-half, half)


@pytest.mark.parametrize(
    ("trade_to", "half"), [(TradeTo.EDGE, 1.0), (TradeTo.INNER, 1.2873), (TradeTo.TARGET, 1.587401)]
)
def test_a_width_made_for_edge_trades_is_wider_when_aimed_further_in(trade_to: TradeTo, half: float) -> None:
    """1.2873 and 4^(1/3) times (theory 4.1); a policy that declares no such optimum stays as it is."""
    modifiers = Modifiers(trade_to=trade_to)

    assert _band(modifiers, Law.BEST_TRADED_TO_EDGE).high_coin == pytest.approx(half, rel=1e-6)
    assert _band(modifiers).high_coin == 1.0


def test_the_trigger_comes_nearer_by_what_a_path_overshoots_between_looks() -> None:
    """0.5826 |Γ| σ S sqrt(dt): 0.0872 coin for a minute; never through the target."""
    minute = Modifiers(monitoring_ns=Ns(60 * NS_PER_S))
    season = Modifiers(monitoring_ns=Ns(2400 * HOUR))
    overshoot = 0.5826 * 7e-4 * 0.6 * 64_000.0 * (60.0 / (365.0 * 86_400.0)) ** 0.5

    assert _band(minute).high_coin == pytest.approx(1.0 - overshoot)
    assert (_band(season).low_coin, _band(season).high_coin) == (0.0, 0.0)
    assert _band(minute, iv_mark=None).high_coin == 1.0


@pytest.mark.parametrize(
    ("modifiers", "changes", "expected"),
    [
        (Modifiers(), {}, None),
        (Modifiers(interval_ns_min=Ns(11 * NS_PER_S)), {}, Reason.TOO_SOON),
        (Modifiers(interval_ns_min=Ns(10 * NS_PER_S)), {}, None),
        (Modifiers(interval_ns_min=Ns(11 * NS_PER_S)), {"since_hedge_ns": None}, None),
        (Modifiers(price_move_fraction_min=0.01), {}, Reason.PRICE_HARDLY_MOVED),
        (Modifiers(price_move_fraction_min=0.01), {"price_at_hedge_usd": 63_000.0}, None),
        (Modifiers(price_move_fraction_min=0.01), {"price_at_hedge_usd": None}, None),
        (Modifiers(interval_ns_min=Ns(11 * NS_PER_S), hard_width_multiple=2.5), {}, None),
        (Modifiers(interval_ns_min=Ns(11 * NS_PER_S), hard_width_multiple=2.5), {"delta_coin_net": -2.6}, None),
        (Modifiers(interval_ns_min=Ns(11 * NS_PER_S), hard_width_multiple=3.0), {}, Reason.TOO_SOON),
        (Modifiers(price_move_fraction_min=0.01, hard_width_multiple=2.5), {}, None),
    ],
)
def test_filters_hold_a_hedge_back_unless_it_is_urgent(
    modifiers: Modifiers, changes: dict[str, object], expected: Reason | None
) -> None:
    """Net delta 3, band one coin either side, ten seconds and 0.16 % since the last fill."""
    assert held_back(modifiers, structs.replace(INPUTS, **changes), around(0.0, 1.0)) is expected


@pytest.mark.parametrize(
    ("net", "last_was_buy", "since_s", "gamma", "waits"),
    [
        # half width 0.01, s = 1e-5 x 0.6 x 64,000 = 0.384 coin per root year: (0.005/0.384)^2 years are 5,346 s: 60
        (0.012, True, 10.0, 1e-5, True),
        (-0.012, False, 10.0, 1e-5, True),
        (0.012, True, 60.0, 1e-5, False),
        (0.012, False, 10.0, 1e-5, False),  # sells again: nothing is reversed
        (0.0151, True, 10.0, 1e-5, False),  # beyond one and a half half widths
        # s = 3.84: 53.5 s
        (0.012, True, 53.0, 1e-4, True),
        (0.012, True, 54.0, 1e-4, False),
        (0.012, True, 10.0, 0.0, True),  # no gamma, no variance: a minute
    ],
)
def test_a_fill_is_not_taken_back_at_once(
    net: float, last_was_buy: bool, since_s: float, gamma: float, waits: bool
) -> None:
    """Within (h/2)^2 / s^2, a minute at most, unless the delta is far outside (theory 6.2)."""
    inputs = structs.replace(
        INPUTS, delta_coin_net=net, since_hedge_ns=Ns(round(since_s * NS_PER_S)), gamma_coin_per_usd=gamma
    )

    assert reverses_too_soon(inputs, around(0.0, 0.01), last_was_buy=last_was_buy) is waits


@pytest.mark.parametrize("change", [{"since_hedge_ns": None}, {"iv_mark": None}])
def test_without_a_fill_or_options_there_is_nothing_to_reverse(change: dict[str, object]) -> None:
    """Before the first hedge, and in a book that is being closed."""
    inputs = structs.replace(INPUTS, delta_coin_net=0.012, **change)

    assert not reverses_too_soon(inputs, around(0.0, 0.01), last_was_buy=True)


# --- funding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("funding", "hours", "shift"),
    [
        # h = 1, s^2 = (7e-4 x 0.6 x 64,000)^2 = 722.5 a year: held 1 / 722.5 y = 12.12 h; cost 5 bp.
        (0.0001, 1000, -2.0 / 3.0 * 0.0001 * 12.1245 / 8.0 / 0.0005),
        (-0.0001, 1000, 2.0 / 3.0 * 0.0001 * 12.1245 / 8.0 / 0.0005),
        # believed for 4 hours only
        (0.0001, 4, -2.0 / 3.0 * 0.0001 * 0.5 / 0.0005),
        # never beyond the half width
        (0.05, 1000, -1.0),
        (-0.05, 1000, 1.0),
        (0.05, 0, 0.0),
        (0.0, 1000, 0.0),
    ],
)
def test_funding_moves_the_band_to_the_side_that_receives_it(funding: float, hours: int, shift: float) -> None:
    """Edges and target by one amount: 2/3 of the half width times carry over cost, while a hedge is held."""
    band = _band(Modifiers(funding_horizon_ns=Ns(hours * HOUR)), funding_rate_8h=funding)

    assert band.target_coin == pytest.approx(shift, rel=1e-4)
    assert (band.low_coin, band.high_coin) == pytest.approx((shift - 1.0, shift + 1.0), rel=1e-4)


@pytest.mark.parametrize("half_coin", [0.0, 1e9])
def test_all_or_nothing_is_not_moved_by_funding(half_coin: float) -> None:
    """A clock has no width that says how much risk is minded."""
    policy = lambda _: around(0.0, half_coin)  # noqa: E731 - one line, twice
    inputs = structs.replace(INPUTS, funding_rate_8h=0.01)

    assert shaped(policy, (), Modifiers(funding_horizon_ns=Ns(8 * HOUR)))(inputs) == around(0.0, half_coin)


def test_with_free_trading_funding_moves_the_band_by_its_half_width() -> None:
    """Nothing speaks against receiving it; still no further."""
    band = _band(Modifiers(funding_horizon_ns=Ns(8 * HOUR)), funding_rate_8h=1e-6, fee_rate_taker=0.0)

    assert band.target_coin == -1.0


def test_without_options_the_horizon_alone_says_how_long_a_hedge_is_held() -> None:
    """No volatility, no time to expiry."""
    band = _band(Modifiers(funding_horizon_ns=Ns(8 * HOUR)), funding_rate_8h=1e-5, iv_mark=None, tau_years=None)

    assert band.target_coin == pytest.approx(-2.0 / 3.0 * 1e-5 / 0.0005)
