"""Payloads and the events they mean, and all recorded ones; frames of our own are tested with the codec."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from bot.domain.errors import MalformedMessage
from bot.domain.ids import InstrumentId
from bot.domain.time import Ns
from bot.venues import deribit, deribit_wire
from bot.venues.deribit_wire import Order, Ticker, Trade

NOW = Ns(1)


def order(**changes: object) -> Order:
    """An open order of 10."""
    fields: dict[str, object] = {
        "order_id": "1",
        "instrument_name": InstrumentId("BTC-PERPETUAL"),
        "order_state": "open",
        "direction": "buy",
        "amount": 10.0,
        "last_update_timestamp": 1,
    }
    return Order(**(fields | changes))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BTC-27MAR26-100000-C", True),
        ("XRP_USDC-30JUN23-0d625-P", True),
        ("BTC-PERPETUAL", False),
        ("BTC-26MAR27", False),
        ("BTC-CS-19MAY26-70000_75000", False),
        ("BTC-FS-25DEC26_PERP", False),
    ],
)
def test_option_names(name: str, expected: bool) -> None:
    """Only plain options end in -C or -P."""
    assert expected is deribit_wire.is_option_name(name)


@pytest.mark.parametrize("filled", [-1.0, 10.1])
def test_impossible_filled_amount(filled: float) -> None:
    """An order cannot be filled below zero or above its amount."""
    with pytest.raises(ValueError, match="filled"):
        deribit_wire.order_updated(order(filled_amount=filled), NOW)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("open", "open"),
        ("untriggered", "open"),
        ("triggered", "open"),
        ("filled", "filled"),
        ("cancelled", "cancelled"),
        ("rejected", "rejected"),
    ],
)
def test_order_states(state: str, expected: str) -> None:
    """The venue's six states are four of ours."""
    assert expected == deribit_wire.order_updated(order(order_state=state), NOW).state.value


@pytest.mark.parametrize(("direction", "expected"), [("buy", Decimal("0.3")), ("sell", Decimal("-0.3"))])
def test_fill_is_signed_and_exact(direction: str, expected: Decimal) -> None:
    """Amounts keep the digits of the wire; a rebate is a negative fee; an empty label is none."""
    trade = Trade(
        trade_id="ETH-1",
        order_id="ETH-2",
        instrument_name=InstrumentId("ETH_USDC-PERPETUAL"),
        direction=direction,  # type: ignore[arg-type]
        amount=0.3,
        price=2973.55,
        fee=-4e-7,
        fee_currency="USDC",
        timestamp=1,
        label="",
        liquidity="M",
    )
    fill = deribit_wire.filled(trade, NOW)
    assert (expected, Decimal("2973.55"), Decimal("-4e-7"), None, True) == (
        fill.amount_native,
        fill.price_native,
        fill.fee_native,
        fill.label,
        fill.is_maker,
    )


def test_future_mark_of_zero_is_absent() -> None:
    """A perpetual cannot be worth nothing: 0 is an absent mark, and so is a price index of 0."""
    ticker = Ticker(
        timestamp=1, state="open", instrument_name=InstrumentId("BTC-PERPETUAL"), mark_price=0.0, index_price=0.0
    )
    marked = deribit_wire.marked(ticker, NOW)
    assert marked is not None
    assert (getattr(marked, "mark_usd", 1), marked.index_usd) == (None, None)


@pytest.mark.parametrize(
    ("said", "delivery_usd"), [("64250.5", 64_250.5), ('"expired"', None), ("0", None), ("null", None)]
)
@pytest.mark.parametrize("name", ["BTC-27MAR26-100000-C", "BTC-27MAR26"])
def test_the_expected_delivery_price_may_be_a_word(name: str, said: str, delivery_usd: float | None) -> None:
    """`expired` after delivery (recorded); options and futures carry it, and a price of zero is none."""
    text = f'{{"timestamp":1,"state":"open","instrument_name":"{name}","estimated_delivery_price":{said}'
    text += ',"mark_iv":50.0}' if name.endswith("-C") else "}"
    marked = deribit_wire.marked(msgspec.json.decode(text, type=Ticker), NOW)

    assert marked is not None
    assert marked.delivery_usd == delivery_usd


@pytest.mark.parametrize(
    ("stats", "volume_usd"),
    [
        ('{"volume":5000.5,"volume_usd":4.9e8,"high":null}', 4.9e8),
        ('{"volume_usd":0}', None),
        ('{"volume":5000.5}', None),
        ("null", None),
    ],
)
def test_the_volume_of_a_day_is_told_where_there_is_one(stats: str, volume_usd: float | None) -> None:
    """Nothing at all is no volume: a test network, or a figure that was not filled in."""
    text = f'{{"timestamp":1,"state":"open","instrument_name":"BTC-PERPETUAL","stats":{stats}}}'
    marked = deribit_wire.marked(msgspec.json.decode(text, type=Ticker), NOW)

    assert getattr(marked, "volume_usd_per_day", 1.0) == volume_usd


# --- recorded messages -------------------------------------------------------------------------------


def _raw_texts(path: Path) -> Iterator[bytes]:
    """Wire texts in one recorded file, whatever its wrapping (data notes 3)."""
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    whole = [text] if path.name.endswith((".json", ".json.gz")) else text.splitlines()
    for item in whole:
        row = json.loads(item)
        for key in ("raw", "raw_body", "raw_truncated", "data", "body"):
            if key in row and not ("jsonrpc" in row and key == "data"):
                value = row[key]
                yield value.encode() if isinstance(value, str) else json.dumps(value).encode()
                break
        else:
            yield item.encode()


def _outcome(raw: bytes) -> str:
    try:
        message = deribit.decode(raw, NOW)
    except MalformedMessage:
        return "refused"
    if isinstance(message, tuple):
        return "+".join(sorted({type(event).__name__ for event in message})) or "nothing"
    return type(message).__name__


@pytest.mark.realdata
def test_recorded_messages(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every recorded Deribit file decodes or is refused by name; counts per file are printed."""
    folder = shared_data / "messages" / "deribit"
    total: Counter[str] = Counter()
    table = []
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        counts = Counter(_outcome(raw) for raw in _raw_texts(path))
        total += counts
        table.append(f"{path.relative_to(folder)!s:75} {dict(sorted(counts.items()))}")
    with capsys.disabled():
        print("", *table, f"total {dict(sorted(total.items()))}", sep="\n")  # noqa: T201 - asked for
    wanted = {"OptionMarked", "FutureMarked", "Quoted", "Filled+OrderUpdated", "AccountSeen", "BookUpdate", "Reply"}
    assert wanted <= set(total)


@pytest.mark.realdata
def test_recorded_session_is_understood(shared_data: Path) -> None:
    """An unbroken recorded session: each received frame is an acknowledgement, a ticker or a book message."""
    path = shared_data / "messages" / "deribit" / "cryptofeed" / "session_2021-07-22.jsonl.gz"
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    kinds = Counter(_outcome(row["data"].encode()) for row in rows if row["t"] == "recv")
    assert kinds == {"OptionMarked": 89, "BookUpdate": 46, "Reply": 1}
    acks = [deribit.decode(row["data"].encode(), NOW) for row in rows if row["t"] == "recv"]
    (sent,) = [json.loads(row["data"]) for row in rows if row["t"] == "send"]
    (ack,) = [message for message in acks if isinstance(message, deribit.Reply)]
    assert frozenset(sent["params"]["channels"]) == deribit.decode_channels(ack.result)
    assert not [
        message for message in acks if isinstance(message, deribit_wire.BookUpdate) and message.prev_change_id == 0
    ]
