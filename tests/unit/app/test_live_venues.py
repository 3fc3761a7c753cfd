"""A driver of two venues: commands go to their instrument's gateway, and one venue's silence stops nothing else."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.app import daemon
from bot.app.live import Live
from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.errors import VenueUnreachable
from bot.domain.ids import DERIBIT, InstrumentId, VenueId
from bot.domain.reasons import Phase
from bot.engine import Engine
from bot.venues.contract import Edge

OKX = VenueId("okx")
SWAP = InstrumentId("OKX:BTC-USDT-SWAP")
CALL = InstrumentId("BTC-27MAR26-100000-C")


class _Two:
    """Two venues over the fakes of `shell`: options here, a swap there."""

    def __init__(self, shell: Any, now_ns: Any) -> None:
        self.shell, self.make = shell, shell.make
        self.here, self.there = shell.gateway, type(shell.gateway)(shell.make, shell.diary)
        self.there.positions = {}
        self.there.answer = self._filled
        self.swap = self.make.linear_perpetual(id=SWAP, venue=OKX)
        self.silence = asyncio.Event()
        self.silence.set()
        for gateway, venue, listed in ((self.here, DERIBIT, [self.make.option()]), (self.there, OKX, [self.swap])):
            gateway.listed = [listed] * 5
            gateway.snapshot = self._snapshot_of(gateway, venue)
        feed = type(shell.market)
        restored = {
            (venue, stream): ev.StreamRestored(stream=stream, received_ns=now_ns, venue=venue)
            for venue in (DERIBIT, OKX)
            for stream in ev.StreamName
        }
        market, account = ev.StreamName.MARKET, ev.StreamName.ACCOUNT
        option, swap = self.make.option_marked(), self.make.future_marked(SWAP)
        self.feeds = {
            DERIBIT: (feed([restored[DERIBIT, market], option]), feed([restored[DERIBIT, account]])),
            OKX: (feed([restored[OKX, market], swap]), feed([restored[OKX, account]])),
        }
        self.book = self.make.book(hedge_instrument=SWAP)
        engines = {"BTC": Engine(self.book)}
        shell.engines = engines
        shell.live = Live(
            engines, self.edges(), shell.journal, shell.witness, now_ns=lambda: now_ns, tick_interval_s=0.001
        )

    def edges(self) -> tuple[Edge, ...]:
        """Both venues."""
        return (
            Edge(venue=DERIBIT, gateway=self.here, feeds=self.feeds[DERIBIT]),
            Edge(venue=OKX, gateway=self.there, feeds=self.feeds[OKX]),
        )

    def first(self) -> list[ev.Event]:
        """Specifications."""
        specs = (self.make.option(), self.swap)
        return [ev.InstrumentListed(instrument=spec, received_ns=self.make.now_ns) for spec in specs]

    def _snapshot_of(self, gateway: Any, venue: VenueId) -> Any:
        async def snapshot() -> Sequence[ev.Event]:
            if venue == OKX:
                await self.silence.wait()
            told = {name: str(amount) for name, amount in gateway.positions.items()}
            return (structs.replace(self.make.snapshot(told), venue=venue),)

        return snapshot

    def _filled(self, command: PlaceOrder) -> Sequence[ev.Event]:
        self.there.positions[SWAP] = self.there.positions.get(SWAP, Decimal(0)) + command.amount_native
        fill = self.make.fill(f"{SWAP}:1", str(command.amount_native), command.label, instrument=SWAP)
        done = self.make.updated(command.label, "filled", str(abs(command.amount_native)), instrument=SWAP)
        return (fill, done)


@pytest.fixture
def two(shell: Any, now_ns: Any) -> _Two:
    """A driver that hedges a call of one venue at another."""
    return _Two(shell, now_ns)


@pytest.mark.asyncio
async def test_orders_and_questions_go_to_the_venue_of_their_instrument(two: _Two) -> None:
    """The option is watched here, the swap is traded there; positions of both are as at the venues."""
    async with two.shell.running(two.first()):
        await two.shell.until(lambda: len(two.shell.status().positions_native) == 2)

    assert two.here.placed == []
    assert [order.instrument for order in two.there.placed] == [SWAP]
    assert two.shell.status().positions_native == two.here.positions | two.there.positions
    assert [feed.watched for feed in two.feeds[DERIBIT]] == [[CALL], [CALL]]
    assert [feed.watched for feed in two.feeds[OKX]] == [[], []]


@pytest.mark.asyncio
async def test_a_venue_that_does_not_answer_holds_up_nothing_of_the_other(two: _Two, now_ns: Any) -> None:
    """Its own question waits; events of the other venue are applied and decided on meanwhile."""
    two.silence.clear()
    async with two.shell.running(two.first()):
        await two.shell.until(lambda: two.shell.witness.told and CALL in two.shell.status().positions_native)
        seen = len(two.shell.witness.told)
        two.shell.live.sink([two.make.option_marked(received_ns=now_ns)])
        await two.shell.until(lambda: len(two.shell.witness.told) > seen)
        waiting = (two.shell.status().phase, list(two.there.placed))
        two.silence.set()
        await two.shell.until(lambda: bool(two.there.placed))

    assert waiting == (Phase.RECONCILING, [])


class _Ledger:
    """What a start asks of a ledger."""

    def __init__(self) -> None:
        self.bound: list[tuple[str, VenueId]] = []

    def bind(self, account_id: str, venue: VenueId) -> None:
        self.bound.append((account_id, venue))

    def remembered(self, book: str) -> list[Any]:
        del book
        return []


def _parts(two: _Two, now_ns: Any) -> tuple[daemon.Parts, _Ledger]:
    ledger: Any = _Ledger()
    books = (two.book,)
    parts = daemon.Parts(
        mode="test", books=books, edges=two.edges(), ledger=ledger, now_ns=lambda: now_ns, tick_interval_s=1.0
    )
    return parts, ledger


@pytest.mark.asyncio
async def test_a_start_reads_both_venues(two: _Two, now_ns: Any) -> None:
    """Instruments and account of each; the hedge is looked for where it is."""
    parts, ledger = _parts(two, now_ns)
    first = await daemon._first_events(parts)

    assert [event.instrument.id for event in first] == [CALL, SWAP]
    assert ledger.bound == [("7", DERIBIT), ("7", OKX)]


@pytest.mark.asyncio
async def test_a_hedge_that_is_not_open_there_is_not_looked_for_here(
    two: _Two, now_ns: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its key."""
    monkeypatch.setattr(daemon, "reached", lambda attempt, _waits: attempt())
    two.there.listed = [[two.make.linear_perpetual(id=InstrumentId("OKX:BTC-USDC-SWAP"))]]

    with pytest.raises(VenueUnreachable, match=r"OKX:BTC-USDT-SWAP is not open at the venue"):
        await daemon._first_events(_parts(two, now_ns)[0])


@pytest.mark.asyncio
async def test_the_last_look_is_at_both_and_one_silent_venue_is_no_agreement(
    two: _Two, now_ns: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded: a venue that is gone is not waited for."""
    monkeypatch.setattr(daemon, "_LAST_LOOK_S_MAX", 0.05)
    parts, _ = _parts(two, now_ns)
    whole = await daemon._last_looks(parts.edges)
    two.silence.clear()
    half = await daemon._last_looks(parts.edges)
    tallies = daemon.tallies_of(parts.books)
    status = structs.replace(two.shell.status(), positions_native={CALL: Decimal(1)})
    results = [daemon._results(parts, [status], tallies, answer=answer)[0] for answer in (whole, half)]

    assert [result.positions_match for result in results] == [True, False]
    assert any("did not tell" in line for line in results[1].violations)
