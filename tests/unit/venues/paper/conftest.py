"""A paper account on virtual time, before a venue that answers questions from memory."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import JournalError, VenueRefused, VenueUnreachable
from bot.domain.events import Event
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import Ns
from bot.venues.contract import AccountRead, BookMoves
from bot.venues.paper.feeds import PaperAccountFeed
from bot.venues.paper.gateway import PaperGateway
from bot.venues.paper.opening import PaperParams
from bot.venues.paper.venue import PaperVenue, Shelf

PERP_ID = InstrumentId("BTC-PERPETUAL")


class FakeReader:
    """Answers questions about a venue that lists what it is told; remembers what it was asked."""

    def __init__(self, make: Any) -> None:
        self.listed: dict[str, Instrument] = {spec.id: spec for spec in (make.perpetual(), make.option())}
        self.tickers: dict[str, Event] = {PERP_ID: make.future_marked(), make.option().id: make.option_marked()}
        self.deliveries: dict[tuple[str, int], float] = {}
        self.held = AccountRead(positions=(), balances={})
        self.rate = 0.0
        self.asked: list[str] = []
        self.is_reachable = True

    def _note(self, question: str) -> None:
        self.asked.append(question)
        if not self.is_reachable:
            raise VenueUnreachable(question)

    async def open(self) -> None:
        """Connected."""
        self._note("open")

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """What is listed on a coin."""
        self._note(f"instruments {base}")
        return tuple(spec for spec in self.listed.values() if spec.base == base)

    async def index_usd(self, index_name: str) -> float:
        """A round figure."""
        self._note(f"index {index_name}")
        return 100_000.0

    async def ticker(self, instrument: str) -> Event:
        """Of what is known."""
        self._note(f"ticker {instrument}")
        if instrument not in self.tickers:
            raise VenueRefused(-32602, "Invalid params")
        return self.tickers[instrument]

    async def delivery_usd(self, index_name: str, expiry_ns: int) -> float | None:
        """As published."""
        self._note(f"delivery {index_name}")
        return self.deliveries.get((index_name, expiry_ns))

    async def funding_rate(self, instrument: str, start_ns: int, end_ns: int) -> float:
        """One figure for any time that is not empty."""
        self._note(f"funding {instrument}")
        return self.rate if end_ns > start_ns else 0.0

    async def account(self) -> AccountRead:
        """As set."""
        self._note("account")
        return self.held

    async def close(self) -> None:
        """Remember it."""
        self.asked.append("close")


class PaperStage:
    """A paper account on virtual time: its venue, gateway and feeds, and what they told."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.reader = FakeReader(make)
        self.kept: bytes | None = None
        self.saves = 0
        self.can_save = True
        self.events: list[Event] = []
        self.params = PaperParams(
            bases=("BTC",),
            hedges=(PERP_ID,),
            latency_ns=Ns(50_000_000),
            balances={"BTC": Decimal(10), "USDC": Decimal(1000)},
            portfolio=PortfolioSpec(legs=(LegSpec(qty_coin=Decimal(2), instrument=make.option().id),)),
            fee_rate_maker=None,
            fee_rate_taker=None,
        )
        self.skipped_ns = 0
        """Time spent outside the loop: between two lives of the bot."""

    def now_ns(self) -> Ns:
        """The loop's time, from a fixed moment on."""
        return Ns(self.make.now_ns + self.skipped_ns + round(asyncio.get_running_loop().time() * 1e9))

    def _save(self, data: bytes) -> None:
        if not self.can_save:
            raise JournalError("disk full")
        self.kept, self.saves = data, self.saves + 1

    def sink(self, events: Sequence[Event]) -> None:
        """Remember."""
        self.events.extend(events)

    def born(self) -> None:
        """A new process: nothing but what was kept."""
        self.venue = PaperVenue(Shelf(load=lambda: self.kept, save=self._save), self.now_ns)
        self.gateway = PaperGateway(self.params, self.venue, self.reader, self.now_ns)
        self.account_feed = PaperAccountFeed(self.venue, self.reader, self.now_ns)

    async def open(self) -> None:
        """A process that has opened, follows its stream and knows a book around 100,000."""
        self.born()
        await self.gateway.open()
        self.venue.follow(self.sink)
        self.book()

    def book(
        self, *, bids: Any = ((99_999.5, 1000.0),), asks: Any = ((100_000.5, 1000.0),), whole: bool = True
    ) -> None:
        """A book message of the perpetual."""
        self.venue.hear_book(PERP_ID, BookMoves(list(bids), list(asks)), self.now_ns(), is_whole=whole)

    def order(self, label: str = "hb1", amount: str = "100", price: str = "100000.5", **change: object) -> Any:
        """An order of the perpetual, valid for two seconds from now."""
        fields = {"price_native": Decimal(price), "valid_until_ns": Ns(self.now_ns() + 2_000_000_000)}
        return self.make.place(label, amount, **(fields | change))


@pytest.fixture
def paper(make: Any) -> PaperStage:
    """A paper account: two calls from a portfolio, 50 ms away."""
    return PaperStage(make)
