from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.localex.wire_account import (
    changes_object,
    listed_position_object,
    order_object,
    position_object,
    summary_object,
    trade_object,
    user_id,
)
from bot.sim.facts import (
    AccountSummary,
    Order,
    OrderState,
    OrderType,
    Position,
    Side,
    TimeInForce,
    Trade,
)

Pick = Callable[[Callable[[Instrument], bool]], Instrument]


def _order(**more: object) -> Order:
    facts: dict[str, object] = {
        "order_id": "17",
        "account": "demo",
        "instrument": "BTC-PERPETUAL",
        "side": Side.BUY,
        "amount_native": Decimal(100),
        "filled_native": Decimal(0),
        "average_price_native": Decimal(0),
        "price_native": Decimal("31566.5"),
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "post_only": False,
        "reject_post_only": False,
        "reduce_only": False,
        "label": "hb1",
        "state": OrderState.OPEN,
        "cancel_reason": None,
        "created_ns": Ns(1_000_000),
        "updated_ns": Ns(2_000_000),
        "is_api": True,
    }
    return Order(**(facts | more))  # type: ignore[arg-type]


def _trade(**more: object) -> Trade:
    facts: dict[str, object] = {
        "trade_id": "9",
        "trade_seq": 4,
        "instrument": "BTC-PERPETUAL",
        "side": Side.SELL,
        "amount_native": Decimal(100),
        "price_native": Decimal("64000.5"),
        "time_ns": Ns(3_000_000),
        "mark_native": 64001.123456,
        "index_usd": 64002.5,
        "iv_percent": None,
        "tick_direction": 0,
    }
    return Trade(**(facts | more))  # type: ignore[arg-type]


def _position(instrument: Instrument, **more: object) -> Position:
    facts: dict[str, object] = {
        "instrument": instrument.id,
        "size_native": Decimal(-60),
        "average_price_native": Decimal(45000),
        "mark_native": 45837.0,
        "index_usd": 45800.0,
        "settlement_native": None,
        "floating_profit_native": 0.000024,
        "realized_profit_native": 0.0,
        "delta_coin": -0.001308986,
        "gamma_coin_per_usd": 0.0,
        "vega_usd_per_point": 0.0,
        "theta_usd_per_day": 0.0,
        "margin_initial_native": 0.00002618,
        "margin_maintenance_native": 0.0000131,
        "realized_funding_native": 0.0,
    }
    return Position(**(facts | more))  # type: ignore[arg-type]


def test_an_open_order_has_the_venues_fields(listed: dict[str, Instrument]) -> None:
    """Contracts are the amount in contract sizes; no commission, no profit, no cancel reason."""
    assert order_object(_order(), listed["BTC-PERPETUAL"]) == {
        "order_id": "17",
        "instrument_name": "BTC-PERPETUAL",
        "direction": "buy",
        "order_type": "limit",
        "order_state": "open",
        "time_in_force": "good_til_cancelled",
        "price": 31566.5,
        "amount": 100.0,
        "contracts": 10.0,
        "filled_amount": 0.0,
        "average_price": 0.0,
        "label": "hb1",
        "post_only": False,
        "reduce_only": False,
        "creation_timestamp": 1,
        "last_update_timestamp": 2,
        "api": True,
        "web": False,
        "mmp": False,
        "replaced": False,
        "is_liquidation": False,
        "risk_reducing": False,
        "user_id": user_id("demo"),
    }


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"post_only": True, "reject_post_only": True}, {"reject_post_only": True}),
        ({"state": OrderState.CANCELLED}, {"cancel_reason": "user_request"}),
        ({"state": OrderState.CANCELLED, "cancel_reason": "settlement"}, {"cancel_reason": "settlement"}),
        ({"price_native": None, "type": OrderType.MARKET}, {"price": "market_price", "order_type": "market"}),
    ],
)
def test_orders_show_more_where_there_is_more(
    listed: dict[str, Instrument], more: dict[str, object], expected: dict[str, object]
) -> None:
    """Post-only, cancelled and market orders differ from a plain one in just these fields."""
    instrument = listed["BTC-PERPETUAL"]
    plain, wire = order_object(_order(), instrument), order_object(_order(**more), instrument)

    assert expected.items() <= wire.items()
    assert wire.keys() - plain.keys() <= expected.keys()


def test_a_trade_of_the_account_tells_fee_liquidity_and_label(listed: dict[str, Instrument]) -> None:
    """Positive fees are costs; the own side is told; without a label the field is absent."""
    private = {
        "account": "demo",
        "order_id": "17",
        "fee_native": Decimal("5e-8"),
        "fee_currency": "BTC",
        "is_maker": False,
        "profit_native": Decimal("-4e-7"),
    }
    instrument = listed["BTC-PERPETUAL"]
    wire = trade_object(_trade(**private, label="hb1"), instrument)

    expected = {"fee": 5e-8, "fee_currency": "BTC", "liquidity": "T", "profit_loss": -4e-7, "label": "hb1"}
    assert {name: wire[name] for name in expected} == expected
    assert (wire["contracts"], wire["mark_price"], wire["matching_id"]) == (10.0, 64001.1235, None)
    assert "label" not in trade_object(_trade(**private), instrument)
    assert "fee" not in trade_object(_trade(), instrument)


def test_an_option_trade_tells_its_volatility(pick: Pick) -> None:
    """In percent."""
    option = pick(lambda i: i.is_option)

    assert trade_object(_trade(instrument=option.id, iv_percent=61.274), option)["iv"] == 61.27


def test_an_inverse_future_position_is_in_usd_with_its_coins(listed: dict[str, Instrument]) -> None:
    """The venue's documented short: size -60, size_currency and delta -0.00130899 (exchange facts 2.2)."""
    instrument = listed["BTC-PERPETUAL"]
    wire = position_object(_position(instrument), instrument)

    assert (wire["direction"], wire["size"], wire["size_currency"]) == ("sell", -60.0, -0.001308986)
    assert wire["total_profit_loss"] == pytest.approx(-60 * (1 / 45000 - 1 / 45837), abs=1e-9)
    assert listed_position_object(_position(instrument), instrument).keys() - wire.keys() == {
        "open_orders_margin",
        "estimated_liquidation_price",
    }


def test_a_linear_position_shows_its_notional(listed: dict[str, Instrument]) -> None:
    """Size is USDC at the mark, size_currency the coins (captured 2025-11: 8.529536 and 0.0001)."""
    instrument = listed["BTC_USDC-PERPETUAL"]
    position = _position(
        instrument, size_native=Decimal("0.0001"), mark_native=85295.36, average_price_native=Decimal("85235.5")
    )
    wire = position_object(position, instrument)

    assert (wire["size"], wire["size_currency"], wire["direction"]) == (8.529536, 0.0001, "buy")
    assert wire["total_profit_loss"] == 0.005986


def test_a_flat_position_has_no_direction(listed: dict[str, Instrument]) -> None:
    """Flat positions stay listed."""
    instrument = listed["BTC-PERPETUAL"]
    flat = _position(instrument, size_native=Decimal(0), average_price_native=Decimal(0))
    wire = position_object(flat, instrument)

    assert (wire["direction"], wire["size"], wire["total_profit_loss"]) == ("zero", 0.0, 0.0)


def test_an_option_position_has_greeks_and_no_leverage(pick: Pick) -> None:
    """Inverse options also tell USD figures."""
    option = pick(lambda i: i.is_option and i.is_inverse)
    wire = position_object(_position(option, size_native=Decimal("0.1"), mark_native=0.02), option)

    greeks = {"gamma", "vega", "theta", "average_price_usd", "floating_profit_loss_usd"}
    assert greeks <= wire.keys()
    assert not wire.keys() & {"leverage", "size_currency", "realized_funding"}


def test_changes_are_one_object_per_instrument(listed: dict[str, Instrument]) -> None:
    """Orders, trades and the position after them."""
    instrument = listed["BTC-PERPETUAL"]
    position = position_object(_position(instrument), instrument)
    wire = changes_object(instrument, [_order()], [_trade(account="demo")], position)

    shape = {name: len(value) if isinstance(value, list) else value for name, value in wire.items()}
    assert shape == {"instrument_name": "BTC-PERPETUAL", "orders": 1, "trades": 1, "positions": 1}


def test_a_summary_is_one_currencys_money() -> None:
    """Segregated margin: margin balance is equity; greek maps are empty without options."""
    summary = AccountSummary(
        currency="BTC",
        balance_native=10.00295099,
        equity_native=10.00295059,
        margin_initial_native=0.0,
        margin_maintenance_native=0.0,
        margin_initial_projected_native=0.0,
        margin_maintenance_projected_native=0.0,
        available_native=10.00295059,
        options_value_native=0.0,
        options_delta_coin=0.0,
        options_gamma=0.0,
        options_vega=0.0,
        options_theta=0.0,
        options_gamma_by_index={},
        options_vega_by_index={},
        options_theta_by_index={},
        futures_profit_native=0.0,
        options_profit_native=0.0,
        session_realized_native=-4e-7,
        session_unrealized_native=0.0,
        fees_paid_native=0.0,
        funding_paid_native=0.0,
        delta_total_coin=0.0,
        delta_total_projected_coin=0.0,
        delta_total_by_index={"btc_usd": 0.0},
    )
    wire = summary_object(summary)
    held = summary_object(msgspec.structs.replace(summary, options_vega_by_index={"btc_usd": 3.123456}))

    expected = {"equity": 10.00295059, "margin_balance": 10.00295059, "session_rpl": -4e-7}
    assert {name: wire[name] for name in expected} == expected
    assert (wire["delta_total_map"], wire["options_vega_map"]) == ({"btc_usd": 0.0}, {})
    assert held["options_vega_map"] == {"btc_usd": 3.12346}


def test_user_ids_are_stable_and_differ() -> None:
    """A number for each account, the same in every run."""
    assert [user_id(name) for name in ("demo", "other", "demo")] == [user_id("demo"), user_id("other"), user_id("demo")]
    assert user_id("demo") != user_id("other")
