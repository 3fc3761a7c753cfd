"""Bybit's codes: every kind is used as the venue means it."""

import pytest

from bot.domain.reasons import RefusalKind
from bot.venues.bybit_errors import BAD_KEY, ERRORS
from bot.venues.outcome import UNKNOWN, row_of


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (10000, UNKNOWN),
        (10016, UNKNOWN),
        (110072, UNKNOWN),  # an order with our label exists
        (110079, UNKNOWN),
        (99999, UNKNOWN),
        (10002, RefusalKind.NOT_EXECUTED),
        (10006, RefusalKind.BACK_OFF),
        (110007, RefusalKind.NO_FUNDS),
        (110001, RefusalKind.GONE),
        (110063, RefusalKind.PAUSE),
        (110094, RefusalKind.TOO_SMALL),  # worth less than the least order: the price fell
        (10001, RefusalKind.OUR_BUG),
    ],
)
def test_code(code: int, outcome: object) -> None:
    """What may have been carried out is never a no."""
    assert row_of(ERRORS, code).outcome is outcome


def test_a_refused_key_is_a_matter_of_configuration() -> None:
    """Every code of the set is in the table."""
    assert {ERRORS[code].outcome for code in BAD_KEY} == {RefusalKind.CONFIG}
