import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.time import Ns
from bot.localex.rpc import (
    REQUEST_BYTES_MAX,
    Envelope,
    Params,
    Request,
    RpcError,
    from_venue,
    heartbeat,
    notification,
    parse_query,
    parse_request,
)
from bot.sim.facts import VenueSays

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def _error_of(read: Callable[[], object]) -> RpcError | None:
    """The typed refusal a reader ends with; None when it gives a value."""
    try:
        read()
    except RpcError as error:
        return error
    return None


def _read_or_none(read: Callable[[], object]) -> object:
    """What a reader gives; None for a refusal."""
    try:
        return read()
    except RpcError:
        return None


def _refusal(raw: bytes | str) -> tuple[int, object]:
    with pytest.raises(RpcError) as caught:
        parse_request(raw)
    return caught.value.code, caught.value.request_id


def test_a_request_is_read_with_its_id_method_and_params() -> None:
    """Numbers keep their digits, the id comes back as it was sent."""
    raw = '{"jsonrpc":"2.0","id":"a7","method":"private/buy","params":{"amount":1.0e1,"price":0.0005}}'

    request = parse_request(raw)

    expected = Request(id="a7", method="private/buy", params={"amount": Decimal(10), "price": Decimal("0.0005")})
    assert request == expected


@pytest.mark.parametrize(
    ("raw", "code", "request_id"),
    [
        (b"", -32700, None),
        (b"{", -32700, None),
        (b"\xff\xfe", -32700, None),
        (b"[" * 20_000, -32700, None),
        (b'{"id":1,"method":"public/test","params":{"a":1e99999999999999999999}}', -32700, None),
        (b'{"id":NaN}', -32700, None),
        (b"[]", -32600, None),
        (b'[{"id":1,"method":"public/test"}]', -32600, None),
        (b'"public/test"', -32600, None),
        (b'{"id":5}', -32600, 5),
        (b'{"id":5,"method":7}', -32600, 5),
        (b'{"id":{},"method":"public/test"}', -32600, None),
        (b'{"id":true,"method":"public/test"}', -32600, None),
        (b'{"id":5,"method":"public/test","params":[1]}', -32602, 5),
        (b'{"id":5,"method":"public/test","params":"x"}', -32602, 5),
        (b'{"id":5,"method":"' + b"x" * REQUEST_BYTES_MAX + b'"}', -32600, None),
    ],
)
def test_malformed_requests_are_refused_by_name(raw: bytes, code: int, request_id: object) -> None:
    """Each kind of malformed input has its code, and the id where it could be read."""
    assert _refusal(raw) == (code, request_id)


@given(st.binary(max_size=400) | st.text(max_size=400) | _JSON.map(json.dumps))
def test_whatever_comes_in_is_a_request_or_a_typed_refusal(raw: bytes | str) -> None:
    """No input makes the parser fail in any other way, and what it reads can be answered."""
    error = _error_of(lambda: parse_request(raw))
    request_id = parse_request(raw).id if error is None else error.request_id
    reply = json.loads(Envelope(lambda: Ns(1_000), testnet=True).result(request_id, "ok", 1))

    assert error is None or error.code in (-32700, -32600, -32602)
    assert reply.get("id") == (pytest.approx(request_id) if isinstance(request_id, float) else request_id)


@given(st.dictionaries(st.sampled_from(["a", "b"]), _JSON, max_size=2).map(json.dumps))
def test_every_reader_of_params_gives_a_value_or_names_the_parameter(params: str) -> None:
    """A parameter of any type is read or refused with -32602 and its name."""
    request = parse_request(f'{{"id":1,"method":"m","params":{params}}}')
    read = Params(request.params)
    readers = [read.text, read.number, read.integer_or_none, read.flag, read.texts, read.text_or_none]
    errors = [_error_of(lambda reader=reader: reader("a")) for reader in readers]  # type: ignore[misc]

    assert {(error.code, (error.data or {}).get("param")) for error in errors if error is not None} <= {(-32602, "a")}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (10, Decimal(10)),
        (Decimal("6.4e4"), Decimal(64000)),
        ("2.2e3", Decimal(2200)),
        ("0.0005", Decimal("0.0005")),
        (Decimal("0.30000000000000004"), Decimal("0.3")),
        ("-1.5", Decimal("-1.5")),
        (Decimal("0E+5"), Decimal(0)),
        (True, None),
        ("NaN", None),
        ("1_000", None),
        ("١٢", None),
        ("Infinity", None),
        ("", None),
        (Decimal("1e400"), None),
        (Decimal("1e-400"), None),
        ([1], None),
    ],
)
def test_numbers_are_read_as_a_venue_reads_them(value: object, expected: Decimal | None) -> None:
    """Text and scientific notation are numbers; anything not finite or absurd is refused (None here)."""
    assert _read_or_none(lambda: Params({"amount": value}).number("amount")) == expected


def test_a_missing_parameter_is_named() -> None:
    """The shape the venue itself was recorded with; null counts as missing."""
    with pytest.raises(RpcError) as caught:
        Params({"currency": None}).text("currency")

    expected = (-32602, "Invalid params", {"reason": "value required", "param": "currency"})
    assert (caught.value.code, caught.value.message, caught.value.data) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [('["a","b"]', ["a", "b"]), ("a", ["a"]), ("[]", []), ("[1]", None), ("[", None)],
)
def test_lists_come_as_json_or_as_one_text_in_a_query(text: str, expected: list[str] | None) -> None:
    """A query string knows only text."""
    assert _read_or_none(lambda: Params({"channels": text}).texts("channels")) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("false", False), (True, True), (None, False), ("yes", None), (1, None)],
)
def test_flags_are_true_or_false(value: object, expected: bool | None) -> None:
    """Nothing else is guessed to be a flag."""
    assert _read_or_none(lambda: Params({"post_only": value}).flag("post_only")) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, 5), ("5", 5), (Decimal("5.0"), 5), (Decimal("5.5"), None), (2**70, None), (True, None), (11, None), (0, None)],
)
def test_integers_are_whole_and_within_bounds(value: object, expected: int | None) -> None:
    """A count outside its bounds is refused."""
    assert _read_or_none(lambda: Params({"count": value}).integer("count", 1, at_least=1, at_most=10)) == expected


def test_order_ids_may_be_numbers() -> None:
    """Clients send them as text or as integers; both are the same id."""
    assert [Params({"order_id": value}).text("order_id") for value in ("123", 123)] == ["123", "123"]


def test_a_word_outside_the_allowed_is_refused() -> None:
    """The default stands in for a missing word only."""
    assert Params({}).choice("type", ("limit", "market"), "limit") == "limit"
    with pytest.raises(RpcError):
        Params({"type": "stop_limit"}).choice("type", ("limit", "market"), "limit")


def test_a_query_string_is_a_request() -> None:
    """The id may be in the query; everything is text."""
    request = parse_query("public/ticker", {"instrument_name": "BTC-PERPETUAL", "id": "3"})

    assert request == Request(id="3", method="public/ticker", params={"instrument_name": "BTC-PERPETUAL"})


def test_replies_carry_the_clock_and_the_testnet_flag() -> None:
    """usIn, usOut and usDiff are microseconds; an absent id stays absent."""
    times = iter([Ns(1_700_000_000_000_250_000)])
    reply = json.loads(Envelope(lambda: next(times), testnet=False).result(None, [], 1_700_000_000_000_000))

    expected = {
        "jsonrpc": "2.0",
        "result": [],
        "usIn": 1_700_000_000_000_000,
        "usOut": 1_700_000_000_000_250,
        "usDiff": 250,
        "testnet": False,
    }
    assert reply == expected


def test_refusals_carry_code_message_and_data() -> None:
    """The venue's no keeps its words on the wire."""
    error = from_venue(VenueSays(-32602, "Invalid params", {"param": "price", "reason": "must conform to tick size"}))
    reply = json.loads(Envelope(lambda: Ns(0), testnet=True).error(7, error, 0))

    assert reply["error"] == {
        "code": -32602,
        "message": "Invalid params",
        "data": {"param": "price", "reason": "must conform to tick size"},
    }
    assert "data" not in json.loads(Envelope(lambda: Ns(0), testnet=True).error(7, RpcError(11044, "x"), 0))["error"]


def test_notifications_have_no_id() -> None:
    """Subscriptions and heartbeats are told apart by their method."""
    assert json.loads(notification("quote.X", {"a": 1.5})) == {
        "jsonrpc": "2.0",
        "method": "subscription",
        "params": {"channel": "quote.X", "data": {"a": 1.5}},
    }
    assert json.loads(heartbeat("test_request")) == {
        "jsonrpc": "2.0",
        "method": "heartbeat",
        "params": {"type": "test_request"},
    }
