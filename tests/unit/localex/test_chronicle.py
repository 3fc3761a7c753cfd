from typing import Any

import pytest

_PERP, _OPTION = "BTC-PERPETUAL", "BTC-27MAR26-64000-C"


def test_indices_are_remembered_once_a_minute(world: Any) -> None:
    """From the opening on; more looks in a minute add nothing."""
    world.pass_ms(150_000, step_ms=10_000)
    samples = world.venue.chronicle.samples("btc_usd")

    minutes = [sample.time_ms // 60_000 for sample in samples]
    assert minutes == list(range(minutes[0], minutes[0] + 3))
    assert samples[0].index_usd == pytest.approx(65_000.0)
    assert all(sample.volatility_percent > 1.0 for sample in samples)


def test_a_name_that_is_no_index_has_no_samples(world: Any) -> None:
    """An empty list."""
    assert world.venue.chronicle.samples("doge_usd") == []


def test_prints_begin_with_the_mark_of_the_opening(world: Any) -> None:
    """On the grid; then trades, oldest first, in coins and in the currency of the price."""
    session, _ = world.connect("demo")
    before = world.venue.chronicle.prints(world.exchange.instrument(_PERP))
    world.pass_ms(1_000)
    for side, amount in (("buy", 650), ("sell", 1300)):
        world.ask(session, f"private/{side}", instrument_name=_PERP, amount=amount, type="market")
    prints = world.venue.chronicle.prints(world.exchange.instrument(_PERP))

    assert [(one.volume, one.price % 0.5) for one in before] == [(0.0, 0.0)]
    assert prints[0] == before[0]
    assert [one.cost for one in prints[1:]] == [650.0, 1300.0]
    assert [one.volume for one in prints[1:]] == [650.0 / prints[1].price, 1300.0 / prints[2].price]


def test_options_count_in_coins(world: Any) -> None:
    """Volume in coins, cost in the premium's currency."""
    session, _ = world.connect("demo")
    world.ask(session, "private/buy", instrument_name=_OPTION, amount=0.3, type="market")
    bought = world.venue.chronicle.prints(world.exchange.instrument(_OPTION))[-1]

    assert (bought.volume, bought.cost) == (0.3, pytest.approx(0.3 * bought.price))


def test_forgotten_trades_leave_no_opening(world: Any) -> None:
    """Once older trades than are kept happened, the chart begins with the oldest that is known."""
    session, _ = world.connect("demo")
    for _ in range(501):
        world.ask(session, "private/buy", instrument_name=_PERP, amount=10, type="market")
        world.ask(session, "private/sell", instrument_name=_PERP, amount=10, type="market")
    prints = world.venue.chronicle.prints(world.exchange.instrument(_PERP))

    assert len(prints) == 1000
    assert prints[0].volume > 0.0
