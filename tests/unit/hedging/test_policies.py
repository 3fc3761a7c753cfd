"""The contract of every policy in the table, and each law a policy declares: to be listed is to be tested."""

import itertools
import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
from msgspec import structs

from bot.domain.time import NS_PER_S, Ns
from bot.hedging.band import WIDEST_COIN, Band, BandInputs, Law
from bot.hedging.bands import (
    delta_percent,
    fixed,
    gamma_scaled,
    leland_time,
    price_move,
    time_based,
    variance_budget,
    whalley_wilmott,
    whalley_wilmott_fixed_cost,
    zakamouline,
)
from bot.hedging.policies import POLICIES, BandParams, entry_of

NS_PER_HOUR = 3600 * NS_PER_S
SAMPLES: dict[type[Any], Any] = {
    fixed.Params: fixed.Params(),
    gamma_scaled.Params: gamma_scaled.Params(move_fraction=0.01),
    whalley_wilmott.Params: whalley_wilmott.Params(risk_aversion_per_usd=1e-5),
    whalley_wilmott_fixed_cost.Params: whalley_wilmott_fixed_cost.Params(
        risk_aversion_per_usd=1e-5, fixed_cost_usd=1.0
    ),
    zakamouline.Params: zakamouline.Params(risk_aversion_per_usd=1e-5),
    leland_time.Params: leland_time.Params(interval_s=3600.0),
    time_based.Params: time_based.Params(interval_s=3600.0),
    price_move.Params: price_move.Params(move_fraction=0.01),
    variance_budget.Params: variance_budget.Params(budget_usd=1000.0),
    delta_percent.Params: delta_percent.Params(percent=5.0, half_coin_min=0.0),
}
INPUTS = BandInputs(
    delta_coin_net=0.4,
    delta_coin_options=5.2,
    gamma_coin_per_usd=7e-4,
    vanna_coin_per_vol=0.3,
    option_coin_gross=10.0,
    price_usd=64_000.0,
    iv_mark=0.6,
    tau_years=7.0 / 365.0,
    fee_rate_taker=0.00035,
    half_spread_usd=0.25,
    funding_rate_8h=0.0001,
    since_hedge_ns=Ns(NS_PER_HOUR // 2),
    price_at_hedge_usd=63_900.0,
    now_ns=Ns(1_790_000_000_000_000_000),
)
each_policy = pytest.mark.parametrize("params", SAMPLES.values(), ids=lambda params: params.__struct_config__.tag)


def _half(params: BandParams, inputs: BandInputs) -> float:
    band = entry_of(params).make(params)(inputs)
    return 0.5 * (band.high_coin - band.low_coin)


def _sized(factor: float) -> BandInputs:
    return structs.replace(
        INPUTS,
        gamma_coin_per_usd=factor * INPUTS.gamma_coin_per_usd,
        delta_coin_options=factor * INPUTS.delta_coin_options,
        option_coin_gross=factor * INPUTS.option_coin_gross,
        vanna_coin_per_vol=factor * INPUTS.vanna_coin_per_vol,
    )


def _costing(fee_rate: float) -> BandInputs:
    return structs.replace(INPUTS, fee_rate_taker=fee_rate, half_spread_usd=0.0)


def test_the_table_names_every_kind_of_parameters_once() -> None:
    """What a configuration can hold, the table, and the samples below are the same set."""
    assert set(get_args(BandParams)) == set(POLICIES) == set(SAMPLES)


@each_policy
def test_bands_are_finite_ordered_and_the_same_when_asked_again(params: BandParams) -> None:
    """For every mix of zero, tiny, huge and missing inputs: low <= inner low <= target <= inner high <= high."""
    policy = entry_of(params).make(params)
    cases = itertools.product(
        (0.0, 1e-12, -7e-4, 7e-4, 10.0),  # gamma
        (None, 0.0, 1e-6, 0.6, 5.0),  # iv
        (None, 0.0, 1e-12, 0.02),  # tau
        (-0.001, 0.0, 0.00035, 0.05),  # fee
        (None, 0, NS_PER_HOUR * 100),  # since
        (None, 1.0, 64_000.0),  # price then
    )
    for gamma, iv, tau, fee, since, before in cases:
        inputs = structs.replace(
            INPUTS,
            gamma_coin_per_usd=gamma,
            iv_mark=iv,
            tau_years=tau,
            fee_rate_taker=fee,
            since_hedge_ns=since,
            price_at_hedge_usd=before,
        )
        band = policy(inputs)

        inner_low = band.low_coin if band.inner_low_coin is None else band.inner_low_coin
        inner_high = band.high_coin if band.inner_high_coin is None else band.inner_high_coin
        ends = [band.low_coin, inner_low, band.target_coin, inner_high, band.high_coin]
        assert all(map(math.isfinite, ends)), (inputs, band)
        assert ends == sorted(ends), (inputs, band)
        assert policy(inputs) == band


def _vanishes_with_cost(params: Any) -> bool:
    return _half(params, _costing(0.0)) == 0.0 and _half(params, _costing(1e-12)) < 0.05 * _half(params, INPUTS)


def _grows_with_cost(params: Any) -> bool:
    halves = [_half(params, _costing(fee)) for fee in (0.0001, 0.0002, 0.001, 0.01)]
    return all(one < other for one, other in itertools.pairwise(halves))


def _ignores_cost(params: Any) -> bool:
    return all(_half(params, _costing(fee)) == _half(params, INPUTS) for fee in (0.0, 0.01))


def _two_thirds_power(params: Any) -> bool:
    # The part that belongs to gamma; the width of a dead option does not grow with the book.
    plain = structs.replace(params, is_plain=True) if hasattr(params, "is_plain") else params
    return math.isclose(_half(plain, _sized(8.0)), 4.0 * _half(plain, INPUTS), rel_tol=1e-12)


def _proportional(params: Any) -> bool:
    return math.isclose(_half(params, _sized(8.0)), 8.0 * _half(params, INPUTS), rel_tol=1e-12)


def _ignores_size(params: Any) -> bool:
    return _half(params, _sized(8.0)) == _half(params, INPUTS)


def _ignores_gamma_sign(params: Any) -> bool:
    policy = entry_of(params).make(params)
    return policy(structs.replace(INPUTS, gamma_coin_per_usd=-INPUTS.gamma_coin_per_usd)) == policy(INPUTS)


def _shrinks_with_risk_aversion(params: Any) -> bool:
    halves = [_half(structs.replace(params, risk_aversion_per_usd=ra), INPUTS) for ra in (1e-6, 1e-5, 1e-4)]
    return halves[0] > halves[1] > halves[2]


def _all_or_nothing(params: Any) -> bool:
    first = structs.replace(INPUTS, since_hedge_ns=None, price_at_hedge_usd=None)
    later = structs.replace(INPUTS, since_hedge_ns=Ns(0), price_at_hedge_usd=INPUTS.price_usd)
    return _half(params, first) == 0.0 and _half(params, later) == WIDEST_COIN


def _best_traded_to_edge(params: Any) -> bool:
    # Among widths, the declared one has the least risk plus cost for edge trades: a h^2/3 + c s^2/(2h) (theory 4.1).
    plain = structs.replace(params, is_plain=True)
    cost = INPUTS.price_usd * INPUTS.fee_rate_taker + INPUTS.half_spread_usd
    risk = 0.5 * params.risk_aversion_per_usd * (0.6 * INPUTS.price_usd) ** 2
    rate = (INPUTS.gamma_coin_per_usd * 0.6 * INPUTS.price_usd) ** 2
    half = _half(plain, INPUTS)
    spent = [risk * h * h / 3.0 + cost * rate / (2.0 * h) for h in (0.98 * half, half, 1.02 * half)]
    return spent[1] < min(spent[0], spent[2])


CHECKS: dict[Law, Callable[[Any], bool]] = {
    Law.VANISHES_WITH_COST: _vanishes_with_cost,
    Law.GROWS_WITH_COST: _grows_with_cost,
    Law.IGNORES_COST: _ignores_cost,
    Law.TWO_THIRDS_POWER_OF_SIZE: _two_thirds_power,
    Law.PROPORTIONAL_TO_SIZE: _proportional,
    Law.IGNORES_SIZE: _ignores_size,
    Law.IGNORES_GAMMA_SIGN: _ignores_gamma_sign,
    Law.SHRINKS_WITH_RISK_AVERSION: _shrinks_with_risk_aversion,
    Law.ALL_OR_NOTHING: _all_or_nothing,
    Law.BEST_TRADED_TO_EDGE: _best_traded_to_edge,
}


def test_every_law_has_its_check() -> None:
    """A law nobody can test is none."""
    assert set(CHECKS) == set(Law)


@pytest.mark.parametrize(
    ("params", "law"),
    [(params, law) for kind, params in SAMPLES.items() for law in POLICIES[kind].laws],
    ids=lambda item: item.value if isinstance(item, Law) else item.__struct_config__.tag,
)
def test_each_declared_law_holds(params: BandParams, law: Law) -> None:
    """A policy is believed only what it keeps."""
    assert CHECKS[law](params)


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (fixed.Params, Law.VANISHES_WITH_COST),
        (fixed.Params, Law.ALL_OR_NOTHING),
        (whalley_wilmott.Params, Law.IGNORES_COST),
        (whalley_wilmott.Params, Law.PROPORTIONAL_TO_SIZE),
        (time_based.Params, Law.GROWS_WITH_COST),
        (gamma_scaled.Params, Law.IGNORES_SIZE),
        (zakamouline.Params, Law.IGNORES_GAMMA_SIGN),
        (fixed.Params, Law.TWO_THIRDS_POWER_OF_SIZE),
    ],
)
def test_a_law_that_is_not_kept_is_found_out(kind: type[Any], law: Law) -> None:
    """The checks above can fail."""
    assert not CHECKS[law](SAMPLES[kind])


def test_a_band_is_at_most_the_widest() -> None:
    """Finite whatever a formula comes to."""
    params = whalley_wilmott.Params(risk_aversion_per_usd=1e-300)

    assert entry_of(params).make(params)(INPUTS) == Band(low_coin=-WIDEST_COIN, high_coin=WIDEST_COIN, target_coin=0.0)


@each_policy
def test_the_parts_of_a_width_are_told_in_names_with_units(params: BandParams) -> None:
    """Finite figures, or none where the book has no options; for whoever asks why."""
    parts = entry_of(params).parts
    if parts is None:
        return
    found = parts(params, INPUTS)

    assert {"cost_fraction", "risk_aversion_per_usd", "gamma_half_coin", "outer_half_coin"} & set(found)
    assert all(math.isfinite(value) for value in found.values())
    assert (
        parts(structs.replace(params, risk_aversion_per_usd=None), structs.replace(INPUTS, option_coin_gross=0.0)) == {}
    )


@pytest.mark.parametrize(
    ("params", "width"),
    [
        (
            whalley_wilmott.Params(),
            lambda parts: math.hypot(parts["gamma_half_coin"], parts["dead_half_coin"]),
        ),
        (whalley_wilmott.Params(is_plain=True), lambda parts: parts["gamma_half_coin"]),
        (whalley_wilmott.Params(residual_usd_per_day=500.0), lambda parts: parts["residual_half_coin"]),
        (whalley_wilmott_fixed_cost.Params(fixed_cost_usd=1.0), lambda parts: parts["outer_half_coin"]),
        (zakamouline.Params(), lambda parts: parts["gamma_half_coin"] + parts["dead_half_coin"]),
    ],
    ids=lambda item: type(item).__name__,
)
def test_the_parts_make_the_width(params: BandParams, width: Callable[[dict[str, float]], float]) -> None:
    """What is told is what decided."""
    entry = entry_of(params)
    assert entry.parts is not None
    band = entry.make(params)(INPUTS)

    assert width(entry.parts(params, INPUTS)) == pytest.approx(0.5 * (band.high_coin - band.low_coin), rel=1e-12)


def test_a_residual_without_volatility_has_no_parts() -> None:
    """Nothing is known of it then."""
    params = whalley_wilmott.Params(residual_usd_per_day=500.0)

    assert whalley_wilmott.parts(params, structs.replace(INPUTS, iv_mark=None)) == {}
