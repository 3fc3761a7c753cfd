"""One order, by both ways it can go: from `place` to its bytes at a peer process, and to the events of the answer.

The same gateway over ccxt (HTTP) and over the order socket, in turns, against a peer that answers at once. Bytes are at
the peer when its kernel says so: when Python gets round to them is not the bot's doing. Prints one JSON object; asserts
nothing but that every order was answered.
"""

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal

import uvloop
from bench_engine import PERPETUAL
from order_peer import serve
from peer import listener

from bot.domain.commands import PlaceOrder
from bot.domain.events import OrderAcked
from bot.domain.ids import Label, VenueId
from bot.domain.time import NS_PER_S, Ns
from bot.venues.budget import OrderRate
from bot.venues.contract import Gateway
from bot.venues.link import Link
from bot.venues.registry import venue_named
from bot.venues.settings import CCXT, DERIBIT_WS, Credentials, VenueSettings

WARM_SHARE = 10
"""One tenth of the orders is not counted."""


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


async def place_all(port: int, orders: int) -> tuple[dict[str, int], dict[str, int]]:
    """When each order was begun and answered, by label, epoch ns."""
    gateways = {way: await gateway_of(way, port) for way in (CCXT, DERIBIT_WS)}
    began: dict[str, int] = {}
    ended: dict[str, int] = {}
    for number in range(orders):
        for way, gateway in gateways.items():
            label = f"{way}{number}"
            command = order(label)
            began[label] = time.time_ns()
            events = await gateway.place(command)
            ended[label] = time.time_ns()
            assert isinstance(events[0], OrderAcked), events
    for gateway in gateways.values():
        await gateway.close()
    return began, ended


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
    """p50 and p99, microseconds."""
    ordered = sorted(times_us)
    return {"p50_us": round(statistics.median(ordered), 1), "p99_us": round(ordered[int(len(ordered) * 0.99)], 1)}


def ratios(of: dict[str, dict[str, float]]) -> dict[str, object]:
    """Both ways and the order socket's share of ccxt's time."""
    ways: dict[str, object] = dict(of)
    return ways | {
        f"ratio_{name}": round(of[DERIBIT_WS][f"{name}_us"] / of[CCXT][f"{name}_us"], 3) for name in ("p50", "p99")
    }


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
    with subprocess.Popen([sys.executable, __file__, "--peer"], stdin=pipe, stdout=pipe, text=True) as peer:
        assert peer.stdout is not None, "asked for a pipe"
        port = int(peer.stdout.readline())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            began, ended = runner.run(place_all(port, options.orders))
        arrivals = json.loads(peer.communicate()[0])

    def spent(until: Callable[[str], int]) -> dict[str, object]:
        times: dict[str, dict[str, float]] = {}
        for way in (CCXT, DERIBIT_WS):
            labels = [label for label in began if label.startswith(way)]
            counted = labels[len(labels) // WARM_SHARE :]
            times[way] = percentiles([(until(label) - began[label]) / 1e3 for label in counted])
        return ratios(times)

    result = {"bench": "order", "orders": options.orders}
    result |= {"to_the_wire": spent(arrivals.__getitem__), "to_the_answer": spent(ended.__getitem__)}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
