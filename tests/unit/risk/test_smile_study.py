"""Fit and evidence on pictures of a market whose smile is known."""

import math
from typing import Any

import pytest

from bot.domain.events import SurfaceFitted
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns, tau_years
from bot.pricing import black76, surface_fit
from bot.pricing.svi import natural
from bot.risk.fitted_surface import Curve
from bot.risk.smile_study import Picture, SmileStudy

_CODE = "27MAR26"
_STRIKES = range(70_000, 136_000, 3_000)


def _picture(make: Any, *, forward_usd: float = 100_000.0, second: int = 0, strikes: range = _STRIKES) -> Picture:
    """Quotes half a point wide around one smile, which each strike keeps."""
    now_ns = Ns(make.now_ns + second * NS_PER_S)
    rows = []
    for strike in strikes:
        for letter in "CP":
            spec = make.option(f"BTC-{_CODE}-{strike}-{letter}")
            tau = tau_years(now_ns, spec.expiry_ns)
            iv = math.sqrt(natural(0.025, -0.3, 8.0).w(math.log(strike / 100_000.0)) / 0.071)
            bid, ask = (
                black76.greeks_scalar(forward_usd, float(strike), tau, iv + half, letter == "C").coin_price
                for half in (-0.0025, 0.0025)
            )
            marked = make.option_marked(
                spec.id, bid_native=bid, ask_native=ask, iv_mark=iv, forward_usd=forward_usd, received_ns=now_ns
            )
            rows.append((spec, marked))
    return Picture("BTC", now_ns, tuple(rows))


def test_the_smile_of_the_quotes_comes_back(make: Any) -> None:
    """Level and slope at the money, and the volatility of each strike, within the quotes."""
    fitted = SmileStudy().work(_picture(make))

    assert (fitted.book, fitted.as_of_ns, fitted.defect) == ("BTC", make.now_ns, "")
    (item,) = fitted.slices
    truth = natural(0.025, -0.3, 8.0)
    assert item.iv_atm == pytest.approx(math.sqrt(0.025 / 0.071), abs=0.002)
    assert item.skew_iv_per_k == pytest.approx(truth.w_slope(0.0) / (2.0 * item.iv_atm * 0.071), rel=0.03)
    curve = Curve(surface_fit.Svi(*item.svi), item.tau_years, item.forward_usd)
    for strike in (80_000.0, 100_000.0, 120_000.0):
        iv = math.sqrt(truth.w(math.log(strike / 100_000.0)) / 0.071)
        assert curve.iv(strike) == pytest.approx(iv, abs=0.0025)
    step = 1e-3
    up, middle, down = (curve.iv(100_000.0 * math.exp(k)) for k in (step, 0.0, -step))
    assert item.curvature_iv_per_k2 == pytest.approx((up - 2.0 * middle + down) / step**2, rel=1e-3)


def test_the_rules_are_judged_every_five_minutes(make: Any) -> None:
    """Pictures in between are fitted, not judged. In a sticky-strike market nothing beats sticky strike."""
    study = SmileStudy()
    fits: list[SurfaceFitted] = []
    for number in range(8):
        forward = 100_000.0 + 400.0 * (-1) ** (number // 2)
        fits += [study.work(_picture(make, forward_usd=forward, second=300 * number + extra)) for extra in (0, 30)]

    verdicts = {verdict.rule: verdict for verdict in fits[-1].verdicts}
    assert verdicts["sticky_strike"].variance_ratio == 1.0
    assert verdicts["sticky_strike"].steps_count == 3  # of seven, four without a move
    assert (verdicts["sticky_delta"].variance_ratio or 0.0) > 1.0
    assert fits[0].verdicts[0].variance_ratio is None
    assert 0.5 < fits[-1].ssr_ratio < 1.5


def test_no_quotes_is_a_defect(make: Any) -> None:
    """An empty book, and quotes that say nothing."""
    study = SmileStudy()
    assert study.work(Picture("BTC", make.now_ns, ())).defect == "no_quotes"
    rows = ((make.option(), make.option_marked(bid_native=None, ask_native=None)),)
    assert study.work(Picture("BTC", make.now_ns, rows)).defect == "no_quotes"


def test_a_fit_that_fails_is_a_surface_that_is_missing(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on; the words name the error."""

    def broken(*_: object) -> None:
        raise FloatingPointError("overflow")

    monkeypatch.setattr(surface_fit, "fit", broken)
    fitted = SmileStudy().work(_picture(make))

    assert (fitted.slices, fitted.defect) == ((), "FloatingPointError overflow")


def test_the_same_pictures_give_the_same_fits(make: Any) -> None:
    """To the bit: a simulated run is repeated."""

    def played() -> list[SurfaceFitted]:
        study = SmileStudy()
        pictures = [_picture(make, second=300 * n, forward_usd=100_000.0 + 100.0 * n) for n in range(3)]
        return [study.work(picture) for picture in pictures]

    assert played() == played()


def test_an_expiry_that_has_passed_gives_no_slice(make: Any) -> None:
    """Its options may still be seen for a while."""
    picture = _picture(make)
    assert SmileStudy().work(picture._replace(now_ns=Ns(make.now_ns + 60 * NS_PER_DAY))).slices == ()
