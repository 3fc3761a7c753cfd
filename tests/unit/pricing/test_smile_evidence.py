"""Evidence for a smile-aware delta: markets made by one rule are recognised, and nothing is where nothing is."""

import math

import numpy as np
import pytest

from bot.pricing import smile
from bot.pricing.smile import ErrorVariance, SmileDelta
from bot.pricing.smile_evidence import MarkSmile, Seen, SmileEvidence, mark_smile

_START = 60_000.0
_TAU = 20.0 / 365.0
_STRIKES = [_START * math.exp(x) for x in np.linspace(-0.15, 0.15, 9).tolist()]
_SLOPE, _BEND = -0.35, 0.8


def _chain(forward: float, shift: float, tau_years: float = _TAU) -> list[Seen]:
    """Calls and puts on a smile that has moved along with the forward, and up by `shift`."""
    rows = []
    for strike in _STRIKES:
        k = math.log(strike / forward)
        iv = 0.6 + shift + _SLOPE * k + _BEND * k * k
        rows += [Seen(f"{strike:.0f}{kind}", "20D", forward, strike, tau_years, iv, kind == "C") for kind in ("C", "P")]
    return rows


def _market(ratio: float, steps: int, noise: float = 0.0, seed: int = 4) -> SmileEvidence:
    """At-the-money volatility follows `ratio` times skew times move: 0 is sticky delta, 1 about sticky strike."""
    rng = np.random.default_rng(seed)
    evidence = SmileEvidence()
    forward, shift = _START, 0.0
    for _ in range(steps):
        evidence.step(_chain(forward, shift))
        move = float(rng.normal(0.0, 2e-3))
        forward *= math.exp(move)
        shift += ratio * _SLOPE * move + float(rng.normal(0.0, noise)) if noise else ratio * _SLOPE * move
    return evidence


def test_the_parabola_is_the_smiles() -> None:
    """Level, slope and bend of marks that lie on one."""
    found = mark_smile(_chain(_START, 0.02))
    assert found is not None

    assert found == pytest.approx((0.62, _SLOPE, _BEND), rel=1e-9)
    assert found.skew(0.1) == pytest.approx(_SLOPE + 0.16)


def test_few_strikes_have_no_smile() -> None:
    """Three strikes of both kinds are three strikes."""
    rows = _chain(_START, 0.0)

    assert mark_smile(rows[6:12]) is None
    assert mark_smile([]) is None
    assert mark_smile(rows[5:13]) is not None


@pytest.mark.parametrize(("ratio", "expected"), [(0.0, 0.15), (1.0, 1.0), (2.0, 1.85)])
def test_the_ratio_is_measured(ratio: float, expected: float) -> None:
    """A thousand steps: near what the market does, held back towards 1 by the prior."""
    assert _market(ratio, 1000).ssr() == pytest.approx(expected, abs=0.05)


def test_a_market_of_sticky_moneyness_is_recognised() -> None:
    """Its own rule and the measured ones beat sticky strike beyond doubt; sticky strike is compared with itself."""
    verdicts = _market(0.0, 500, noise=2e-4).verdicts()

    assert verdicts[SmileDelta.STICKY_STRIKE].ratio == 1.0
    for rule in (SmileDelta.STICKY_DELTA, SmileDelta.SSR, SmileDelta.MINIMUM_VARIANCE):
        assert verdicts[rule].is_better, rule
    assert verdicts[SmileDelta.STICKY_DELTA].ratio == min(item.ratio for item in verdicts.values())


def test_a_market_of_sticky_strikes_gives_no_reason_to_switch() -> None:
    """The wrong rule is worse, the measured ones are no better."""
    rng = np.random.default_rng(11)
    evidence, forward = SmileEvidence(), _START
    for _ in range(500):
        noise = float(rng.normal(0.0, 5e-4))
        rows = [
            row._replace(iv=fixed.iv + noise)
            for row, fixed in zip(_chain(forward, 0.0), _chain(_START, 0.0), strict=True)
        ]
        evidence.step(rows)
        forward *= math.exp(float(rng.normal(0.0, 2e-3)))
    verdicts = evidence.verdicts()

    assert verdicts[SmileDelta.STICKY_DELTA].ratio > 1.05
    assert not any(item.is_better for item in verdicts.values())


def test_steps_are_counted_not_options() -> None:
    """Eighteen options err together: one observation a step, and none before the second look."""
    assert _market(0.0, 1).verdicts()[SmileDelta.SSR].steps == 0
    assert _market(0.0, 11).verdicts()[SmileDelta.SSR].steps == 10


def test_a_forward_that_stands_still_says_nothing() -> None:
    """No move, no error, nothing learnt."""
    evidence = SmileEvidence()
    for _ in range(5):
        evidence.step(_chain(_START, 0.0))

    assert evidence.verdicts()[SmileDelta.SSR].steps == 0
    assert evidence.coefficients() == smile.MvBook()
    assert evidence.ssr() == 1.0


def test_options_come_and_go() -> None:
    """What expired, was listed a step ago or has no volatility is left out of the step; the rest counts."""
    evidence = SmileEvidence()
    evidence.step(_chain(_START, 0.0))
    rows = _chain(_START * 1.01, 0.0)
    bad = [rows[0]._replace(iv=0.0), rows[1]._replace(tau_years=0.0), rows[2]._replace(forward=math.nan)]
    evidence.step([*bad, *rows[3:], rows[4]._replace(name="new")])
    verdict = evidence.verdicts()[SmileDelta.STICKY_DELTA]

    assert isinstance(verdict, ErrorVariance)
    assert (verdict.steps, math.isfinite(verdict.ratio)) == (1, True)


def test_the_window_is_bounded() -> None:
    """Old steps are forgotten."""
    evidence = SmileEvidence(steps_count_max=3, options_count=2)
    for step in range(10):
        evidence.step(_chain(_START * (1.0 + 0.001 * (step % 2)), 0.0))

    assert evidence.verdicts()[SmileDelta.SSR].steps == 3
    assert isinstance(mark_smile(_chain(_START, 0.0)), MarkSmile)
