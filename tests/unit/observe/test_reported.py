"""Words of a report."""

import pytest

from bot.observe.reported import Components


def test_components_add_up_to_the_result() -> None:
    """All seven of them."""
    made = Components(
        carry_usd=1.0,
        left_usd=2.0,
        volatility_usd=4.0,
        basis_usd=8.0,
        costs_usd=-16.0,
        funding_usd=32.0,
        other_usd=64.0,
    )

    assert made.total_usd == pytest.approx(95.0)
