"""One book hedged with three instruments of a venue: two perpetuals, inverse and linear, and a dated future."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import Decided, Outcome
from bot.domain.events import Event
from bot.domain.ids import InstrumentId
from bot.domain.market_events import FutureMarked
from bot.domain.reasons import Action
from bot.domain.time import NS_PER_S, Ns

INVERSE, LINEAR, DATED = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC_USDC-PERPETUAL"), InstrumentId("BTC-25DEC26")
_MINUTES = 6.0
_BAND_COIN = 0.5
_COINS = 400
"""Of the straddle: so many that one touch is not enough for a hedge."""


class _Played:
    """A run with its hedges."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.hedges: list[Decided] = []
        self._saw = run.simulation.tally.saw
        run.simulation.tally.saw = self._look
        self.result = run.run()

    def _look(self, event: Event, outcome: Outcome) -> None:
        self._saw(event, outcome)
        if outcome.decided is not None and outcome.decided.action is Action.HEDGE:
            self.hedges.append(outcome.decided)

    def after(self, minutes: float) -> list[Decided]:
        """Hedges from then on."""
        from_ns = self.hedges[0].now_ns + round(minutes * 60 * NS_PER_S)
        return [decided for decided in self.hedges if decided.now_ns >= from_ns]


@pytest.fixture
def play(watched: Callable[..., Any], repo_root: Path, tmp_path: Path) -> Callable[..., _Played]:
    """A large straddle hedged to half a coin; what the bot is told may be changed on its way."""
    text = (repo_root / "config/simulate.toml").read_text()
    names = ", ".join(f'"{name}"' for name in (INVERSE, LINEAR, DATED))
    for old, new in (
        ('convention = "options_only"', f'convention = "options_only"\nhedge_instrument = [{names}]'),
        ("low_coin_per_option_coin = -0.05", f"low_coin = -{_BAND_COIN}\nlow_coin_per_option_coin = 0"),
        ("high_coin_per_option_coin = 0.05", f"high_coin = {_BAND_COIN}\nhigh_coin_per_option_coin = 0"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    file, large = tmp_path / "three.toml", tmp_path / "large"
    straddle = (repo_root / "config/portfolios/straddle.toml").read_text()
    large.with_suffix(".toml").write_text(straddle.replace('qty_coin = "1"', f'qty_coin = "{_COINS}"'))
    file.write_text(text)

    def make(seed: int = 1, change: Callable[[Event, Ns], Event] | None = None) -> _Played:
        run = watched(seed, _MINUTES, file=file, portfolio=str(large))
        deliver, start_ns = run.simulation._process.deliver, run.simulation._exchange.now_ns

        def changed(events: Sequence[Event], now_ns: Ns) -> None:
            deliver([change(event, Ns(now_ns - start_ns)) for event in events], now_ns)

        if change is not None:
            run.simulation._process.deliver = changed
        return _Played(run)

    return make


def _traded(hedges: Sequence[Decided]) -> set[InstrumentId]:
    return {leg.instrument for decided in hedges for leg in decided.split if leg.trade_coin}


@pytest.mark.parametrize("seed", [1, 2])
def test_three_instruments_keep_one_delta_inside_its_band(play: Callable[..., _Played], seed: int) -> None:
    """Several at once; orders go one way, one to an instrument; money and positions are the venue's."""
    played = play(seed)
    run, result = played.run, played.result

    assert run.violation is None
    assert result.violations == ()
    assert (result.positions_match, result.equity_match, result.unknown_open) == (True, True, 0)
    assert len(_traded(played.hedges)) >= 2
    assert max(sum(1 for leg in decided.split if leg.trade_coin) for decided in played.hedges) >= 2
    for decided in played.hedges:
        coins = [leg.trade_coin for leg in decided.split if leg.trade_coin]
        assert all(coin * decided.trade_coin > 0.0 for coin in coins)
        assert sum(coins) == pytest.approx(decided.trade_coin)
    by_decision: dict[int, list[InstrumentId]] = {}
    for order in run.orders:
        by_decision.setdefault(order.decided_seq, []).append(order.instrument)
    assert all(len(set(names)) == len(names) for names in by_decision.values())
    assert result.outside_band_s < 0.1 * result.seconds


def test_a_book_that_empties_leaves_the_others_to_hedge(play: Callable[..., _Played]) -> None:
    """After two minutes the inverse perpetual shows no touch any more: nothing is sent there, the delta stays in."""

    def emptied(event: Event, elapsed_ns: Ns) -> Event:
        if isinstance(event, FutureMarked) and event.instrument == INVERSE and elapsed_ns > 120 * NS_PER_S:
            return structs.replace(event, bid_usd=None, ask_usd=None, bid_amount_native=None, ask_amount_native=None)
        return event

    played = play(1, emptied)
    later = played.after(2.5)

    assert played.run.violation is None
    assert len(later) >= 3
    assert INVERSE in _traded(played.hedges)
    assert INVERSE not in _traded(later)
    assert {leg.why for decided in later for leg in decided.split if leg.instrument == INVERSE} == {
        "hedge_quote_distrusted"
    }
    assert played.result.outside_band_s < 0.1 * played.result.seconds
    assert played.result.positions_match


def test_a_seed_is_one_run(play: Callable[..., _Played]) -> None:
    """Whatever the split: the same orders in the same order."""
    assert play(3).result.trace_hash == play(3).result.trace_hash
