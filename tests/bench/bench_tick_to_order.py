"""From a tick written by a peer process to the order bytes read by it, against a blocking echo of the same bytes.

The bot runs in a process of its own: real feed (websockets, uvloop), codec, inbox, engine with 20 legs, ledger, driver.
Orders go over a plain socket to the peer, so that what a gateway costs is left out, then the whole way over the order
socket. The peer speaks just enough websocket to be believed. Prints one JSON object with ratios within this run: ledger
on the memory file system, and synced to disk. Asserts nothing.
"""

import argparse
import asyncio
import gc
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop
from bench_engine import PERPETUAL, START_NS, book, instrument
from msgspec import structs
from order_peer import PlainOrders, SocketOrders
from peer import answer_requests, listener, shake_hands, ticker_frame

from bot.app.live import Live
from bot.domain import events as ev
from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.decided import Outcome
from bot.domain.ids import FillId, InstrumentId, OrderId, VenueId
from bot.domain.instruments import Instrument
from bot.domain.seen import PositionSeen, VenueOrderState
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.engine import Engine
from bot.hedging.band import TradeTo
from bot.hedging.bands import fixed
from bot.hedging.modifiers import Modifiers
from bot.journal.ledger import Ledger
from bot.market.quality import TrustLimits
from bot.observe.passed import Stretch
from bot.venues.budget import OrderRate
from bot.venues.contract import Edge, Sink
from bot.venues.deribit import encode_request
from bot.venues.deribit_feed import MarketFeed
from bot.venues.deribit_gateway import DeribitGateway
from bot.venues.deribit_socket import OrderSocket
from bot.venues.link import Link
from bot.venues.settings import Credentials, VenueSettings

LEGS = 20


# --- the bot's process ---------------------------------------------------------------------------------


class StubGateway:
    """Writes an order's bytes to the peer at once and fills it in full."""

    def __init__(self, transport: asyncio.WriteTransport, positions: tuple[PositionSeen, ...]) -> None:
        """`positions` is what the account holds."""
        self._transport = transport
        self._positions = positions
        self._count = 0
        self.account_id = ""
        self.cancels_on_disconnect = False

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """Listed by the bench itself."""
        del base
        return ()

    async def index_usd(self, index_name: str) -> float:
        """Not asked."""
        del index_name
        return 0.0

    async def place(self, command: PlaceOrder) -> Sequence[ev.Event]:
        """Send and fill."""
        side = "buy" if command.amount_native > 0 else "sell"
        params = {
            "instrument_name": command.instrument,
            "amount": float(abs(command.amount_native)),
            "price": float(command.price_native),
            "label": command.label,
            "type": "limit",
            "time_in_force": "immediate_or_cancel",
        }
        self._transport.write(encode_request(self._count, f"private/{side}", params) + b"\n")
        self._count += 1
        await asyncio.sleep(0.0005)  # no venue answers before the bytes are out
        now_ns = Ns(time.time_ns())
        order_id = OrderId(str(self._count))
        return (
            ev.OrderAcked(label=command.label, order_id=order_id, received_ns=now_ns),
            ev.Filled(
                fill_id=FillId(str(self._count)),
                order_id=order_id,
                label=command.label,
                instrument=command.instrument,
                amount_native=command.amount_native,
                price_native=command.price_native,
                fee_native=command.price_native * 0,
                fee_currency="BTC",
                is_maker=False,
                received_ns=now_ns,
                venue_ns=now_ns,
            ),
            ev.OrderUpdated(
                label=command.label,
                order_id=order_id,
                instrument=command.instrument,
                state=VenueOrderState.FILLED,
                filled_native=abs(command.amount_native),
                received_ns=now_ns,
                venue_ns=now_ns,
            ),
        )

    async def cancel(self, command: CancelOrder) -> Sequence[ev.Event]:
        """Nothing ever rests."""
        del command
        return ()

    async def look_up(self, command: LookUpOrder) -> Sequence[ev.Event]:
        """Nothing is ever lost."""
        del command
        return ()

    async def snapshot(self) -> Sequence[ev.Event]:
        """The account at the start."""
        now_ns = Ns(time.time_ns())
        return (
            ev.SnapshotTaken(
                positions=self._positions, open_orders=(), fills=(), requested_ns=now_ns, received_ns=now_ns
            ),
        )


class SocketGateway(StubGateway):
    """Orders as `gateway = "deribit_ws"` sends them; all else as above."""

    def __init__(self, socket: OrderSocket, link: Link, positions: tuple[PositionSeen, ...]) -> None:
        """`socket` is open."""
        self._positions = positions
        self._real = DeribitGateway(link.settings, link.now_ns, "n", OrderRate(per_s=1e6, burst=1e6), socket)
        self.account_id = ""
        self.cancels_on_disconnect = True
        self.watching: asyncio.Task[None] | None = None

    async def place(self, command: PlaceOrder) -> Sequence[ev.Event]:
        """Send; the peer fills."""
        return await self._real.place(command)


class StubAccountFeed:
    """An account stream that is up and has nothing to say."""

    async def run(self, sink: Sink) -> None:
        """Say so."""
        sink((ev.StreamRestored(stream=ev.StreamName.ACCOUNT, received_ns=Ns(time.time_ns())),))
        await asyncio.Event().wait()

    def watch(self, instruments: Sequence[InstrumentId]) -> None:
        """Covers everything."""


class Silent:
    """A witness that looks away: logging is not part of the path."""

    def passed(self, stretch: Stretch) -> None:
        """Nothing."""

    def applied(self, book: str, seq: int, event: ev.Event, outcome: Outcome) -> None:
        """Nothing."""

    def stalled(self, seconds: float) -> None:
        """Nothing."""


def echo(port: int, order_bytes: int) -> None:
    """Blocking echo in this very process: a tick in, an order's length out, until the peer hangs up."""
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = b"o" * (order_bytes - 1) + b"\n"
        while peer.recv(65_536):
            peer.sendall(answer)


async def plain_gateway(port: int, gone: asyncio.Event, positions: tuple[PositionSeen, ...]) -> StubGateway:
    """Over a socket of bytes; sets `gone` when the peer hangs up."""

    class Wire(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            del exc
            gone.set()

    transport, _ = await asyncio.get_running_loop().create_connection(Wire, "127.0.0.1", port)
    return StubGateway(transport, positions)


async def socket_gateway(
    link: Link, port: int, gone: asyncio.Event, positions: tuple[PositionSeen, ...]
) -> SocketGateway:
    """Over the order socket; sets `gone` when the peer hangs up."""
    settings = structs.replace(
        link.settings, ws_url=f"ws://127.0.0.1:{port}/ws", credentials=Credentials("bench", "bench")
    )
    order_link = structs.replace(link, settings=settings)
    socket = OrderSocket(order_link)
    await socket.open()

    async def watch() -> None:
        while socket.cancels_on_disconnect:  # noqa: ASYNC110 - it has no event for the end, and a bench can wait
            await asyncio.sleep(0.5)
        gone.set()

    gateway = SocketGateway(socket, order_link, positions)
    gateway.watching = asyncio.create_task(watch())
    return gateway


async def trade(ws_port: int, order_port: int, ledger_url: str, *, over_socket: bool) -> None:
    """Run the bot until the peer's order socket closes."""
    gone = asyncio.Event()
    now_ns = Ns(time.time_ns())
    expiry_ns = Ns(now_ns + 10 * NS_PER_DAY)
    specs = [
        structs.replace(
            instrument(f"BTC-27MAR26-{55000 + 1000 * i}-C", strike_usd=55000.0 + 1000 * i), expiry_ns=expiry_ns
        )
        for i in range(LEGS)
    ]
    positions = tuple(PositionSeen(instrument=spec.id, amount_native=spec.lot_native * 10) for spec in specs)
    week_ns = Ns(7 * NS_PER_DAY)
    params = structs.replace(
        book(),
        band=fixed.Params(low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0),
        modifiers=Modifiers(trade_to=TradeTo.TARGET),
        trade_coin_min=0.001,
        trust=TrustLimits(
            option_age_ns_max=week_ns, hedge_age_ns_max=week_ns, clock_ahead_ns_max=week_ns, spread_bps_max=100.0
        ),
        limits=structs.replace(book().limits, orders_per_minute_max=10_000_000, order_usd_max=1e9),
    )
    settings = VenueSettings(
        venue=VenueId("deribit"), ws_url=f"ws://127.0.0.1:{ws_port}", rest_url="http://127.0.0.1:1", is_testnet=True
    )
    link = Link(settings=settings, now_ns=lambda: Ns(time.time_ns()), rng=random.Random(1))
    ledger = Ledger.open(
        ledger_url, run_id="bench", started_ns=now_ns, mode="testnet", config_hash="bench", version="bench"
    )
    if over_socket:
        gateway: StubGateway = await socket_gateway(link, order_port, gone, positions)
    else:
        gateway = await plain_gateway(order_port, gone, positions)
    market = MarketFeed(link, hedges=(), instruments=(PERPETUAL, *(spec.id for spec in specs)))
    live = Live(
        {"BTC": Engine(params)},
        (Edge(venue=settings.venue, gateway=gateway, feeds=(market, StubAccountFeed())),),
        ledger,
        Silent(),
        now_ns=lambda: Ns(time.time_ns()),
        tick_interval_s=1.0,
    )
    listed = [ev.InstrumentListed(instrument=spec, received_ns=now_ns) for spec in (instrument(PERPETUAL), *specs)]
    gc.collect()
    gc.freeze()  # as the daemon does
    running = asyncio.create_task(live.run(listed))
    await gone.wait()
    live.request_stop("peer gone")
    await running
    ledger.close()


# --- the peer's process --------------------------------------------------------------------------------


def percentiles(times_us: list[float]) -> dict[str, float]:
    """p50 and p99, microseconds."""
    ordered = sorted(times_us)
    return {"p50_us": round(statistics.median(ordered), 1), "p99_us": round(ordered[int(len(ordered) * 0.99)], 1)}


def measure(ticks: int, ledger_url: str, *, over_socket: bool = False) -> dict[str, object]:
    """One bot process: echo first, then ticks to orders."""
    sockets = [listener() for _ in range(3)]
    (ws_server, ws_port), (order_server, order_port), (echo_server, echo_port) = sockets
    arguments = ["--bot", str(ws_port), str(order_port), str(echo_port), ledger_url, "ws" if over_socket else "plain"]
    with subprocess.Popen([sys.executable, __file__, *arguments]) as process:
        try:
            echo_us = measure_echo(echo_server, ticks)
            orders = SocketOrders(order_server) if over_socket else PlainOrders(order_server)
            order_us = measure_orders(ws_server, orders, ticks)
        finally:
            for server, _ in sockets:
                server.close()
            process.wait(20)
    bot, floor = percentiles(order_us), percentiles(echo_us)
    return {
        "orders": len(order_us),
        "tick_to_order": bot,
        "echo": floor,
        "ratio_p50": round(bot["p50_us"] / floor["p50_us"], 2),
        "ratio_p99": round(bot["p99_us"] / floor["p99_us"], 2),
    }


ORDER_BYTES = 200


def measure_echo(server: socket.socket, ticks: int) -> list[float]:
    """The floor: the same bytes between the same two processes, blocking sockets on both ends."""
    sock, _ = server.accept()
    times = []
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        frame = ticker_frame("BTC-27MAR26-65000-C", 65_000.0, 1)
        for _ in range(ticks):
            began = time.perf_counter_ns()
            sock.sendall(frame)
            while not sock.recv(65_536).endswith(b"\n"):
                pass
            times.append((time.perf_counter_ns() - began) / 1e3)
            time.sleep(0.0005)
    return times[len(times) // 10 :]


def measure_orders(ws_server: socket.socket, orders: PlainOrders | SocketOrders, ticks: int) -> list[float]:
    """Each tick moves the forward, so each tick must be hedged."""
    sock, _ = ws_server.accept()
    times = []
    with sock, sock.makefile("rb", buffering=0) as stream:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(shake_hands(stream))
        answer_requests(stream, sock)
        stamp_ms = time.time_ns() // 1_000_000
        names = [PERPETUAL, *(f"BTC-27MAR26-{55000 + 1000 * i}-C" for i in range(LEGS))]
        for name in names:
            sock.sendall(ticker_frame(name, 65_000.0, stamp_ms))
        time.sleep(1.0)  # the first hedges bring the book to its target
        extra = orders.drain()
        for i in range(ticks):
            frame = ticker_frame("BTC-27MAR26-65000-C", 65_000.0 + (100.0 if i % 2 == 0 else -100.0), stamp_ms + i)
            began_ns = time.perf_counter_ns()
            sock.sendall(frame)
            times.append((orders.next_ns() - began_ns) / 1e3)
            time.sleep(0.002)
            extra += orders.drain()
        orders.close()
    assert extra <= ticks // 100 + 10, f"{extra} orders nobody asked for: the figure would be of another tick"
    return times[len(times) // 10 :]


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=3_000)
    parser.add_argument("--bot", nargs=5, metavar=("WS", "ORDERS", "ECHO", "LEDGER", "WAY"))
    options = parser.parse_args()
    if options.bot:
        echo(int(options.bot[2]), ORDER_BYTES)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            over_socket = options.bot[4] == "ws"
            runner.run(trade(int(options.bot[0]), int(options.bot[1]), options.bot[3], over_socket=over_socket))
        return
    memory = Path("/dev/shm")  # noqa: S108 - the memory file system
    result: dict[str, object] = {"bench": "tick_to_order", "legs": LEGS}
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        result["ledger_in_memory"] = measure(options.ticks, f"sqlite:///{folder}/bench.db")
        result["order_socket"] = measure(options.ticks, f"sqlite:///{folder}/socket.db", over_socket=True)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        result["ledger_synced"] = measure(options.ticks, f"sqlite:///{Path(folder).resolve()}/bench.db")
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    assert START_NS > NS_PER_S, "clock of the shared builders"
    main()
