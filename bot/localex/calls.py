"""What a method of the protocol gets to see: the venue, the caller, the parameters. Types only."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.localex.auth import Grant, Keyring, unauthorized
from bot.localex.channels import CURRENCIES, Grammar
from bot.localex.chronicle import Chronicle
from bot.localex.credits import Credits
from bot.localex.disconnects import Disconnects, Placed
from bot.localex.faults import Faults
from bot.localex.publisher import Listener, Publisher
from bot.localex.rpc import Params, RpcError, invalid_param
from bot.sim.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Venue:
    """Everything one local exchange consists of."""

    exchange: Exchange
    keyring: Keyring
    publisher: Publisher
    grammar: Grammar
    faults: Faults
    now_ns: Callable[[], Ns]
    currencies: tuple[str, ...]
    disconnects: Disconnects
    chronicle: Chronicle
    credits: Credits = field(default_factory=Credits)

    def advance(self) -> None:
        """Bring the world to the present; a clock that goes back waits."""
        self.exchange.advance(max(self.now_ns(), self.exchange.now_ns))

    def instrument(self, params: Params) -> Instrument:
        """The instrument a call names."""
        return self.exchange.instrument(params.text("instrument_name"))

    def currency(self, params: Params) -> str:
        """The currency a call names; -32602 for a word that is none. Nothing need be settled in it."""
        currency = params.text("currency")
        if currency not in CURRENCIES[:-1]:
            raise invalid_param("currency", "wrong format")
        return currency


def must_be_websocket() -> RpcError:
    """The method makes no sense over HTTP."""
    return RpcError(10030, "must_be_websocket_request")


class Socket(Listener, Protocol):
    """A websocket as methods see it."""

    def start_heartbeat(self, interval_s: float) -> None:
        """Send heartbeats and test requests from now on."""

    def stop_heartbeat(self) -> None:
        """Send none any more."""

    def hang_up(self) -> None:
        """Close the websocket after what is already queued."""

    def note_test(self) -> None:
        """The client answered a test request."""


@dataclass(slots=True)
class Session:
    """One caller: a websocket for its lifetime, or a single HTTP request."""

    socket_id: int | None = None
    """None over HTTP."""
    socket: Socket | None = None
    grant: Grant | None = None
    placed: Placed = field(default_factory=Placed)


@dataclass(frozen=True, slots=True)
class Call:
    """One request being carried out."""

    venue: Venue
    params: Params
    session: Session
    granted: Grant | None
    """None for a caller without a valid token."""

    @property
    def exchange(self) -> Exchange:
        """The simulated exchange."""
        return self.venue.exchange

    @property
    def account(self) -> str:
        """Account of the caller; 13009 without one."""
        if self.granted is None:
            raise unauthorized()
        return self.granted.account

    @property
    def socket(self) -> Socket:
        """The websocket the call came by; 10030 over HTTP."""
        if self.session.socket is None:
            raise must_be_websocket()
        return self.session.socket


@dataclass(frozen=True, slots=True)
class Method:
    """One row of the table of methods."""

    run: Callable[[Call], object]
    scope: str | None = None
    """Scope a private method needs; None for public."""
    moves_time: bool = False
    """Order methods meet the world as it is now, not as it was at the last step."""
    is_silent: bool = False
    """Carried out without a reply."""
