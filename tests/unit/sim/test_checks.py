"""What is refused before it reaches a book, with the venue's code and data."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.sim.exchange import Exchange
from bot.sim.facts import OrderRequest, TimeInForce, VenueSays

Request = Callable[..., OrderRequest]
_OPTION = "BTC-24NOV26-65000-C"
_TICK = {"param": "price", "reason": "must conform to tick size"}
_CASES: list[tuple[str, str | None, dict[str, object], int, str, dict[str, str] | None]] = [
    ("5", "50000", {}, 10002, "qty_too_low", None),
    ("15", "50000", {}, 10021, "invalid_amount", None),
    ("NaN", "50000", {}, 10002, "qty_too_low", None),
    ("-10", "50000", {}, 10002, "qty_too_low", None),
    ("10", "50000.25", {}, -32602, "Invalid params", _TICK),
    ("0.1", "0.0051", {"instrument": _OPTION}, -32602, "Invalid params", _TICK),
    ("10", "-1", {}, -32602, "Invalid params", {"param": "price", "reason": "must be positive"}),
    ("10", "Infinity", {}, -32602, "Invalid params", {"param": "price", "reason": "must be positive"}),
    (
        "10",
        "1",
        {"instrument": "BTC-X"},
        -32602,
        "Invalid params",
        {"reason": "wrong format", "param": "instrument_name"},
    ),
    ("10", "50000", {"label": "x" * 65}, -32602, "Invalid params", {"param": "label", "reason": "too long"}),
    ("10", "50000", {"post_only": True, "time_in_force": TimeInForce.IOC}, 11055, "post_only_not_allowed", None),
]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: f"{case[0]}@{case[1]}:{case[3]}")
def test_refusals(
    exchange: Exchange,
    request_for: Request,
    case: tuple[str, str | None, dict[str, object], int, str, dict[str, str] | None],
) -> None:
    """One row per reason; nothing is left behind."""
    amount, price, others, code, name, data = case

    with pytest.raises(VenueSays) as said:
        exchange.submit(request_for("buy", amount, price, **others))

    assert (said.value.code, said.value.name, said.value.data) == (code, name, data)
    assert exchange.orders_all("a") == []


def test_a_limit_order_needs_a_price(exchange: Exchange) -> None:
    """A limit order without one is invalid parameters."""
    with pytest.raises(VenueSays) as said:
        exchange.submit(
            OrderRequest(account="a", instrument="BTC-PERPETUAL", side="buy", amount_native=Decimal(10))  # type: ignore[arg-type]
        )

    assert (said.value.code, said.value.data) == (-32602, {"param": "price", "reason": "must be present"})


@pytest.mark.parametrize(("late_ns", "is_refused"), [(0, False), (1, True), (NS_PER_S, True)])
def test_an_order_is_not_started_after_its_time(
    exchange: Exchange, request_for: Request, start_ns: Ns, late_ns: int, *, is_refused: bool
) -> None:
    """valid_until is the last moment the order may start."""
    exchange.advance(Ns(start_ns + 10 * NS_PER_S))
    request = request_for("buy", "10", "50000", valid_until_ns=Ns(start_ns + 10 * NS_PER_S - late_ns))

    if not is_refused:
        assert exchange.submit(request)[0].amount_native == 10
        return
    with pytest.raises(VenueSays) as said:
        exchange.submit(request)

    assert (said.value.code, said.value.name) == (13888, "timed_out")
