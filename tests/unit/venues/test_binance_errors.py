"""Binance's codes: every kind is used as the venue means it."""

import pytest

from bot.domain.reasons import RefusalKind
from bot.venues.binance_errors import BAD_KEY, ERRORS, NO_SUCH_ORDER
from bot.venues.outcome import UNKNOWN, row_of


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (-1007, UNKNOWN),  # "Send status unknown; execution status unknown"
        (-1006, UNKNOWN),
        (-1001, UNKNOWN),
        (-4116, UNKNOWN),  # an open order with our label
        (-9999, UNKNOWN),
        (-1008, RefusalKind.BACK_OFF),
        (-1021, RefusalKind.NOT_EXECUTED),
        (-2019, RefusalKind.NO_FUNDS),
        (-4061, RefusalKind.CONFIG),  # hedge mode
        (-2011, RefusalKind.GONE),
        (-4164, RefusalKind.TOO_SMALL),
        (-1111, RefusalKind.OUR_BUG),
    ],
)
def test_code(code: int, outcome: object) -> None:
    """What may have been carried out is never a no."""
    assert row_of(ERRORS, code).outcome is outcome


def test_sets_are_of_the_table() -> None:
    """A key that is refused is a matter of configuration, an order that is not there is gone."""
    assert {ERRORS[code].outcome for code in BAD_KEY} == {RefusalKind.CONFIG}
    assert {ERRORS[code].outcome for code in NO_SUCH_ORDER} == {RefusalKind.GONE}
