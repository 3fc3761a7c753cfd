"""Decoding an option ticker: ours against ccxt.pro's handling of the same frame.

Prints one JSON object: microseconds of both, best of several rounds, and their ratio. Asserts nothing.
Both start at the bytes of the frame and end at what a caller gets. The frame is written for this file.
"""

import argparse
import asyncio
import json
import sys
import timeit
from collections.abc import Callable

import ccxt.pro

from bot.domain.time import Ns
from bot.venues import deribit

_NAME = "BTC-27MAR26-100000-C"
_CHANNEL = f"ticker.{_NAME}.100ms"
_DATA = {
    "timestamp": 1_770_000_000_123,
    "state": "open",
    "stats": {"high": 0.0411, "low": 0.0312, "price_change": 2.25, "volume": 118.2, "volume_usd": 311_022.15},
    "index_price": 98_211.12,
    "instrument_name": _NAME,
    "last_price": 0.0391,
    "settlement_price": 0.04012345,
    "min_price": 0.0155,
    "max_price": 0.0795,
    "open_interest": 1210.5,
    "mark_price": 0.03881234,
    "best_ask_price": 0.0395,
    "best_bid_price": 0.0385,
    "estimated_delivery_price": 98_211.12,
    "best_ask_amount": 18.6,
    "best_bid_amount": 11.7,
    "mark_iv": 55.21,
    "bid_iv": 54.93,
    "ask_iv": 55.72,
    "underlying_price": 98_800.57,
    "underlying_index": "BTC-27MAR26",
    "interest_rate": 0.0,
    "greeks": {"delta": 0.47111, "gamma": 0.00002, "vega": 141.90112, "theta": -60.12211, "rho": 40.11223},
}
_LISTING = {
    "instrument_name": _NAME,
    "kind": "option",
    "base_currency": "BTC",
    "quote_currency": "BTC",
    "counter_currency": "USD",
    "settlement_currency": "BTC",
    "settlement_period": "month",
    "instrument_type": "reversed",
    "is_active": True,
    "contract_size": 1.0,
    "min_trade_amount": 0.1,
    "tick_size": 0.0001,
    "maker_commission": 0.0003,
    "taker_commission": 0.0003,
    "expiration_timestamp": 1_774_598_400_000,
    "strike": 100_000.0,
    "option_type": "call",
}


def _best_us(work: Callable[[], object], number: int, rounds: int) -> float:
    return min(timeit.repeat(work, number=number, repeat=rounds)) / number * 1e6


async def _ccxt_us(frame: bytes, number: int, rounds: int) -> float:
    """What ccxt.pro does with a text frame once its socket has it: parse, dispatch, unify, resolve."""
    exchange = ccxt.pro.deribit({"enableRateLimit": False})

    async def listing(_params: object = None) -> dict[str, object]:
        return {"result": [_LISTING]}

    exchange.urls["api"] = {"rest": "http://127.0.0.1:1", "ws": "ws://127.0.0.1:1"}
    exchange.publicGetGetInstruments = listing
    exchange.set_markets(await exchange.fetch_markets())
    client = exchange.client("ws://127.0.0.1:1/")
    text = frame.decode()
    client.handle_text_or_binary_message(text)
    assert exchange.tickers, "ccxt.pro did not understand the frame"
    best_us = _best_us(lambda: client.handle_text_or_binary_message(text), number, rounds)
    exchange.clients = {}
    await exchange.close()
    return best_us


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=20_000, help="frames a round")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    frame = json.dumps(
        {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": _CHANNEL, "data": _DATA}},
        separators=(",", ":"),
    ).encode()
    now_ns = Ns(1_770_000_000_200_000_000)
    ours_us = _best_us(lambda: deribit.decode(frame, now_ns), options.number, options.rounds)
    ccxt_us = asyncio.run(_ccxt_us(frame, options.number // 10, options.rounds))
    result = {
        "bench": "decode_option_ticker",
        "frame_bytes": len(frame),
        "decode_us": round(ours_us, 3),
        "ccxt_pro_us": round(ccxt_us, 1),
        "ratio": round(ccxt_us / ours_us, 1),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
