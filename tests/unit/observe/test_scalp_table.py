"""The scalping report as text and as JSON."""

import json

import pytest
from msgspec import structs

from bot.domain.time import NS_PER_S, NS_PER_YEAR, Ns
from bot.observe.scalp_table import as_json, as_text
from bot.observe.scalps import ScalpingReport
from bot.risk.scalping import Gamma, Step, scalping, spans

_MINUTE = Ns(60 * NS_PER_S)


def _report() -> ScalpingReport:
    """Two hours of minutes at 60 %, each a move of 0.1 %, to and fro by tens."""
    years, steps = _MINUTE / NS_PER_YEAR, []
    for place in range(120):
        move = 0.001 if place % 20 < 10 else -0.001
        gamma = Gamma(1e6 * years, 0.5e6 * move**2, -0.5e6 * 0.36 * years)
        span = (Ns(place * _MINUTE), Ns((place + 1) * _MINUTE))
        steps.append(Step(*span, move, gamma, Gamma(), 0.01, 1e4 * years, -0.02, 1e4))
    return ScalpingReport(
        run_id="run-1",
        mode="demo",
        book="BTC",
        start_ns=Ns(0),
        end_ns=Ns(7_200 * NS_PER_S),
        steps_count=120,
        scalping=scalping(steps, 10_000.0),
        maker_share=0.25,
        hedges_count=80,
        traded_usd=10_000.0,
        hours=spans(steps, [Ns(3_600 * NS_PER_S)]),
        hedges=spans(steps, [step.end_ns for step in steps[:80]]),
        beside_usd=-1.5,
        total_usd=1.0,
        problem="",
    )


def test_a_reader_finds_what_was_paid_met_lost_and_luck() -> None:
    """Every figure with its unit and what it means; the newest fifty hedges."""
    text = as_text(_report())

    for words in (
        "run-1 (demo), book BTC: 1970-01-01T00:00:00Z and 7,200 s on; USD, 120 steps",
        "gamma bought: delta moves +10,000 USD for 1 %; paid 60.00%, met 72.50%",
        "realised volatility, plain: 72.50%",
        "break-even move: 0.64% an hour, 3.14% a day at 60.00%; 61.24% pays the costs as well",
        "costs took 4.0% of the variance, 2.4% by the width of the band",
        "80 hedges traded 10,000 USD, 25% of it as maker",
        "inefficiency 2.0%",
        "at the volatility paid  expected -2.40, chance +20.10 +- 5.38 (+3.7 standard errors)",
        "from hedge to hedge, 50 of 81",
        "scalping +2.50 and -1.50 beside it",
    ):
        assert words in text, words
    assert "gamma sold" not in text


def test_what_does_not_add_up_is_loud() -> None:
    """The last line says it; without steps there are no figures to misread."""
    text = as_text(structs.replace(_report(), problem="no books", scalping=None, maker_share=None))

    assert text.splitlines()[-1] == "DOES NOT ADD UP: no books"
    assert "volatility, plain" not in text


def test_programs_get_one_line() -> None:
    """All hedges, numbers as numbers."""
    told = json.loads(as_json(_report()))

    assert len(told["hedges"]) == 81
    assert told["scalping"]["at_implied"]["expected_usd"] == pytest.approx(-2.4)
