"""Runs inside the environment of hftbacktest: a loop over every feed event of a tape, in numba, that hedges at a band.

The tape is one of best bids and asks; the strategy knows each look's option delta, as the kernel does.
"""

import json
import math
import sys
import time

import numba
import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTC,
    LOCAL_EVENT,
    MARKET,
    SELL_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    event_dtype,
)

FloatArray = np.ndarray


@numba.njit
def hedged(hbt: HashMapMarketDepthBacktest, deltas: FloatArray, band_coin: float, looks_count: int) -> tuple[int, int]:
    """Every feed event; a market order where net delta is beyond the band."""
    at, order_id, hedges = 0, 0, 0
    while hbt.wait_next_feed(False, 1_000_000_000_000) == 2:
        depth = hbt.depth(0)
        price = 0.5 * (depth.best_bid + depth.best_ask)
        at += 1
        if at % 2 or math.isnan(price):
            continue
        net = deltas[min(at // 2, looks_count) - 1] + hbt.position(0) / price
        if net > band_coin or net < -band_coin:
            edge = band_coin if net > band_coin else -band_coin
            lots = int((edge - net) * price / 10.0)
            if lots > 0:
                hbt.submit_buy_order(0, order_id, depth.best_ask, lots * 10.0, GTC, MARKET, False)
                hedges += 1
            elif lots < 0:
                hbt.submit_sell_order(0, order_id, depth.best_bid, -lots * 10.0, GTC, MARKET, False)
                hedges += 1
            order_id += 1
            hbt.clear_inactive_orders(0)
    return at, hedges


def main() -> None:
    """Print one JSON object; a file of arrays as the first argument."""
    tape = np.load(sys.argv[1])
    count = tape["now_ns"].size
    data = np.zeros(2 * count, dtype=event_dtype)
    for side, flag, price in ((0, BUY_EVENT, "bid_usd"), (1, SELL_EVENT, "ask_usd")):
        part = data[side::2]
        part["ev"] = DEPTH_EVENT | EXCH_EVENT | LOCAL_EVENT | flag
        part["exch_ts"] = part["local_ts"] = tape["now_ns"] + 1_000 * side  # each is an event of its own
        part["px"], part["qty"] = tape[price], 1e9
    took_s = []
    for _ in range(2):  # the first compiles
        asset = (
            BacktestAsset()
            .data([data])
            .inverse_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.00015, 0.00035)
            .tick_size(0.5)
            .lot_size(10.0)
        )
        hbt = HashMapMarketDepthBacktest([asset])
        began_s = time.process_time()
        events, hedges = hedged(hbt, tape["delta_coin"], float(tape["band_coin"]), count)
        took_s.append(time.process_time() - began_s)
        hbt.close()
    found = {"events_per_s": round(events / took_s[-1]), "looks_per_s": round(count / took_s[-1]), "hedges": hedges}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
