"""Through two daily settlements: positions, equity and profit of both sides agree to the venue's rounding."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.decided import Outcome
from bot.domain.events import Event, Settled, Ticked
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_DAY, NS_PER_S, ns_from_iso
from bot.drive.sim_venue import ACCOUNT
from bot.hedging.expiry import ExpiryParams, HedgeAtExpiry

_HOURS_30 = 30 * 60.0
_WINDOW_OPENS = (7 * 3600 + 1800) * NS_PER_S
_WINDOW_CLOSES = 8 * 3600 * NS_PER_S


@pytest.mark.parametrize(("currency", "seed", "step_ms"), [("BTC", 11, 60_000), ("ETH", 12, 120_000)])
def test_thirty_hours_through_two_settlements(
    watched: Callable[..., Any], currency: str, seed: int, step_ms: int
) -> None:
    """From 05:00: inverse and linear options, futures, expiring at the first settlement, the second, and later."""
    run = watched(seed, _HOURS_30, portfolio="settlement", start="05:00", currency=currency, step_ms=step_ms)
    told: list[tuple[Event, Outcome]] = []
    count = run.simulation.tally.saw

    def saw(event: Event, outcome: Outcome) -> None:
        if isinstance(event, Settled | Ticked):
            told.append((event, outcome))
        count(event, outcome)

    run.simulation.tally.saw = saw
    result = run.run()

    assert run.violation is None
    assert (result.violations, result.positions_match, result.equity_match) == ((), True, True)
    assert result.equity_coin_bot == pytest.approx(result.equity_coin_venue, abs=Decimal("1e-8"))
    assert result.pnl_usdc_bot == pytest.approx(result.pnl_usdc_venue, abs=Decimal("1e-8"))
    assert result.pnl_usdc_bot != 0
    delivered = [event for event, _ in told if isinstance(event, Settled) and event.delivery_usd is not None]
    assert len({event.venue_ns for event in delivered}) == 2
    # A linear option in the money leaves through a future of its expiry that was never held.
    passing = [event for event in delivered if "_USDC-" in event.instrument and event.instrument.count("-") == 1]
    assert len(delivered) - len(passing) == 7
    assert passing
    deltas = [
        outcome.decided.delta_coin_expiring
        for event, outcome in told
        if isinstance(event, Ticked)
        and outcome.decided is not None
        and _WINDOW_OPENS < event.now_ns % NS_PER_DAY < _WINDOW_CLOSES
    ]
    assert len(deltas) > 20
    assert all(deltas)


def test_money_the_bot_is_not_told_of_is_a_violation(watched: Callable[..., Any]) -> None:
    """The guard can fail: a ten-millionth of a coin taken in silence is named."""
    run = watched(3, 40.0, portfolio="settlement", start="07:25", step_ms=60_000)
    count, at_ns = run.simulation.tally.saw, ns_from_iso("2026-11-22T07:45:00Z")
    taken: list[Decimal] = []

    def saw(event: Event, outcome: Outcome) -> None:
        if not taken and isinstance(event, Ticked) and event.now_ns >= at_ns:
            taken.append(Decimal("-1e-7"))
            run.simulation._exchange._desk.accounts[ACCOUNT].pay("BTC", taken[0])
        count(event, outcome)

    run.simulation.tally.saw = saw
    result = run.run()

    assert result.equity_match is False
    assert [words.split(" by ")[0].split(" ")[0] for words in result.violations] == ["equity"]
    assert result.equity_coin_venue is not None
    assert result.equity_coin_bot == result.equity_coin_venue + Decimal("1e-7")


def test_a_hedge_is_unwound_along_the_window_or_kept(watched: Callable[..., Any]) -> None:
    """A call far in the money, expiring at 08:00: its hedge is gone by then, a share with each minute, or it stays."""
    hedges, orders = {}, {}
    for rule in HedgeAtExpiry:
        run = watched(4, 60.0, portfolio="expiring", start="07:20", step_ms=10_000, expiry=ExpiryParams(hedge=rule))
        result = run.run()
        assert (run.violation, result.violations, result.equity_match) == (None, (), True)
        status = run.simulation._engine.status()
        hedges[rule] = status.positions_native.get(InstrumentId("BTC-PERPETUAL"), Decimal(0)) / Decimal(64_000)
        orders[rule] = [order.amount_native for order in run.orders]
        assert status.decided.delta_coin_delivered == (1.0 if rule is HedgeAtExpiry.KEEP else 0.0)

    assert hedges[HedgeAtExpiry.KEEP] == pytest.approx(Decimal(-1), abs=Decimal("0.1"))
    assert hedges[HedgeAtExpiry.UNWIND] == pytest.approx(Decimal(0), abs=Decimal("0.02"))
    bought = [amount for amount in orders[HedgeAtExpiry.UNWIND] if amount > 0]
    assert len(bought) >= 5
    assert max(bought) < Decimal(64_000) / 4
