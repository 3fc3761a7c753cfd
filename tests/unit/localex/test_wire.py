from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.domain.instruments import Instrument, Kind
from bot.domain.time import Ns, ns_from_iso
from bot.localex.wire import (
    currencies_of,
    currency_of,
    instrument_object,
    kind_of,
    levels,
    order_book_object,
    quote_object,
    shown,
    shown_usd,
    ticker_object,
)
from bot.sim.facts import OptionGreeks, Ticker, Touch

Pick = Callable[[Callable[[Instrument], bool]], Instrument]
_TOUCH = Touch(bid_native=Decimal("0.0365"), bid_amount_native=Decimal("15.4"), ask_native=None, ask_amount_native=None)


def _ticker(instrument: Instrument, **more: object) -> Ticker:
    facts: dict[str, object] = {
        "instrument": instrument.id,
        "time_ns": Ns(1_700_000_000_123_456_789),
        "state": "open",
        "touch": _TOUCH,
        "mark_native": 0.038477841234,
        "index_usd": 64044.961234,
        "last_native": None,
        "price_min_native": Decimal("0.0115"),
        "price_max_native": Decimal("0.069"),
        "open_interest_native": Decimal("533.2"),
        "settlement_native": None,
        "high_native": None,
        "low_native": None,
        "price_change_percent": None,
        "volume_coin": 0.0,
        "volume_usd": 0.0,
        "estimated_delivery_usd": 64044.961234,
    }
    return Ticker(**(facts | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [(0.123456, 5, "0.12346"), (-0.0000001, 5, "0.0"), (-1.5, 2, "-1.5")],
)
def test_figures_are_shown_with_their_digits(value: float, digits: int, expected: str) -> None:
    """Rounded, and never as a negative zero."""
    assert str(shown(value, digits)) == expected


@pytest.mark.parametrize(("value", "expected"), [(64044.961234, 64044.96), (1.13674, 1.1367)])
def test_usd_prices_show_cents_or_four_digits(value: float, expected: float) -> None:
    """Dear coins in cents, cheap ones finer."""
    assert shown_usd(value) == expected


def test_an_option_ticker_shows_volatility_in_percent_and_greeks(pick: Pick) -> None:
    """Coin price with eight digits, empty side as 0.0, gamma with five decimals, no settlement price when new."""
    option = pick(lambda i: i.is_option and i.is_inverse)
    ticker = _ticker(
        option,
        forward_usd=65000.123456,
        forward_name="BTC-27MAR26",
        iv_mark_percent=61.274,
        greeks=OptionGreeks(delta=0.629591, gamma=0.0000174, vega=3.884971, theta=-28.341131, rho=0.662421),
    )

    assert ticker_object(ticker, option) == {
        "instrument_name": option.id,
        "timestamp": 1_700_000_000_123,
        "state": "open",
        "stats": {"high": None, "low": None, "price_change": None, "volume": 0.0, "volume_usd": 0.0},
        "open_interest": 533.2,
        "index_price": 64044.96,
        "estimated_delivery_price": 64044.96,
        "mark_price": 0.03847784,
        "last_price": None,
        "min_price": 0.0115,
        "max_price": 0.069,
        "best_bid_price": 0.0365,
        "best_bid_amount": 15.4,
        "best_ask_price": 0.0,
        "best_ask_amount": 0.0,
        "underlying_price": 65000.12,
        "underlying_index": "BTC-27MAR26",
        "interest_rate": 0.0,
        "mark_iv": 61.27,
        "bid_iv": 0.0,
        "ask_iv": 0.0,
        "greeks": {"delta": 0.62959, "gamma": 0.00002, "vega": 3.88497, "theta": -28.34113, "rho": 0.66242},
    }


def test_a_perpetual_ticker_shows_funding_and_no_greeks(pick: Pick) -> None:
    """Futures lack volatility, dated ones also funding."""
    perpetual, future = (
        pick(lambda i: i.kind is Kind.PERPETUAL),
        pick(lambda i: i.kind is Kind.FUTURE),
    )
    funding = {"current_funding", "funding_8h", "interest_value"}
    option_only = {"greeks", "mark_iv", "underlying_price"}
    wires = [ticker_object(_ticker(i, settlement_native=64000.0), i) for i in (perpetual, future)]

    assert [funding & wire.keys() for wire in wires] == [funding, set()]
    assert [option_only & wire.keys() for wire in wires] == [set(), set()]
    assert [wire["settlement_price"] for wire in wires] == [64000.0, 64000.0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "BTC-PERPETUAL",
            {
                "kind": "future",
                "instrument_type": "reversed",
                "future_type": "reversed",
                "settlement_currency": "BTC",
                "quote_currency": "USD",
                "counter_currency": "USD",
                "settlement_period": "perpetual",
                "expiration_timestamp": 32_503_708_800_000,
                "contract_size": 10.0,
                "min_trade_amount": 10.0,
                "tick_size": 0.5,
                "tick_size_steps": [],
                "price_index": "btc_usd",
                "is_active": True,
            },
        ),
        (
            "BTC_USDC-PERPETUAL",
            {
                "instrument_type": "linear",
                "settlement_currency": "USDC",
                "quote_currency": "USDC",
                "counter_currency": "USDC",
                "base_currency": "BTC",
                "contract_size": 0.0001,
                "price_index": "btc_usdc",
            },
        ),
    ],
)
def test_instruments_carry_the_venues_words(
    listed: dict[str, Instrument], name: str, expected: dict[str, object]
) -> None:
    """Reversed is inverse; perpetuals expire in the year 3000."""
    wire = instrument_object(listed[name], "open")

    assert {key: wire[key] for key in expected} == expected


def test_an_inverse_option_is_quoted_in_its_coin(pick: Pick) -> None:
    """Quote currency is the coin, counter currency USD; strike and right are told; the ladder is listed."""
    option = pick(lambda i: i.is_option and i.is_inverse and i.base == "BTC" and i.is_call is False)
    wire = instrument_object(option, "locked")

    expected = {
        "quote_currency": "BTC",
        "counter_currency": "USD",
        "option_type": "put",
        "strike": option.strike_usd,
        "tick_size_steps": [{"above_price": 0.005, "tick_size": 0.0005}],
        "state": "locked",
        "is_active": False,
    }
    assert {key: wire[key] for key in expected} == expected
    assert "max_leverage" not in wire


@pytest.mark.parametrize(
    ("expiry", "expected"),
    [("2026-03-03", "day"), ("2026-03-06", "week"), ("2026-03-27", "month"), ("2026-12-25", "month")],
)
def test_the_settlement_period_follows_from_the_expiry(pick: Pick, expiry: str, expected: str) -> None:
    """Fridays are weekly, the month's last Friday is monthly, other days daily."""
    future = pick(lambda i: i.kind is Kind.FUTURE)
    moved = Instrument(
        **{name: getattr(future, name) for name in future.__struct_fields__ if name != "expiry_ns"},
        expiry_ns=ns_from_iso(f"{expiry}T08:00:00Z"),
    )

    assert instrument_object(moved, "open")["settlement_period"] == expected


def test_currency_and_kind_are_the_words_of_filters(listed: dict[str, Instrument]) -> None:
    """Linear contracts belong to USDC; perpetuals are futures."""
    names = ("BTC-PERPETUAL", "BTC_USDC-PERPETUAL")

    assert [(currency_of(listed[n]), kind_of(listed[n])) for n in names] == [("BTC", "future"), ("USDC", "future")]
    assert currencies_of(listed.values()) == ("BTC", "ETH", "USDC")


def test_quotes_and_levels_are_plain_numbers() -> None:
    """Amounts and prices are doubles."""
    book = [(Decimal("0.0365"), Decimal("15.4"))]

    assert quote_object("X", Ns(2_000_000), _TOUCH) == {
        "timestamp": 2,
        "instrument_name": "X",
        "best_bid_price": 0.0365,
        "best_bid_amount": 15.4,
        "best_ask_price": 0.0,
        "best_ask_amount": 0.0,
    }
    assert levels(book) == [[0.0365, 15.4]]
    assert order_book_object({"state": "open"}, book, [], 7) == {
        "state": "open",
        "change_id": 7,
        "bids": [[0.0365, 15.4]],
        "asks": [],
    }
