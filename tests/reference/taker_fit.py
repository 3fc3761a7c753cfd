"""Fits what takers do and what rests at the touch to recorded messages: `python tests/reference/taker_fit.py`.

Reads HEDGEBOT_SHARED/data; knows nothing of the bot. Binance COIN-M gives the shape (an inverse perpetual with every
trade and every quote of 343 s), Deribit what little there is: daily volumes and touches. docs/explanation/fills.md.
"""

import gzip
import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

BURST_GAP_MS: Final = 100
"""Orders of one side closer than this are one burst."""
LOOKS_S: Final = (1, 10, 60)
_BLOCK_MS: Final = 30_000
"""Standard errors of overlapping figures come from blocks of this length."""
_DUST_USD: Final = 1_000.0
"""Less than this at the touch is somebody's lot a tick before the queue."""
_DAY_S: Final = 86_400.0


class Estimate(NamedTuple):
    """A figure with its standard error and what it rests on."""

    value: float
    error: float
    count: int

    def __str__(self) -> str:
        """With four digits."""
        return f"{self.value:.4g} +- {self.error:.2g} (n {self.count})"


class Market(NamedTuple):
    """Recorded trades and touches of one instrument; times in ms, sizes in USD."""

    name: str
    trades: np.ndarray
    """Rows of time, side of the taker (1, -1), price, USD; one for each match."""
    quotes: np.ndarray
    """Rows of time, bid, bid USD, ask, ask USD; may be empty."""


class Bursts(NamedTuple):
    """Of one market."""

    per_s: Estimate
    gap_dispersion: float
    """Variance of the gaps over their mean squared: 1 for a Poisson process."""
    usd_median: Estimate
    log_sd: Estimate
    informed: Estimate | None
    """Share on the side of the mid's move in the second after, where it moved."""
    mark_outs_bps: dict[int, tuple[Estimate, Estimate]]
    """Of who rested, by seconds: each burst counted once, and each dollar."""
    queue_median_usd: float | None
    queue_log_sd: float | None
    """At the touch, by time."""
    second_sd_bps: float | None
    """Of the mid's move in a second: what mark-outs of calm and wild markets are compared by."""


def binance(data: Path, name: str, usd_per_contract: float | None) -> Market:
    """A recording of hftbacktest; `usd_per_contract` None: amounts are coins."""
    trades, quotes = [], []
    with gzip.open(data / "messages/binance/hftbacktest" / name, "rt") as lines:
        for line in lines:
            told = json.loads(line.split(" ", 1)[1]).get("data", {})
            if told.get("e") == "trade" and told["X"] == "MARKET":
                price = float(told["p"])
                per = usd_per_contract or price
                trades.append((told["T"], -1.0 if told["m"] else 1.0, price, float(told["q"]) * per, told["t"]))
            elif told.get("e") == "bookTicker":
                bid, ask = float(told["b"]), float(told["a"])
                sizes = [float(told[key]) * (usd_per_contract or bid) for key in "BA"]
                quotes.append((told["T"], bid, sizes[0], ask, sizes[1]))
    trades.sort(key=lambda trade: trade[4])
    return Market(name, np.array([trade[:4] for trade in trades]), np.array(quotes))


def bybit(data: Path) -> Market:
    """The newest 500 matches of BTCUSDT at one moment of 2026."""
    with gzip.open(data / "messages/bybit/bourse/bybit__responses__fetch_trades.json.gz", "rt") as file:
        told = json.load(file)["body"]["result"]["list"]
    rows = [(float(t["time"]), 1.0 if t["side"] == "Buy" else -1.0, float(t["price"]), float(t["size"])) for t in told]
    rows.reverse()
    return Market("bybit BTCUSDT", np.array([(at, side, p, p * size) for at, side, p, size in rows]), np.empty((0, 5)))


def hyperliquid(data: Path) -> Market:
    """What the trades channel told in about a minute of 2025."""
    rows = []
    with gzip.open(data / "messages/hyperliquid/hftbacktest/btcusd_20250126.gz", "rt") as lines:
        for line in lines:
            told = json.loads(line.split(" ", 1)[1])
            for t in told["data"] if told["channel"] == "trades" else ():
                price = float(t["px"])
                rows.append((t["time"], 1.0 if t["side"] == "B" else -1.0, price, price * float(t["sz"])))
    return Market("hyperliquid BTC", np.array(sorted(rows, key=lambda row: row[0])), np.empty((0, 5)))


def bursts_of(trades: np.ndarray) -> np.ndarray:
    """Rows of time, side, mean price, USD."""
    found: list[list[float]] = []
    last_ms = -math.inf
    for at, side, price, usd in trades:
        if found and at - last_ms <= BURST_GAP_MS and found[-1][1] == side:
            whole = found[-1][3] + usd
            found[-1][2:] = [(found[-1][2] * found[-1][3] + price * usd) / whole, whole]
        else:
            found.append([at, side, price, usd])
        last_ms = at
    return np.array(found)


def fit(market: Market) -> Bursts:
    """What takers of one market do."""
    bursts = bursts_of(market.trades)
    count, at = len(bursts), bursts[:, 0]
    times = market.quotes[:, 0] if len(market.quotes) else market.trades[:, 0]
    span_s = (times[-1] - times[0]) / 1e3
    gaps = np.diff(at)
    dispersion = float(gaps.var() / gaps.mean() ** 2)
    logs = np.log(bursts[:, 3])
    sd = float(logs.std(ddof=1))
    median = math.exp(logs.mean())
    informed, mark_outs = _afterwards(market.quotes, bursts)
    queue = _queue(market.quotes)
    return Bursts(
        per_s=Estimate(count / span_s, count / span_s * math.sqrt(max(dispersion, 1.0) / count), count),
        gap_dispersion=dispersion,
        usd_median=Estimate(median, median * sd / math.sqrt(count), count),
        log_sd=Estimate(sd, sd / math.sqrt(2.0 * (count - 1)), count),
        informed=informed,
        mark_outs_bps=mark_outs,
        queue_median_usd=queue[0],
        queue_log_sd=queue[1],
        second_sd_bps=_second_sd_bps(market.quotes),
    )


def _afterwards(quotes: np.ndarray, bursts: np.ndarray) -> tuple[Estimate | None, dict[int, tuple[Estimate, Estimate]]]:
    if not len(quotes):
        return None, {}
    mid, at = 0.5 * (quotes[:, 1] + quotes[:, 3]), bursts[:, 0]
    before = np.searchsorted(quotes[:, 0], at, side="left") - 1

    def mid_after(seconds: int) -> tuple[np.ndarray, np.ndarray]:
        known = (before >= 0) & (at + seconds * 1e3 <= quotes[-1, 0])
        return mid[np.searchsorted(quotes[:, 0], at + seconds * 1e3, side="right") - 1], known

    later, known = mid_after(1)
    moved = known & (later != mid[before])
    agrees = (np.sign(later - mid[before]) == bursts[:, 1]).astype(float)
    informed = _blocks(agrees[moved], np.ones(moved.sum()), at[moved])
    outs = {}
    for seconds in LOOKS_S:
        later, known = mid_after(seconds)
        made = -bursts[:, 1] * (later / bursts[:, 2] - 1.0) * 1e4
        outs[seconds] = (
            _blocks(made[known], np.ones(known.sum()), at[known]),
            _blocks(made[known], bursts[known, 3], at[known]),
        )
    return informed, outs


def _blocks(values: np.ndarray, weights: np.ndarray, at_ms: np.ndarray) -> Estimate:
    """Weighted mean; its error from blocks in time, because neighbours look at the same move."""
    mean = float((values * weights).sum() / weights.sum())
    _, block = np.unique(at_ms // _BLOCK_MS, return_inverse=True)
    sums = np.bincount(block, weights=(values - mean) * weights)
    return Estimate(mean, float(math.sqrt((sums**2).sum()) / weights.sum()), len(values))


def _second_sd_bps(quotes: np.ndarray) -> float | None:
    if not len(quotes):
        return None
    seconds = np.arange(quotes[0, 0], quotes[-1, 0], 1e3)
    mid = 0.5 * (quotes[:, 1] + quotes[:, 3])[np.searchsorted(quotes[:, 0], seconds, side="right") - 1]
    return float(np.diff(np.log(mid)).std() * 1e4)


def _queue(quotes: np.ndarray) -> tuple[float | None, float | None]:
    if not len(quotes):
        return None, None
    held = np.append(np.diff(quotes[:, 0]), 0.0)
    logs, weights = np.log(np.r_[quotes[:, 2], quotes[:, 4]]), np.r_[held, held]
    mean = float((logs * weights).sum() / weights.sum())
    return math.exp(mean), math.sqrt(float(((logs - mean) ** 2 * weights).sum() / weights.sum()))


# --- Deribit: daily volumes and touches of BTC-PERPETUAL -----------------------------------------------------------


class Deribit(NamedTuple):
    """What its scattered messages allow."""

    usd_per_day: Estimate
    """Median over the days; the error is of its logarithm times it."""
    queue_median_usd: Estimate
    queue_log_sd: Estimate
    dust_share: Estimate
    bursts_per_s_seen: float
    """Of its newest five matches in one answer: a plausibility check, no more."""


def deribit(data: Path) -> Deribit:
    """Every production ticker, quote and book of BTC-PERPETUAL in the folder that was not edited by its author."""
    volumes: list[float] = []
    touches: list[float] = []
    for told in _told(data / "messages/deribit"):
        if told.get("instrument_name") != "BTC-PERPETUAL" or "best_bid_amount" not in told:
            continue
        touches += [told["best_bid_amount"], told["best_ask_amount"]]
        stats = told.get("stats", {})
        if "volume" in stats:
            volumes.append(stats.get("volume_usd", stats["volume"] * told["mark_price"]))
    large = np.log([usd for usd in touches if usd >= _DUST_USD])
    dust = 1.0 - len(large) / len(touches)
    sd = float(large.std(ddof=1))
    median = math.exp(large.mean())
    logs = np.log(volumes)
    volume = math.exp(logs.mean())
    return Deribit(
        usd_per_day=Estimate(volume, volume * float(logs.std(ddof=1)) / math.sqrt(len(logs)), len(logs)),
        queue_median_usd=Estimate(median, median * sd / math.sqrt(len(large)), len(large)),
        queue_log_sd=Estimate(sd, sd / math.sqrt(2.0 * (len(large) - 1)), len(large)),
        dust_share=Estimate(dust, math.sqrt(dust * (1.0 - dust) / len(touches)), len(touches)),
        bursts_per_s_seen=_seen_per_s(data),
    )


def _seen_per_s(data: Path) -> float:
    told = json.loads((data / "messages/deribit/bourse/deribit__responses__fetch_trades.json").read_text())
    rows = [
        (t["timestamp"], 1.0 if t["direction"] == "buy" else -1.0, t["price"], t["amount"])
        for t in reversed(told["body"]["result"]["trades"])
    ]
    bursts = bursts_of(np.array(rows))
    return (len(bursts) - 1) / ((bursts[-1, 0] - bursts[0, 0]) / 1e3)


def _told(folder: Path) -> Iterator[dict[str, Any]]:
    """Every JSON object anywhere inside the recorded messages of the venue's production."""
    for path in sorted(folder.rglob("*.json*")):
        if "docs_or_edited" in path.parts or path.suffix == ".gz":
            continue
        text = path.read_text()
        for piece in [text] if path.suffix == ".json" else text.splitlines():
            whole = json.loads(piece)
            if isinstance(whole, dict) and "raw" in whole:
                whole = json.loads(whole["raw"])
            if not (isinstance(whole, dict) and whole.get("testnet")):
                yield from _objects(whole)


def _objects(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from _objects(child)
    elif isinstance(node, list):
        for child in node:
            yield from _objects(child)


def per_s_of_deribit(shape: Bursts, venue: Deribit) -> Estimate:
    """Bursts a second that make the venue's daily volume, at the mean of the fitted sizes."""
    sd = shape.log_sd.value
    mean_usd = shape.usd_median.value * math.exp(0.5 * sd**2)
    value = venue.usd_per_day.value / _DAY_S / mean_usd
    relative = math.hypot(
        venue.usd_per_day.error / venue.usd_per_day.value,
        shape.usd_median.error / shape.usd_median.value,
        sd * shape.log_sd.error,
    )
    return Estimate(value, value * relative, venue.usd_per_day.count)


def coin_m(data: Path) -> Market:
    """The inverse perpetual the shape is taken from; a contract is 100 USD."""
    return binance(data, "cm_btcusd_perp_20240808.gz", 100.0)


def main(data: Path) -> None:
    """Print every figure."""
    say = sys.stdout.write
    shape = None
    for market in (coin_m(data), binance(data, "usdm_btcusdt_20240808.gz", None), bybit(data), hyperliquid(data)):
        found = fit(market)
        shape = shape or found
        say(f"{market.name}: {len(market.trades)} matches\n")
        say(f"  bursts a second {found.per_s}, dispersion of gaps {found.gap_dispersion:.2f}\n")
        say(f"  burst USD, median {found.usd_median}, sd of log {found.log_sd}\n")
        if found.informed is not None:
            say(f"  on the side of the next second's move {found.informed}\n")
            say(
                f"  queue at the touch USD, by time: median {found.queue_median_usd:,.0f}, sd of log "
                f"{found.queue_log_sd:.2f}\n"
            )
            say(f"  move of a second, bps: sd {found.second_sd_bps:.2f}\n")
        for seconds, (by_burst, by_usd) in found.mark_outs_bps.items():
            say(f"  mark-out of who rested, {seconds} s, bps: each burst {by_burst}, each dollar {by_usd}\n")
    venue = deribit(data)
    assert shape is not None, "no market"
    say("deribit BTC-PERPETUAL\n")
    say(
        f"  USD a day {venue.usd_per_day}; bursts a second from it {per_s_of_deribit(shape, venue)}; "
        f"between its newest matches {venue.bursts_per_s_seen:.2g}\n"
    )
    say(
        f"  queue at the touch USD, median {venue.queue_median_usd}, sd of log {venue.queue_log_sd}; "
        f"under {_DUST_USD:,.0f} USD {venue.dust_share}\n"
    )


if __name__ == "__main__":
    main(Path(os.environ.get("HEDGEBOT_SHARED", "../shared")) / "data")
