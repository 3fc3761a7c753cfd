"""Whole runs with a surface: each rule hedges into its band, the same twice, and replays equal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app import compose, simulated
from bot.drive.replay import replay
from bot.pricing.smile import SmileDelta
from bot.risk.sources import Sources
from bot.risk.volatility import VolatilitySource

_MINUTES = 12.0
_SEED = 3


@pytest.mark.parametrize("rule", [rule for rule in SmileDelta if rule is not SmileDelta.STICKY_STRIKE])
def test_each_rule_hedges_into_its_band_the_same_twice(watched: Callable[..., Any], rule: SmileDelta) -> None:
    """No violation, the positions of the venue, every fit in the trace and the rule in use."""
    sources = Sources(smile=rule, volatility=VolatilitySource.SURFACE)
    run, again = (watched(_SEED, _MINUTES, sources=sources) for _ in range(2))
    result = run.run()

    assert result == again.run()
    assert (run.violation, result.violations, result.positions_match) == (None, (), True)
    assert result.orders > 0
    assert {verdict.rule for verdict in result.smile_verdicts} == set(SmileDelta)
    assert {verdict.steps_count for verdict in result.smile_verdicts} == {2}  # five minutes each
    status = run.simulation._engine.status()
    assert [item.smile for item in status.sources] == [rule.value]
    assert status.sources[0].options_by_volatility == {"surface": 2}
    decided = status.decided
    slack_coin = 0.02  # the market moves between the last order and the last look
    assert decided.band_low_coin - slack_coin <= decided.delta_coin_net <= decided.band_high_coin + slack_coin


def test_a_run_with_a_surface_replays_equal(watched: Callable[..., Any], tmp_path: Path) -> None:
    """Fits come from the tape: replay fits nothing."""
    sources = Sources(smile=SmileDelta.SSR, compares=True)
    config = watched(_SEED, 4.0, sources=sources).config
    options = simulated.SimulateOptions(
        seed=_SEED, hours=4.0 / 60.0, step_ms=1_000, tape=None, currency="BTC", tape_out=tmp_path / "run"
    )
    compose.simulate(config, options)

    result = replay(tmp_path / "run")

    assert (result.is_equal, result.compared) == (True, "decisions and commands")
    assert b"SurfaceFitted" in b"".join(file.read_bytes() for file in (tmp_path / "run").iterdir())


def test_comparing_alone_changes_no_trade_of_a_rule(watched: Callable[..., Any]) -> None:
    """Sticky strike with every strike seen, compared and not: the same deltas, so the same orders."""
    compared = watched(_SEED, _MINUTES, sources=Sources(compares=True))
    minimum = watched(_SEED, _MINUTES, sources=Sources(smile=SmileDelta.MINIMUM_VARIANCE))
    compared.run()
    minimum.run()  # thirty steps are not there yet: no correction

    assert [(order.amount_native, order.price_native) for order in compared.orders] == [
        (order.amount_native, order.price_native) for order in minimum.orders
    ]
    assert compared.orders
