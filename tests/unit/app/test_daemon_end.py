"""The start and the end of a run: a hedge that is not open, an option that has just expired."""

from decimal import Decimal
from typing import Any

import pytest

from bot.app import daemon
from bot.domain.errors import VenueUnreachable
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S, Ns, expiry_ns_from_code

CALL = InstrumentId("BTC-27MAR26-100000-C")
PERPETUAL = InstrumentId("BTC-PERPETUAL")


def test_an_option_that_has_just_expired_is_no_difference() -> None:
    """A run ended at 08:00:01: whichever side dropped the option first, both hold the same."""
    expiry_ns = expiry_ns_from_code("27MAR26")
    held = {PERPETUAL: Decimal(-500), CALL: Decimal(1)}

    assert daemon._alive(held, Ns(expiry_ns - NS_PER_S)) == held
    assert daemon._alive(held, Ns(expiry_ns + NS_PER_S)) == {PERPETUAL: Decimal(-500)}


@pytest.mark.asyncio
async def test_a_start_while_the_hedge_is_not_open_is_tried_again(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settlement at 08:00, a lock, a misspelt name: without its hedge a book would refuse for ever."""
    monkeypatch.setattr(daemon, "_OPEN_PAUSES_S", (0.0, 0.0))
    option, perpetual = shell.make.option(), shell.make.perpetual()
    book = shell.make.book()

    shell.gateway.listed = [(option,), (option, perpetual)]
    assert await daemon._listed(shell.edges()[0], book) == (option, perpetual)

    shell.gateway.listed = [(option,)] * 3
    with pytest.raises(VenueUnreachable, match="hedge_instrument"):
        await daemon._listed(shell.edges()[0], book)
