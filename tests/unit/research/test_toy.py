"""Constant gamma; the table of closed forms is met in tests/reference."""

import pytest

from bot.research.toy import Rates, simulate


@pytest.fixture(scope="module")
def rates() -> dict[str, Rates]:
    """Of every policy, on few paths."""
    return simulate(64, 4.0, 2)


def test_two_thirds_of_what_is_lost_is_cost(rates: dict[str, Rates]) -> None:
    """At the optimum of every policy cost is twice the risk (theory 4.1)."""
    for each in rates.values():
        assert each.cost_usd / each.objective_usd == pytest.approx(2.0 / 3.0, rel=0.05), each


def test_the_order_of_policies_is_the_theory_s(rates: dict[str, Rates]) -> None:
    """Edge, three quarters, half, a quarter, centre, clock: the further in a trade lands, the worse."""
    rising = ("edge_band", "partial_B=0.75A", "partial_B=0.5A", "partial_B=0.25A", "centre_band", "time_based")

    objectives = [rates[name].objective_usd for name in rising]
    assert objectives == sorted(objectives)
