"""A bot that is watched: the daemon with its lease, ledger, sockets and health page on virtual time, and its scraper.

Knows how each part of it is broken and mended; which alert that is for is the table's word in `test_alerts.py`.
"""

import asyncio
import contextlib
import gc
import io
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from msgspec import structs

from bot import __version__
from bot.app import daemon
from bot.app.config import load
from bot.app.tenancy import Tenancy
from bot.app.wire_loop import WireLoop, in_process_context
from bot.app.wire_world import WireWorld
from bot.app.witness import RunWitness
from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided
from bot.domain.errors import JournalError
from bot.domain.events import OperatorActed
from bot.domain.stops import Act
from bot.drive.hands import Hands
from bot.drive.sim_venue import ACCOUNT
from bot.engine import Engine
from bot.journal import opening
from bot.journal.lease import Lease, LeaseTerms
from bot.journal.ledger import Ledger
from bot.localex.faults import NoMischief, Params, ReplyFault, RequestFault
from bot.localex.rpc import RpcError
from bot.observe.catalogue import Level
from bot.observe.logs import open_log
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
from bot.sim.world import build_exchange
from bot.venues.budget import OrderRate
from bot.venues.link import Link
from bot.venues.registry import edge_of
from bot.web.server import HealthServer

_ORDERS = frozenset({"private/buy", "private/sell"})
_PORT = 8642
_STEP_S = 2.0
SCRAPE_EVERY_S = 5
SCRAPE_S_MAX = 4.0
"""As in prometheus.yml: a test compares them."""


class Venue(NoMischief):
    """What the venue does wrong now; nothing at first."""

    def __init__(self) -> None:
        self.refuses_orders: RpcError | None = None
        self.answers_nothing = False
        """Orders are carried out, and nobody is told; questions of the account get no answer."""
        self.silent_about = ""
        """Part of the names of channels that say nothing."""
        self._lost_count = 0

    def request(self, method: str, params: Params) -> RequestFault:
        """A question is lost."""
        del params
        return RequestFault(is_lost=self.answers_nothing and method.startswith("private/get_"))

    def refusal(self, method: str, params: Params) -> RpcError | None:
        """An order is refused."""
        del params
        return self.refuses_orders if method in _ORDERS else None

    def reply(self, method: str, params: Params) -> ReplyFault:
        """The answer to an order is lost."""
        del params
        is_lost = self.answers_nothing and method in _ORDERS
        self._lost_count += is_lost
        return ReplyFault(is_lost=is_lost)

    def copies(self, channel: str) -> int:
        """A message is lost: of the account from the first lost answer on, so that there is something to do."""
        is_deaf = self.answers_nothing and self._lost_count > 0
        is_lost = self.silent_about != "" and self.silent_about in channel
        return 0 if is_lost or (is_deaf and channel.startswith("user.")) else 1


class Disk:
    """Where ledger and lease are."""

    is_full = False
    is_gone = False
    commit_s = 0.0
    """What a commit takes."""


class _Ledger(Ledger):
    disk: Disk
    loop: WireLoop

    def commit_intents(self, orders: Sequence[PlaceOrder], decided: Decided) -> None:
        if self.disk.is_full:
            raise JournalError("the ledger cannot be written: its disk is full")
        super().commit_intents(orders, decided)
        self.loop.stall(self.disk.commit_s)


class _Lease(Lease):
    disk: Disk

    def renew(self) -> None:
        if self.disk.is_gone:
            raise JournalError("the lease cannot be asked for: the database is gone")
        super().renew()


class _Witness(RunWitness):
    engines: Mapping[str, Engine]

    def look_at(self, engines: Mapping[str, Engine]) -> None:
        self.engines = engines


class Desk:
    """One bot, its venue, its machine, and the pages its scraper got."""

    def __init__(self, root: Path, folder: Path) -> None:
        config = load(
            root / "config/simulate.toml", {"portfolio": root / "config/portfolios/call.toml"}, run_tag="watched"
        )
        assert config.portfolio is not None
        self.book = config.book("BTC")
        self.loop = WireLoop(1)
        self.exchange = build_exchange(1, self.loop.now_ns())
        self.world = WireWorld(self.exchange, config.portfolio, "BTC")
        self.hedge = self.book.hedge_instrument
        self.venue, self.disk = Venue(), Disk()
        self.pages: list[str | None] = []
        """Every answer to the scraper; None: it got none."""
        self.log = io.StringIO()
        self._hands, self._dice = Hands(self.exchange, self.hedge), random.Random(1)
        self._config = structs.replace(config, books=(self.book,))
        self._url = f"sqlite:///{folder}/watched.db"
        self._starts_count = 0
        self._witness: Any = None
        self._ledger: Ledger | None = None
        self._gateway: Any = None
        self._task: asyncio.Task[Any] | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Venue, bot and scraper, until the block ends."""
        await self.world.serve(self.loop.now_ns, _STEP_S)
        self.world.server.faults.mischief = self.venue
        scraper = self.loop.create_task(self._scrape())
        self.start()
        try:
            yield
            scraper.cancel()
            assert self._task is not None
            assert not self._task.done(), self.log.getvalue()
            self._witness._live.request_stop("the play is over")
            await self._task
        finally:
            for task in (scraper, self._task):
                if task is not None:
                    task.cancel()
            await asyncio.gather(scraper, *([self._task] if self._task else []), return_exceptions=True)
            await self.world.stop()
            gc.unfreeze()  # what a start has set aside would stay for ever

    async def _scrape(self) -> None:
        connector = TCPConnector(force_close=True)
        async with ClientSession(connector=connector, timeout=ClientTimeout(total=SCRAPE_S_MAX)) as session:
            began_s = self.loop.time()
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{_PORT}/metrics") as answer:
                        self.pages.append(await answer.text())
                except (ClientError, TimeoutError):
                    self.pages.append(None)
                await asyncio.sleep(began_s + SCRAPE_EVERY_S * len(self.pages) - self.loop.time())

    async def play(self, seconds: float) -> None:
        """Time passes."""
        await asyncio.sleep(seconds)

    # --- the process -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, in a context whose connections end with it."""
        self._starts_count += 1
        context = in_process_context(f"bot {self._starts_count}")
        self._task = context.run(self.loop.create_task, self._run(f"watched{self._starts_count}"))

    async def kill(self) -> None:
        """It is gone at this very step."""
        assert self._task is not None
        assert self._ledger is not None
        self.loop.network.kill(f"bot {self._starts_count}")
        self._ledger.abandon()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, run_id: str) -> None:
        now_ns, config = self.loop.machine_ns, self._config
        narrator = Narrator(
            open_log(now_ns=now_ns, level=Level.WARNING, style="json", stream=self.log), run_id=run_id, venue="deribit"
        )
        smallest = {self.book.book: self.book.trade_coin_min}
        metrics = Metrics([self.book.book], now_ns=now_ns, trade_coin_min=smallest)
        owner = opening.owner_of(config.mode.value, ["deribit"])
        lease = _Lease(lambda: opening.connect(self._url, owner), LeaseTerms(), holder=run_id, now_ns=now_ns)
        lease.disk = self.disk
        tenancy = Tenancy(lease, LeaseTerms(), narrator, now_ns=now_ns)
        try:
            await tenancy.begin("the ledger", waits=True)
            parts = self._parts(run_id, tenancy)
            metrics.meter("deribit", self._gateway)
            health = HealthServer(host="127.0.0.1", port=_PORT, metrics=metrics, now_ns=now_ns)
            tallies = daemon.tallies_of(parts.books)
            self._witness = _Witness(narrator, metrics, tallies)
            await daemon.run(parts, self._witness, tallies, health=health, seconds=None)
        finally:
            await tenancy.end(is_clear=False)

    def _parts(self, run_id: str, tenancy: Tenancy) -> daemon.Parts:
        config, now_ns = self._config, self.loop.machine_ns
        ledger = _Ledger.open(
            self._url,
            run_id=run_id,
            started_ns=now_ns(),
            mode=config.mode.value,
            config_hash=config.digest,
            version=__version__,
            lease_id=tenancy.lease_id,
        )
        ledger.disk, ledger.loop, self._ledger = self.disk, self.loop, ledger
        link = Link(settings=self.world.settings("deribit_ws"), now_ns=now_ns, rng=random.Random(run_id))
        edge = edge_of(link, [self.hedge])
        self._gateway = edge.gateway
        return daemon.Parts(
            mode=config.mode.value,
            books=(structs.replace(self.book, run_tag=run_id),),
            edges=(edge,),
            ledger=ledger,
            now_ns=now_ns,
            tick_interval_s=config.tick_interval_s,
            tenancy=tenancy,
        )

    # --- what goes wrong ---------------------------------------------------------------------------------

    def act(self, act: Act) -> None:
        """An operator asks for it."""
        asked = OperatorActed(act=act, by="test", reason="part of the play", received_ns=self.loop.machine_ns())
        self._witness._live.sink((asked,))

    def trade(self) -> None:
        """A human trades the hedge instrument: there is something to hedge."""
        self.exchange.advance(max(self.loop.now_ns(), self.exchange.now_ns))
        assert self._hands.trade_hedge(self._dice)
        self.world.server.step()

    def trade_every(self, seconds: float, times: int) -> None:
        """Again and again, from now on."""
        for turn in range(times):
            self.loop.call_later(turn * seconds, self.trade)

    def pay(self, money: Decimal) -> None:
        """A deposit, or, negative, a withdrawal."""
        self.exchange._desk.accounts[ACCOUNT].pay("BTC", money)

    def collateral_beyond(self, used_ratio: float) -> Decimal:
        """What could be taken out until maintenance margin is this share of the equity."""
        summary = self.exchange.summary(ACCOUNT, "BTC")
        money = summary.equity_native - summary.margin_maintenance_native / used_ratio
        return Decimal(f"{money:.8f}")

    def give_position(self, amount_native: Decimal) -> None:
        """The venue shows what no trade explains."""
        self.exchange.seed_position(ACCOUNT, self.hedge, amount_native)

    def slow(self, seconds: float) -> None:
        """Every event costs so much of the machine's time from now on."""
        engine = self._witness.engines[self.book.book]
        apply = type(engine).apply

        def slowly(event: Any) -> Any:
            self.loop.stall(seconds)
            return apply(engine, event)

        engine.apply = slowly

    def break_engine(self) -> None:
        """A bug: every event ends in an exception."""

        def fails(event: Any) -> Any:
            message = f"a bug, at {type(event).__name__}"
            raise RuntimeError(message)

        self._witness.engines[self.book.book].apply = fails

    def ration(self, rate: OrderRate) -> None:
        """The venue gives this account so many requests."""
        self._gateway._credits._rate = rate
