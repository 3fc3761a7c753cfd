"""What lies between a simulated venue and the bot: requests go out, replies and messages of streams come back.

Knows the shapes of both; what may go wrong is `fault_wire`'s.
"""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder, TakeSnapshot
from bot.domain.events import Event, StreamName
from bot.domain.time import Ns
from bot.sim import facts

Question = PlaceOrder | CancelOrder | LookUpOrder | TakeSnapshot
"""Commands that are answered over the wire."""
Parcels = Sequence[tuple[Ns, Sequence[Event]]]
"""What reaches the bot, and when."""


class Wire(Protocol):
    """What lies between the venue and the bot."""

    def is_down(self, stream: StreamName, now_ns: Ns) -> bool:
        """Whether a socket is down."""

    def departs(self, command: Question, now_ns: Ns) -> Ns | None:
        """Nanoseconds a request takes longer than ever; None: it never arrives."""

    def objection(self, command: PlaceOrder, at_ns: Ns) -> facts.VenueSays | None:
        """What the venue says to a request instead of carrying it out."""

    def answers(self, command: Question, events: Sequence[Event], received_ns: Ns) -> Parcels:
        """The reply to a request."""

    def tells(self, events: Sequence[Event], received_ns: Ns) -> Parcels:
        """A message of a stream."""


class GoodWire:
    """Loses, delays and changes nothing."""

    def is_down(self, stream: StreamName, now_ns: Ns) -> bool:
        """Never."""
        del stream, now_ns
        return False

    def departs(self, command: Question, now_ns: Ns) -> Ns | None:
        """As ever."""
        del command, now_ns
        return Ns(0)

    def objection(self, command: PlaceOrder, at_ns: Ns) -> facts.VenueSays | None:
        """None."""
        del command, at_ns
        return None

    def answers(self, command: Question, events: Sequence[Event], received_ns: Ns) -> Parcels:
        """As it is."""
        del command
        return [(received_ns, events)]

    def tells(self, events: Sequence[Event], received_ns: Ns) -> Parcels:
        """As it is."""
        return [(received_ns, events)]
