"""Hyperliquid's words: every kind is used as the venue means it."""

import pytest

from bot.domain.reasons import RefusalKind
from bot.venues.hyperliquid_errors import ERRORS, UNLISTED, code_of
from bot.venues.outcome import UNKNOWN, row_of


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("Order could not immediately match against any resting orders. asset=0", UNKNOWN),  # it was there
        ("Something nobody has written down", UNKNOWN),
        ("unknownOid", RefusalKind.GONE),
        ("Order was never placed, already canceled, or filled.", RefusalKind.GONE),
        ("Too many cumulative requests sent (10005 > 10000) for cumulative volume traded $0.0.", RefusalKind.BACK_OFF),
        ("Insufficient margin to place order. asset=4", RefusalKind.NO_FUNDS),
        ("Price must be divisible by tick size. asset=0", RefusalKind.OUR_BUG),
        ("Order must have minimum value of $10. asset=0", RefusalKind.TOO_SMALL),
        ("Order price cannot be more than 80% away from the reference price", RefusalKind.REQUOTE),
        ("User or API Wallet 0xb8a6 does not exist.", RefusalKind.CONFIG),
        ("Trading is halted. asset=3", RefusalKind.PAUSE),
    ],
)
def test_words(words: str, outcome: object) -> None:
    """What may have been carried out is never a no."""
    assert row_of(ERRORS, code_of(words)).outcome is outcome


def test_every_phrase_has_a_number_of_its_own_and_none_is_the_unlisted_one() -> None:
    """A number stands for one meaning."""
    assert len(ERRORS) == 26
    assert UNLISTED not in ERRORS
