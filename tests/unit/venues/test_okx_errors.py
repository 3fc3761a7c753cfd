"""OKX's codes: every kind is used as the venue means it."""

import pytest

from bot.domain.reasons import RefusalKind
from bot.venues.okx_errors import BAD_KEY, ERRORS, NO_SUCH_ORDER
from bot.venues.outcome import UNKNOWN, row_of


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (50004, UNKNOWN),  # "does not indicate success or failure of order"
        (51149, UNKNOWN),
        (51016, UNKNOWN),  # an order with our label exists
        (50026, UNKNOWN),
        (99999, UNKNOWN),
        (50011, RefusalKind.BACK_OFF),
        (50036, RefusalKind.NOT_EXECUTED),
        (51008, RefusalKind.NO_FUNDS),
        (51121, RefusalKind.OUR_BUG),
        (51020, RefusalKind.TOO_SMALL),  # less than the least order there is now
        (51400, RefusalKind.GONE),
        (51010, RefusalKind.CONFIG),
    ],
)
def test_code(code: int, outcome: object) -> None:
    """What may have been carried out is never a no."""
    assert row_of(ERRORS, code).outcome is outcome


def test_sets_are_of_the_table() -> None:
    """A key that is refused is a matter of configuration, an order that is not there is gone."""
    assert {ERRORS[code].outcome for code in BAD_KEY} == {RefusalKind.CONFIG}
    assert {ERRORS[code].outcome for code in NO_SUCH_ORDER} == {RefusalKind.GONE}
