"""Fitting a surface: finds what made the quotes, and never admits arbitrage however poor they are."""

import math

import numpy as np
import pytest

from bot.pricing import black76, surface_fit, svi
from bot.pricing.chain_quotes import Chain
from bot.pricing.surface import FitKind, Surface
from bot.pricing.svi import Ssvi, Svi

_FORWARD = 60_000.0
_WEEK = 7.0 / 365.0
_TRUE = Ssvi(-0.25, 1.1, 0.45)


def _chain(
    curve: Svi, tau_years: float, *, strikes: int = 15, spread: float = 0.02, is_call: bool | None = None
) -> Chain:
    """Quotes around a curve, from -2.5 to 2.5 standard deviations."""
    k = math.sqrt(curve.w(0.0)) * np.linspace(-2.5, 2.5, strikes)
    iv = np.sqrt(curve.w_chain(k) / tau_years)
    strike = _FORWARD * np.exp(k)
    calls = k >= 0.0 if is_call is None else np.full(k.shape, is_call)
    bid, ask = (black76.greeks(_FORWARD, strike, tau_years, iv + side, calls).price for side in (-spread, spread))
    return Chain(f"{tau_years:.6f}", tau_years, np.full(k.shape, _FORWARD), strike, calls, bid, ask)


def _fitted(chains: list[Chain], previous: Surface | None = None) -> Surface:
    found = surface_fit.fit(chains, previous)
    assert isinstance(found, Surface)
    return found


def _levels(tau_years: float) -> float:
    return 0.36 * tau_years


def test_a_family_is_found() -> None:
    """Quotes made by SSVI give its curves back to a hundredth of a point, at every expiry."""
    taus = [2.0 / 365.0, _WEEK, 30.0 / 365.0, 0.5]
    found = _fitted([_chain(_TRUE.slice(_levels(tau)), tau) for tau in taus])

    assert found.prior == pytest.approx(_TRUE, abs=0.02)
    for item, tau in zip(found.expiries, taus, strict=True):
        assert (item.kind, item.rmse_iv < 1e-4, item.inside_share) == (FitKind.SVI, True, 1.0)
        assert item.svi.w(0.0) == pytest.approx(_levels(tau), rel=1e-3)


def test_a_smile_of_its_own_is_found() -> None:
    """A slice that the family cannot make is still fitted: skewed to the other side, bent elsewhere."""
    own = Svi(0.002, 0.06, 0.5, 0.05, 0.10)
    tau = 30.0 / 365.0
    found = _fitted([_chain(_TRUE.slice(_levels(_WEEK / 2.0)), _WEEK / 2.0), _chain(own, tau)])
    grid = np.linspace(-0.2, 0.2, 31)

    assert found.expiries[1].kind is FitKind.SVI
    assert np.sqrt(found.expiries[1].svi.w_chain(grid) / tau) == pytest.approx(
        np.sqrt(own.w_chain(grid) / tau), abs=0.006
    )


@pytest.mark.parametrize(
    ("strikes", "tau_years", "kind"),
    [
        (15, _WEEK, FitKind.SVI),
        (5, _WEEK, FitKind.THREE),
        (15, 0.5 / 365.0, FitKind.THREE),
        (2, _WEEK, FitKind.LEVEL),
        (1, _WEEK, FitKind.LEVEL),
    ],
)
def test_as_many_parameters_as_quotes_carry(strikes: int, tau_years: float, kind: FitKind) -> None:
    """Few strikes or little time: fewer parameters; the curve passes the quotes all the same."""
    item = _fitted([_chain(_TRUE.slice(_levels(tau_years)), tau_years, strikes=strikes)]).expiries[0]

    assert (item.kind, item.quotes_count, item.inside_share) == (kind, strikes, 1.0)


def test_an_expiry_without_quotes_lies_between_its_neighbours() -> None:
    """An option listed a second ago, a chain with empty sides: the family's curve between the two around it."""
    empty = _chain(_TRUE.slice(_levels(0.05)), 0.05)
    empty = empty._replace(bid=np.full(empty.bid.shape, math.nan))
    chains = [_chain(_TRUE.slice(_levels(tau)), tau) for tau in (_WEEK, 0.1)]
    item = _fitted([chains[1], empty, chains[0]]).expiries[1]

    assert (item.kind, item.quotes_count, item.dropped) == (FitKind.PRIOR, 0, {"one_sided": 15})
    assert item.svi.w(0.0) == pytest.approx(_levels(0.05), rel=0.01)


@pytest.mark.parametrize("is_call", [True, False])
def test_a_chain_of_one_kind_has_both_wings(is_call: bool) -> None:
    """Calls alone or puts alone: the ones in the money stand in for the others."""
    item = _fitted([_chain(_TRUE.slice(_levels(_WEEK)), _WEEK, is_call=is_call)]).expiries[0]

    assert (item.kind, item.quotes_count, item.rmse_iv < 1e-3) == (FitKind.SVI, 15, True)


def test_no_quotes_no_surface() -> None:
    """Nothing listed, nothing quoted, all expired: a word instead of a surface."""
    chain = _chain(_TRUE.slice(_levels(_WEEK)), _WEEK)
    nothing = chain._replace(bid=np.zeros(15), ask=np.zeros(15))
    no_forward = chain._replace(forward=np.full(15, math.nan))

    for chains in ([], [nothing], [chain._replace(tau_years=0.0)], [chain._replace(tau_years=-1.0)], [no_forward]):
        assert surface_fit.fit(chains) is surface_fit.FitDefect.NO_QUOTES


def test_one_parked_quote_does_not_bend_the_smile() -> None:
    """A bid and an ask twenty points away from the others at one strike: the curve stays with the others."""
    chain = _chain(_TRUE.slice(_levels(_WEEK)), _WEEK)
    bid, ask = chain.bid.copy(), chain.ask.copy()
    for side, iv in ((bid, 0.80), (ask, 0.84)):
        side[7] = black76.price(_FORWARD, float(chain.strike[7]), _WEEK, iv, bool(chain.is_call[7]))
    item = _fitted([chain._replace(bid=bid, ask=ask)]).expiries[0]

    assert math.sqrt(item.svi.w(0.0) / _WEEK) == pytest.approx(0.6, abs=0.03)
    assert item.inside_share == pytest.approx(14 / 15)


def test_quotes_that_admit_arbitrage_get_a_curve_that_does_not() -> None:
    """Vogt's slice quoted tightly: the curve is free of butterflies, and says that it misses the quotes."""
    vogt = Svi(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
    k = np.linspace(-1.2, 1.2, 25)
    strike, calls = _FORWARD * np.exp(k), k >= 0.0
    iv = np.sqrt(vogt.w_chain(k))
    bid, ask = (black76.greeks(_FORWARD, strike, 1.0, iv + side, calls).price for side in (-0.001, 0.001))
    item = _fitted([Chain("1Y", 1.0, np.full(25, _FORWARD), strike, calls, bid, ask)]).expiries[0]
    grid = np.linspace(-1.5, 1.5, 3001)

    assert svi.check(vogt, grid).g_min < -0.03
    assert item.g_min >= 0.0
    assert item.rmse_iv < 0.02


def test_a_cheaper_later_expiry_is_lifted() -> None:
    """Quotes of the longer expiry below the shorter's total variance: no calendar spread is left between the curves."""
    taus = (_WEEK, 2.0 * _WEEK)
    found = _fitted([_chain(_TRUE.slice(level), tau) for tau, level in zip(taus, (0.02, 0.014), strict=True)])
    grid = math.sqrt(0.02) * np.linspace(-4.0, 4.0, 801)

    assert svi.calendar_gap(found.expiries[0].svi, found.expiries[1].svi, grid) >= -1e-12


def test_the_last_two_hours_keep_each_strikes_volatility() -> None:
    """An hour before expiry, the forward 1 % lower: strikes keep their volatility but for the quotes' common height."""
    before, now = 3.0 / (365.0 * 24.0), 1.0 / (365.0 * 24.0)
    first = _chain(_TRUE.slice(_levels(before)), before)._replace(expiry="soon")
    previous = _fitted([first])
    moved = 0.99 * _FORWARD
    quoted = 0.99 * _FORWARD * np.array([0.999, 1.001])
    iv = np.array([previous.iv(math.log(strike / _FORWARD), before) for strike in quoted]) + 0.05
    calls = quoted >= moved
    bid, ask = (black76.greeks(moved, quoted, now, iv + side, calls).price for side in (-0.02, 0.02))
    later = Chain("soon", now, np.full(2, moved), quoted, calls, bid, ask)
    found = _fitted([later], previous)
    strikes = _FORWARD * np.array([0.97, 0.99, 1.01])
    ratio = [
        found.iv(math.log(strike / moved), now) / previous.iv(math.log(strike / _FORWARD), before)
        for strike in strikes.tolist()
    ]

    assert (found.expiries[0].kind, _fitted([later]).expiries[0].kind) == (FitKind.LAST, FitKind.LEVEL)
    assert ratio == pytest.approx([ratio[0]] * 3, rel=1e-6)
    assert ratio[0] == pytest.approx(1.0 + 0.05 / 0.6, abs=0.02)


def test_the_same_quotes_give_the_same_surface() -> None:
    """Bit for bit, in whatever order the chains come."""
    chains = [_chain(_TRUE.slice(_levels(tau)), tau, spread=0.03) for tau in (_WEEK, 0.1, 0.4)]

    assert surface_fit.fit(chains) == surface_fit.fit(chains[::-1])


def test_a_prior_that_crosses_a_fitted_slice_takes_it_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """No fit of the longer expiry is free and the family's curve crosses the shorter's: both are the family's."""
    chains = [_chain(_TRUE.slice(_levels(_WEEK)), _WEEK), _chain(_TRUE.slice(_levels(2 * _WEEK)), 2 * _WEEK)]
    honest = surface_fit._fit_curve

    def too_high(task: surface_fit._Task, kind: FitKind, shape: Svi, ridge: float) -> Svi:
        if task.earlier is None:
            return honest(task, kind, shape, ridge).rescaled(3.0)
        return Svi(-1.0, 0.1, 0.0, 0.0, 0.1)

    monkeypatch.setattr(surface_fit, "_fit_curve", too_high)
    found = _fitted(chains)

    assert [item.kind for item in found.expiries] == [FitKind.PRIOR, FitKind.PRIOR]
    assert min(item.calendar_min for item in found.expiries) >= 0.0
