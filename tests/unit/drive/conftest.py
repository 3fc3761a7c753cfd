"""A drawn world with an account for the bot, and the venue as the engine sees it."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from bot.domain.commands import Command
from bot.domain.events import Event
from bot.domain.time import NS_PER_MS, Ns, ns_from_iso
from bot.drive.sim_venue import ACCOUNT, Latency, Schedule, SimVenue
from bot.drive.sim_venues import SimVenues
from bot.sim.exchange import Exchange
from bot.sim.world import build_exchange

START_NS = ns_from_iso("2026-11-23T09:00:00Z")


class VenueAtPlay:
    """A simulated venue, its schedule, and what reached the bot and when."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.schedule = Schedule()
        self.latency = Latency()
        self.heard: list[tuple[Ns, Event]] = []
        self.venue = SimVenue(exchange, self.schedule, self.latency, self._deliver)
        self.venues = SimVenues(exchange, self.schedule, self.latency, self._deliver, hedges=[])

    def _deliver(self, events: Sequence[Event], now_ns: Ns) -> None:
        self.heard += [(now_ns, event) for event in events]

    def carry_out(self, command: Command, after_ms: int = 0) -> None:
        """Hand a command over so long after the start."""
        self.venue.carry_out(command, Ns(START_NS + after_ms * NS_PER_MS))

    def play(self, until_ms: int = 60_000) -> list[Event]:
        """Let everything planned happen; the events that reached the bot."""
        before = len(self.heard)
        while (due := self.schedule.pop(Ns(START_NS + until_ms * NS_PER_MS))) is not None:
            due[1](due[0])
        return [event for _, event in self.heard[before:]]


@pytest.fixture
def start_ns() -> Ns:
    """A Monday, one hour after settlement."""
    return START_NS


@pytest.fixture
def exchange() -> Exchange:
    """A drawn world; the bot's account is open and flat."""
    world = build_exchange(3, START_NS)
    world.open_account(ACCOUNT, {"BTC": Decimal(10), "ETH": Decimal(100), "USDC": Decimal(1_000_000)})
    world.changes()
    return world


@pytest.fixture
def at_play(exchange: Exchange) -> VenueAtPlay:
    """That world behind the bot's eyes."""
    return VenueAtPlay(exchange)
