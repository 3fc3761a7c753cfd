"""A venue of a few lines for benches: enough websocket, on blocking sockets, to be believed by the bot's feed."""

import base64
import hashlib
import io
import json
import socket

from bench_engine import PERPETUAL

WS_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""


def frame_of(payload: bytes) -> bytes:
    """A text frame from server to client."""
    size = len(payload)
    head = bytes([0x81, size]) if size < 126 else bytes([0x81, 126]) + size.to_bytes(2, "big")
    return head + payload


def read_frame(stream: socket.SocketIO) -> bytes:
    """Payload of a client's masked frame."""
    head = stream.read(2)
    size = head[1] & 0x7F
    if size == 126:
        size = int.from_bytes(stream.read(2), "big")
    mask = stream.read(4)
    return bytes(byte ^ mask[i % 4] for i, byte in enumerate(stream.read(size)))


def shake_hands(stream: io.RawIOBase | io.BytesIO) -> bytes:
    """Answer to a websocket upgrade."""
    key = b""
    while (line := stream.readline().strip()) != b"":
        if line.lower().startswith(b"sec-websocket-key:"):
            key = line.split(b":", 1)[1].strip()
    accept = base64.b64encode(hashlib.sha1(key + WS_GUID).digest())  # noqa: S324 - the websocket handshake
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def ticker_frame(channel_name: str, forward_usd: float, stamp_ms: int) -> bytes:
    """A ticker as the venue sends it: of an option, or of the perpetual."""
    data = {
        "timestamp": stamp_ms,
        "state": "open",
        "stats": {"high": 0.0411, "low": 0.0312, "price_change": 2.25, "volume": 118.2, "volume_usd": 311_022.15},
        "index_price": forward_usd,
        "instrument_name": channel_name,
        "last_price": 0.0391,
        "min_price": 0.0001,
        "max_price": 0.9,
        "open_interest": 1210.5,
        "mark_price": 0.0388,
        "best_ask_price": 0.0395,
        "best_bid_price": 0.0385,
        "best_ask_amount": 18.6,
        "best_bid_amount": 11.7,
        "estimated_delivery_price": forward_usd,
        "settlement_price": 0.0401,
    }
    if channel_name == PERPETUAL:
        data |= {
            "mark_price": forward_usd,
            "best_bid_price": forward_usd - 0.5,
            "best_ask_price": forward_usd + 0.5,
            "min_price": forward_usd * 0.9,
            "max_price": forward_usd * 1.1,
            "current_funding": 0.0,
            "funding_8h": 0.0,
            "interest_value": 0.0,
        }
    else:
        data |= {
            "mark_iv": 55.2,
            "bid_iv": 54.9,
            "ask_iv": 55.7,
            "underlying_price": forward_usd,
            "underlying_index": "BTC-27MAR26",
            "interest_rate": 0.0,
            "greeks": {"delta": 0.5, "gamma": 0.00002, "vega": 141.9, "theta": -60.1, "rho": 40.1},
        }
    params = {"channel": f"ticker.{channel_name}.100ms", "data": data}
    return frame_of(
        json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params}, separators=(",", ":")).encode()
    )


def answer_requests(stream: socket.SocketIO, sock: socket.socket) -> None:
    """Answer until the subscription has been asked for."""
    while True:
        request = json.loads(read_frame(stream))
        subscribes = request["method"] == "public/subscribe"
        result = request["params"]["channels"] if subscribes else "ok"
        reply = {"jsonrpc": "2.0", "id": request["id"], "result": result, "testnet": True}
        sock.sendall(frame_of(json.dumps(reply).encode()))
        if subscribes:
            return


def listener() -> tuple[socket.socket, int]:
    """A loopback server socket and its port."""
    server = socket.create_server(("127.0.0.1", 0))
    return server, server.getsockname()[1]
