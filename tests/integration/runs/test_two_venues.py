"""Options on the local Deribit, their hedge on a local OKX: either drops out while the bot runs over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.app import compose, daemon
from bot.app.config import load
from bot.app.live import Live
from bot.domain.decided import AlarmRaised, Decided, Outcome
from bot.domain.events import Event, StreamLost, StreamName, StreamRestored
from bot.domain.ids import DERIBIT, InstrumentId, VenueId
from bot.domain.reasons import Action, Phase, Reason
from bot.domain.status import BookStatus
from bot.domain.time import Ns
from bot.engine import Engine
from bot.journal.ledger import Ledger
from bot.observe.passed import Passed, Stretch

OKX = VenueId("okx")
SWAP = InstrumentId("OKX:BTC-USDT-SWAP")
_CONTRACT_COIN = Decimal("0.01")
_USDT = 0.9997
_WAIT_S = 60.0
_LIMIT_COIN = 2.0
"""Two calls and a put of a coin each: from -1 to +2 without a hedge."""


class _Watch:
    """The witness: keeps every decision, loss and alarm."""

    def __init__(self) -> None:
        self.decisions: list[Decided] = []
        self.events: list[Event] = []
        self.alarms: list[str] = []

    def applied(self, _book: str, _seq: int, event: Event, outcome: Outcome) -> None:
        self.events.append(event)
        if outcome.decided is not None:
            self.decisions.append(outcome.decided)
        self.alarms += [note.name for note in outcome.notes if isinstance(note, AlarmRaised)]

    def passed(self, stretch: Stretch) -> None:
        for each in stretch:
            if isinstance(each, Passed):
                self.events.append(each.newest)
            else:
                self.applied(*each)

    def stalled(self, seconds: float) -> None:
        del seconds


class _Run:
    """A driver between two venues of this process."""

    def __init__(self, live: Live, watch: _Watch, ledger: Ledger, venues: tuple[Any, Any, Any]) -> None:
        self.live, self.watch, self.ledger = live, watch, ledger
        self.local, self.http, self.okx = venues
        self.move = 1.0
        """The price at the second venue, over what it is at the first."""
        self.okx.mid_usd = lambda: self.local._venue.exchange.index_usd("btc_usd") * _USDT * self.move

    def status(self) -> BookStatus:
        return self.live.statuses()[0]

    def is_hedged(self) -> bool:
        """Running, nothing open, in the band for certain."""
        status = self.status()
        if status.phase is not Phase.RUNNING or status.orders_live or status.decided is None:
            return False
        is_calm = status.decided.reason in {Reason.INSIDE_BAND, Reason.BELOW_TRADE_MIN}
        return is_calm and SWAP in status.positions_native and not status.decided.doubtful

    def has_lost(self, venue: VenueId) -> bool:
        """Both sockets of a venue are known to be gone."""
        last: dict[tuple[VenueId, StreamName], type] = {}
        for event in self.watch.events:
            if isinstance(event, StreamLost | StreamRestored):
                last[event.venue, event.stream] = type(event)
        return all(last.get((venue, stream)) is StreamLost for stream in StreamName)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait, bounded."""
        deadline_s = time.monotonic() + _WAIT_S
        while not holds():
            assert time.monotonic() < deadline_s, f"{what} never came: {self.status()}; {self.watch.events[-5:]}"
            await asyncio.sleep(0.01)

    async def assert_agreed(self) -> None:
        """Positions of both venues are ours, and the ledger's; no order exists twice, and no decision was beyond."""
        theirs = await self.http.positions()
        theirs[SWAP] = self.okx.position_contracts["BTC-USDT-SWAP"] * _CONTRACT_COIN
        ours = self.status().positions_native
        restored = self.ledger.restored("BTC")
        assert restored is not None
        assert {name: amount.normalize() for name, amount in theirs.items()} == {
            name: amount.normalize() for name, amount in ours.items()
        }
        assert {item.instrument: item.amount_native for item in restored.positions} == ours
        labels = [order["clOrdId"] for order in self.okx.orders]
        assert len(labels) == len(set(labels))
        first = next(n for n, decided in enumerate(self.watch.decisions) if decided.action is Action.HEDGE)
        known = [decided for decided in self.watch.decisions[first:] if decided.delta_coin_low is not None]
        assert max(max(abs(d.delta_coin_low or 0.0), abs(d.delta_coin_high or 0.0)) for d in known) < _LIMIT_COIN


_RESTS = {
    "band": {
        "low_coin_per_option_coin": -0.15,
        "high_coin_per_option_coin": 0.15,
        "trade_to": "target",
        "hard_width_multiple": 1000.0,
    },
    "tactic": {"name": "rest_then_cross", "rest_for_s": 600.0, "drift_bps_max": 1000.0, "behind_ticks_max": 1_000_000},
}
"""Patient: an order that has left the touch stays where it is, and the hedge it makes needs no other for long."""


def _settings(http: Any, okx: Any, **book: object) -> dict[str, object]:
    here = {"ws_url": f"ws://{http.address}/ws/api/v2", "rest_url": f"http://{http.address}"}
    there = {"name": "okx", "ws_url": okx.ws_url, "rest_url": okx.rest_url, "passphrase": "okx-passphrase"}
    return {
        "venue": {**here, "client_id": "demo", "client_secret": "demo"},
        "hedge_venue": {**there, "client_id": "okx-key", "client_secret": "okx-secret"},
        "books": {"btc": {"hedge_instrument": SWAP, "limits": {"delta_coin_worst_max": _LIMIT_COIN}, **book}},
    }


@pytest.fixture
def two(
    local_venue: Callable[..., Any], okx_venue: Any, tmp_path: Path, repo_root: Path
) -> Callable[[], AsyncIterator[_Run]]:
    """Starts the bot between both venues; ends it in order."""

    @asynccontextmanager
    async def run(**book: object) -> AsyncIterator[_Run]:
        okx_venue.is_demo = True
        async with local_venue() as (local, http):
            config = load(repo_root / "config/testnet.toml", _settings(http, okx_venue, **book), run_tag="t2")
            now_ns = lambda: Ns(time.time_ns())  # noqa: E731 - a clock
            begun = {"run_id": "t2", "started_ns": now_ns(), "mode": "testnet", "config_hash": "", "version": "0"}
            ledger = Ledger.open(f"sqlite:///{tmp_path}/two.db", venues=(DERIBIT, OKX), **begun)
            parts = daemon.Parts(
                mode="testnet",
                books=config.books,
                edges=compose._edges(config, now_ns),
                ledger=ledger,
                now_ns=now_ns,
                tick_interval_s=0.2,
            )
            watch = _Watch()
            engines = {"BTC": Engine(config.books[0])}
            live = Live(engines, parts.edges, ledger, watch, now_ns=now_ns, tick_interval_s=0.2)
            begun_run = _Run(live, watch, ledger, (local, http, okx_venue))
            task = asyncio.create_task(live.run(await daemon._first_events(parts)))
            try:
                yield begun_run
            finally:
                live.request_stop("the test is over")
                await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), _WAIT_S)
                for edge in parts.edges:
                    await edge.gateway.close()
                ledger.close()

    return run


@pytest.mark.asyncio
async def test_the_hedges_venue_drops_out_with_an_order_under_way(two: Callable[..., Any], okx_venue: Any) -> None:
    """The reply is lost, then the venue: nothing more is sent, the order is found once it is back, and exists once."""
    okx_venue.faults = ["lose reply"]
    async with two() as run:
        await run.until(lambda: len(run.okx.orders) == 1, "an order")
        run.okx.drop()
        await run.until(lambda: run.has_lost(OKX), "the loss")
        await run.until(lambda: run.watch.decisions[-1].reason is Reason.STREAM_LOST, "a refusal")
        unknown, doubt = run.status().orders_unknown, run.watch.decisions[-1]
        run.okx.restore()
        await run.until(run.is_hedged, "being in band")

        assert unknown == 1
        assert doubt.delta_coin_high - doubt.delta_coin_low > 0.3
        assert [order["clOrdId"] for order in run.okx.orders][:1] == [run.okx.fills[0]["clOrdId"]]
        await run.assert_agreed()


@pytest.mark.asyncio
async def test_a_hedge_that_rests_there_is_under_the_venues_switch(two: Callable[..., Any]) -> None:
    """Filled by others in two parts, which the account shows; then nothing rests, and nothing is left armed."""
    async with two(**_RESTS) as run:
        await run.until(lambda: run.status().orders_live == 1 and run.okx.orders, "an order that rests")
        order, armed = run.okx.orders[0], dict(run.okx.countdowns_s)
        size, part = Decimal(order["sz"]), Decimal(10)
        for filled, state in ((part, "live"), (size - part, "filled")):
            before = run.status().positions_native.get(SWAP, Decimal(0))
            order["accFillSz"], order["state"] = str(Decimal(order["accFillSz"]) + filled), state
            run.okx._fill(order, filled, Decimal(order["px"]))
            await run.until(lambda before=before: run.status().positions_native.get(SWAP) != before, "the fill")
        told = lambda: [params["timeOut"] for path, params in run.okx.asked if path.endswith("cancel-all-after")]  # noqa: E731
        await run.until(lambda: "0" in told(), "the switch's end")

        assert (armed, order["ordType"]) == ({"account": 60}, "post_only")
        await run.assert_agreed()


@pytest.mark.asyncio
async def test_the_options_venue_drops_out_and_the_hedge_goes_on(two: Callable[..., Any]) -> None:
    """The price runs away while their quotes are silent: what is certain is hedged; then both agree again."""
    async with two() as run:
        await run.until(run.is_hedged, "the first hedge")
        orders = len(run.okx.orders)
        await run.local.stop()
        await run.until(lambda: run.has_lost(DERIBIT), "the loss")
        for step in range(1, 13):
            run.move = 1.0 + 0.005 * step
            seen = len(run.watch.events)
            await run.until(lambda seen=seen: len(run.watch.events) > seen + 20, "prices of the second venue")
        await run.until(lambda: len(run.okx.orders) > orders, "a hedge without the options' venue")
        surely = [decided for decided in run.watch.decisions if decided.reason is Reason.OUTSIDE_BAND_SURELY]
        phase = run.status().phase
        run.move = 1.0
        await run.local.start()
        await run.until(run.is_hedged, "being in band again")

        assert surely
        assert phase is Phase.RUNNING
        await run.assert_agreed()
