import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bot.domain.time import NS_PER_MS, Ns
from bot.localex.auth import sign
from bot.localex.credits import Limits, Pool
from bot.localex.server import BALANCES_DEFAULT, LocalExchange, Rules, open_accounts, parse_key
from bot.sim.exchange import Exchange
from bot.sim.world import build_exchange

_KEYS = [parse_key("demo:demo"), parse_key("owner:owner:trade:read_write account:read_write")]
_PERP = "BTC-PERPETUAL"
_LOGIN = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo"}


class _Clock:
    """Time that passes when told to."""

    def __init__(self, now_ns: Ns) -> None:
        self.now_ns = now_ns

    def __call__(self) -> Ns:
        return self.now_ns

    def pass_ms(self, ms: int) -> None:
        self.now_ns = Ns(self.now_ns + ms * NS_PER_MS)


@dataclass(frozen=True)
class _Served:
    local: LocalExchange
    clock: _Clock
    exchange: Exchange
    http: aiohttp.ClientSession
    host: str

    async def get(self, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
        """Status and body of a GET."""
        async with self.http.get(f"http://{self.host}{path}", headers=headers) as response:
            return response.status, await response.json()

    @contextlib.asynccontextmanager
    async def socket(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A websocket that does not wait for good-byes."""
        timeout = aiohttp.ClientWSTimeout(ws_close=0.2)
        async with self.http.ws_connect(f"http://{self.host}/ws/api/v2", timeout=timeout) as socket:
            yield socket


_RULES = Rules()


@contextlib.asynccontextmanager
async def _serve(start_ns: Ns, rules: Rules = _RULES) -> AsyncIterator[_Served]:
    clock, exchange = _Clock(start_ns), build_exchange(3, start_ns)
    open_accounts(exchange, _KEYS)
    local = LocalExchange(exchange, keys=_KEYS, now_ns=clock, rules=rules, step_s=None)
    port = await local.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield _Served(local, clock, exchange, http, f"127.0.0.1:{port}")
    finally:
        await local.stop()


async def _call(socket: aiohttp.ClientWebSocketResponse, method: str, **params: object) -> Any:
    await socket.send_str(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    while True:
        message = await socket.receive_json()
        if message.get("id") == 1:
            return message


async def _login(socket: aiohttp.ClientWebSocketResponse) -> None:
    await _call(socket, "public/auth", **_LOGIN)


def _signed(clock: _Clock, uri: str, body: str = "", method: str = "GET") -> str:
    stamp = clock() // NS_PER_MS
    signature = sign("demo", f"{stamp}\nn\n{method}\n{uri}\n{body}\n")
    return f"deri-hmac-sha256 id=demo,ts={stamp},nonce=n,sig={signature}"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/api/v2/public/ticker?instrument_name={_PERP}", 200, None),
        ("/api/v2/public/ticker?instrument_name=BTC-NOTAREAL", 400, -32602),
        ("/api/v2/public/nonsense", 400, -32601),
        ("/api/v2/", 400, -32601),
        ("/api/v2", 400, -32601),
        ("/", 400, -32601),
        ("/ws/api/v2", 400, -32600),
        ("/api/v2/private/get_positions", 400, 13009),
        (f"/api/v2/public/ticker?instrument_name={'x' * 40_000}", 400, -32600),
    ],
)
async def test_http_errors_are_400_with_the_json_body(start_ns: Ns, path: str, status: int, code: int | None) -> None:
    """Whatever is asked, the body is JSON-RPC."""
    async with _serve(start_ns) as served:
        found_status, body = await served.get(path)

    assert (found_status, body.get("error", {}).get("code"), body["testnet"]) == (status, code, True)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"jsonrpc":"2.0","id":4,"method":"public/get_time","params":{}}', None),
        (b'{"jsonrpc":"2.0","id":4,"params":{}}', None),
        (b"", None),
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[1,2]", -32600),
        (b'{"method":1}', -32600),
        (b"x" * 40_000, -32600),
        (b"x" * 2_000_000, -32600),
    ],
)
async def test_posted_bodies_are_read_or_refused(start_ns: Ns, body: bytes, code: int | None) -> None:
    """The path names the method where the body does not."""
    async with (
        _serve(start_ns) as served,
        served.http.post(f"http://{served.host}/api/v2/public/get_time", data=io.BytesIO(body)) as response,
    ):
        reply = await response.json()

    assert (response.status, reply.get("error", {}).get("code")) == (200 if code is None else 400, code)


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_http_methods_are_refused(start_ns: Ns, method: str) -> None:
    """GET and POST only."""
    async with (
        _serve(start_ns) as served,
        served.http.request(method, f"http://{served.host}/api/v2/public/get_time") as response,
    ):
        reply = await response.json()

    assert (response.status, reply["error"]["code"]) == (400, -32600)


@pytest.mark.asyncio
async def test_a_signed_request_is_carried_out(start_ns: Ns) -> None:
    """GET with a query and POST with a body; a header that does not fit is 13004, even for a public method."""
    uri = f"/api/v2/private/buy?instrument_name={_PERP}&amount=100&type=market&label=a%20b"
    body = '{"jsonrpc":"2.0","id":1,"method":"private/get_positions","params":{"currency":"BTC"}}'
    async with _serve(start_ns) as served:
        placed = await served.get(uri, Authorization=_signed(served.clock, uri))
        signature = _signed(served.clock, "/api/v2/private/get_positions", body, "POST")
        target = f"http://{served.host}/api/v2/private/get_positions"
        async with served.http.post(target, data=body, headers={"Authorization": signature}) as response:
            positions = await response.json()
        wrong = await served.get("/api/v2/public/get_time", Authorization=_signed(served.clock, uri))

    order = placed[1]["result"]["order"]
    assert (placed[0], order["order_state"], order["label"]) == (200, "filled", "a b")
    assert [position["size"] for position in positions["result"]] == [100.0]
    assert (wrong[0], wrong[1]["error"]["code"]) == (400, 13004)


@pytest.mark.asyncio
async def test_malformed_frames_are_answered_and_the_socket_lives(start_ns: Ns) -> None:
    """Garbage, batches, oversized and binary frames: typed errors, then business as usual."""
    async with _serve(start_ns) as served, served.socket() as socket:
        codes = []
        for frame in ("{", "[]", '{"id":7}', "x" * 40_000, '{"id":7,"method":"public/nonsense"}'):
            await socket.send_str(frame)
            codes.append((await socket.receive_json())["error"]["code"])
        await socket.send_bytes(b"\xff")
        codes.append((await socket.receive_json())["error"]["code"])
        alive = await _call(socket, "public/get_time")

    assert codes == [-32700, -32600, -32600, -32600, -32601, -32700]
    assert alive["result"] == start_ns // NS_PER_MS


@pytest.mark.asyncio
async def test_an_order_over_http_is_told_on_the_socket(start_ns: Ns) -> None:
    """Private events go out with the request that caused them, whichever way it came."""
    uri = f"/api/v2/private/buy?instrument_name={_PERP}&amount=100&type=market"
    async with _serve(start_ns) as served, served.socket() as socket:
        await _login(socket)
        await _call(socket, "private/subscribe", channels=["user.changes.any.any.raw"])
        await served.get(uri, Authorization=_signed(served.clock, uri))
        told = await socket.receive_json()

    assert told["params"]["channel"] == "user.changes.any.any.raw"
    assert told["params"]["data"]["positions"][0]["size"] == 100.0


@pytest.mark.asyncio
async def test_the_step_publishes_what_time_brought(start_ns: Ns) -> None:
    """Nothing is said between steps; a step brings the world to the clock."""
    channel = f"ticker.{_PERP}.100ms"
    async with _serve(start_ns) as served, served.socket() as socket:
        await _call(socket, "public/subscribe", channels=[channel])
        first = await socket.receive_json()
        for _ in range(20):
            served.clock.pass_ms(100)
            served.local.step()
        second = await socket.receive_json()

    stamps = [message["params"]["data"]["timestamp"] for message in (first, second)]
    assert stamps[0] < stamps[1] <= start_ns // NS_PER_MS + 2_000
    assert served.exchange.now_ns == served.clock()


@pytest.mark.asyncio
async def test_tokens_and_subscriptions_die_with_the_socket(start_ns: Ns) -> None:
    """A token of a closed socket is worth nothing, and nobody is written to any more."""
    async with _serve(start_ns) as served:
        async with served.socket() as socket:
            token = (await _call(socket, "public/auth", **_LOGIN))["result"]["access_token"]
            await _call(socket, "public/subscribe", channels=[f"book.{_PERP}.raw"])
        await _until(lambda: not served.local._connections)
        served.clock.pass_ms(1_000)
        served.local.step()
        _, reply = await served.get(f"/api/v2/private/get_positions?access_token={token}")

    assert reply["error"]["code"] == 13009


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60.0):
        while not is_so():  # noqa: ASYNC110 (the loop turns, no time passes)
            await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_a_lost_reply_is_carried_out_and_never_answered(start_ns: Ns) -> None:
    """Over both ways; the next call works."""
    uri = f"/api/v2/private/buy?instrument_name={_PERP}&amount=100&type=market"
    async with _serve(start_ns) as served, served.socket() as socket:
        await _login(socket)
        served.local.faults.lose_reply("private/buy", times=2)
        order = {"instrument_name": _PERP, "amount": 100, "type": "market"}
        await socket.send_str(json.dumps({"id": 99, "method": "private/buy", "params": order}))
        reply = await _call(socket, "private/get_positions")
        asking = asyncio.create_task(served.get(uri, Authorization=_signed(served.clock, uri)))
        await _until(lambda: served.exchange.positions("demo")[0].size_native == 200)
        await asyncio.sleep(0.1)
        is_answered = asking.done()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        _, third = await served.get(uri, Authorization=_signed(served.clock, uri))

    assert not is_answered
    assert [position["size"] for position in reply["result"]] == [100.0]
    assert third["result"]["order"]["order_state"] == "filled"
    assert served.exchange.positions("demo")[0].size_native == 300


@pytest.mark.asyncio
async def test_a_delayed_reply_comes_after_the_others(start_ns: Ns) -> None:
    """Replies may overtake each other, as at the venue."""
    async with _serve(start_ns) as served, served.socket() as socket:
        served.local.faults.delay_reply("public/get_time", 0.05)
        await socket.send_str('{"id":1,"method":"public/get_time"}')
        await socket.send_str('{"id":2,"method":"public/test"}')
        ids = [(await socket.receive_json())["id"] for _ in range(2)]
        served.local.faults.delay_reply("public/get_time", 0.01)
        status, _ = await served.get("/api/v2/public/get_time")

    assert (ids, status) == ([2, 1], 200)


@pytest.mark.asyncio
async def test_dropped_sockets_end_without_a_close_frame(start_ns: Ns) -> None:
    """1006 for the client; a new socket works."""
    async with _serve(start_ns) as served:
        async with served.socket() as socket:
            dropped = served.local.faults.drop_sockets()
            await socket.receive()
            close_code = socket.close_code
        async with served.socket() as socket:
            alive = await _call(socket, "public/test")

    assert (dropped, close_code, "result" in alive) == (1, 1006, True)


@pytest.mark.asyncio
async def test_the_pump_moves_the_world_by_itself(start_ns: Ns) -> None:
    """With a step time the server needs no caller; when the world fails, `run` and `stop` say so."""
    clock, exchange = _Clock(start_ns), build_exchange(3, start_ns)
    open_accounts(exchange, _KEYS)
    local = LocalExchange(exchange, keys=_KEYS, now_ns=clock, step_s=0.001)
    await local.start()
    running = asyncio.create_task(local.run())
    clock.pass_ms(500)
    await _until(lambda: exchange.now_ns == clock())
    await local.stop()
    await running


@pytest.mark.asyncio
async def test_a_failing_world_ends_the_run(start_ns: Ns) -> None:
    """A bug in the world is not served over: run raises it."""

    def broken() -> Ns:
        raise OverflowError

    exchange = build_exchange(3, start_ns)
    local = LocalExchange(exchange, keys=[], now_ns=broken, step_s=0.001)
    await local.start()
    with pytest.raises(OverflowError):
        await local.run()
    with pytest.raises(OverflowError):
        await local.stop()


@pytest.mark.parametrize("host", ["192.168.1.5", "example.org", ""])
def test_only_loopback_is_served(start_ns: Ns, host: str) -> None:
    """Default keys are known to everybody."""
    with pytest.raises(ValueError, match="loopback"):
        LocalExchange(build_exchange(3, start_ns), keys=[], now_ns=lambda: start_ns, host=host)


def test_accounts_are_opened_once(start_ns: Ns) -> None:
    """Funded and flat; an account that exists keeps its money."""
    exchange = build_exchange(3, start_ns)
    open_accounts(exchange, _KEYS)
    open_accounts(exchange, _KEYS)

    assert exchange.balance_native("demo", "BTC") == BALANCES_DEFAULT["BTC"]
    with pytest.raises(AssertionError, match="nobody"):
        LocalExchange(exchange, keys=[parse_key("nobody:x")], now_ns=lambda: start_ns)


@pytest.mark.asyncio
@pytest.mark.parametrize(("farewell", "left"), [("drop", 1), ("logout", 2)])
async def test_orders_of_a_lost_socket_are_taken_back(start_ns: Ns, farewell: str, left: int) -> None:
    """Those it created, when it asked for that, told to others; logging out leaves them."""
    async with _serve(start_ns) as served, served.socket() as mine:
        login = _LOGIN | {"client_id": "owner", "client_secret": "owner"}
        await _call(mine, "public/auth", **login)
        bid = (await _call(mine, "public/ticker", instrument_name=_PERP))["result"]["best_bid_price"]
        order = {"instrument_name": _PERP, "amount": 10, "price": round(bid * 0.99)}
        async with served.socket() as lost:
            await _call(mine, "private/buy", **order)
            await _call(mine, "private/subscribe", channels=["user.orders.any.any.raw"])
            await _call(lost, "public/auth", **login)
            await _call(lost, "private/enable_cancel_on_disconnect")
            await _call(lost, "private/buy", **order)
            await mine.receive_json()
            if farewell == "logout":
                await lost.send_str('{"jsonrpc":"2.0","id":2,"method":"private/logout","params":{}}')
                assert (await lost.receive()).type is aiohttp.WSMsgType.CLOSE
        if farewell == "drop":
            told = (await mine.receive_json())["params"]["data"]
            assert (told["order_state"], told["cancel_reason"]) == ("cancelled", "cancel_on_disconnect")

    assert len(served.exchange.orders_open("owner")) == left


@pytest.mark.asyncio
async def test_a_hasty_client_is_told_and_loses_its_session(start_ns: Ns) -> None:
    """10028, then the end of the socket; other sockets live, and the account's orders stay. HTTP is only told."""
    limits = Limits(other=Pool(burst_count=3, per_s_count=1))
    async with _serve(start_ns, Rules(limits=limits)) as served, served.socket() as socket, served.socket() as other:
        codes = [(await _call(socket, "public/test")).get("error", {}).get("code") for _ in range(4)]
        end = await socket.receive()
        over_http, _ = await served.get("/api/v2/public/test")
        served.clock.pass_ms(1_000)
        later = await _call(other, "public/test")

    assert codes == [None, None, None, 10028]
    assert end.type is aiohttp.WSMsgType.CLOSE
    assert over_http == 400
    assert "result" in later


@pytest.mark.asyncio
@pytest.mark.parametrize(("offered", "agreed"), [(0, None), (15, "permessage-deflate")])
async def test_frames_are_compressed_where_that_is_offered(start_ns: Ns, offered: int, agreed: str | None) -> None:
    """A client that offers nothing gets plain frames; either understands a long reply."""
    async with (
        _serve(start_ns) as served,
        served.http.ws_connect(f"http://{served.host}/ws/api/v2", compress=offered) as socket,
    ):
        extensions = socket._response.headers.get("Sec-WebSocket-Extensions")
        listed = await _call(socket, "public/get_instruments")

    assert (extensions or "").partition(";")[0] == (agreed or "")
    assert len(listed["result"]) > 300
