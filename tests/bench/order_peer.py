"""A venue of a few lines for orders, on blocking sockets: HTTP that stays open, or a websocket; it fills all."""

import io
import json
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from peer import frame_of, shake_hands

from bot.domain.time import NS_PER_S

SO_TIMESTAMPNS = 35
"""Linux, asm-generic/socket.h; the name of the answer as well."""
TEXT_FRAME, LONG_FRAME = 0x81, 126
Note = Callable[[str, int, int], None]
"""Told of every request: its label, when the kernel had it (epoch ns), when this program heard it (monotonic ns)."""
LOGIN = {
    "access_token": "a",
    "refresh_token": "r",
    "expires_in": 31_536_000,
    "scope": "trade:read_write account:read wallet:none",
}


def answer(method: str, params: dict[str, object]) -> object:
    """What a venue says to those who open a gateway, and to an order."""
    match method:
        case "public/auth":
            return LOGIN
        case "public/get_time":
            return time.time_ns() // 1_000_000
        case "private/get_account_summaries":
            return {"id": 1, "summaries": []}
        case "private/get_cancel_on_disconnect":
            return {"enabled": True, "scope": "connection"}
        case "private/buy" | "private/sell":
            return filled(method.removeprefix("private/"), params)
        case _:
            return "ok"


def filled(direction: str, params: dict[str, object]) -> object:
    """The whole order, at its limit."""
    amount, price, stamp_ms = float(str(params["amount"])), float(str(params["price"])), time.time_ns() // 1_000_000
    both = {
        "order_id": "1",
        "label": params["label"],
        "instrument_name": params["instrument_name"],
        "direction": direction,
        "amount": amount,
        "price": price,
    }
    order = both | {"order_state": "filled", "filled_amount": amount, "last_update_timestamp": stamp_ms}
    trade = both | {"trade_id": str(params["label"]), "fee": 0.0, "fee_currency": "BTC", "timestamp": stamp_ms}
    return {"order": order, "trades": [trade | {"liquidity": "T"}]}


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
                request = json.loads(unmasked(data) or b"null")
                if request is None:
                    return
                params, number = request["params"], request["id"]
                note(params.get("label", ""), arrived_ns, heard_ns)
                reply = {"jsonrpc": "2.0", "id": number, "testnet": True, "result": answer(request["method"], params)}
                sock.sendall(frame_of(json.dumps(reply).encode()))
            elif data.startswith(b"GET /ws"):
                with io.BytesIO(data) as head:
                    sock.sendall(shake_hands(head))
                is_websocket = True
            else:
                target = urlsplit(data.split(b" ", 2)[1].decode())
                asked: dict[str, object] = dict(parse_qsl(target.query))
                note(str(asked.get("label", "")), arrived_ns, heard_ns)
                result = answer(target.path.removeprefix("/api/v2/"), asked)
                body = json.dumps({"jsonrpc": "2.0", "result": result, "testnet": True}).encode()
                kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                sock.sendall(kind + str(len(body)).encode() + b"\r\n\r\n" + body)


def receive(sock: socket.socket) -> tuple[bytes, int] | None:
    """What came, and when it reached this host's kernel, epoch ns; None at the end."""
    data, told, _, _ = sock.recvmsg(65_536, 64)
    if not data:
        return None
    stamps = [struct.unpack("qq", stamp[:16]) for _, kind, stamp in told if kind == SO_TIMESTAMPNS]
    return data, stamps[0][0] * NS_PER_S + stamps[0][1] if stamps else time.time_ns()


def unmasked(frame: bytes) -> bytes:
    """Payload of a client's text frame; empty for any other."""
    if frame[0] != TEXT_FRAME:
        return b""
    start = 4 if frame[1] & 0x7F == LONG_FRAME else 2
    mask, payload = frame[start : start + 4], frame[start + 4 :]
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


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
