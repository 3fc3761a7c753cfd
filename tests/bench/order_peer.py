"""A venue of a few lines for orders, on blocking sockets: HTTP that stays open, or a websocket; it fills all.

It does as little as it can, the same for both: what is measured against it is the other side.
"""

import io
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

from msgspec import Struct, convert, json
from peer import frame_of, shake_hands
from websockets.frames import apply_mask

from bot.domain.time import NS_PER_S

SO_TIMESTAMPNS = 35
"""Linux, asm-generic/socket.h; the name of the answer as well."""
TEXT_FRAME, PING_FRAME, LONG_FRAME = 0x81, 0x89, 126
Note = Callable[[str, int, int], None]
"""Told of every request: its label, when the kernel had it (epoch ns), when this program heard it (monotonic ns)."""
LOGIN = {
    "access_token": "a",
    "refresh_token": "r",
    "expires_in": 31_536_000,
    "scope": "trade:read_write account:read wallet:none",
}
LISTED = {
    "instrument_name": "BTC-PERPETUAL",
    "kind": "future",
    "base_currency": "BTC",
    "settlement_currency": "BTC",
    "instrument_type": "reversed",
    "price_index": "btc_usd",
    "settlement_period": "perpetual",
    "contract_size": 10.0,
    "min_trade_amount": 10.0,
    "tick_size": 0.5,
}


class Order(Struct):
    """What is read of a request; over HTTP everything is text."""

    label: str = ""
    amount: float = 0.0
    price: float = 0.0
    instrument_name: str = ""


class Request(Struct):
    """A request over the websocket."""

    method: str
    id: int
    params: Order


request_in = json.Decoder(Request).decode


def answer(method: str, order: Order) -> bytes:
    """What a venue says to those who open a gateway, and to an order."""
    match method:
        case "private/buy" | "private/sell":
            return filled(method.removeprefix("private/"), order)
        case "public/auth":
            return json.encode(LOGIN)
        case "public/get_time":
            return b"%d" % (time.time_ns() // 1_000_000)
        case "private/get_account_summaries":
            return b'{"id":1,"summaries":[]}'
        case "private/get_cancel_on_disconnect":
            return b'{"enabled":true,"scope":"connection"}'
        case "public/get_instruments":
            return json.encode([LISTED])
        case _:
            return b'"ok"'


def filled(direction: str, order: Order) -> bytes:
    """The whole order, at its limit: text between texts, since what the venue takes is not to be measured."""
    both = (
        f'"order_id":"1","label":"{order.label}","instrument_name":"{order.instrument_name}","direction":"{direction}",'
        f'"amount":{order.amount},"price":{order.price}'
    )
    stamp_ms = time.time_ns() // 1_000_000
    return (
        f'{{"order":{{{both},"order_state":"filled","filled_amount":{order.amount},"last_update_timestamp":{stamp_ms}}},'
        f'"trades":[{{{both},"trade_id":"{order.label}","fee":0.0,"fee_currency":"BTC","timestamp":{stamp_ms},'
        '"liquidity":"T"}]}'
    ).encode()


def serve(server: socket.socket, note: Note) -> None:
    """Accept for ever; each connection is HTTP that stays open, or becomes a websocket."""
    while True:
        try:
            sock, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=converse, args=(sock, note), daemon=True).start()


def converse(sock: socket.socket, note: Note) -> None:
    """One connection until its client hangs up; a request comes in one piece over loopback."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    is_websocket = False
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        while (heard := receive(sock)) is not None:
            data, arrived_ns = heard
            heard_ns = time.perf_counter_ns()
            if is_websocket:
                for kind, payload in frames(data):
                    if kind == PING_FRAME:
                        sock.sendall(b"\x8a" + frame_of(payload)[1:])
                    elif kind != TEXT_FRAME:
                        return
                    else:
                        request = request_in(payload)
                        note(request.params.label, arrived_ns, heard_ns)
                        sock.sendall(frame_of(reply(request.method, request.params, request.id)))
            elif data.startswith(b"GET /ws"):
                with io.BytesIO(data) as head:
                    sock.sendall(shake_hands(head))
                is_websocket = True
            else:
                path, _, query = data.split(b" ", 2)[1].decode().partition("?")
                asked = dict(pair.split("=") for pair in query.split("&") if pair)
                order = convert(asked, Order, strict=False)
                note(order.label, arrived_ns, heard_ns)
                body = reply(path.removeprefix("/api/v2/"), order, 0)
                head_text = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                sock.sendall(head_text + str(len(body)).encode() + b"\r\n\r\n" + body)


def reply(method: str, order: Order, number: int) -> bytes:
    """The whole JSON-RPC answer."""
    return b'{"jsonrpc":"2.0","id":%d,"testnet":true,"result":%b}' % (number, answer(method, order))


def receive(sock: socket.socket) -> tuple[bytes, int] | None:
    """What came, and when it reached this host's kernel, epoch ns; None at the end."""
    data, told, _, _ = sock.recvmsg(65_536, 64)
    if not data:
        return None
    stamps = [struct.unpack("qq", stamp[:16]) for _, kind, stamp in told if kind == SO_TIMESTAMPNS]
    return data, stamps[0][0] * NS_PER_S + stamps[0][1] if stamps else time.time_ns()


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """First byte and payload of each of a client's masked frames, none of them over 64 kB."""
    at = 0
    while at < len(data):
        size, start = data[at + 1] & 0x7F, at + 2
        if size == LONG_FRAME:
            size, start = int.from_bytes(data[start : start + 2]), start + 2
        yield data[at], apply_mask(data[start + 4 : start + 4 + size], data[start : start + 4])
        at = start + 4 + size


class PlainOrders:
    """Orders as lines of bytes."""

    def __init__(self, server: socket.socket) -> None:
        self._socket, _ = server.accept()
        self._socket.settimeout(5.0)

    def next_ns(self) -> int:
        """When the next one was heard, monotonic."""
        while not self._socket.recv(65_536).endswith(b"\n"):
            pass
        return time.perf_counter_ns()

    def drain(self) -> int:
        """Read what waits; how many orders that was."""
        self._socket.setblocking(False)
        count = 0
        try:
            while waiting := self._socket.recv(65_536):
                count += waiting.count(b"\n")
        except BlockingIOError:
            pass
        self._socket.settimeout(5.0)
        return count

    def close(self) -> None:
        """The end of the bot's run."""
        self._socket.close()


class SocketOrders:
    """Orders over the order socket, answered as filled."""

    def __init__(self, server: socket.socket) -> None:
        self._socket, _ = server.accept()
        self._heard: queue.SimpleQueue[int] = queue.SimpleQueue()
        threading.Thread(target=converse, args=(self._socket, self._note), daemon=True).start()

    def _note(self, label: str, _arrived_ns: int, heard_ns: int) -> None:
        if label:
            self._heard.put(heard_ns)

    def next_ns(self) -> int:
        """When the next one was heard, monotonic."""
        return self._heard.get(timeout=5.0)

    def drain(self) -> int:
        """Forget what waits; how many orders that was."""
        count = 0
        while not self._heard.empty():
            self._heard.get()
            count += 1
        return count

    def close(self) -> None:
        """The end of the bot's run."""
        self._socket.shutdown(socket.SHUT_RDWR)
