"""What the tape costs per event, beside the engine's own step: bursts of quotes with one decision and one push each."""

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench_engine import START_NS, book, engine_with, option_marked

from bot.domain.events import Event, Ticked
from bot.domain.time import NS_PER_S, Ns
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape

_BURSTS = 5_000
_LEGS = 20


def bursts(names: list[str]) -> list[list[Event]]:
    """Twenty quotes and a tick, five thousand times."""
    now_ns = START_NS + 2 * NS_PER_S
    made: list[list[Event]] = []
    for number in range(_BURSTS):
        at_ns = Ns(now_ns + number * 1_000_000)
        made.append([*(option_marked(name, at_ns, number) for name in names), Ticked(now_ns=at_ns)])
    return made


def main() -> None:
    """Print one JSON object."""
    spent_s = {"engine": 0.0, "take": 0.0, "push": 0.0}
    engine, names = engine_with(_LEGS)
    run = Manifest.of_this_process(
        run_id="bench", mode="bench", started_ns=START_NS, version="", config_digest="", books=[book()]
    )
    with TemporaryDirectory() as folder:
        tape = Tape.open(Path(folder) / "run", run)
        for events in bursts(names):
            began = time.perf_counter()
            outcomes = [(engine.apply(event), event) for event in events]
            applied = time.perf_counter()
            for outcome, event in outcomes:
                tape.take("BTC", engine.seq, event, outcome)
            taken = time.perf_counter()
            tape.push()
            pushed = time.perf_counter()
            spent_s["engine"] += applied - began
            spent_s["take"] += taken - applied
            spent_s["push"] += pushed - taken
        tape.close()
        size_bytes = sum(path.stat().st_size for path in (Path(folder) / "run").iterdir())
    events_count = _BURSTS * (_LEGS + 1)
    sys.stdout.write(
        json.dumps(
            {
                "bench": "tape",
                "engine_us_per_event": round(spent_s["engine"] / events_count * 1e6, 2),
                "take_us_per_event": round(spent_s["take"] / events_count * 1e6, 2),
                "push_us_per_drain": round(spent_s["push"] / _BURSTS * 1e6, 2),
                "tape_over_engine": round((spent_s["take"] + spent_s["push"]) / spent_s["engine"], 3),
                "bytes_per_event_on_disk": round(size_bytes / events_count, 1),
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
