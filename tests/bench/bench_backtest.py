"""A backtest against nautilus_trader's with a strategy in Python: same quotes, greeks per tick, band, lots and fees.

Four options and the perpetual tell a quote each second. Both sides keep greeks of each leg from its newest quote and
hedge on the perpetual's when net delta is beyond the band. Timed by processor time, which others do not
lengthen. Asserts nothing; ratios of one run count.
"""

import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
_OPTIONS = ((98_000.0, True), (100_000.0, True), (100_000.0, False), (102_000.0, False))
_IV = 0.6
_BAND_COIN = 0.02
_YEAR_NS = 365 * 86_400 * NS_PER_S


def rows_of(steps_count: int) -> list[HistoryRow]:
    """A day's price, looked at each second."""
    normals = np.random.default_rng(7).standard_normal(steps_count)
    prices = 100_000.0 * np.exp(np.cumsum(_IV * math.sqrt(NS_PER_S / _YEAR_NS) * normals))
    rows = []
    for step, price in enumerate(np.round(prices * 2.0) / 2.0):
        now_ns = Ns(_START_NS + step * NS_PER_S)
        told = {"time_ns": now_ns, "index_usd": float(price), "forward_usd": float(price)}
        size = {"bid_amount_native": 1e6, "ask_amount_native": 1e6}
        for strike, is_call in _OPTIONS:
            tau_years = (_EXPIRY_NS - now_ns) / _YEAR_NS
            mark = value_and_delta(float(price), strike, _IV, tau_years, is_call=is_call)[0] / price
            bid = math.floor(mark / 0.0001) * 0.0001
            quote = {"mark_native": mark, "bid_native": bid, "ask_native": bid + 0.0002, "iv_mark_percent": 100 * _IV}
            name = f"BTC-27MAR26-{strike:.0f}-{'C' if is_call else 'P'}"
            rows.append(HistoryRow(instrument=name, forward_name="BTC-27MAR26", **told, **quote, **size))
        quote = {"mark_native": float(price), "bid_native": price - 0.5, "ask_native": price + 0.5}
        told["time_ns"] = Ns(now_ns + (step == 0))  # a tape whose chain is shown within a moment plays from there
        rows.append(
            HistoryRow(instrument="BTC-PERPETUAL", forward_name="", iv_mark_percent=None, **told, **quote, **size)
        )
    return rows


def ours(folder: Path, rows: list[HistoryRow]) -> dict[str, object]:
    """With the simulated exchange, and with ideal fills; reading the file is not counted."""
    tape = folder / "tape.parquet"
    parquet.write(tape, rows, Facts(listed=(), index_usd={}))
    portfolio = folder / "p.toml"
    names = [f"BTC-27MAR26-{strike:.0f}-{'C' if is_call else 'P'}" for strike, is_call in _OPTIONS]
    portfolio.write_text("".join(f'[[legs]]\ninstrument = "{name}"\nqty_coin = "1"\n' for name in names))
    loaded = loaded_of(Asked(config=Path("config/tape.toml"), currency="BTC", portfolio=portfolio))
    assert loaded.portfolio is not None
    band = fixed.Params(
        low_coin=-_BAND_COIN, high_coin=_BAND_COIN, low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0
    )
    own = loaded.book("BTC")
    book = structs.replace(own, band=band, trade_coin_min=0.0, stability=NO_GUARDS)
    options = SimulateOptions(seed=1, hours=None, step_ms=1_000, tape=tape, currency="BTC")
    job = Job(book=book, portfolio=loaded.portfolio, options=options, is_linear=False, fills=Fills.EXCHANGE)
    run(structs.replace(job, options=structs.replace(options, hours=0.01)))  # reads the tape, which stays read
    began_s = time.process_time()
    played = run(job)
    took_s = time.process_time() - began_s
    run(structs.replace(job, fills=Fills.IDEAL))  # looks at the market, which stays looked at
    began_s = time.process_time()
    ideal = run(structs.replace(job, fills=Fills.IDEAL))
    ideal_s = time.process_time() - began_s
    assert isinstance(played, Figures), played
    assert isinstance(ideal, Figures), ideal
    return {
        "quotes_per_s": round(len(rows) / took_s),
        "hedges": played.hedges,
        "fees_usd": round(played.fees_usd, 2),
        "ideal_quotes_per_s": round(len(rows) / ideal_s),
        "ideal_hedges": ideal.hedges,
        "ideal_fees_usd": round(ideal.fees_usd, 2),
    }


def theirs(folder: Path, rows: list[HistoryRow], python: Path) -> dict[str, object]:
    """The same rows in an environment of its own."""
    tape = folder / "rows.json"
    quotes = [(row.instrument, row.time_ns, float(row.bid_native or 0), float(row.ask_native or 0)) for row in rows]
    terms = {"band_coin": _BAND_COIN, "iv": _IV, "expiry_ns": _EXPIRY_NS, "fee_rate": 0.00035, "quotes": quotes}
    tape.write_text(json.dumps(terms))
    script = Path(__file__).with_name("nautilus_peer.py")
    said = subprocess.run([python, script, tape], capture_output=True, text=True, check=False)
    if said.returncode:
        return {"failed": said.stderr.strip().splitlines()[-1:]}
    return dict(json.loads(said.stdout.splitlines()[-1]))


def main() -> None:
    """Print one JSON object; steps as the first argument."""
    steps_count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rows = rows_of(steps_count)
    python = interpreter("nautilus_trader")
    with tempfile.TemporaryDirectory() as name:
        own = ours(Path(name), rows)
        peer = {"absent": "nautilus_trader cannot be installed"} if python is None else theirs(Path(name), rows, python)
    found: dict[str, object] = {"bench": "backtest", "quotes": len(rows), "hedgebot": own, "nautilus_trader": peer}
    if (rate := peer.get("quotes_per_s")) is not None:
        found["ratio"] = round(float(str(own["quotes_per_s"])) / float(str(rate)), 2)
        found["ratio_ideal"] = round(float(str(own["ideal_quotes_per_s"])) / float(str(rate)), 2)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
