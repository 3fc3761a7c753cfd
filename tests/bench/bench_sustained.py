"""Messages a second through decode, inbox and engine, and memory over many of them. Asserts nothing.

Frames are decoded from bytes as they come off a socket, 20 legs, one decision per 20 frames. The figure is of one
core; `--messages 10000000` shows that memory is flat.
"""

import argparse
import json
import resource
import sys
import time

from bench_engine import START_NS, engine_with, option_marked
from peer import ticker_frame

from bot.domain.events import Ticked
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_MS, Ns
from bot.drive.inbox import Inbox
from bot.venues import deribit

_BURST = 20
_HEADER_BYTES = 4
"""Of the websocket frame the peer would send."""


def rss_mib() -> float:
    """Largest resident size so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=400_000)
    options = parser.parse_args()
    engine, names = engine_with(_BURST)
    for name in names:
        engine.apply(option_marked(InstrumentId(name), START_NS, 0))
    inbox = Inbox()
    stamp_ms = START_NS // NS_PER_MS
    frames = [
        [ticker_frame(name, 65_000.0 + burst, stamp_ms + burst)[_HEADER_BYTES:] for name in names]
        for burst in range(100)
    ]
    bursts = options.messages // _BURST
    marks: list[float] = []
    waiting_max = 0
    began_s = time.perf_counter()
    for burst in range(bursts):
        now_ns = Ns(START_NS + burst * 100_000)
        for frame in frames[burst % len(frames)]:
            events = deribit.decode(frame, now_ns)
            assert isinstance(events, tuple), "a ticker is events"
            inbox.put(events)
        waiting_max = max(waiting_max, len(inbox))
        for event in inbox.drain():
            engine.apply(event)
        engine.apply(Ticked(now_ns=now_ns))
        if burst % max(1, bursts // 10) == 0:
            marks.append(round(rss_mib(), 1))
    took_s = time.perf_counter() - began_s
    result = {
        "bench": "sustained",
        "messages": bursts * _BURST,
        "messages_per_s": round(bursts * _BURST / took_s),
        "waiting_max": waiting_max,
        "rss_mib_by_tenths": marks,
        "rss_growth_after_first_tenth": round(marks[-1] / marks[min(1, len(marks) - 1)], 3),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
