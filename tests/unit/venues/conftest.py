"""Fakes of the venue's two edges: a scripted socket on virtual time, and a server on loopback (HTTP and websocket)."""

import asyncio
import datetime
import ipaddress
import itertools
import json
import random
import selectors
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.domain.errors import VenueUnreachable
from bot.domain.events import Event, StreamLost
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.time import Ns
from bot.venues.budget import OrderRate
from bot.venues.deribit_feed import AccountFeed, MarketFeed
from bot.venues.deribit_gateway import DeribitGateway
from bot.venues.link import Link
from bot.venues.registry import venue_named
from bot.venues.settings import Credentials, VenueSettings
from bot.venues.stream import Take

Json = dict[str, object]
STAGE_NS = Ns(1_770_000_000_000_000_000)
Answer = Callable[[str, Json], object]


class _JumpingSelector(selectors.SelectSelector):
    """Waits for nothing: moves the loop's clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Ready files now, or time passes."""
        assert timeout is not None, "nothing will ever happen again in this test"
        self.now_s += max(0.0, timeout)
        return super().select(0)


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop for in-memory fakes, whose timers cost no time."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the start of the test."""
        return self._jumping.now_s


def run_virtually(test: Coroutine[object, object, None]) -> None:
    """Run a test on virtual time."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        runner.run(test)


class FakeConnection:
    """A socket whose other end is a function from request to result; frames are pushed by the test."""

    def __init__(self, answer: Answer, *, is_testnet: bool = True) -> None:
        self.answer = answer
        self.is_testnet = is_testnet
        self.sent: list[Json] = []
        self.is_closed = False
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()

    def push(self, frame: object) -> None:
        """The venue sends this."""
        self._frames.put_nowait(frame if isinstance(frame, bytes) else msgspec.json.encode(frame))

    def notify(self, channel: str, data: object) -> None:
        """The venue notifies."""
        self.push({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})

    def break_down(self) -> None:
        """The network is gone."""
        self._frames.put_nowait(None)

    def methods(self) -> list[str]:
        """Methods asked for, in order."""
        return [str(request["method"]) for request in self.sent]

    async def read(self, take: Take) -> None:
        """What the venue sent."""
        while (frame := await self._frames.get()) is not None:
            take(frame)
        raise VenueUnreachable("socket closed")

    def write(self, frame: bytes) -> None:
        """Take a request; the answer is there at once."""
        request = json.loads(frame)
        self.sent.append(request)
        answer = self.answer(request["method"], request["params"])
        if answer is not None:
            reply = answer if isinstance(answer, dict) and "error" in answer else {"result": answer}
            self.push({"jsonrpc": "2.0", "id": request["id"], "testnet": self.is_testnet, **reply})

    async def close(self) -> None:
        """Remember it; takes some turns of the loop, as a goodbye does."""
        try:
            for _ in range(3):
                await asyncio.sleep(0)
        finally:
            self.is_closed = True


def accept_all(method: str, params: Json) -> object:
    """A venue that takes every request."""
    if method == "public/auth":
        return {"access_token": "a", "refresh_token": "r", "expires_in": 1000, "scope": "connection"}
    return params.get("channels", "ok")


@pytest.fixture
def settings() -> VenueSettings:
    """A test venue with a key."""
    return VenueSettings(
        venue=VenueId("deribit"),
        ws_url="ws://127.0.0.1:1/ws/api/v2",
        rest_url="http://127.0.0.1:1",
        is_testnet=True,
        credentials=Credentials("key", "secret-of-the-key"),
    )


def perpetual() -> Instrument:
    """The inverse perpetual as the venue lists it."""
    return Instrument(
        id=InstrumentId("BTC-PERPETUAL"),
        venue=VenueId("deribit"),
        kind=Kind.PERPETUAL,
        base="BTC",
        settlement=Settlement.COIN,
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size_native=Decimal(10),
        lot_native=Decimal(10),
        tick_native=Decimal("0.5"),
        fee_rate_maker=Decimal("0.00015"),
        fee_rate_taker=Decimal("0.00035"),
    )


class FakeRest:
    """Deribit over HTTP and websocket: per method a queue of replies, the last one stays."""

    def __init__(self) -> None:
        self.replies: dict[str, list[object]] = defaultdict(list)
        self.replies["private/get_account_summaries"] = [{"id": 10, "summaries": []}]
        self.replies["public/set_heartbeat"] = ["ok"]
        self.replies["private/get_cancel_on_disconnect"] = [{"enabled": True, "scope": "connection"}]
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.url = ""
        self.is_testnet = True
        self.now_ms: Callable[[], int] = lambda: 0

    def put(self, method: str, *replies: object) -> None:
        """Answer these, one after the other; a dict with `error` is a refusal, an exception class hangs."""
        self.replies[method] = list(replies)

    def asked(self, method: str) -> list[dict[str, str]]:
        """Parameters of the requests for a method."""
        return [params for name, params in self.seen if name == method]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        method = request.match_info["method"]
        self.seen.append((method, dict(request.query)))
        reply = self._reply(method)
        if reply is TimeoutError:
            await asyncio.sleep(60.0)
        if reply is ConnectionError:
            assert request.transport is not None
            request.transport.abort()
        if isinstance(reply, web.Response):
            return reply
        if isinstance(reply, dict) and "error" in reply:
            return web.json_response({"jsonrpc": "2.0", "testnet": self.is_testnet, **reply}, status=400)
        return web.json_response({"jsonrpc": "2.0", "result": reply, "testnet": self.is_testnet, "usIn": 1})

    def _reply(self, method: str) -> object:
        if method == "public/get_time" and method not in self.replies:
            return self.now_ms()
        queue = self.replies[method]
        return queue.pop(0) if len(queue) > 1 else queue[0]

    async def serve_socket(self, request: web.Request) -> web.WebSocketResponse:
        """Answer requests of one websocket until it ends; `seen` tells their parameters in the words of a query."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            asked = json.loads(message.data, parse_float=str, parse_int=str)
            words = {str(True): "true", str(False): "false"}
            self.seen.append(
                (asked["method"], {name: words.get(str(v), str(v)) for name, v in asked["params"].items()})
            )
            reply = self._reply(asked["method"])
            if reply is ConnectionError:
                assert request.transport is not None
                request.transport.abort()
            elif reply is not TimeoutError:
                body = reply if isinstance(reply, dict) and "error" in reply else {"result": reply}
                head = {"jsonrpc": "2.0", "id": int(asked["id"]), "testnet": self.is_testnet}
                await socket.send_json(head | body)
        return socket


@pytest_asyncio.fixture
async def rest(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeRest]:
    """A running fake; its `url` is on loopback. ccxt's wait for TLS shutdown is of no use here."""
    monkeypatch.setattr("ccxt.async_support.deribit.timeout_on_exit", 0, raising=False)
    fake = FakeRest()
    app = web.Application()
    app.router.add_get("/api/v2/{method:.*}", fake.serve)
    app.router.add_get("/ws/api/v2", fake.serve_socket)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


@pytest.fixture(params=["ccxt", "deribit_ws"])
def gateway_of(
    request: pytest.FixtureRequest, rest: FakeRest, settings: VenueSettings
) -> Callable[..., DeribitGateway]:
    """Makes a gateway of the fake venue, as the table of venues does: once for each way orders can go."""

    def make(now_ns: Callable[[], Ns], rate: OrderRate | None = None, **changes: Any) -> DeribitGateway:
        places = {"rest_url": rest.url, "ws_url": f"{rest.url.replace('http', 'ws')}/ws/api/v2"}
        changed = msgspec.structs.replace(settings, **places, gateway=request.param, **changes)
        link = Link(settings=changed, now_ns=now_ns, rng=random.Random(1))
        gateway = venue_named("deribit").gateway(link, rate or OrderRate())
        assert isinstance(gateway, DeribitGateway)
        return gateway

    return make


class Stage:
    """A feed's surroundings: a venue that answers, connections it accepted, events it got."""

    def __init__(self, settings: VenueSettings) -> None:
        self.settings = settings
        self.accepts = accept_all
        self.answer: Callable[[str, dict[str, Any]], object] = accept_all
        self.is_testnet = True
        self.is_reachable = True
        self.connections: list[Any] = []
        self.tried_s: list[float] = []
        self.events: list[Event] = []
        self.task: asyncio.Task[None] | None = None

    async def connect(self, url: str) -> Any:
        """A new scripted socket."""
        assert url == self.settings.ws_url
        self.tried_s.append(asyncio.get_running_loop().time())
        if not self.is_reachable:
            raise VenueUnreachable("cannot connect: refused")
        connection = FakeConnection(self._answer, is_testnet=self.is_testnet)
        self.connections.append(connection)
        return connection

    def _answer(self, method: str, params: dict[str, Any]) -> object:
        return self.answer(method, params)

    def link(self, *, keyless: bool = False) -> Link:
        """What the feed gets."""
        settings = msgspec.structs.replace(self.settings, credentials=None) if keyless else self.settings
        return Link(settings=settings, now_ns=lambda: STAGE_NS, rng=random.Random(1), connect=self.connect)

    def sink(self, events: Sequence[Event]) -> None:
        """Remember."""
        self.events.extend(events)

    async def start(self, feed: AccountFeed | MarketFeed, seconds: float = 0.1) -> None:
        """Run the feed, and let some time pass."""
        self.task = asyncio.get_running_loop().create_task(feed.run(self.sink))
        await asyncio.sleep(seconds)

    async def stop(self) -> None:
        """Cancel the feed."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def of(self, kind: type[Event]) -> list[Any]:
        """Events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def lost(self) -> list[str]:
        """Causes of losses told."""
        return [event.cause for event in self.of(StreamLost)]

    def subscribed(self) -> list[list[str]]:
        """Channels of each subscribe call."""
        return [r["params"]["channels"] for c in self.connections for r in c.sent if r["method"].endswith("/subscribe")]


@pytest.fixture
def stage(settings: VenueSettings) -> Stage:
    """A venue that takes everything, until the test says otherwise."""
    return Stage(settings)


@pytest.fixture
def fixed_ns() -> Callable[[], Ns]:
    """A clock that stands still."""
    return lambda: Ns(1_770_000_000_000_000_000)


@pytest.fixture
def connection_type() -> type[FakeConnection]:
    """The scripted socket."""
    return FakeConnection


@pytest.fixture(scope="session")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """TLS of a server on loopback that signed its certificate itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begins = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def virtual() -> Callable[[Coroutine[object, object, None]], None]:
    """Runs a coroutine on virtual time."""
    return run_virtually


async def _cancelled_at_every_turn(begin: Callable[[], Coroutine[object, object, None]], turns_max: int) -> None:
    for turns, again in itertools.product(range(turns_max), range(6)):
        task = asyncio.create_task(begin())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        for _ in range(again):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()


@pytest.fixture
def cancelled_at_every_turn() -> Callable[..., Coroutine[object, object, None]]:
    """Begins something again and again; cancels it twice, at every pair of turns of the loop up to a number."""
    return _cancelled_at_every_turn


@pytest.fixture
def accepts() -> Answer:
    """A venue that takes every request."""
    return accept_all


@pytest.fixture
def perp() -> Instrument:
    """The inverse perpetual."""
    return perpetual()
