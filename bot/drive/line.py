"""The way to a simulated venue and back, cut for a while: what was on it is lost, and a gateway's time-outs say so.

Silence comes first: until the loss is noticed, quotes merely age and orders go out to nobody. Knows virtual time and
the shapes of commands; nothing of what the venue does with them.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from bot.domain.commands import CancelOrder, Command, LookUpOrder, PlaceOrder, TakeSnapshot
from bot.domain.events import Event, StreamLost, StreamName, StreamRestored
from bot.domain.ids import VenueId
from bot.domain.time import NS_PER_S, Ns
from bot.drive.sim_venue import Deliver, Latency, Schedule, SimVenue
from bot.venues.sim_codec import unanswered

_TIME_OUT_NS: Final = 1 * NS_PER_S
"""After which a gateway stops waiting for an answer."""
_CAUSE: Final = "out of reach"


class Cut(Struct, frozen=True, kw_only=True):
    """A venue out of reach: nothing arrives there or comes from there."""

    venue: VenueId
    start_ns: Ns
    noticed_ns: Ns
    """When the sockets are found dead."""
    end_ns: Ns
    """When they are up again."""


class Line:
    """To one venue."""

    def __init__(
        self, venue: VenueId, schedule: Schedule, latency: Latency, deliver: Deliver, cuts: Sequence[Cut]
    ) -> None:
        """`deliver(events, now)` takes what gets through."""
        self._venue = venue
        self._schedule = schedule
        self._latency = latency
        self._deliver = deliver
        self._cuts = [cut for cut in cuts if cut.venue == venue]

    def begin(self, to: SimVenue) -> None:
        """Plan what is noticed of the cuts; `to` says which of its sockets are down for another reason."""
        for cut in self._cuts:
            self._schedule.at(cut.noticed_ns, self._tell_loss)
            self._schedule.at(cut.end_ns, lambda at: self._tell_return(to, at))

    def hear(self, events: Sequence[Event], now_ns: Ns) -> None:
        """Events of the venue on their way to the bot."""
        if not self.is_cut(now_ns):
            self._deliver(events, now_ns)

    def send(self, command: Command, now_ns: Ns, to: SimVenue) -> None:
        """A command on its way to the venue; without an answer after a while, the gateway says so."""
        arrival_ns = Ns(now_ns + self._latency.request_ns)
        if isinstance(command, LookUpOrder):
            arrival_ns = Ns(max(arrival_ns, command.not_before_ns))
        silence = None
        if isinstance(command, PlaceOrder | CancelOrder | LookUpOrder | TakeSnapshot):
            silence = unanswered(command, Ns(arrival_ns + _TIME_OUT_NS), _CAUSE)
        arrives = silence is None or not self.is_cut(arrival_ns)
        if arrives:
            to.carry_out(command, now_ns)
        if silence is not None and not (arrives and not self.is_cut(Ns(arrival_ns + self._latency.reply_ns))):
            connection = to.connection

            def say(at_ns: Ns) -> None:
                if to.connection == connection:  # who asked is there still
                    self._deliver([silence], at_ns)

            self._schedule.at(silence.received_ns, say)

    def is_cut(self, at_ns: Ns) -> bool:
        """Whether nothing gets through now."""
        return any(cut.start_ns <= at_ns < cut.end_ns for cut in self._cuts)

    def _tell_loss(self, at: Ns) -> None:
        lost = [StreamLost(stream=stream, received_ns=at, cause=_CAUSE, venue=self._venue) for stream in StreamName]
        self._deliver(lost, at)

    def _tell_return(self, to: SimVenue, at: Ns) -> None:
        if self.is_cut(at):
            return
        up = [stream for stream in StreamName if not to.is_down(stream, at)]
        if up:
            self._deliver([StreamRestored(stream=stream, received_ns=at, venue=self._venue) for stream in up], at)
