"""The witness of a real-clock run: one event told to narration, metrics and tally, samples taken in time."""

import io
import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from msgspec import structs

from bot.app.keepers import Applied
from bot.app.lookout import Lookout
from bot.app.untold import Untold
from bot.app.witness import RunWitness, _drawn
from bot.domain.events import Event, MessageMalformed, StreamLost, StreamName, StreamRestored, Ticked
from bot.domain.reasons import Action
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.observe.board import Board, Dot
from bot.observe.charts import Sample
from bot.observe.logs import Level, open_log
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
from bot.observe.passed import Stretch
from bot.observe.tally import Tally


@pytest.fixture
def told() -> list[str]:
    """Lines the narrator wrote."""
    return []


@pytest.fixture
def witness(told: list[str], now_ns: Ns) -> RunWitness:
    """A witness of the book BTC."""

    class Lines:
        def write(self, text: str) -> int:
            told.append(text)
            return len(text)

        def flush(self) -> None:
            pass

        def isatty(self) -> bool:
            return False

    log = open_log(now_ns=lambda: now_ns, level=Level.INFO, style="json", stream=Lines())  # type: ignore[arg-type]
    tally = Tally(trade_coin_min=0.005, sample_every_ns=Ns(NS_PER_S))
    return RunWitness(
        Narrator(log, run_id="r", venue="deribit"), Metrics(["BTC"], now_ns=lambda: now_ns), {"BTC": tally}
    )


@pytest.mark.asyncio
async def test_a_run_is_told_counted_and_drawn(shell: Any, witness: RunWitness, told: list[str]) -> None:
    """A hedge: a line for the decision, then one for its order; a count, a mark and a sample for the picture."""
    shell.witness = witness
    shell.live = shell.driver()
    witness.follow(shell.live)
    async with shell.running():
        await shell.until(lambda: len(shell.status().positions_native) == 2)
        await shell.until(lambda: witness._tallies["BTC"].fills == 1)

    tally = witness._tallies["BTC"]
    assert (tally.hedges, tally.orders, tally.fills) == (1, 1, 1)
    assert [mark.trade_coin < 0 for mark in tally.marks] == [True]
    assert len(tally.samples) == 1
    text = "".join(told)
    assert text.index('"action":"hedge"') < text.index('"event":"order.sent"')
    assert 'hedgebot_fills_total{book="BTC",liquidity="taker"} 1.0' in witness._metrics.text().decode()


def test_nothing_is_sampled_before_there_is_something_to_follow(shell: Any, witness: RunWitness, now_ns: Ns) -> None:
    """A tick without a driver: counted, not drawn."""
    outcome = shell.engines["BTC"].apply(Ticked(now_ns=now_ns))
    witness.applied("BTC", 1, Ticked(now_ns=now_ns), outcome)

    assert (witness._tallies["BTC"].decisions, witness._tallies["BTC"].samples) == (1, [])


def test_marks_of_hedges_are_bounded(shell: Any, witness: RunWitness, now_ns: Ns) -> None:
    """A long run does not grow."""
    outcome = shell.engines["BTC"].apply(Ticked(now_ns=now_ns))
    seen = structs.replace(outcome.decided, action=Action.HEDGE, price_usd=1.0, trade_coin=-1.0)
    hedged = structs.replace(outcome, decided=seen)
    for number in range(2_100):
        witness.applied("BTC", number, Ticked(now_ns=now_ns), hedged)

    assert len(witness._tallies["BTC"].marks) == 2_001


class _Watching:
    """A witness with all it fills: log, metrics, tally, page."""

    def __init__(self, play: Any, make: Any, now_ns: Ns) -> None:
        self.lines = io.StringIO()
        log = open_log(now_ns=lambda: now_ns, level=Level.DEBUG, style="json", stream=self.lines)
        self.metrics = Metrics(["BTC"], now_ns=lambda: now_ns)
        self.tally = Tally(trade_coin_min=0.005, sample_every_ns=Ns(NS_PER_S))
        self.board = Board(run_id="r", mode="demo", books=["BTC"])
        lookout = Lookout(self.board, [make.book()], later=lambda work: work())
        narrator = Narrator(log, run_id="r", venue="deribit")
        self.witness = RunWitness(narrator, self.metrics, {"BTC": self.tally}, None, lookout)
        self.witness.look_at({"BTC": play.engine})

    def seen(self) -> list[object]:
        """Everything but what is sampled, and how long the ledger took: nothing is written of what says nothing new."""
        of_tally = {name: value for name, value in vars(self.tally).items() if name not in {"samples", "marks"}}
        figures = [line for line in self.metrics.text().decode().splitlines() if line.startswith("hedgebot_")]
        figures = [line for line in figures if not line.startswith("hedgebot_ledger_lag")]
        return [figures, of_tally, list(self.tally.marks), self.board.told(), self.lines.getvalue()]

    def dots(self) -> tuple[Dot, ...]:
        """Samples of the page."""
        history = self.board.history("BTC", "recent")
        assert history is not None, "the book is there"
        return history.dots


def _day_of(make: Any, now_ns: Ns) -> Iterator[Event]:
    """Two thousand events of a seed: mostly of the market, a tick after a few and at the end, else now and then."""
    dice = random.Random(11)
    for _ in range(2_000):
        now_ns = Ns(now_ns + dice.randrange(50 * NS_PER_MS))
        at, kind = {"received_ns": now_ns, "venue_ns": now_ns}, dice.random()
        if kind < 0.75:
            marked = dice.choice((make.option_marked, make.future_marked, make.quoted))
            yield marked(**at)
        elif kind < 0.98:
            yield Ticked(now_ns=now_ns)
        elif kind < 0.99:
            yield MessageMalformed(received_ns=now_ns, stream=StreamName.MARKET, cause="x", sample="y", venue="deribit")
        else:
            moved = dice.choice((StreamRestored, StreamLost))
            more = {"cause": "gone"} if moved is StreamLost else {}
            yield moved(received_ns=now_ns, stream=StreamName.MARKET, venue="deribit", **more)
    yield Ticked(now_ns=now_ns)


def test_what_passes_is_counted_as_if_told_one_by_one(play: Any, make: Any, now_ns: Ns) -> None:
    """The same metrics, counts, page and log, however long it was held; the page's curves as fine, and as true."""
    single, held, untold = _Watching(play, make, now_ns), _Watching(play, make, now_ns), Untold()
    play.ready({"BTC-27MAR26-100000-C": "1"})
    single.witness._seqs["BTC"] = held.witness._seqs["BTC"] = play.engine.seq
    sizes: list[int] = []
    made: dict[int, float | None] = {}
    for event in _day_of(make, now_ns):
        outcome = play.engine.apply(event)
        if outcome.decided is not None:
            made[outcome.decided.now_ns // NS_PER_MS] = outcome.decided.delta_coin_net
        single.witness.applied("BTC", play.engine.seq, event, outcome)
        untold.add("BTC", play.engine.seq, event, outcome)
        # The page explains a decision while its engine still is as it left it, so a tick is the end of a turn.
        for entry in untold.take() if isinstance(event, Ticked) else ():
            _tell(held.witness, entry)
            sizes += [] if isinstance(entry, tuple) else [len(entry)]
    for entry in untold.take(is_last=True):
        _tell(held.witness, entry)
    dots = held.dots()
    gaps_ms = [after.time_ms - before.time_ms for before, after in pairwise(dots)]

    assert max(sizes) > 4
    assert held.seen() == single.seen()
    assert len(dots) > 30
    assert 1_000 <= min(gaps_ms) <= max(gaps_ms) < 2_000
    assert [dot.delta_coin_net for dot in dots] == [made[dot.time_ms] for dot in dots]


def _tell(witness: RunWitness, entry: Applied | Stretch) -> None:
    if isinstance(entry, tuple):
        witness.applied(*entry)
    else:
        witness.passed(entry)


def test_a_stall_is_told_and_counted(witness: RunWitness, told: list[str]) -> None:
    """A ledger that takes long to commit."""
    witness.stalled(0.2)

    assert '"event":"journal.stalled"' in "".join(told)
    assert "hedgebot_ledger_stalls_total 1.0" in witness._metrics.text().decode()


def test_the_chart_of_a_summary_is_of_its_day(shell: Any) -> None:
    """What is older is left out; with less than two samples of the day there is nothing to draw."""
    status = shell.engines["BTC"].status()
    profit = status.profit_usd
    samples = [
        Sample(
            time_ns=Ns(status.now_ns - hours * 3_600 * NS_PER_S),
            price_usd=60_000.0 + hours,
            delta_coin_net=0.0,
            band_low_coin=-0.1,
            band_high_coin=0.1,
            profit_usd=profit,
        )
        for hours in range(47, -1, -1)
    ]
    day = _drawn(samples, [], status)

    assert day is not None
    assert day == _drawn(samples[-25:], [], status)
    assert day != _drawn(samples[-20:], [], status)
    assert _drawn(samples[:1], [], status) is None
