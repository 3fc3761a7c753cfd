"""Answers to orders, as the order socket reads them: at once where they are sound, and never otherwise than before."""

import pytest

from bot.domain.errors import MalformedMessage
from bot.domain.time import Ns
from bot.venues import deribit
from bot.venues.deribit import Reply, decode
from bot.venues.deribit_wire import Placed
from bot.venues.venue_rest import convert

NOW = Ns(1_770_000_000_000_000_000)
PLACED = (
    b'{"jsonrpc":"2.0","id":7,"testnet":true,"result":{"order":{"order_id":"1","instrument_name":"BTC-PERPETUAL",'
    b'"order_state":"filled","direction":"buy","amount":30.0,"last_update_timestamp":1,"label":"hb1"},"trades":[]}}'
)


def test_an_answer_to_an_order_is_read_in_one_pass() -> None:
    """And says what the same answer, read in two, says."""
    reply, plain = deribit.decode_answer(PLACED, NOW), decode(PLACED, NOW)
    assert isinstance(reply, Reply)
    assert isinstance(plain, Reply)
    assert reply.placed == convert(plain.result, Placed)
    assert (reply.id, reply.error, reply.is_testnet) == (plain.id, plain.error, plain.is_testnet) == (7, None, True)


@pytest.mark.parametrize(
    "raw",
    [
        PLACED.replace(b'"filled"', b'"eaten"'),
        PLACED.replace(b',"trades":[]', b""),
        PLACED.replace(b"30.0", b"1e400"),
        PLACED.replace(b'"id":7', b'"id":"7"'),
        b'{"jsonrpc":"2.0","id":7,"result":["a"],"testnet":true}',
        b'{"jsonrpc":"2.0","id":7,"error":{"code":10009,"message":"not_enough_funds"},"testnet":true}',
        b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}',
    ],
)
def test_what_is_no_sound_answer_to_an_order_is_read_as_ever(raw: bytes) -> None:
    """Refusals, heartbeats, other results, and an order nobody can make sense of: that one is still an answer."""
    assert deribit.decode_answer(raw, NOW) == decode(raw, NOW)


@pytest.mark.parametrize("raw", [b"", b"nonsense", PLACED[:-1], b"[" * 100_000])
def test_an_answer_that_is_none_is_malformed(raw: bytes) -> None:
    """With its reason, in one pass or in two."""
    with pytest.raises(MalformedMessage):
        deribit.decode_answer(raw, NOW)
