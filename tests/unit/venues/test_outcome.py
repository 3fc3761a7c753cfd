"""What a venue's code comes to: a definite no, or doubt."""

import pytest

from bot.domain.errors import VenueRefused
from bot.domain.events import OrderRefused, OrderUnknown
from bot.domain.ids import Label
from bot.domain.reasons import RefusalKind
from bot.domain.time import Ns
from bot.venues.outcome import UNKNOWN, Row, not_sent, row_of, verdict

_TABLE = {1: Row("no_money", RefusalKind.NO_FUNDS), 2: Row("gone", RefusalKind.GONE), 3: Row("busy", UNKNOWN)}


def test_a_code_with_a_row_is_a_definite_no() -> None:
    """Its kind and name come from the table."""
    event = verdict(_TABLE, Label("a"), VenueRefused(1, "words"), Ns(7))
    assert isinstance(event, OrderRefused)
    assert (event.code, event.name, event.kind, event.received_ns) == (1, "no_money", RefusalKind.NO_FUNDS, 7)


@pytest.mark.parametrize("code", [2, 3, 99])
def test_doubt(code: int) -> None:
    """Busy, unlisted, and an answer that is about an older order: the order is looked up."""
    event = verdict(_TABLE, Label("a"), VenueRefused(code, "words"), Ns(7))
    assert isinstance(event, OrderUnknown)
    assert event.cause == f"{code} {row_of(_TABLE, code).name}"


def test_what_never_left_has_no_code_of_the_venue() -> None:
    """Code 0 is ours."""
    assert not_sent(Label("a"), "own_order_budget", RefusalKind.BACK_OFF, Ns(7)).code == 0
