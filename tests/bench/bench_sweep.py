"""Speed of sweeps: the kernel beside hftbacktest's loop, a day through the engine, two processes against one.

Kernel and peer see the same tape; they and the day are timed by their processor time, which others do not lengthen.
Two processes are held against what this machine gives two loops that share nothing. Asserts nothing; ratios of one run
count.
"""

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
from bench_engine import START_NS, book, engine_with, future_marked, option_marked
from msgspec import structs
from peer_env import interpreter

from bot.app.backtest import Asked, loaded_of
from bot.app.simulated import SimulateOptions
from bot.app.sweep_run import Job, run
from bot.domain.events import Event, Ticked
from bot.domain.time import NS_PER_S, Ns
from bot.drive import collector
from bot.hedging.bands import fixed, whalley_wilmott
from bot.pricing.black76 import greeks
from bot.research.crew import Processes, answers
from bot.research.kernel import played
from bot.research.strip import Facts, Strip
from bot.research.sweep import Fills

_LOOKS_COUNT = 2_000_000
_DAY_S = 86_400
_JOBS_COUNT = 12
_BAND_COIN = 0.02
_TURNS_COUNT = 4_000_000


def strip_of_walk(looks_count: int) -> tuple[Strip, Facts]:
    """A straddle looked at each 100 ms, greeks and all."""
    now_ns = START_NS + 100_000_000 * np.arange(looks_count, dtype=np.int64)
    normals = np.random.default_rng(3).standard_normal(looks_count)
    price = 100_000.0 * np.exp(np.cumsum(0.6 * math.sqrt(0.1 / (365.0 * _DAY_S)) * normals))
    price = np.round(2.0 * price) / 2.0
    iv, tau = np.full(looks_count, 0.6), 30.0 / 365.0 - np.arange(looks_count) * 0.1 / (365.0 * _DAY_S)
    call = greeks(price, 100_000.0, tau, iv, is_call=True)
    nothing, yes = np.zeros(looks_count), np.ones(looks_count, np.bool_)
    strip = Strip(
        now_ns=now_ns,
        is_seen=yes,
        is_open=yes,
        is_marked=yes,
        mark_ns=now_ns,
        delta_coin=2.0 * call.delta - 1.0,
        below_coin=nothing,
        above_coin=nothing,
        gamma_coin_per_usd=2.0 * call.gamma,
        gross_coin=nothing + 1.0,
        price_usd=price,
        bid_usd=price - 0.5,
        ask_usd=price + 0.5,
        index_usd=price,
        funding_rate_8h=nothing,
        iv=iv,
        tau_years=tau,
    )
    return strip, Facts(is_inverse=True, lot_native=10.0, fee_rate=0.00035, options_usd=0.0)


def kernel() -> dict[str, object]:
    """Looks a second by policy, after the first call; and the peer's on the same looks."""
    strip, facts = strip_of_walk(_LOOKS_COUNT)
    bands = {
        "fixed": fixed.Params(
            low_coin=-_BAND_COIN, high_coin=_BAND_COIN, low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0
        ),
        "whalley_wilmott": whalley_wilmott.Params(),
    }
    found: dict[str, object] = {}
    for name, band in bands.items():
        asked = structs.replace(book(), band=band, trade_coin_min=0.0)
        played(strip, facts, asked)
        began_s = time.process_time()
        money = played(strip, facts, asked)
        found[name] = {
            "looks_per_s": round(_LOOKS_COUNT / (time.process_time() - began_s)),
            "hedges": len(money.hedges),
        }
    python = interpreter("hftbacktest")
    if python is None:
        return found | {"hftbacktest": "cannot be installed"}
    with tempfile.TemporaryDirectory() as folder:
        tape = Path(folder) / "tape.npz"
        columns = {name: getattr(strip, name) for name in ("now_ns", "bid_usd", "ask_usd", "delta_coin")}
        np.savez(tape, band_coin=_BAND_COIN, **columns)
        script = Path(__file__).with_name("hftbacktest_peer.py")
        said = subprocess.run([python, script, tape], capture_output=True, text=True, check=False)
    return found | {
        "hftbacktest": said.stderr.strip().splitlines()[-1:] if said.returncode else json.loads(said.stdout)
    }


def day_s() -> float:
    """A day of 20 options and the perpetual telling each second, and a decision, through the engine; hour by hour."""
    engine, names = engine_with(20)
    apply, took_s = engine.apply, 0.0
    with collector.seldom():  # as runs on virtual time are made
        for hour in range(24):
            events: list[Event] = []
            for second in range(2 + 3_600 * hour, 2 + 3_600 * (hour + 1)):
                now_ns = Ns(START_NS + second * NS_PER_S)
                events += [option_marked(name, now_ns, second) for name in names]
                events += [future_marked(now_ns, second), Ticked(now_ns=now_ns)]
            began_s = time.process_time()
            for event in events:
                apply(event)
            took_s += time.process_time() - began_s
    return round(took_s, 2)


def processes() -> dict[str, float]:
    """Seconds for the same jobs, by how many processes; they are up before the clock starts."""
    loaded = loaded_of(Asked(config=Path("config/simulate.toml"), currency="BTC"))
    assert loaded.portfolio is not None
    options = SimulateOptions(seed=1, hours=0.5, step_ms=1_000, tape=None, currency="BTC")
    first = Job(
        book=loaded.book("BTC"), portfolio=loaded.portfolio, options=options, is_linear=False, fills=Fills.EXCHANGE
    )
    jobs = [
        (str(seed), structs.replace(first, options=structs.replace(options, seed=seed))) for seed in range(_JOBS_COUNT)
    ]
    short = [(name, structs.replace(job, options=structs.replace(job.options, hours=0.01))) for name, job in jobs]
    return {f"{count}": _timed(count, short, jobs) for count in (1, 2)}


def loop(turns_count: int) -> float:
    """Work of Python's own that shares nothing with anybody."""
    total, kept = 0.0, dict.fromkeys(range(1_024), 0.0)
    for turn in range(turns_count):
        kept[turn & 1_023] = total
        total += 1e-9 * kept[7 * turn & 1_023] + turn
    return total


def ceiling() -> float:
    """What two processes gain over one where there is nothing to share."""
    took_s = []
    for count in (1, 2):
        with ProcessPoolExecutor(count) as crew:
            list(crew.map(loop, [1] * count))
            began_s = time.perf_counter()
            list(crew.map(loop, [_TURNS_COUNT] * _JOBS_COUNT))
            took_s.append(time.perf_counter() - began_s)
    return round(took_s[0] / took_s[1], 2)


def _timed(count: int, short: Sequence[tuple[str, Job]], jobs: Sequence[tuple[str, Job]]) -> float:
    with closing(Processes(run, count)) as crew:
        for _ in answers(crew, run, short):
            pass
        began_s = time.perf_counter()
        for _ in answers(crew, run, jobs):
            pass
        return round(time.perf_counter() - began_s, 2)


def main() -> None:
    """Print one JSON object."""
    found: dict[str, object] = {"bench": "sweep", "kernel": kernel(), "engine_day_of_20_legs_s": day_s()}
    before, took_s, after = ceiling(), processes(), ceiling()
    found |= {"processes_s": took_s, "two_over_one": round(took_s["1"] / took_s["2"], 2)}
    found["two_over_one_of_loops"] = (before, after)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
