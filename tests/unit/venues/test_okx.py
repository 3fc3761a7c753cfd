"""OKX's frames: what each means, what the real venue sent, and that nonsense is only ever malformed."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import MalformedMessage
from bot.domain.ids import InstrumentId
from bot.domain.time import Ns
from bot.venues.okx import OkxWire
from bot.venues.public_wire import Acked, Alive, BandTold, DepthTold, IndexTold, MarkTold, Refused, SpecTold, TouchTold

PERP = InstrumentId("OKX:BTC-USDT-SWAP")
WIRE = OkxWire()


def frame(channel: str, *rows: dict[str, Any], name: str = "BTC-USDT-SWAP") -> bytes:
    """A push of one channel."""
    return json.dumps({"arg": {"channel": channel, "instId": name}, "data": rows}).encode()


TOUCH = {"bids": [["63999.5", "5", "0", "2"]], "asks": [["64000.5", "7", "0", "3"]], "ts": "1770000000123", "seqId": 9}
FUNDING = {"instId": "BTC-USDT-SWAP", "fundingRate": "0.0001", "fundingTime": "1795708800000"}
LISTED = {"instId": "BTC-USD-SWAP", "ctVal": "100", "ctMult": "1", "state": "live"}
LIMITS = {"instId": "BTC-USDT-SWAP", "buyLmt": "68000", "sellLmt": "60000", "enabled": True}

CASES: list[tuple[bytes, object]] = [
    (frame("bbo-tbt", TOUCH), (TouchTold(PERP, 63_999.5, 64_000.5, 5.0, 7.0, 1_770_000_000_123_000_000, 9),)),
    (
        frame("bbo-tbt", TOUCH | {"bids": [], "asks": [["", ""]]}),
        (TouchTold(PERP, None, None, None, None, 1_770_000_000_123_000_000, 9),),
    ),
    (
        frame("books5", TOUCH | {"asks": [["64000.5", "7", "0", "3"], ["64001", "2", "0", "1"], ["64002", "0"]]}),
        (DepthTold(PERP, ((63_999.5, 5.0),), ((64_000.5, 7.0), (64_001.0, 2.0)), Ns(1_770_000_000_123_000_000)),),
    ),
    (frame("mark-price", {"instId": "BTC-USDT-SWAP", "markPx": "64001"}), (MarkTold(PERP, mark_usd=64_001.0),)),
    (frame("index-tickers", {"instId": "BTC-USDT", "idxPx": "64002"}), (IndexTold("BTC-USDT", 64_002.0),)),
    (frame("index-tickers", {"instId": "BTC-USDT", "idxPx": ""}), ()),
    (frame("funding-rate", FUNDING), (MarkTold(PERP, funding_rate_8h=0.0001),)),
    # Every four hours: twice as much in eight.
    (
        frame("funding-rate", FUNDING | {"nextFundingTime": "1795723200000"}),
        (MarkTold(PERP, funding_rate_8h=0.0002),),
    ),
    (frame("funding-rate", FUNDING | {"nextFundingTime": "1795708800000"}), (MarkTold(PERP),)),
    (frame("funding-rate", FUNDING | {"fundingRate": ""}), (MarkTold(PERP),)),
    (frame("price-limit", LIMITS), (BandTold(PERP, 60_000.0, 68_000.0),)),
    (frame("price-limit", LIMITS | {"enabled": False}), (BandTold(PERP, None, None),)),
    (frame("instruments", LISTED), (SpecTold(InstrumentId("OKX:BTC-USD-SWAP"), 100.0, True),)),
    (
        frame("instruments", LISTED | {"state": "suspend", "ctMult": "0.01"}),
        (SpecTold(InstrumentId("OKX:BTC-USD-SWAP"), 1.0, False),),
    ),
    (frame("instruments", LISTED | {"ctVal": ""}), ()),
    (
        frame("tickers", {"instId": "BTC-USDT-SWAP", "last": "64000", "volCcy24h": "50000", "vol24h": "5000000"}),
        (MarkTold(PERP, volume_usd_per_day=3.2e9),),
    ),
    (frame("tickers", {"instId": "BTC-USDT-SWAP", "last": "", "volCcy24h": "0"}), (MarkTold(PERP),)),
    (frame("candle1m"), ()),
    (frame("tickers"), ()),
    (b"pong", Alive()),
    (b'{"event":"notice","code":"64008","msg":"upgrade soon"}', Alive()),
    (b'{"event":"unsubscribe","arg":{"channel":"bbo-tbt","instId":"X"}}', Alive()),
    (b'{"event":"subscribe","arg":{"channel":"bbo-tbt","instId":"X"},"connId":"a"}', Acked(frozenset(["bbo-tbt X"]))),
    (
        b'{"event":"subscribe","arg":{"channel":"instruments","instType":"SWAP"}}',
        Acked(frozenset(["instruments SWAP"])),
    ),
    (b'{"event":"error","code":"60018","msg":"Wrong URL","connId":"a"}', Refused("60018 Wrong URL")),
]


@pytest.mark.parametrize(("raw", "meaning"), CASES, ids=lambda item: item[:70].decode() if type(item) is bytes else "")
def test_frame(raw: bytes, meaning: object) -> None:
    """Each kind of frame."""
    assert WIRE.decode(raw) == meaning


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"[]", b"ping", b"\xff\xfe", b"{}", b'{"data":[]}', b"[" * 5000),
        b'{"arg":{"channel":"bbo-tbt","instId":"X"}}',
        b'{"table":"swap/ticker","data":[]}',  # API v3
        frame("never-heard-of"),
        frame("bbo-tbt", TOUCH | {"ts": "soon"}),
        frame("bbo-tbt", TOUCH | {"ts": "9" * 15}),
        frame("bbo-tbt", TOUCH | {"bids": [["-1", "5"]]}),
        frame("bbo-tbt", TOUCH | {"bids": [["inf", "5"]]}),
        frame("mark-price", {"instId": "X", "markPx": "∞"}),
        frame("mark-price", {"markPx": "1"}),
    ],
)
def test_nonsense_is_malformed(raw: bytes) -> None:
    """And nothing else."""
    with pytest.raises(MalformedMessage):
        WIRE.decode(raw)


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_frame_is_malformed_or_means_something(data: st.DataObject) -> None:
    """Bytes cut, changed or repeated: never another exception."""
    raw = bytearray(data.draw(st.sampled_from([raw for raw, _ in CASES])))
    for _ in range(data.draw(st.integers(1, 3))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedMessage):
        WIRE.decode(bytes(raw[: data.draw(st.integers(0, len(raw)))]))


def test_a_subscription_names_what_its_acknowledgement_will() -> None:
    """One channel for all specifications, one for each of the rest; the demo has the same."""
    channels = WIRE.channels(PERP)
    assert [channel.name for channel in channels] == [
        "instruments SWAP",
        *("bbo-tbt BTC-USDT-SWAP", "books5 BTC-USDT-SWAP", "mark-price BTC-USDT-SWAP", "funding-rate BTC-USDT-SWAP"),
        *("price-limit BTC-USDT-SWAP", "tickers BTC-USDT-SWAP", "index-tickers BTC-USDT"),
    ]
    (request,) = WIRE.subscribe(1, [channel.name for channel in channels[:2]])
    assert json.loads(request) == {
        "op": "subscribe",
        "args": [{"channel": "instruments", "instType": "SWAP"}, {"channel": "bbo-tbt", "instId": "BTC-USDT-SWAP"}],
    }
    assert (WIRE.index_of(PERP), WIRE.ping(3), WIRE.routes("wss://x")) == ("BTC-USDT", b"ping", ("wss://x",))


def _recorded(shared_data: Path) -> list[str]:
    folder = shared_data / "messages/okx"
    lines = [line for path in sorted(folder.glob("tardis_node/*.jsonl")) for line in path.read_text().splitlines()]
    decoded = [json.loads(line) for line in lines]
    frames = [json.dumps(row.get("message", row)) for row in decoded]
    rows = (folder / "crypto_msg_parser/okx.jsonl").read_text().splitlines()
    return frames + [json.loads(row)["raw"] for row in rows]


@pytest.mark.realdata
def test_recorded_frames(shared_data: Path) -> None:
    """All 95 of them: API v5 is understood, v3 and REST replies are malformed, and nothing else ever happens."""
    told: dict[type, int] = {}
    frames = _recorded(shared_data)
    for raw in frames:
        is_v5 = '"arg"' in raw
        try:
            message = WIRE.decode(raw.encode())
        except MalformedMessage:
            assert not is_v5, raw
            continue
        assert is_v5, raw
        assert isinstance(message, tuple)
        for piece in message:
            told[type(piece)] = told.get(type(piece), 0) + 1
    assert len(frames) == 95
    assert told == {TouchTold: 8, MarkTold: 18, IndexTold: 5, DepthTold: 6}, told
