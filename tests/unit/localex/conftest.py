"""Worlds and callers for the tests of the local exchange."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_MS, Ns, ns_from_iso
from bot.localex.auth import Keyring, parse_key
from bot.localex.calls import Session, Venue
from bot.localex.channels import Grammar
from bot.localex.chronicle import Chronicle
from bot.localex.credits import Credits, Limits, Pool
from bot.localex.disconnects import Disconnects
from bot.localex.dispatch import Dispatch
from bot.localex.faults import Faults
from bot.localex.publisher import Publisher
from bot.localex.rpc import Envelope, parse_request
from bot.localex.wire import currencies_of
from bot.sim.exchange import Exchange
from bot.sim.listing import build_listing
from bot.sim.world import build_exchange

START_NS = ns_from_iso("2026-03-02T10:00:00Z")


class FakeSocket:
    """A websocket that keeps what it is sent."""

    def __init__(self) -> None:
        """Nothing sent yet."""
        self.frames: list[str] = []
        self.heartbeat_s: float | None = None
        self.tests_answered = 0
        self.is_over = False

    def send(self, frame: str) -> None:
        """Keep a frame."""
        self.frames.append(frame)

    def start_heartbeat(self, interval_s: float) -> None:
        """Remember the rhythm asked for."""
        self.heartbeat_s = interval_s

    def stop_heartbeat(self) -> None:
        """Forget the rhythm."""
        self.heartbeat_s = None

    def hang_up(self) -> None:
        """Remember."""
        self.is_over = True

    def note_test(self) -> None:
        """Count answers."""
        self.tests_answered += 1

    def take(self, channel: str = "") -> list[object]:
        """Data of the notifications of channels with this beginning, received and not taken yet."""
        params = [json.loads(frame)["params"] for frame in self.frames]
        wanted = [entry["channel"].startswith(channel) for entry in params]
        self.frames = [frame for frame, is_wanted in zip(self.frames, wanted, strict=True) if not is_wanted]
        return [entry["data"] for entry, is_wanted in zip(params, wanted, strict=True) if is_wanted]


class World:
    """One venue with the accounts `demo` and `reader`, a clock that is set by hand, and a way to ask."""

    def __init__(self, exchange: Exchange) -> None:
        """Take a fresh exchange."""
        self.exchange = exchange
        self.now_ns = START_NS
        self.faults = Faults()
        keys = [parse_key("demo:demo"), parse_key("reader:reader:trade:read"), parse_key("other:other")]
        keys.append(parse_key("owner:owner:trade:read_write account:read_write"))
        keys.append(parse_key("wallet:wallet:trade:read wallet:read"))
        for key in keys:
            exchange.open_account(key.client_id, {"BTC": Decimal(10), "USDC": Decimal(100_000)})
        currencies, chronicle = currencies_of(exchange.instruments()), Chronicle(exchange)
        self.venue = Venue(
            exchange=exchange,
            keyring=Keyring(keys),
            publisher=Publisher(exchange, self.faults, currencies, chronicle),
            grammar=Grammar(exchange.instrument, lambda: list(exchange.index_names())),
            faults=self.faults,
            now_ns=lambda: self.now_ns,
            currencies=currencies,
            disconnects=Disconnects(exchange),
            # The clock stands while a test asks: nothing would refill.
            credits=Credits(Limits(matching=Pool(burst_count=1e6, per_s_count=0))),
            chronicle=chronicle,
        )
        self.dispatch = Dispatch(self.venue, Envelope(lambda: self.now_ns, testnet=True))
        self._sockets = 0

    def pass_ms(self, ms: int, step_ms: int = 100) -> None:
        """Let time pass in steps, publishing at each."""
        for _ in range(ms // step_ms):
            self.now_ns = Ns(self.now_ns + step_ms * NS_PER_MS)
            self.venue.advance()
            self.venue.publisher.step()

    def connect(self, key: str | None = None) -> tuple[Session, FakeSocket]:
        """A new websocket, authenticated with the key whose secret is its name."""
        self._sockets += 1
        socket = FakeSocket()
        session = Session(socket_id=self._sockets, socket=socket)
        if key is not None:
            self.ask(session, "public/auth", grant_type="client_credentials", client_id=key, client_secret=key)
        return session, socket

    def reply(self, session: Session, method: str, **params: object) -> dict[str, object]:
        """The whole reply to a call; private events follow it."""
        request = parse_request(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
        answer = self.dispatch.answer(session, request, self.now_ns // 1000)
        self.venue.publisher.flush()
        reply: dict[str, object] = json.loads(answer.frame or "{}")
        assert answer.is_error == ("error" in reply)
        return reply

    def ask(self, session: Session, method: str, **params: object) -> object:
        """The result of a call that works."""
        reply = self.reply(session, method, **params)
        assert "error" not in reply, reply
        return reply["result"]

    def code(self, session: Session, method: str, **params: object) -> object:
        """The error code of a call that is refused; None for one that works."""
        error = self.reply(session, method, **params).get("error")
        return error["code"] if isinstance(error, dict) else None


@pytest.fixture
def start_ns() -> Ns:
    """When the world of a test begins."""
    return START_NS


@pytest.fixture(scope="session")
def listed() -> dict[str, Instrument]:
    """The venue's instruments by name."""
    return {instrument.id: instrument for instrument in build_listing(START_NS)}


@pytest.fixture(scope="session")
def pick(listed: dict[str, Instrument]) -> Callable[[Callable[[Instrument], bool]], Instrument]:
    """The first instrument that fits."""
    return lambda fits: next(instrument for instrument in listed.values() if fits(instrument))


@pytest.fixture
def world() -> World:
    """A fresh venue."""
    return World(build_exchange(7, START_NS))
