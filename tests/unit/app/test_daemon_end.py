"""What a run says of its positions at the end: the venue's word against ours, without what has expired."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.app import daemon
from bot.domain import events as ev
from bot.domain.errors import VenueUnreachable
from bot.domain.time import NS_PER_S, Ns, expiry_ns_from_code

CALL = "BTC-27MAR26-100000-C"


async def _match(shell: Any, held: dict[str, str], now_ns: Ns) -> bool:
    books = (shell.make.book(),)
    parts = daemon.Parts(
        mode="test",
        books=books,
        gateway=shell.gateway,
        feeds=(),
        ledger=shell.journal,
        now_ns=lambda: now_ns,
        tick_interval_s=1.0,
    )
    amounts = {name: Decimal(amount) for name, amount in held.items()}
    status = structs.replace(shell.status(), positions_native=amounts)
    (result,) = await daemon._results(parts, (status,), daemon.tallies_of(books))
    return result.positions_match


@pytest.mark.asyncio
@pytest.mark.parametrize("venue_lists_it", [True, False])
async def test_an_option_that_has_just_expired_is_no_difference(shell: Any, venue_lists_it: bool) -> None:
    """A run ended at 08:00:01: whichever side dropped the option first, both hold the same."""
    after = Ns(expiry_ns_from_code("27MAR26") + NS_PER_S)
    theirs, ours = {"BTC-PERPETUAL": "-500"}, {"BTC-PERPETUAL": "-500"}
    (theirs if venue_lists_it else ours)[CALL] = "1"
    shell.gateway.positions = {name: Decimal(amount) for name, amount in theirs.items()}

    assert await _match(shell, ours, after)


@pytest.mark.asyncio
async def test_a_difference_or_silence_is_no_match(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before expiry the option counts; a venue that does not answer has not agreed."""
    assert not await _match(shell, {}, shell.make.now_ns)
    assert await _match(shell, {CALL: "1"}, shell.make.now_ns)

    async def nothing() -> list[ev.Event]:
        return [ev.SnapshotFailed(received_ns=shell.make.now_ns, cause="time-out")]

    monkeypatch.setattr(shell.gateway, "snapshot", nothing)
    assert not await _match(shell, {CALL: "1"}, shell.make.now_ns)


@pytest.mark.asyncio
async def test_a_start_while_the_hedge_is_not_open_is_tried_again(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settlement at 08:00, a lock, a misspelt name: without its hedge a book would refuse for ever."""
    monkeypatch.setattr(daemon, "_OPEN_PAUSES_S", (0.0, 0.0))
    option, perpetual = shell.make.option(), shell.make.perpetual()
    book = shell.make.book()

    shell.gateway.listed = [(option,), (option, perpetual)]
    assert await daemon._listed(shell.gateway, book) == (option, perpetual)

    shell.gateway.listed = [(option,)] * 3
    with pytest.raises(VenueUnreachable, match="hedge_instrument"):
        await daemon._listed(shell.gateway, book)
