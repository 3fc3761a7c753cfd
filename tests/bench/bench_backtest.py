"""A backtest against nautilus_trader's with a strategy in Python: same quotes, greeks per tick, band, lots and fees.

Four options, then twenty, and the perpetual tell a quote each second. Both sides keep greeks of each leg from its
newest quote and hedge on the perpetual's when net delta is beyond the band. The peer fills at the touch at once: that
is `ideal`; `exchange` has latency, queue, margin and a private stream besides. Timed by processor time, which others
do not lengthen. Asserts nothing; ratios of one run count.
"""

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import structs
from peer_env import interpreter

from bot.app.backtest import Asked, loaded_of
from bot.app.simulated import SimulateOptions
from bot.app.sweep_run import Job, run
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.hedging.bands import fixed
from bot.research.ideal import NO_GUARDS
from bot.research.sweep import Figures, Fills
from bot.research.tapes import parquet
from bot.research.tapes.parquet import Facts
from bot.sim.history import HistoryRow
from bot.sim.valuation import value_and_delta

_START_NS = ns_from_iso("2026-03-01T09:00:00Z")
_EXPIRY_NS = ns_from_iso("2026-03-27T08:00:00Z")
_IV = 0.6
_BAND_COIN_PER_LEG = 0.005
_TURNS_COUNT = 3
_YEAR_NS = 365 * 86_400 * NS_PER_S


class Leg(NamedTuple):
    """One coin of an option."""

    strike_usd: float
    is_call: bool

    @property
    def name(self) -> str:
        """At the venue."""
        return f"BTC-27MAR26-{self.strike_usd:.0f}-{'C' if self.is_call else 'P'}"


def legs_of(legs_count: int) -> list[Leg]:
    """Calls and puts in turn, a thousand dollars apart around the price."""
    return [Leg(100_000.0 + 1_000.0 * (at - legs_count // 2), at % 2 == 0) for at in range(legs_count)]


def rows_of(legs: Sequence[Leg], steps_count: int) -> list[HistoryRow]:
    """A day's price, looked at each second."""
    normals = np.random.default_rng(7).standard_normal(steps_count)
    prices = 100_000.0 * np.exp(np.cumsum(_IV * math.sqrt(NS_PER_S / _YEAR_NS) * normals))
    rows = []
    for step, price in enumerate(np.round(prices * 2.0) / 2.0):
        now_ns = Ns(_START_NS + step * NS_PER_S)
        told = {"time_ns": now_ns, "index_usd": float(price), "forward_usd": float(price)}
        size = {"bid_amount_native": 1e6, "ask_amount_native": 1e6}
        for leg in legs:
            tau_years = (_EXPIRY_NS - now_ns) / _YEAR_NS
            mark = value_and_delta(float(price), leg.strike_usd, _IV, tau_years, is_call=leg.is_call)[0] / price
            bid = math.floor(mark / 0.0001) * 0.0001
            quote = {"mark_native": mark, "bid_native": bid, "ask_native": bid + 0.0002, "iv_mark_percent": 100 * _IV}
            rows.append(HistoryRow(instrument=leg.name, forward_name="BTC-27MAR26", **told, **quote, **size))
        quote = {"mark_native": float(price), "bid_native": price - 0.5, "ask_native": price + 0.5}
        told["time_ns"] = Ns(now_ns + (step == 0))  # a tape whose chain is shown within a moment plays from there
        rows.append(
            HistoryRow(instrument="BTC-PERPETUAL", forward_name="", iv_mark_percent=None, **told, **quote, **size)
        )
    return rows


def job_of(folder: Path, legs: Sequence[Leg], rows: list[HistoryRow]) -> Job:
    """One coin of each leg on the tape of these rows, with the simulated exchange."""
    tape, portfolio = folder / "tape.parquet", folder / "p.toml"
    parquet.write(tape, rows, Facts(listed=(), index_usd={}))
    portfolio.write_text("".join(f'[[legs]]\ninstrument = "{leg.name}"\nqty_coin = "1"\n' for leg in legs))
    loaded = loaded_of(Asked(config=Path("config/tape.toml"), currency="BTC", portfolio=portfolio))
    assert loaded.portfolio is not None
    half_coin = _BAND_COIN_PER_LEG * len(legs)
    band = fixed.Params(
        low_coin=-half_coin, high_coin=half_coin, low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0
    )
    book = structs.replace(loaded.book("BTC"), band=band, trade_coin_min=0.0, stability=NO_GUARDS)
    options = SimulateOptions(seed=1, hours=None, step_ms=1_000, tape=tape, currency="BTC")
    return Job(book=book, portfolio=loaded.portfolio, options=options, is_linear=False, fills=Fills.EXCHANGE)


def ours(job: Job, quotes_count: int) -> dict[str, object]:
    """What a run came to, and how fast."""
    began_s = time.process_time()
    played = run(job)
    took_s = time.process_time() - began_s
    assert isinstance(played, Figures), played
    return {
        "quotes_per_s": round(quotes_count / took_s),
        "hedges": played.hedges,
        "fees_usd": round(played.fees_usd, 2),
    }


def theirs(folder: Path, legs: Sequence[Leg], rows: list[HistoryRow], python: Path) -> dict[str, object]:
    """The same rows in an environment of its own."""
    tape = folder / "rows.json"
    quotes = [(row.instrument, row.time_ns, float(row.bid_native or 0), float(row.ask_native or 0)) for row in rows]
    half_coin = _BAND_COIN_PER_LEG * len(legs)
    terms = {"band_coin": half_coin, "iv": _IV, "expiry_ns": _EXPIRY_NS, "fee_rate": 0.00035, "quotes": quotes}
    tape.write_text(json.dumps(terms))
    script = Path(__file__).with_name("nautilus_peer.py")
    said = subprocess.run([python, script, tape], capture_output=True, text=True, check=False)
    if said.returncode:
        return {"failed": said.stderr.strip().splitlines()[-1:]}
    return dict(json.loads(said.stdout.splitlines()[-1]))


def _rate(found: dict[str, object]) -> float:
    return float(str(found.get("quotes_per_s", 0.0)))


def compared(legs_count: int, quotes_count: int) -> dict[str, object]:
    """Both on one tape, in turns, the best of each; and the ratios. Reading the tape is not counted."""
    legs = legs_of(legs_count)
    rows = rows_of(legs, quotes_count // (legs_count + 1))
    python = interpreter("nautilus_trader")
    found: dict[str, object] = {"quotes": len(rows)}
    with tempfile.TemporaryDirectory() as name:
        exchange = job_of(Path(name), legs, rows)
        ideal = structs.replace(exchange, fills=Fills.IDEAL)
        run(structs.replace(exchange, options=structs.replace(exchange.options, hours=0.01)))  # stays read
        run(ideal)  # looks at the market, which stays looked at
        turns: list[dict[str, dict[str, object]]] = []
        for _ in range(_TURNS_COUNT):
            turn = {"ideal": ours(ideal, len(rows))}
            turn["nautilus_trader"] = {} if python is None else theirs(Path(name), legs, rows, python)
            turns.append(turn)
        best = {kind: max((turn[kind] for turn in turns), key=_rate) for kind in ("ideal", "nautilus_trader")}
        best["exchange"] = ours(exchange, len(rows))
    found |= best
    if rate := _rate(best["nautilus_trader"]):
        found["ratio"] = {kind: round(_rate(best[kind]) / rate, 2) for kind in ("ideal", "exchange")}
    return found


def main() -> None:
    """Print one JSON object; quotes as the first argument."""
    quotes_count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    found = {f"{legs_count} legs": compared(legs_count, quotes_count) for legs_count in (4, 20)}
    sys.stdout.write(json.dumps({"bench": "backtest"} | found) + "\n")


if __name__ == "__main__":
    main()
