"""Feedback of own hedging: the engine in a world that its own trades move, few seeds."""

import re

import pytest

from bot.app.pressed import play
from bot.research.validation import feedback
from bot.research.validation.checks import Section
from bot.research.validation.feedback import Cell, Looks


@pytest.fixture(scope="module")
def section() -> Section:
    """Two multipliers, and four books of which one feeds on itself."""
    looks = Looks(
        multiplier_seeds=3,
        cell_seeds=1,
        multiplied=((-100.0, 5.0), (100.0, 5.0)),
        straddles=(-160.0, 160.0),
        kappas_usd_per_coin=(5.0, 20.0),
    )
    return feedback.section(play, looks, 1, lambda _: None)


def test_own_hedges_multiply_a_move_as_theory_says(section: Section) -> None:
    """Short gamma more than one, long gamma less, both near 1 / (1 + κΓ)."""
    short, long = section.checks[:2]

    assert (short.figure, short.is_within, long.is_within) == ("multiplier", True, True)
    assert short.source > 1.2
    assert long.source < 0.85


def test_failures_set_in_at_a_boundary_and_fall_with_gamma(section: Section) -> None:
    """Short gamma with a gain of 1.6 fails, of 0.4 it does not, long gamma does not; guards make none worse."""
    assert [check for check in section.checks if not check.is_within] == []
    (picture,) = section.pictures
    bare = re.findall(r"gain ([\d.]+): [\d.]+ times the market's moves, (\d+)% fail", picture.svg)[:4]
    assert bare == [("0.40", "0"), ("0.40", "0"), ("1.60", "100"), ("1.60", "0")]
    assert "Of a book that fails" in section.text


def test_a_grid_without_order_is_off() -> None:
    """Failures that rise towards long gamma, or fall as the impact grows, are counted."""

    def cell(straddles: float, kappa: float, fails: float) -> Cell:
        return Cell(straddles=straddles, kappa_usd_per_coin=kappa, fails_share=fails, ratio=1.0, own_coin=1.0)

    wrong = [cell(-160.0, 5.0, 1.0), cell(160.0, 5.0, 0.0), cell(-160.0, 20.0, 0.0), cell(160.0, 20.0, 1.0)]
    found = {check.figure: check.ours for check in feedback.phases(wrong, wrong)}

    assert found["failures that rise from short to long gamma, gains under 2"] == 1.0
    assert found["failures that fall as the impact grows"] == 1.0
    assert found["short gamma, gain under one: failing"] == 1.0
    assert found["short gamma, gain from 1.5: not failing"] == 1.0
    odd = [cell(160.0, 30.0, 0.0), cell(40.0, 5.0, 1.0)]
    calm = {check.figure: check.ours for check in feedback.phases(odd, odd)}
    assert calm["long gamma, gain from 2: not failing"] == 1.0
    assert calm["long gamma, gain under one: failing"] == 1.0
