"""Options at one venue and their hedge at another; either, or both, out of reach for a while with an order under way.

The true net delta stays inside the limit and inside what the bot says it can be; once both are back so is the book.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, Outcome
from bot.domain.events import Event, Ticked
from bot.domain.ids import DERIBIT, InstrumentId, VenueId, venue_of
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.drive.line import Cut
from bot.drive.sim_venue import account_at

OKX = VenueId("okx")
SWAP, PERPETUAL = InstrumentId("OKX:BTC-USDT-SWAP"), InstrumentId("BTC-PERPETUAL")
_LIMIT_COIN = 0.25
_TRADE_MIN_COIN = 0.001
_MINUTES = 6.0
_SLACK_COIN = 0.01
"""Between two steps of the world, a second apart, the truth moves on without the bot."""
_SEEDS = (1, 2, 3)
_ORDERS_NS: dict[tuple[int, str], Ns] = {}
"""When a run without a cut sends its first order after a minute, by seed and hedge: up to there runs are the same."""


class _Watch:
    """A run whose truth is looked at after every decision."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.decisions: list[Decided] = []
        self.placed_ns: list[Ns] = []
        self.orders: list[tuple[Ns, InstrumentId]] = []
        self.truth_coin: list[float] = []
        self.unknown_max = 0
        self._saw = run.simulation.tally.saw
        run.simulation.tally.saw = self._look

    def _look(self, event: Event, outcome: Outcome) -> None:
        self._saw(event, outcome)
        if not isinstance(event, Ticked) or outcome.decided is None:
            return
        self.decisions.append(outcome.decided)
        self.truth_coin.append(self._true_coin())
        self.unknown_max = max(self.unknown_max, self.run.simulation._engine.account.orders_unknown_count)
        placed = [command.instrument for command in outcome.commands if isinstance(command, PlaceOrder)]
        self.orders += [(event.now_ns, name) for name in placed]
        if placed:
            self.placed_ns.append(event.now_ns)

    def _true_coin(self) -> float:
        """Of both accounts, by the world's own greeks."""
        exchange, total = self.run.simulation._exchange, 0.0
        for venue in (DERIBIT, OKX):
            for item in exchange.positions(account_at(venue)):
                ticker, spec = exchange.ticker(item.instrument), exchange.instrument(item.instrument)
                coin = float(item.size_native) / (ticker.mark_native if spec.amount_is_in_usd else 1.0)
                total += coin * (1.0 if ticker.greeks is None else ticker.greeks.delta)
        return total


@pytest.fixture
def two(watched: Callable[..., Any], repo_root: Path, tmp_path: Path) -> Callable[..., _Watch]:
    """A tightly hedged straddle with its hedge elsewhere; when which venue is out of reach by keyword."""
    template = (repo_root / "config/simulate.toml").read_text()
    for old, new in (
        ('convention = "options_only"', 'convention = "options_only"\nhedge_instrument = HEDGE'),
        ("_coin_per_option_coin = -0.05", "_coin_per_option_coin = -0.01"),
        ("_coin_per_option_coin = 0.05", "_coin_per_option_coin = 0.01"),
        ("trade_coin_min = 0.005", f"trade_coin_min = {_TRADE_MIN_COIN}"),
        ("delta_coin_worst_max = 100", f"delta_coin_worst_max = {_LIMIT_COIN}"),
    ):
        assert old in template
        template = template.replace(old, new, 1)
    file = tmp_path / "two.toml"

    def make(seed: int, *cuts: Cut, hedge: str = f'"{SWAP}"') -> _Watch:
        file.write_text(template.replace("HEDGE", hedge, 1))
        return _Watch(watched(seed, _MINUTES, file=file, cuts=cuts))

    return make


def _cuts(where: str, seed: int, order_ns: Ns) -> Iterator[Cut]:
    """One after the other from a moment on, at which an order is on its way: there, or back with its fill."""
    dice = random.Random(f"{seed}:{where}")
    start_ns = order_ns + round(dice.uniform(1.0, 14.0) * NS_PER_MS)
    for venues in where.split(", "):
        silence_ns, length_ns = round(dice.uniform(0.0, 4.0) * NS_PER_S), round(dice.uniform(20.0, 100.0) * NS_PER_S)
        for venue in venues.split(" and "):
            yield Cut(
                venue=VenueId(venue),
                start_ns=Ns(start_ns),
                noticed_ns=Ns(start_ns + silence_ns),
                end_ns=Ns(start_ns + length_ns),
            )
        start_ns += length_ns + round(dice.uniform(0.0, 5.0) * NS_PER_S)


def _order_ns(two: Callable[..., _Watch], seed: int, hedge: str) -> Ns:
    if (seed, hedge) not in _ORDERS_NS:
        plain = two(seed, hedge=hedge)
        plain.run.run()
        _ORDERS_NS[(seed, hedge)] = next(at for at in plain.placed_ns if at > plain.decisions[0].now_ns + 60 * NS_PER_S)
    return _ORDERS_NS[(seed, hedge)]


def _stands(watch: _Watch, seed: int, cuts: tuple[Cut, ...]) -> None:
    """The worst case and the truth stay within the limit, the truth in what the bot holds possible; all ends well."""
    result = watch.run.run()
    known = [
        (decided, true_coin)
        for decided, true_coin in zip(watch.decisions, watch.truth_coin, strict=True)
        if decided.delta_coin_low is not None and decided.now_ns > watch.placed_ns[0] + NS_PER_S
    ]
    off = [
        (decided.now_ns, decided.delta_coin_low, true_coin, decided.delta_coin_high)
        for decided, true_coin in known
        if not decided.delta_coin_low - _SLACK_COIN <= true_coin <= decided.delta_coin_high + _SLACK_COIN
    ]

    assert watch.run.violation is None, watch.run.violation
    assert max(abs(true_coin) for _, true_coin in known) < _LIMIT_COIN
    assert off == [], f"seed {seed}, {cuts}"
    assert (result.phase, result.reconciled, result.unknown_open) == ("running", True, 0)
    assert (result.positions_match, result.violations) == (True, ())
    low, high = result.band_low_coin - _TRADE_MIN_COIN, result.band_high_coin + _TRADE_MIN_COIN
    assert low <= result.net_delta_coin_final <= high


@pytest.mark.parametrize("where", ["deribit", "okx", "deribit, okx", "okx, deribit", "deribit and okx"])
@pytest.mark.parametrize("seed", _SEEDS)
def test_the_loss_of_either_venue_stays_inside_the_limit_and_ends_in_band(
    two: Callable[..., _Watch], seed: int, where: str
) -> None:
    """Worst case and truth alike; the truth is never outside what the bot holds possible."""
    hedge = f'"{SWAP}"'
    cuts = tuple(_cuts(where, seed, _order_ns(two, seed, hedge)))
    watch = two(seed, *cuts, hedge=hedge)
    _stands(watch, seed, cuts)

    if OKX in where.split(",", maxsplit=1)[0]:
        assert watch.unknown_max == 1
    for cut in (cut for cut in cuts if cut.venue == OKX):
        assert [at for at in watch.placed_ns if cut.noticed_ns <= at < cut.end_ns] == []
        assert {d.reason for d in watch.decisions if cut.noticed_ns < d.now_ns < cut.end_ns} == {Reason.STREAM_LOST}


@pytest.mark.parametrize("where", ["deribit", "okx", "deribit, okx", "okx, deribit", "deribit and okx"])
@pytest.mark.parametrize("names", [(PERPETUAL, SWAP), (SWAP, PERPETUAL)], ids=["home first", "elsewhere first"])
def test_with_an_instrument_at_either_venue_hedging_goes_on_at_the_other(
    two: Callable[..., _Watch], names: tuple[InstrumentId, ...], where: str
) -> None:
    """With an order of unknown fate at the lost one, and whichever goes; nothing is sent where nothing can be."""
    seed, hedge = 1, f'["{names[0]}", "{names[1]}"]'
    cuts = tuple(_cuts(where, seed, _order_ns(two, seed, hedge)))
    watch = two(seed, *cuts, hedge=hedge)
    _stands(watch, seed, cuts)

    for cut in cuts:
        during = [name for at, name in watch.orders if cut.noticed_ns <= at < cut.end_ns]
        assert [name for name in during if venue_of(name) == cut.venue] == []
        if where == cut.venue == OKX:
            assert during, "options and one hedge are there"
            assert watch.unknown_max == 1
