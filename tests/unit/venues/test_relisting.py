"""What a venue changes while we run: told once it differs, and never made up."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from msgspec import structs

from bot.domain.errors import VenueUnreachable
from bot.domain.events import Event, InstrumentListed
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.venues.relisting import EVERY_S, RETRY_S, Relisting

Virtual = Callable[[Coroutine[object, object, None]], None]
_PERP = InstrumentId("BTC-PERPETUAL")


class _Gateway:
    """Lists what it is given, in turn; an exception is raised."""

    def __init__(self, *answers: Sequence[Instrument] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, float]] = []

    async def instruments(self, base: str) -> Sequence[Instrument]:
        """The next answer, the last one again and again."""
        self.asked.append((base, asyncio.get_running_loop().time()))
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(told, Exception):
            raise told
        return told


def _played(virtual: Virtual, gateway: _Gateway, hours: float) -> list[Event]:
    events: list[Event] = []

    async def scene() -> None:
        feed = Relisting(gateway, [_PERP], lambda: Ns(7))  # type: ignore[arg-type]
        feed.watch([InstrumentId("BTC-27MAR26-100000-C")])
        task = asyncio.create_task(feed.run(events.extend))
        await asyncio.sleep(hours * EVERY_S + 1.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    virtual(scene())
    return events


def test_a_fee_that_changed_is_told_once(virtual: Virtual, make: Any) -> None:
    """Every hour the listing of the hedge's coin; only of the hedge, and only what is new."""
    perp = make.perpetual()
    dearer = structs.replace(perp, fee_rate_taker=2 * perp.fee_rate_taker)
    gateway = _Gateway((perp, make.option()), (perp,), (dearer, make.option()))

    events = _played(virtual, gateway, 4)

    assert gateway.asked == [("BTC", EVERY_S * hour) for hour in (1, 2, 3, 4)]
    assert events == [InstrumentListed(instrument=spec, received_ns=Ns(7)) for spec in (perp, dearer)]


def test_a_listing_that_cannot_be_had_is_asked_for_again_soon(virtual: Virtual, make: Any) -> None:
    """And everything stays as it was."""
    gateway = _Gateway(VenueUnreachable("away"), VenueUnreachable("away"), (make.perpetual(),))

    events = _played(virtual, gateway, 1.5)

    assert [at_s for _, at_s in gateway.asked] == [EVERY_S, EVERY_S + RETRY_S, EVERY_S + 2 * RETRY_S]
    assert len(events) == 1
