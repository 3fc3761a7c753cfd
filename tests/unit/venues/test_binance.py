"""Binance's frames: what each means, what the real venue sent, and that nonsense is only ever malformed."""

import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import MalformedMessage
from bot.domain.ids import InstrumentId
from bot.domain.time import Ns
from bot.venues.binance import BinanceWire
from bot.venues.public_wire import Acked, Alive, DepthTold, MarkTold, Refused, SpecTold, TouchTold

PERP = InstrumentId("BINANCE:BTCUSDT")
WIRE = BinanceWire()
TOUCH = {
    "e": "bookTicker",
    "u": 9,
    "s": "BTCUSDT",
    "b": "63999.5",
    "B": "5",
    "a": "64000.5",
    "A": "7",
    "T": 123,
    "E": 124,
}
DEPTH = {"e": "depthUpdate", "E": 124, "T": 123, "s": "BTCUSDT", "U": 8, "u": 9, "pu": 7}
DEPTH |= {"b": [["63999.5", "5"], ["63999.0", "1"]], "a": [["64000.5", "7"], ["64001", "0"]]}
MARK = {"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "64001", "i": "64002", "P": "1", "r": "0.0001", "T": 2}
STATE = {"e": "contractInfo", "E": 1, "s": "BTCUSDT", "ct": "PERPETUAL", "cs": "TRADING"}


def frame(body: dict[str, Any], stream: str = "") -> bytes:
    """An event, of a combined stream or not."""
    return json.dumps({"stream": stream, "data": body} if stream else body).encode()


CASES: list[tuple[bytes, object]] = [
    (frame(TOUCH), (TouchTold(PERP, 63_999.5, 64_000.5, 5.0, 7.0, 123_000_000, 9),)),
    (frame(TOUCH, "btcusdt@bookTicker"), (TouchTold(PERP, 63_999.5, 64_000.5, 5.0, 7.0, 123_000_000, 9),)),
    (frame(TOUCH | {"b": "0.00", "B": "0"}), (TouchTold(PERP, None, 64_000.5, None, 7.0, 123_000_000, 9),)),
    (
        frame(DEPTH, "btcusdt@depth5@500ms"),
        (DepthTold(PERP, ((63_999.5, 5.0), (63_999.0, 1.0)), ((64_000.5, 7.0),), Ns(123_000_000)),),
    ),
    (frame(MARK), (MarkTold(PERP, 64_001.0, 64_002.0, 0.0001),)),
    (frame(MARK | {"r": "", "i": ""}), (MarkTold(PERP, 64_001.0, None, None),)),
    (frame({"e": "24hrTicker", "s": "BTCUSDT", "q": "2e9"}), (MarkTold(PERP, volume_usd_per_day=2e9),)),
    (frame({"e": "24hrTicker", "s": "BTCUSDT", "q": "0"}), (MarkTold(PERP),)),
    (frame(STATE), (SpecTold(PERP, None, True),)),
    (frame(STATE | {"cs": "SETTLING"}), (SpecTold(PERP, None, False),)),
    (frame({"e": "forceOrder", "o": {}}), Alive()),
    (b'{"stream":"!markPrice@arr","data":[{"e":"markPriceUpdate"}]}', Alive()),
    (b'{"result":null,"id":1}', Alive()),
    (b'{"result":["btcusdt@bookTicker"],"id":2}', Acked(frozenset(["btcusdt@bookTicker"]))),
    (b'{"result":[],"id":2}', Acked(frozenset())),
    (b'{"error":{"code":2,"msg":"Invalid request"},"id":1}', Refused("2 Invalid request")),
]


@pytest.mark.parametrize(("raw", "meaning"), CASES, ids=lambda item: item[:70].decode() if type(item) is bytes else "")
def test_frame(raw: bytes, meaning: object) -> None:
    """Each kind of frame."""
    assert WIRE.decode(raw) == meaning


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"[]", b"\xff\xfe", b"{}", b'{"id":1}', b'{"result":null}', b"[" * 5000),
        frame({"s": "BTCUSDT"}, "btcusdt@bookTicker"),
        frame(TOUCH | {"b": "-1"}),
        frame(TOUCH | {"a": "inf"}),
        frame(TOUCH | {"T": -1}),
        frame(TOUCH | {"T": 10**15}),
        frame(TOUCH | {"u": "9"}),
        frame(MARK | {"p": "∞"}),
    ],
)
def test_nonsense_is_malformed(raw: bytes) -> None:
    """And nothing else."""
    with pytest.raises(MalformedMessage):
        WIRE.decode(raw)


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_frame_is_malformed_or_means_something(data: st.DataObject) -> None:
    """Bytes cut or changed: never another exception."""
    raw = bytearray(data.draw(st.sampled_from([raw for raw, _ in CASES])))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedMessage):
        WIRE.decode(bytes(raw[: data.draw(st.integers(0, len(raw)))]))


def test_touches_and_marks_come_over_two_addresses() -> None:
    """The old one takes a subscription to marks and never sends one; what the venue has is asked for."""
    assert WIRE.routes("wss://x/") == ("wss://x/public/ws", "wss://x/market/ws")
    channels = WIRE.channels(PERP)
    assert [(channel.route_id, channel.name) for channel in channels] == [
        (0, "btcusdt@bookTicker"),
        (0, "btcusdt@depth5@500ms"),
        (1, "btcusdt@markPrice@1s"),
        (1, "btcusdt@ticker"),
        (1, "!contractInfo"),
    ]
    subscribe, question = (json.loads(item) for item in WIRE.subscribe(4, ["btcusdt@bookTicker"]))
    assert subscribe == {"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 4}
    assert question == {"method": "LIST_SUBSCRIPTIONS", "id": 4}
    assert (WIRE.index_of(PERP), WIRE.contract_native) == (None, 1.0)


@pytest.mark.realdata
def test_recorded_frames(shared_data: Path) -> None:
    """84 of 2019 to 2025: every event is understood or harmless; what is none is malformed."""
    folder = shared_data / "messages/binance"
    frames = (folder / "tardis_node/binance_futures.jsonl").read_text().splitlines()
    for name in ("", "_v2"):
        frames += (folder / f"tardis_node/binance-european-options{name}.jsonl").read_text().splitlines()
    rows = (folder / "crypto_msg_parser/binance.jsonl").read_text().splitlines()
    frames += [json.loads(row)["raw"] for row in rows]
    told: dict[type, int] = {}
    malformed = 0
    for raw in frames:
        try:
            message = WIRE.decode(raw.encode())
        except MalformedMessage:
            assert not _is_event(json.loads(raw)), raw
            malformed += 1
            continue
        for piece in message if isinstance(message, tuple) else (message,):
            told[type(piece)] = told.get(type(piece), 0) + 1
    assert (len(frames), told, malformed) == (84, {TouchTold: 6, DepthTold: 13, MarkTold: 15, Alive: 37}, 13)


def _is_event(raw: Any) -> bool:
    body = raw.get("data", raw) if isinstance(raw, dict) else raw
    return isinstance(body, dict) and "e" in body


@pytest.mark.realdata
def test_a_recorded_market(shared_data: Path) -> None:
    """66,089 touches of six minutes: never crossed, numbers never fall, and prices lie on the tick."""
    before = 0
    count = 0
    with gzip.open(shared_data / "messages/binance/hftbacktest/usdm_btcusdt_20240808.gz", "rb") as lines:
        for line in lines:
            raw = line.split(b" ", 1)[1]
            if b"@bookTicker" not in raw[:40]:
                continue
            (touch,) = WIRE.decode(raw)  # type: ignore[misc]
            assert isinstance(touch, TouchTold)
            assert touch.bid_usd is not None
            assert touch.ask_usd is not None
            assert touch.bid_usd < touch.ask_usd
            assert touch.seq > before
            assert round(touch.bid_usd * 10) == pytest.approx(touch.bid_usd * 10, abs=1e-6)
            before, count = touch.seq, count + 1
    assert count == 66_089
