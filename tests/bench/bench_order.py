"""One order, by both ways it can go: from `place` to its bytes at a peer process, and to the events of the answer.

The same gateway over ccxt (HTTP) and over the order socket, in turns of some orders each, since a bot has one way and
does not pay for the other's caches; against a peer in a process and on a core of its own that answers at once. Bytes
are at the peer when its kernel says so: when Python gets round to them is not the bot's doing. In each turn a blocking
socket sends the same bytes to the same peer and hears its answer: what is above that floor is the way's own. Prints one
JSON object; asserts nothing but that every order was answered.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import uvloop
from awake import two_cores
from bench_engine import PERPETUAL
from order_peer import serve
from peer import listener
from websockets.frames import Frame, Opcode

from bot.domain.commands import PlaceOrder
from bot.domain.events import OrderAcked
from bot.domain.ids import Label, VenueId
from bot.domain.time import NS_PER_S, Ns
from bot.venues.budget import OrderRate
from bot.venues.contract import Gateway
from bot.venues.link import Link
from bot.venues.registry import venue_named
from bot.venues.settings import CCXT, DERIBIT_WS, Credentials, VenueSettings

TURN = 50
"""Orders in a row by one way."""
WARM = 10
"""The first orders of a turn are not counted."""
FLOOR = 10
"""Times a turn's floor is measured."""


WS_ORDER = (
    b'{"jsonrpc":"2.0","id":1000,"method":"private/buy","params":{"instrument_name":"BTC-PERPETUAL","amount":30,'
    b'"type":"limit","price":65000.5,"time_in_force":"immediate_or_cancel","label":"deribit_ws.1.1",'
    b'"valid_until":1796000000000,"post_only":false,"reduce_only":false}}'
)
HTTP_ORDER = (
    b"GET /api/v2/private/buy?instrument_name=BTC-PERPETUAL&amount=30&type=limit&price=65000.5"
    b"&time_in_force=immediate_or_cancel&label=ccxt.1.1&valid_until=1796000000000&post_only=false&reduce_only=false"
    b" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: deri-hmac-sha256 id=bench,ts=1796000000000,sig="
    + b"0" * 64
    + b",nonce=1796000000000\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n"
)
HANDSHAKE = (
    b"GET /ws/api/v2 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

# --- the peer's process --------------------------------------------------------------------------------


def be_peer() -> None:
    """Say the port, serve until standard input ends, then tell the arrivals."""
    server, port = listener()
    arrivals: dict[str, int] = {}

    def note(label: str, arrived_ns: int, _heard_ns: int) -> None:
        arrivals[label] = arrived_ns

    threading.Thread(target=serve, args=(server, note), daemon=True).start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    sys.stdout.write(json.dumps(arrivals))


# --- the bot's process ---------------------------------------------------------------------------------


async def place_all(port: int, orders: int) -> tuple[dict[str, tuple[int, int]], dict[str, list[float]]]:
    """When each counted order was begun and answered, by label, epoch ns; and the floor of each way, microseconds."""
    gateways = {way: await gateway_of(way, port) for way in (CCXT, DERIBIT_WS)}
    gc.collect()
    gc.freeze()  # as the daemon does
    floors = {way: Floor(port, way) for way in gateways}
    placed: dict[str, tuple[int, int]] = {}
    for turn in range(max(1, orders // TURN)):
        for way, gateway in gateways.items():
            for number in range(TURN):
                label = f"{way}.{turn}.{number}"
                command = order(label)
                began = time.time_ns()
                events = await gateway.place(command)
                ended = time.time_ns()
                assert isinstance(events[0], OrderAcked), events
                if number >= WARM:
                    placed[label] = began, ended
            for _ in range(FLOOR):
                floors[way].measure()
    for gateway in gateways.values():
        await gateway.close()
    for floor in floors.values():
        floor.close()
    return placed, {way: floor.times_us for way, floor in floors.items()}


class Floor:
    """An order's bytes and its answer, by a way, on a blocking socket."""

    def __init__(self, port: int, way: str) -> None:
        """Connect."""
        self.times_us: list[float] = []
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = HTTP_ORDER
        if way == DERIBIT_WS:
            self._bytes = Frame(Opcode.TEXT, WS_ORDER).serialize(mask=True, extensions=[])
            self._socket.sendall(HANDSHAKE)
            self._socket.recv(65_536)

    def measure(self) -> None:
        """One round trip."""
        began_ns = time.perf_counter_ns()
        self._socket.sendall(self._bytes)
        answer = self._socket.recv(65_536)
        self.times_us.append((time.perf_counter_ns() - began_ns) / 1e3)
        assert b'"filled"' in answer, answer

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


async def gateway_of(way: str, port: int) -> Gateway:
    """An open gateway of the peer."""
    settings = VenueSettings(
        venue=VenueId("deribit"),
        ws_url=f"ws://127.0.0.1:{port}/ws/api/v2",
        rest_url=f"http://127.0.0.1:{port}",
        is_testnet=True,
        credentials=Credentials("bench", "bench"),
        gateway=way,
    )
    link = Link(settings=settings, now_ns=now_ns, rng=random.Random(1))
    gateway = venue_named("deribit").gateway(link, OrderRate(per_s=1e6, burst=1e6))
    await gateway.open()
    assert await gateway.instruments("BTC"), "amounts are put on the lot"
    return gateway


def now_ns() -> Ns:
    """The clock."""
    return Ns(time.time_ns())


def order(label: str) -> PlaceOrder:
    """A hedge."""
    return PlaceOrder(
        label=Label(label),
        instrument=PERPETUAL,
        amount_native=Decimal(30),
        price_native=Decimal("65000.5"),
        arrival_mid_native=65_000.0,
        valid_until_ns=Ns(now_ns() + 2 * NS_PER_S),
        decided_seq=1,
    )


def percentiles(times_us: list[float]) -> dict[str, float]:
    """p10, p50 and p99, microseconds."""
    ordered = sorted(times_us)
    return {f"p{share}_us": round(ordered[len(ordered) * share // 100], 1) for share in (10, 50, 99)}


def compared(times_us: dict[str, list[float]]) -> dict[str, object]:
    """Both ways and the order socket's share of ccxt's time."""
    of = {way: percentiles(times) for way, times in times_us.items()}
    shares = {name: round(of[DERIBIT_WS][name] / of[CCXT][name], 3) for name in of[CCXT]}
    return {**of, "ratio": {name.removesuffix("_us"): share for name, share in shares.items()}}


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--peer", action="store_true")
    options = parser.parse_args()
    if options.peer:
        be_peer()
        return
    pipe = subprocess.PIPE
    with (
        two_cores() as cores,
        subprocess.Popen([sys.executable, __file__, "--peer"], stdin=pipe, stdout=pipe, text=True) as peer,
    ):
        assert peer.stdout is not None, "asked for a pipe"
        port = int(peer.stdout.readline())
        if cores is not None:
            for thread in Path(f"/proc/{peer.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {cores[1]})
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            placed, floors = runner.run(place_all(port, options.orders))
        arrivals = json.loads(peer.communicate()[0])
    to_the_wire: dict[str, list[float]] = {CCXT: [], DERIBIT_WS: []}
    to_the_answer: dict[str, list[float]] = {CCXT: [], DERIBIT_WS: []}
    for label, (began, ended) in placed.items():
        way = label.partition(".")[0]
        to_the_wire[way].append((arrivals[label] - began) / 1e3)
        to_the_answer[way].append((ended - began) / 1e3)
    above = {way: [time_us - statistics.median(floors[way]) for time_us in to_the_answer[way]] for way in floors}
    result = {"bench": "order", "orders": options.orders}
    result |= {"to_the_wire": compared(to_the_wire), "to_the_answer": compared(to_the_answer)}
    result |= {"floor": compared(floors), "answer_above_the_floor": compared(above)}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
