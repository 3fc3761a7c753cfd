"""All venues of a simulated run behind one face: that of the options, and another where a hedge instrument is.

One exchange stands for all of them, so that they share the coin's price; each has an account of its own. Routes each
command to its venue, over a line that can be cut.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from bot.domain.commands import CancelOrder, Command, LookUpOrder, PlaceOrder, TakeSnapshot, Watch
from bot.domain.events import Event, StreamName, StreamRestored
from bot.domain.ids import DERIBIT, InstrumentId, Label, VenueId, venue_of
from bot.domain.time import Ns
from bot.drive.line import Cut, Line
from bot.drive.sim_venue import Deliver, Latency, News, Schedule, SimVenue, account_at
from bot.drive.wire import Wire
from bot.sim.exchange import Exchange
from bot.sim.facts import Position


class SimVenues:
    """What the driver of a simulation asks of the world."""

    def __init__(
        self,
        exchange: Exchange,
        schedule: Schedule,
        latency: Latency,
        deliver: Deliver,
        *,
        hedges: Iterable[InstrumentId],
        cuts: Sequence[Cut] = (),
        wires: Mapping[VenueId, Wire] | None = None,
    ) -> None:
        """Those of the options and of `hedges`; `wires`: where something goes wrong on the way."""
        self._exchange = exchange
        news = News(exchange)
        self._lines: dict[VenueId, Line] = {}
        self._venues: dict[VenueId, SimVenue] = {}
        for venue in dict.fromkeys((DERIBIT, *map(venue_of, hedges))):
            line = self._lines[venue] = Line(venue, schedule, latency, deliver, cuts)
            self._venues[venue] = SimVenue(
                exchange,
                schedule,
                latency,
                line.hear,
                venue=venue,
                news=news,
                wire=None if wires is None else wires[venue],
            )

    def open_accounts(self, funds: dict[str, Decimal]) -> None:
        """One at each."""
        for venue in self._venues:
            self._exchange.open_account(account_at(venue), funds)

    @property
    def home(self) -> SimVenue:
        """That of the options."""
        return self._venues[DERIBIT]

    def step_clock(self, ahead_ns: int) -> None:
        """The clock of the bot's machine is so much ahead of every venue's from now on."""
        for venue in self._venues.values():
            venue.clock_ahead_ns = ahead_ns

    def begin(self) -> None:
        """What is noticed of cuts later is planned."""
        for name, line in self._lines.items():
            line.begin(self._venues[name])

    def is_cut(self, venue: VenueId, now_ns: Ns) -> bool:
        """Whether nothing gets to a venue and back."""
        return self._lines[venue].is_cut(now_ns)

    def restored(self, now_ns: Ns) -> list[Event]:
        """The sockets that come up for a bot that begins now."""
        return [
            StreamRestored(stream=stream, received_ns=now_ns, venue=name)
            for name, venue in self._venues.items()
            for stream in StreamName
            if not venue.is_down(stream, now_ns) and not self.is_cut(name, now_ns)
        ]

    def hang_up(self, watched: Sequence[InstrumentId]) -> None:
        """The bot is gone; the next begins with these."""
        for venue in self._venues.values():
            venue.hang_up(watched)

    def watch(self, names: Sequence[InstrumentId]) -> None:
        """Send tickers of these from now on, each from its venue."""
        for venue in self._venues.values():
            venue.watch(names)

    def tickers(self, now_ns: Ns, *, only: frozenset[InstrumentId] | None = None) -> None:
        """Send what is watched."""
        for venue in self._venues.values():
            venue.tickers(now_ns, only=only)

    def private(self, now_ns: Ns) -> None:
        """Send what happened on the accounts."""
        for venue in self._venues.values():
            venue.private(now_ns)

    def carry_out(self, command: Command, now_ns: Ns) -> None:
        """Take a command of the engine."""
        match command:
            case PlaceOrder() | CancelOrder() | LookUpOrder():
                venue = venue_of(command.instrument)
            case TakeSnapshot():
                venue = command.venue
            case Watch():
                self.watch(command.instruments)
                return
            case _:
                venue = DERIBIT
        self._lines[venue].send(command, now_ns, self._venues[venue])

    def last_look(self) -> list[Event]:
        """Marks, money and positions of this very moment, of each."""
        return [event for venue in self._venues.values() for event in venue.last_look()]

    @property
    def accounts(self) -> tuple[str, ...]:
        """The bot's, at each."""
        return tuple(map(account_at, self._venues))

    @property
    def in_transit(self) -> dict[Label, PlaceOrder]:
        """Orders that left and have not arrived; those that never will are not among them."""
        return {label: order for venue in self._venues.values() for label, order in venue.in_transit.items()}

    def positions(self) -> list[Position]:
        """Of all accounts."""
        return [position for venue in self._venues.values() for position in venue.positions()]

    def amounts(self) -> dict[InstrumentId, Decimal]:
        """Non-zero native amounts by instrument."""
        return {name: amount for venue in self._venues.values() for name, amount in venue.amounts().items()}

    def violations(self) -> list[str]:
        """What the venues' own books say went wrong."""
        return [found for venue in self._venues.values() for found in venue.violations()]
