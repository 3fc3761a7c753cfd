"""Money of fills, computed by hand."""

from decimal import Decimal
from functools import cache

import pytest

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.sim.account import Account, Holding, fee_native, profit_native
from bot.sim.facts import Order, OrderState, OrderType, Side, TimeInForce
from bot.sim.listing import build_listing

_D = Decimal


@cache
def _instrument(name: str, start_ns: Ns) -> Instrument:
    return next(item for item in build_listing(start_ns) if item.id == name)


@pytest.mark.parametrize(
    ("name", "fills", "amount", "average", "profit"),
    [
        # Inverse: 20,000 USD bought at 50,000 (0.4 coin) and 20,000 at 40,000 (0.5): 40,000 / 0.9.
        ("BTC-PERPETUAL", [("20000", "50000"), ("20000", "40000")], "40000", "44444.4444", "0"),
        # Sold all of it at 60,000: 0.9 - 40,000/60,000 coin.
        ("BTC-PERPETUAL", [("20000", "50000"), ("20000", "40000"), ("-40000", "60000")], "0", "0", "0.23333333"),
        # Half closed: 10,000 (1/50,000 - 1/40,000) is a loss.
        ("BTC-PERPETUAL", [("20000", "50000"), ("-10000", "40000")], "10000", "50000", "-0.05"),
        # A short gains when the price falls: -10,000 (1/50,000 - 1/40,000).
        ("BTC-PERPETUAL", [("-10000", "50000"), ("10000", "40000")], "0", "0", "0.05"),
        # Flip: 10,000 closed, 5,000 short opened at the new price.
        ("BTC-PERPETUAL", [("10000", "50000"), ("-15000", "62500")], "-5000", "62500", "0.04"),
        # Linear: 1 + 3 coins at 50,000 and 54,000; 2 sold at 55,000 earn 2 × 2,000.
        ("BTC_USDC-PERPETUAL", [("1", "50000"), ("3", "54000")], "4", "53000", "0"),
        ("BTC_USDC-PERPETUAL", [("1", "50000"), ("3", "54000"), ("-2", "55000")], "2", "53000", "4000"),
        ("BTC_USDC-PERPETUAL", [("-1", "50000"), ("3", "49000")], "2", "49000", "1000"),
        # Options in coin average plainly.
        ("BTC-24NOV26-65000-C", [("1", "0.01"), ("1", "0.02")], "2", "0.015", "0"),
        ("BTC-24NOV26-65000-C", [("2", "0.015"), ("-1", "0.02")], "1", "0.015", "0.005"),
    ],
)
def test_positions_average_and_profit(
    start_ns: Ns, *, name: str, fills: list[tuple[str, str]], amount: str, average: str, profit: str
) -> None:
    """Buy, add, sell, close, flip; inverse averages harmonically."""
    holding = Holding(_instrument(name, start_ns))

    realised = sum((holding.fill(_D(size), _D(price)) for size, price in fills), _D(0))

    assert holding.amount_native == _D(amount)
    assert round(holding.average_native, 4) == _D(average)
    assert realised == _D(profit)
    assert holding.realized_session_native == _D(profit)


@pytest.mark.parametrize(
    ("name", "amount", "price", "is_maker", "expected"),
    [
        # 10,000 USD at 50,000 is 0.2 coin: 3.5 bp and 1.5 bp of it.
        ("BTC-PERPETUAL", "10000", "50000", False, "0.00007"),
        ("BTC-PERPETUAL", "10000", "50000", True, "0.00003"),
        ("BTC_USDC-PERPETUAL", "0.2", "50000", False, "3.5"),
        # 0.0003 coin a coin; capped at an eighth of a cheap option.
        ("BTC-24NOV26-65000-C", "2", "0.01", False, "0.0006"),
        ("BTC-24NOV26-65000-C", "2", "0.002", False, "0.0005"),
        # 0.03 % of the index of 50,000; capped at an eighth of 80 USDC.
        ("BTC_USDC-24NOV26-65000-C", "0.1", "500", False, "1.5"),
        ("BTC_USDC-24NOV26-65000-C", "0.1", "80", False, "1"),
    ],
)
def test_fees(start_ns: Ns, *, name: str, amount: str, price: str, is_maker: bool, expected: str) -> None:
    """Rates and caps of the fact sheet."""
    fee = fee_native(_instrument(name, start_ns), _D(amount), _D(price), _D(50_000), is_maker=is_maker)

    assert fee == _D(expected)


def test_premium_is_paid_and_futures_profit_received(start_ns: Ns) -> None:
    """An option's premium leaves the balance at once; a future only moves it when profit is realised."""
    account = Account("a", {"BTC": _D(1)})
    account.book_fill(_instrument("BTC-24NOV26-65000-C", start_ns), _D(2), _D("0.01"), _D("0.0006"))
    after_option = account.balances["BTC"]
    perpetual = _instrument("BTC-PERPETUAL", start_ns)
    account.book_fill(perpetual, _D(10_000), _D(50_000), _D("0.00007"))
    after_open = account.balances["BTC"]
    account.book_fill(perpetual, _D(-10_000), _D(62_500), _D("0.000056"))

    assert (after_option, after_open, account.balances["BTC"]) == (_D("0.9794"), _D("0.97933"), _D("1.019274"))
    assert account.fees_paid_native == {"BTC": _D("0.000726")}
    assert account.realized_session_native == {"BTC": _D("0.04")}


def test_profit_of_nothing_is_nothing(start_ns: Ns) -> None:
    """A flat position has no average price to divide by."""
    assert profit_native(_instrument("BTC-PERPETUAL", start_ns), _D(0), _D(0), _D(1)) == 0


def test_funding_is_paid_from_the_balance(start_ns: Ns) -> None:
    """Funding counts as realised and lowers the balance when paid."""
    account = Account("a", {"BTC": _D(1)})
    holding = account.holding(_instrument("BTC-PERPETUAL", start_ns))

    account.book_funding(holding, 0.5, _D("0.001"))

    assert account.balances["BTC"] == _D("0.999")
    assert account.funding_paid_native == {"BTC": _D("0.001")}
    assert holding.funding_session_native == holding.realized_session_native == _D("-0.001")
    assert holding.funding_paid_per_native == 0.5


def test_orders_are_forgotten_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest closed order goes first, with its label; open ones stay."""
    monkeypatch.setattr("bot.sim.account._ORDERS_KEPT", 2)
    account = Account("a", {"BTC": _D(0)})
    for number in range(5):
        order = _order(str(number))
        if number == 1:
            account.open_orders["1"] = order
        account.keep_order(order, "BTC")

    assert list(account.orders) == ["1", "4"]
    assert account.labels == {("BTC", "label1"): ["1"], ("BTC", "label4"): ["4"]}


def _order(order_id: str) -> Order:
    return Order(
        order_id=order_id,
        account="a",
        instrument="BTC-PERPETUAL",
        side=Side.BUY,
        amount_native=_D(10),
        filled_native=_D(0),
        average_price_native=_D(0),
        price_native=None,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=False,
        reject_post_only=False,
        reduce_only=False,
        label=f"label{order_id}",
        state=OrderState.OPEN,
        cancel_reason=None,
        created_ns=Ns(0),
        updated_ns=Ns(0),
        is_api=True,
    )
