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


@pytest.mark.parametrize("has_reloads", [True, False])
def test_a_signal_ends_the_process_and_not_the_run_alone(*, has_reloads: bool) -> None:
    """What a reload has planned for afterwards is given up."""

    class Plan:
        def __init__(self) -> None:
            self.told: list[str] = []

        def forget(self) -> None:
            self.told.append("forget")

        def request_stop(self, cause: str) -> None:
            self.told.append(cause)

    plan: Any = Plan()
    daemon._end(plan, plan if has_reloads else None, "SIGTERM")

    assert plan.told == [*["forget"] * has_reloads, "SIGTERM"]
