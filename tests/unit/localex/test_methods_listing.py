import itertools
from typing import Any

import pytest

from bot.localex.calls import Session

_FUTURE = "BTC-27MAR26"


def test_expirations_are_listed_by_kind(world: Any) -> None:
    """Soonest first, perpetuals last; under the currency where one is named."""
    everything = world.ask(Session(), "public/get_expirations", currency="any", kind="any")
    options = world.ask(Session(), "public/get_expirations", currency="BTC", kind="option")
    grouped = world.ask(Session(), "public/get_expirations", currency="grouped", kind="future")

    assert list(everything) == ["option", "future"]
    assert everything["future"][-1] == "PERPETUAL"
    assert (everything["option"][0], "27MAR26" in everything["option"]) == ("3MAR26", True)
    assert options["btc"]["option"][0] == "3MAR26"
    assert grouped.keys() == {"btc", "eth", "usdc"}
    assert grouped["usdc"] == {"future": ["3MAR26", "4MAR26", "PERPETUAL"]}


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("get_combos", {"currency": "BTC"}, []),
        ("get_combo_ids", {"currency": "any"}, []),
        ("get_announcements", {}, []),
        ("get_supported_index_names", {}, ["btc_usd", "btc_usdc", "eth_usd", "eth_usdc"]),
        ("get_supported_index_names", {"type": "spot"}, []),
        (
            "get_last_settlements_by_instrument",
            {"instrument_name": _FUTURE, "type": "bankruptcy"},
            {"settlements": [], "continuation": "none"},
        ),
        ("get_last_settlements_by_currency", {"currency": "BTC"}, {"settlements": [], "continuation": "none"}),
    ],
)
def test_what_there_is_none_of_is_an_empty_list(
    world: Any, method: str, params: dict[str, str], expected: object
) -> None:
    """Not an error: clients ask when they start."""
    found = world.ask(Session(), f"public/{method}", **params)

    assert (sorted(found) if method == "get_supported_index_names" else found) == expected


def test_volumes_are_added_up_by_currency_and_kind(world: Any) -> None:
    """In coins; of futures strangers have traded before."""
    session, _ = world.connect("demo")
    before = {row["currency"]: row for row in world.ask(Session(), "public/get_trade_volumes")}
    world.ask(session, "private/buy", instrument_name="BTC-27MAR26-64000-C", amount=0.3, type="market")
    world.ask(session, "private/buy", instrument_name="BTC-27MAR26-64000-P", amount=0.2, type="market")
    bought = world.ask(session, "private/buy", instrument_name="BTC-PERPETUAL", amount=650, type="market")
    rows = {row["currency"]: row for row in world.ask(Session(), "public/get_trade_volumes")}

    assert (rows["BTC"]["calls_volume"], rows["BTC"]["puts_volume"]) == (0.3, 0.2)
    more = rows["BTC"]["futures_volume"] - before["BTC"]["futures_volume"]
    assert more == pytest.approx(650 / bought["order"]["average_price"], rel=1e-3)
    assert {name: row["calls_volume"] for name, row in rows.items() if name != "BTC"} == {"ETH": 0.0, "USDC": 0.0}


def test_an_index_is_charted_by_the_minute(world: Any) -> None:
    """Within the range asked for, ending now."""
    world.pass_ms(300_000, step_ms=60_000)
    rows = world.ask(Session(), "public/get_index_chart_data", index_name="btc_usd", range="1h")

    assert [after[0] - before[0] for before, after in itertools.pairwise(rows)] == [60_000] * 5
    assert rows[-1][1] == world.ask(Session(), "public/get_index_price", index_name="btc_usd")["index_price"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("get_expirations", {"currency": "DOGE", "kind": "any"}),
        ("get_combos", {"currency": "DOGE"}),
        ("get_index_chart_data", {"index_name": "doge_usd", "range": "1h"}),
        ("get_index_chart_data", {"index_name": "btc_usd"}),
        ("get_last_settlements_by_instrument", {"instrument_name": "BTC-NOTAREAL"}),
        ("get_last_settlements_by_currency", {"currency": "BTC", "type": "x"}),
    ],
)
def test_wrong_parameters_are_refused(world: Any, method: str, params: dict[str, object]) -> None:
    """-32602."""
    assert world.code(Session(), f"public/{method}", **params) == -32602
