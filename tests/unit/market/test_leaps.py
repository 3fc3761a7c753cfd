"""A price beside an index: a leap has to be said three times, a first one has to be near its index."""

import pytest

from bot.market.leaps import Leaps, Pair, basis_leaps, iv_leaps

_CALM: Pair = (100_500.0, 100_000.0)
_LEAP: Pair = (10_050.0, 100_000.0)


@pytest.mark.parametrize(
    ("told", "believed", "is_jumped"),
    [
        ([_CALM], [True], False),
        ([(300_000.0, 100_000.0)], [False], True),  # three times its index
        ([(300_000.0, 100_000.0)] * 3, [False, False, True], False),
        ([(300_000.0, None)], [True], False),  # nothing to hold it against
        ([_CALM, (121_000.0, 120_000.0)], [True, True], False),  # the index moved as well: a market
        ([_CALM, _LEAP], [True, False], True),
        ([_CALM, _LEAP, _CALM], [True, False, True], False),
        ([_CALM, _LEAP, _LEAP, _LEAP], [True, False, False, True], False),
        ([_CALM, _LEAP, (50_000.0, 100_000.0), _LEAP], [True, False, False, False], True),  # they do not agree
    ],
)
def test_a_leap_is_believed_when_others_agree(told: list[Pair], believed: list[bool], is_jumped: bool) -> None:
    """What is held is the last pair believed."""
    leaps: Leaps[str] = basis_leaps()
    held: Pair | None = None
    answers = []
    for pair in told:
        answers.append(leaps.believes("BTC-27MAR26", held, pair))
        held = pair if answers[-1] else held

    assert answers == believed
    assert ("BTC-27MAR26" in leaps.jumped) is is_jumped


def test_a_volatility_leaps_by_a_factor_of_three() -> None:
    """A percent for a fraction is a hundredfold."""
    leaps: Leaps[str] = iv_leaps()

    assert leaps.believes("C", (0.6, None), (1.7, None))
    assert not leaps.believes("C", (0.6, None), (60.0, None))
    assert not leaps.believes("C", (0.6, None), (0.006, None))
