"""A look before a run: each thing it asks can fail by itself, and what depends on it is skipped."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.app import check
from bot.app.check import Checks, VenueParts
from bot.app.config import Config
from bot.domain import events as ev
from bot.domain.errors import BotError, ConfigError, VenueError, VenueUnreachable
from bot.domain.ids import InstrumentId, Label, OrderId, VenueId
from bot.domain.instruments import Instrument
from bot.domain.reasons import DistrustCause
from bot.domain.seen import OrderSeen, PositionSeen
from bot.domain.time import Ns
from bot.journal.ledger import Ledger
from bot.venues.contract import Sink

NOW = Ns(1)
_ALL = [
    "http",
    "clock",
    "key",
    "account",
    "orders",
    "hedge BTC",
    "positions",
    "market data",
    "account data",
    "limits BTC",
]


class FakeInspector:
    """A venue where all is well, except what a test says fails."""

    def __init__(self, make: Any) -> None:
        self._make = make
        self.fails: dict[str, BotError] = {}
        self.is_closed = False
        self.was_listed = False
        self.listed = (make.perpetual(), make.option())
        self.equities: dict[str, float] = {}

    def _say(self, step: str, answer: Any) -> Any:
        if step in self.fails:
            raise self.fails[step]
        return answer

    async def reach(self) -> None:
        """There."""
        self._say("reach", None)

    def check_clock(self) -> int:
        """Slow by little."""
        return int(self._say("clock", -12))

    async def check_key(self) -> str:
        """Enough."""
        return str(self._say("key", "trade:read_write account:read"))

    async def check_account(self) -> str:
        """Seven."""
        return str(self._say("account", "7"))

    async def check_orders(self) -> str:
        """Ready."""
        return str(self._say("orders", "go through ccxt"))

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """The perpetual and a call."""
        assert base == "BTC"
        self.was_listed = True
        listed: tuple[Instrument, ...] = self._say("instruments", self.listed)
        return listed

    async def snapshot(self) -> Sequence[ev.Event]:
        """A call, an order of ours and one of somebody."""
        assert self.was_listed, "as the contract says: instruments come first"
        if "snapshot" in self.fails:
            return (ev.SnapshotFailed(received_ns=NOW, cause=str(self.fails["snapshot"])),)
        held = [(self._make.option().id, "2"), (InstrumentId("ETH-PERPETUAL"), "10")]
        told = [
            self._make.account_seen(currency=name, equity_native=equity, delta_coin_by_index=None, delta_coin_total=0.0)
            for name, equity in self.equities.items()
        ]
        return (
            *told,
            ev.SnapshotTaken(
                positions=tuple(PositionSeen(instrument=name, amount_native=Decimal(n)) for name, n in held),
                open_orders=(_order("hbbtcx0000001"), _order(None)),
                fills=(),
                requested_ns=NOW,
                received_ns=NOW,
            ),
        )

    async def close(self) -> None:
        """Done."""
        self.is_closed = True


def _order(label: str | None) -> OrderSeen:
    return OrderSeen(
        order_id=OrderId("1"),
        label=None if label is None else Label(label),
        instrument=InstrumentId("BTC-PERPETUAL"),
        amount_native=Decimal(10),
        filled_native=Decimal(0),
        price_native=None,
    )


class FakeFeed:
    """Comes up at once, unless told otherwise."""

    def __init__(self, *events: ev.Event, error: ConfigError | None = None) -> None:
        self.events = events or (ev.StreamRestored(stream=ev.StreamName.MARKET, received_ns=NOW),)
        self.error = error
        self.others: tuple[InstrumentId, ...] = ()
        self.is_ended = False

    async def run(self, sink: Sink) -> None:
        """Say it twice: a look is over after the first word."""
        if self.error is not None:
            raise self.error
        sink(self.events)
        sink(self.events)
        try:
            await asyncio.sleep(60.0)
        finally:
            self.is_ended = True

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Take note."""
        self.others += tuple(instruments)


class Look:
    """One look at a venue that can be spoilt."""

    def __init__(self, make: Any, config: Config) -> None:
        self.inspector = FakeInspector(make)
        self.market, self.account = FakeFeed(_UP, make.future_marked(), make.option_marked()), FakeFeed()
        self.config, self.checks = config, Checks(config)
        self.settings = config.venue

    def _market(self, others: Sequence[InstrumentId]) -> FakeFeed:
        self.market.watch(others)
        return self.market

    async def at_venue(self) -> dict[str, Any]:
        """Findings by name."""
        parts = VenueParts(
            settings=self.settings, inspector=self.inspector, market_feed=self._market, account_feed=self.account
        )
        await self.checks.venue(parts)
        assert self.inspector.is_closed
        return {finding.name: finding for finding in self.checks.findings}


@pytest.mark.asyncio
async def test_a_second_venue_is_looked_at_under_its_name(make: Any, config: Config) -> None:
    """Its own steps, its own account in the ledger; the hedge is looked for where it is."""
    swap = InstrumentId("OKX:BTC-USDT-SWAP")
    second = structs.replace(config.venue, venue=VenueId("okx"), account_id=None)
    books = tuple(structs.replace(book, hedge_instrument=swap) for book in config.books)
    look = Look(make, structs.replace(config, hedge_venue=second, books=books))
    here = await look.at_venue()
    there = Look(make, look.config)
    there.checks, there.settings = look.checks, second
    there.inspector.listed = (make.linear_perpetual(id=swap),)
    there.market = FakeFeed(_UP, make.future_marked(instrument=swap), make.option_marked())
    found = await there.at_venue()
    look.checks.machine(keeps_ledger=True)

    assert list(here) == ["options BTC" if name == "hedge BTC" else name for name in _ALL[:-1]]
    assert here["options BTC"].detail == "1 are listed"
    assert [name for name in found if name not in here] == [
        *("okx http", "okx clock", "okx key", "okx account", "okx orders", "hedge BTC", "okx positions"),
        *("okx market data", "okx account data", "limits BTC"),
    ]
    assert {finding.status for finding in look.checks.findings} == {"ok"}


@pytest.mark.asyncio
async def test_a_coin_without_options_at_their_venue_is_told(make: Any, config: Config) -> None:
    """A book whose hedge is elsewhere is named after its coin all the same."""
    books = tuple(structs.replace(book, hedge_instrument=InstrumentId("OKX:BTC-USDT-SWAP")) for book in config.books)
    look = Look(make, structs.replace(config, books=books))
    look.inspector.listed = (make.perpetual(),)
    found = await look.at_venue()

    assert found["options BTC"].detail == "no option on BTC is listed; is [books.btc] named after a coin?"


@pytest.fixture
def look(make: Any, config: Config) -> Look:
    """All is well."""
    return Look(make, config)


@pytest.mark.asyncio
async def test_all_is_well_in_words_that_help(look: Look) -> None:
    """Order and detail of the checks; instruments held in other coins are nobody's business here."""
    found = await look.at_venue()

    assert [(name, finding.status) for name, finding in found.items()] == [(name, "ok") for name in _ALL]
    assert found["http"].detail == "https://test.deribit.com says testnet=true, as it must"
    assert found["clock"].detail == "the venue's is -12 ms from ours"
    assert found["account"].detail == "the key belongs to account 7"
    assert found["hedge BTC"].detail.startswith("BTC-PERPETUAL is open: tick 0.5, lot 10, fees ")
    assert found["positions"].detail == "BTC-27MAR26-100000-C 2; open orders: 1 of ours, 1 of others"
    assert found["market data"].detail == "every channel was acknowledged, 2 instruments told of"
    assert found["limits BTC"].detail.startswith("orders up to 250,000 USD, position up to 2e+06 USD, at 100,0")
    assert look.market.others == (InstrumentId("BTC-27MAR26-100000-C"),)
    assert look.market.is_ended
    assert look.account.is_ended


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("step", "error", "failed", "skipped"),
    [
        ("reach", VenueUnreachable("get_time: no"), "http", [*_ALL[1:7], _ALL[-1]]),
        ("reach", ConfigError("venue.rest_url: testnet"), "http", [*_ALL[1:7], _ALL[-1]]),
        ("clock", ConfigError("clock: far away"), "clock", []),
        ("key", ConfigError("venue.client_id: may withdraw"), "key", ["account", "orders", "positions"]),
        ("account", ConfigError("live.account_id: 1 is expected"), "account", ["orders"]),
        ("orders", VenueUnreachable("order socket: refused"), "orders", []),
        ("instruments", VenueError("no list"), "hedge BTC", ["positions", "limits BTC"]),
        ("snapshot", VenueError("moved"), "positions", []),
    ],
)
async def test_one_failure_is_named_and_the_rest_still_looked_at(
    look: Look, step: str, error: BotError, failed: str, skipped: list[str]
) -> None:
    """With the exit code a run would end with; sockets do not depend on HTTP."""
    look.inspector.fails[step] = error
    found = await look.at_venue()

    assert {name for name, finding in found.items() if finding.status == "FAILED"} == {failed}
    assert [name for name, finding in found.items() if finding.status == "skipped"] == skipped
    assert str(error) in found[failed].detail
    assert found[failed].exit_code == (2 if isinstance(error, ConfigError) else 3)
    assert found["market data"].status == found["account data"].status == "ok"


@pytest.mark.asyncio
async def test_a_hedge_that_is_not_listed_fails(look: Look, make: Any) -> None:
    """A book without its hedge instrument cannot start."""
    look.inspector.instruments = _only(make.option())  # type: ignore[method-assign]
    found = await look.at_venue()

    assert found["hedge BTC"].detail.endswith("not open at the venue; wait, or check books.btc.hedge_instrument")


def _only(spec: Instrument) -> Any:
    async def instruments(base: str) -> tuple[Instrument, ...]:
        del base
        return (spec,)

    return instruments


_LOST = ev.StreamLost(stream=ev.StreamName.MARKET, received_ns=NOW, cause="cannot connect")
_UP = ev.StreamRestored(stream=ev.StreamName.MARKET, received_ns=NOW)
_REFUSED = ev.QuoteDistrusted(instrument=InstrumentId("BTC-X"), received_ns=NOW, cause=DistrustCause.NOT_SUBSCRIBED)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("feed", "detail", "code"),
    [
        (FakeFeed(_LOST), "cannot connect; check venue.ws_url and the network", 3),
        (FakeFeed(_UP, _REFUSED), "not subscribed to BTC-X", 3),
        (FakeFeed(_REFUSED), "no subscription within 0 s; check venue.ws_url", 3),
        (FakeFeed(error=ConfigError("venue.ws_url: testnet")), "venue.ws_url: testnet", 2),
        (
            FakeFeed(_UP),
            "not a word of BTC-PERPETUAL, BTC-27MAR26-100000-C within 0 s: is it open at the venue? Wait, or close it",
            3,
        ),
    ],
    ids=["lost", "left out", "silent", "wrong world", "acknowledged and no more"],
)
async def test_a_socket_that_is_of_no_use(
    look: Look, monkeypatch: pytest.MonkeyPatch, feed: FakeFeed, detail: str, code: int
) -> None:
    """Lost, a channel not acknowledged, nothing said in time, or the other world."""
    monkeypatch.setattr(check, "_STREAM_S_MAX", 0.05)
    look.market = feed
    found = await look.at_venue()

    assert (found["market data"].status, found["market data"].detail) == ("FAILED", detail)
    assert found["market data"].exit_code == code


@pytest.mark.asyncio
async def test_without_a_key_only_what_is_public(make: Any, config: Config) -> None:
    """The missing key is another check's word."""
    keyless = structs.replace(config, venue=structs.replace(config.venue, credentials=None))
    look = Look(make, keyless)
    look.account = None  # type: ignore[assignment]

    look.market = FakeFeed(_UP, make.future_marked())

    assert list(await look.at_venue()) == ["http", "clock", "hedge BTC", "market data", "limits BTC"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("limits", "status", "detail"),
    [
        (
            {"order_usd_max": 5.0},
            "FAILED",
            "books.btc.limits.order_usd_max: 5 USD is less than one lot of BTC-PERPETUAL",
        ),
        ({"hedge_position_usd_max": 2e5}, "mind", "the account's equity of 9,000, and margin ends first; lower it"),
    ],
)
async def test_limits_are_held_against_the_venue_s(
    look: Look, limits: dict[str, float], *, status: str, detail: str
) -> None:
    """What can never work fails; what is probably not meant is told, and ends no run. Dollars count as they are."""
    books = tuple(structs.replace(book, limits=structs.replace(book.limits, **limits)) for book in look.config.books)
    look.checks = Checks(structs.replace(look.config, books=books))
    look.inspector.equities = {"BTC": 0.04, "USDC": 5_000.0, "ETH": 900.0}
    found = (await look.at_venue())["limits BTC"]

    assert (found.status, int(found.exit_code)) == (status, 2 if status == "FAILED" else 0)
    assert detail in found.detail


@pytest.mark.parametrize(
    ("mode", "account", "status"),
    [("testnet", "7", "ok"), ("live", "7", "FAILED"), ("testnet", "8", "FAILED")],
)
@pytest.mark.asyncio
async def test_a_ledger_of_another_run_is_told(
    look: Look, config: Config, mode: str, account: str, status: str
) -> None:
    """Its mode, and the account the key turned out to belong to."""
    ledger = Ledger.open(config.ledger_url, run_id="r", started_ns=NOW, mode=mode, config_hash="", version="0")
    ledger.bind(account)
    ledger.close()
    await look.at_venue()
    look.checks.machine(keeps_ledger=True)
    found = {finding.name: finding for finding in look.checks.findings}

    assert found["ledger"].status == status
    assert status == "ok" or "give another ledger.url" in found["ledger"].detail
