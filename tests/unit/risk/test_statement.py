"""One message tells its money several ways, and each message follows on the one before: what differs is doubt."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.ids import InstrumentId
from bot.risk.statement import Row, Told, equity, options_value

_PERP = InstrumentId("BTC-PERPETUAL")
_FIVE = {_PERP: (5.0, 100_000.0)}
"""Five coins of perpetual at 100,000."""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"futures_profit_native": None}, Told(10.3, 10.3)),  # not told: nothing to hold against it
        ({"options_value_native": None}, Told(10.3, 10.3)),
        ({}, Told(10.3, 10.3)),
        ({"session_realized_native": -0.1, "balance_native": 10.1}, Told(10.3, 10.3)),  # booked at 08:00
        ({"session_realized_native": -0.1}, Told(10.3, 10.3)),  # booked at once
        ({"equity_native": 14.0}, Told(10.3, 14.0, "equity 14.0000, its parts 10.3000 BTC")),
        ({"equity_native": 0.0}, Told(0.0, 10.3, "equity 0.0000, its parts 10.3000 BTC")),
        ({"options_value_native": -1.0}, Told(9.1, 10.3, "equity 10.3000, its parts 9.1000 BTC")),
    ],
)
def test_equity_is_balance_and_what_is_open(make: Any, change: dict[str, Any], expected: Told) -> None:
    """10 coins, 0.1 of floating profit and options worth 0.2."""
    parts = {"balance_native": 10.0, "futures_profit_native": 0.1, "options_value_native": 0.2}
    found = equity(make.account_seen(**({"equity_native": 10.3} | parts | change)))

    assert (found.low_native, found.high_native) == pytest.approx((expected.low_native, expected.high_native))
    assert found.because == expected.because


def test_the_identity_holds_on_the_venues_own_example(make: Any) -> None:
    """Official account summary: profit of the session is not in the balance, options are worth -0.0086."""
    seen = make.account_seen(
        equity_native=302.61869214,
        balance_native=302.60065765,
        futures_profit_native=0.05921555,
        session_realized_native=-0.03258105,
        options_value_native=-0.0086,
        delta_coin_total=31.602958,
        delta_coin_by_index={"btc_usd": 31.594357699},
    )

    assert equity(seen) == Told(302.61869214, 302.61869214)
    assert options_value(seen, -0.0086, 0.0) == Told(-0.0086, -0.0086)


def test_the_options_value_is_in_the_net_transaction_delta(make: Any) -> None:
    """The map has no premium taken off; in the settlement window what expires may be decayed in one of the two."""
    seen = make.account_seen(delta_coin_total=-0.2, delta_coin_by_index={"btc_usd": 0.0})
    text = "options_value 3.0000, by delta_total and its map 0.2000 BTC"

    assert options_value(seen, 0.2, 0.0) == Told(0.2, 0.2)
    assert options_value(seen, 3.0, 0.0) == Told(0.2, 3.0, text)
    assert options_value(seen, 0.3, 0.1) == Told(0.3, 0.3)
    assert options_value(make.account_seen(delta_coin_by_index=None), 3.0, 0.0) == Told(3.0, 3.0)


def test_a_jump_nothing_explains_is_doubt_until_it_has_been_told_three_times() -> None:
    """Somebody brought four coins, or it is a wild figure: the interval holds both until others agree."""
    row = Row()
    row.follow(10.0, _FIVE)
    text = "equity less options 14.0000, before 10.0000: no fill or price explains it"

    assert [row.follow(14.0, _FIVE) for _ in range(3)] == [Told(10.0, 14.0, text)] * 2 + [Told(14.0, 14.0)]
    assert row.follow(10.0, _FIVE).low_native == 10.0
    assert row.follow(14.0, _FIVE) == Told(14.0, 14.0)


def test_what_futures_gain_explains_a_move() -> None:
    """Five coins and a fall of 4 %: up to 0.2 coins and some noise of marks."""
    row = Row()
    row.follow(10.0, _FIVE)

    assert row.follow(10.205, {_PERP: (5.2, 96_000.0)}) == Told(10.205, 10.205)
    assert row.follow(10.5, {_PERP: (5.2, 96_000.0)}).low_native == 10.205


def test_what_fills_cost_explains_a_move(make: Any) -> None:
    """Two coins of option for 0.05 each; of 500,000 USD of perpetual a hundredth; dollars are another account's."""
    row, name = Row(), InstrumentId("BTC-27MAR26-100000-C")
    row.follow(10.0, {})
    row.book(make.option(), make.fill("1", "2", instrument=name, price_native=Decimal("0.05")))
    assert row.follow(9.9, {}) == Told(9.9, 9.9)
    row.book(make.perpetual(), make.fill("2", "-500000"))
    row.book(make.linear_perpetual(), make.fill("3", "5"))
    assert row.follow(9.855, {}) == Told(9.855, 9.855)
    assert row.follow(9.8, {}).high_native == 9.855


def test_a_restart_believes_what_comes() -> None:
    """Options became coins."""
    row = Row()
    row.follow(10.0, {})
    row.restart()

    assert row.follow(12.0, {}) == Told(12.0, 12.0)
