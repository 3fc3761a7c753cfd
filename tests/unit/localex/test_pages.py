from typing import Any

import pytest

from bot.localex.pages import is_within


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [(5, None, None, True), (5, 5, 5, True), (4, 5, None, False), (6, None, 5, False)],
)
def test_bounds_are_inclusive(value: int, low: int | None, high: int | None, expected: bool) -> None:
    """None is no bound."""
    assert is_within(value, low, high) is expected


def test_a_page_tells_whether_there_is_more(world: Any) -> None:
    """Newest first by default, at most `count`, `asc` turns the order round."""
    session, _ = world.connect("demo")
    for _ in range(3):
        world.ask(session, "private/buy", instrument_name="BTC-PERPETUAL", amount=10, type="market")
        world.pass_ms(100)
    ask = {"instrument_name": "BTC-PERPETUAL", "count": 2}
    page = world.ask(session, "private/get_user_trades_by_instrument", **ask)
    turned = world.ask(session, "private/get_user_trades_by_instrument", **ask, sorting="asc")

    stamps = [trade["timestamp"] for trade in page["trades"]]
    assert (stamps, page["has_more"]) == (sorted(stamps, reverse=True), True)
    assert turned["trades"][1] == page["trades"][1]
