"""Public trades: whose side, how much, when."""

import json

import pytest

from bot.domain.errors import MalformedMessage
from bot.domain.time import Ns
from bot.venues import deribit

_ROW = {"timestamp": 7, "instrument_name": "BTC-PERPETUAL", "direction": "sell", "amount": 30.0, "price": 9.1e4}


def _decode(data: object) -> object:
    params = {"channel": "trades.BTC-PERPETUAL.raw", "data": data}
    frame = json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params}).encode()
    return deribit.decode(frame, Ns(1))


def test_public_trades() -> None:
    """Native price and amount, the taker's side, the venue's stamp."""
    printed = _decode([_ROW, _ROW | {"direction": "buy"}])

    assert isinstance(printed, deribit.TradesPrinted)
    assert [trade.is_buy for trade in printed.trades] == [False, True]
    first = printed.trades[0]
    assert (first.price_native, first.amount_native, first.venue_ns) == (91_000.0, 30.0, 7_000_000)


def test_nonsense_is_refused() -> None:
    """A row that says neither side nor time."""
    with pytest.raises(MalformedMessage):
        _decode([{"price": "anything"}])
