"""A run's market under other parameters."""

from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import NOTHING, Outcome
from bot.domain.events import Ticked
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.bands import whalley_wilmott
from bot.research import counterfactual
from bot.research.counterfactual import Counterfactual, OpenRisk, Way, variants


def test_one_thing_is_changed_at_a_time(make: Any) -> None:
    """Bands, tactics, conventions; never what the run itself had."""
    params = make.book(band=whalley_wilmott.Params(risk_aversion_relative=10.0))
    found = list(variants(params))
    changed = [
        {name for name in params.__struct_fields__ if getattr(other, name) != getattr(params, name)}
        for _, _, other in found
    ]

    assert {len(names) for names in changed} == {1}
    assert {next(iter(names)) for names in changed} == {"band", "tactic", "convention"}
    assert len({(group, name) for group, name, _ in found}) == len(found)
    assert ("whalley_wilmott", "risk_aversion_relative 10") not in {(group, name) for group, name, _ in found}
    assert {group for group, _, _ in found} >= {"whalley_wilmott", "fixed", "time_based", "delta_percent"}


def test_what_is_open_counts_with_the_move_that_follows(play: Any, make: Any) -> None:
    """Net delta at the look before, look by look, ten seconds apart; ticks in between are passed over."""
    play.ready({"BTC-27MAR26-100000-C": "1"})
    decided, risk = play.decided(), OpenRisk()
    looks = [(0, 0.5, 1.0, 100.0), (5, 9.0, 9.0, 999.0), (10, 0.1, 1.0, 110.0), (20, 0.0, 1.0, 100.0)]
    for after_s, net, options, index_usd in looks:
        at = Ns(make.now_ns + after_s * NS_PER_S)
        seen = structs.replace(decided, now_ns=at, delta_coin_net=net, delta_coin_options=options, index_usd=index_usd)
        risk.see(play.engine, Ticked(now_ns=at), Outcome(decided=seen))
    risk.see(play.engine, Ticked(now_ns=at), NOTHING)
    risk.see(play.engine, Ticked(now_ns=at), Outcome(decided=structs.replace(seen, index_usd=None)))

    assert risk.squared_usd == pytest.approx((0.5 * 10.0) ** 2 + (0.1 * -10.0) ** 2)
    assert risk.unhedged_squared_usd == pytest.approx(200.0)


def _way(group: str, name: str, cost_usd: float, residual_usd: float, **change: Any) -> Way:
    fields: dict[str, Any] = {
        "group": group,
        "name": name,
        "hedges_count": 3,
        "fills_count": 3,
        "cost_usd": cost_usd,
        "fees_usd": 1.0,
        "residual_usd": residual_usd,
        "residual_ratio": 0.25,
        "pnl_usd": -5.0,
    }
    return Way(**(fields | change))


def test_the_run_is_told_first_and_marked() -> None:
    """Then the others by what they left open."""
    found = Counterfactual(
        run_id="r1",
        book="BTC",
        actual=_way("the run", "fixed, cross", 5.0, 10.0),
        again=_way("the run again", "fixed, cross", 5.1, 10.1),
        others=(
            _way("fixed", "wide", 2.0, 30.0, residual_ratio=None),
            _way("fixed", "tight", 9.0, 3.0, violations=("bad",)),
        ),
    )
    lines = counterfactual.as_text(found).splitlines()
    drawn = counterfactual.picture(found)

    assert [line.split(",")[0] for line in lines[3:6]] == ["the run", "the run again", "fixed"]
    assert lines[5].startswith("fixed, tight")
    assert lines[6] == "  VIOLATION: bad"
    assert lines[7].startswith("fixed, wide")
    assert (drawn.count("<title>"), drawn.count('<polygon class="mark f1"')) == (2, 2)


def test_what_is_far_from_the_run_is_counted_not_drawn() -> None:
    """A convention that hedges the collateral as well is another thing; what cost nothing has no place."""
    others = (
        _way("convention", "usd", 2_000.0, 3_000.0),
        _way("fixed", "wide", 0.0, 30.0),
        _way("fixed", "x", 4.0, 9.0),
    )
    actual = _way("the run", "fixed", 5.0, 10.0)
    found = Counterfactual(run_id="r1", book="BTC", actual=actual, again=actual, others=others)
    drawn = counterfactual.picture(found)

    assert drawn.count("<title>") == 1
    assert "2 are beyond the picture" in drawn
    assert (
        counterfactual.picture(structs.replace(found, actual=_way("the run", "none", 0.0, 10.0))).count("<title>") == 2
    )
