"""Seeded worlds at engine depth: what must hold at every step, and where a run must end."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.commands import PlaceOrder
from bot.domain.time import Ns

_MINUTES = 10.0
_PLACES = [(portfolio, coin) for portfolio in ("straddle", "strangle", "call") for coin in ("BTC", "ETH")]


@pytest.mark.parametrize("seed", range(100, 120))
def test_nothing_is_violated_and_the_run_ends_in_its_band(watched: Callable[..., Any], seed: int) -> None:
    """Positions are the sum of fills and the venue's own, one live order at most, no doubt left, delta in band."""
    portfolio, coin = _PLACES[seed % len(_PLACES)]
    run = watched(seed, _MINUTES, portfolio=portfolio, currency=coin)
    result = run.run()
    told = f"seed {seed}, {portfolio} {coin}: {result}"

    assert run.violation is None, run.violation
    assert (result.positions_match, result.violations, result.unknown_open) == (True, (), 0), told
    assert (result.phase, result.reconciled) == ("running", True), told
    low, high, smallest = result.band_low_coin, result.band_high_coin, 0.005
    assert low - smallest <= result.net_delta_coin_final <= high + smallest, told
    assert result.orders == result.hedges == len(run.orders), told
    assert result.fills >= result.orders - result.refused, told
    assert result.outside_band_s < 0.01 * result.seconds, told


def test_an_order_carried_out_twice_is_found(watched: Callable[..., Any]) -> None:
    """The checks can fail: a venue that takes each order twice is objected to, and trading halts."""
    run = watched(100, 3.0, portfolio="call")
    venue = run.simulation._venue.home
    place = venue._place

    def twice(command: PlaceOrder, at: Ns) -> None:
        place(command, at)
        place(command, at)

    venue._place = twice
    result = run.run()

    assert [text for text in result.violations if "label" in text] != []
    assert (result.phase, result.orders) == ("halted", 1)


def test_the_seeds_do_trade(watched: Callable[..., Any]) -> None:
    """Seeds that never trade would prove nothing about orders."""
    orders = {seed: watched(seed, 3.0).run().orders for seed in range(200, 204)}

    assert sum(orders.values()) > 0, orders
