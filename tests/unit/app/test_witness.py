"""The witness of a real-clock run: one event told to narration, metrics and tally, samples taken in time."""

from typing import Any

import pytest
from msgspec import structs

from bot.app.witness import RunWitness, _drawn
from bot.domain.events import Ticked
from bot.domain.reasons import Action
from bot.domain.time import NS_PER_S, Ns
from bot.observe.charts import Sample
from bot.observe.logs import Level, open_log
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
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
