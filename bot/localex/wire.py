"""Market facts of the simulated venue as Deribit's JSON objects: names, units and roundings of the wire.

Pure functions, facts in, dicts out; numbers become doubles here. Field sets are those of captured messages
(docs/reference/local-exchange.md says which). Knows no account (`wire_account`), request, socket or subscription.
"""

import zlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from bot.domain.instruments import Instrument, Kind
from bot.domain.time import NS_PER_DAY, Ns, expiry_code, ms_from_ns
from bot.domain.units import float_from_decimal
from bot.sim.facts import Ticker, Touch

Wire = dict[str, object]
Levels = Sequence[tuple[Decimal, Decimal]]

PERPETUAL_EXPIRY_MS: Final = 32_503_708_800_000
"""Year 3000: what the venue gives as expiration of perpetuals (captured)."""
_LISTED_BEFORE_NS: Final = 28 * NS_PER_DAY
_CREATED_PERPETUAL_MS: Final = 1_534_242_287_000
_DEAR_USD: Final = 100.0
LEVERAGE_MAX: Final = 50
_THURSDAY, _FRIDAY, _WEEK = 3, 4, 7
"""1970-01-01 was a Thursday."""


def number(value: Decimal | None) -> float:
    """A price or amount; an empty side is 0.0 on the wire (data notes 4.5)."""
    return 0.0 if value is None else float_from_decimal(value)


def number_or_null(value: Decimal | None) -> float | None:
    """A figure that is null where there is none."""
    return None if value is None else float_from_decimal(value)


def shown(value: float, digits: int) -> float:
    """A computed figure with the digits the wire shows; never a negative zero."""
    return round(value, digits) + 0.0


def currency_of(instrument: Instrument) -> str:
    """Currency word of channels and filters: BTC for inverse, USDC for linear."""
    return instrument.settlement_currency


def kind_of(instrument: Instrument) -> str:
    """Kind word of objects, channels and filters: perpetuals are futures."""
    return "option" if instrument.is_option else "future"


def shown_usd(value: float) -> float:
    """A USD price as the wire shows indices and forwards: cents for dear coins, four digits for cheap ones."""
    return shown(value, 2 if value >= _DEAR_USD else 4)


def price_digits(instrument: Instrument) -> int:
    """Digits computed prices are shown with."""
    return 8 if instrument.price_is_in_coin else 4


def _settlement_period(instrument: Instrument) -> str:
    if instrument.expiry_ns is None:
        return "perpetual"
    weekday = (instrument.expiry_ns // NS_PER_DAY + _THURSDAY) % _WEEK
    if weekday != _FRIDAY:
        return "day"
    next_week = Ns(instrument.expiry_ns + _WEEK * NS_PER_DAY)
    is_last_of_month = expiry_code(instrument.expiry_ns)[-5:-2] != expiry_code(next_week)[-5:-2]
    return "month" if is_last_of_month else "week"


def _counter_currency(instrument: Instrument) -> str:
    return "USD" if instrument.is_inverse else instrument.settlement_currency


def _quote_currency(instrument: Instrument) -> str:
    return instrument.base if instrument.price_is_in_coin else _counter_currency(instrument)


def instrument_object(instrument: Instrument, state: str) -> Wire:
    """One row of get_instruments (captured 2026-07)."""
    expiry_ns = instrument.expiry_ns
    wire: Wire = {
        "instrument_name": instrument.id,
        "instrument_id": zlib.crc32(instrument.id.encode()) % 1_000_000,
        "kind": kind_of(instrument),
        "instrument_type": "reversed" if instrument.is_inverse else "linear",
        "underlying_type": "crypto",
        "state": state,
        "is_active": state == "open",
        "base_currency": instrument.base,
        "quote_currency": _quote_currency(instrument),
        "counter_currency": _counter_currency(instrument),
        "settlement_currency": instrument.settlement_currency,
        "settlement_period": _settlement_period(instrument),
        "price_index": instrument.index_name,
        "contract_size": number(instrument.contract_size_native),
        "min_trade_amount": number(instrument.lot_native),
        "tick_size": number(instrument.tick_native),
        "tick_size_steps": [
            {"above_price": number(step.above_native), "tick_size": number(step.tick_native)}
            for step in instrument.tick_steps
        ],
        "maker_commission": number(instrument.fee_rate_maker),
        "taker_commission": number(instrument.fee_rate_taker),
        "creation_timestamp": _CREATED_PERPETUAL_MS
        if expiry_ns is None
        else ms_from_ns(Ns(expiry_ns - _LISTED_BEFORE_NS)),
        "expiration_timestamp": PERPETUAL_EXPIRY_MS if expiry_ns is None else ms_from_ns(expiry_ns),
        "block_trade_commission": 0.0003 if instrument.is_option else 0.00025,
        "block_trade_min_trade_amount": 25 if instrument.is_option else 200_000,
        "block_trade_tick_size": 0.0001 if instrument.is_option else 0.01,
    }
    if instrument.is_option:
        wire["option_type"] = "call" if instrument.is_call else "put"
        wire["strike"] = instrument.strike_usd
    else:
        wire["future_type"] = wire["instrument_type"]
        wire["max_leverage"] = LEVERAGE_MAX
        wire["max_non_default_leverage"] = 5
        wire["max_liquidation_commission"] = 0.0075
    return wire


def touch_fields(touch: Touch) -> Wire:
    """The four best_* fields."""
    return {
        "best_bid_price": number(touch.bid_native),
        "best_bid_amount": number(touch.bid_amount_native),
        "best_ask_price": number(touch.ask_native),
        "best_ask_amount": number(touch.ask_amount_native),
    }


def ticker_object(ticker: Ticker, instrument: Instrument) -> Wire:
    """`ticker` channel and method; the fields depend on the kind of instrument."""
    digits = price_digits(instrument)
    stats: Wire = {
        "high": number_or_null(ticker.high_native),
        "low": number_or_null(ticker.low_native),
        "price_change": ticker.price_change_percent,
        "volume": shown(ticker.volume_coin, 8),
        "volume_usd": shown(ticker.volume_usd, 2),
    }
    if not instrument.price_is_in_coin:
        stats["volume_notional"] = stats["volume_usd"]
    wire: Wire = {
        "instrument_name": ticker.instrument,
        "timestamp": ms_from_ns(ticker.time_ns),
        "state": ticker.state,
        "stats": stats,
        "open_interest": number(ticker.open_interest_native),
        "index_price": shown_usd(ticker.index_usd),
        "estimated_delivery_price": shown_usd(ticker.estimated_delivery_usd),
        "mark_price": shown(ticker.mark_native, digits),
        "last_price": number_or_null(ticker.last_native),
        "min_price": number(ticker.price_min_native),
        "max_price": number(ticker.price_max_native),
    } | touch_fields(ticker.touch)
    if ticker.settlement_native is not None:
        wire["settlement_price"] = shown(ticker.settlement_native, digits)
    if instrument.is_option:
        wire.update(_option_fields(ticker))
    if instrument.kind is Kind.PERPETUAL:
        wire["current_funding"] = shown(ticker.funding_rate_current_8h or 0.0, 8)
        wire["funding_8h"] = shown(ticker.funding_rate_past_8h or 0.0, 8)
        wire["interest_value"] = ticker.interest_value or 0.0
    return wire


def _option_fields(ticker: Ticker) -> Wire:
    wire: Wire = {
        "underlying_price": shown_usd(ticker.forward_usd or 0.0),
        "underlying_index": ticker.forward_name or "index_price",
        "interest_rate": 0.0,
        "mark_iv": shown(ticker.iv_mark_percent or 0.0, 2),
        "bid_iv": shown(ticker.iv_bid_percent or 0.0, 2),
        "ask_iv": shown(ticker.iv_ask_percent or 0.0, 2),
    }
    greeks = ticker.greeks
    if greeks is not None:
        # Five decimals, gamma too: 0.000017 is published as 0.00002 (exchange facts 2.3).
        wire["greeks"] = {
            "delta": shown(greeks.delta, 5),
            "gamma": shown(greeks.gamma, 5),
            "vega": shown(greeks.vega, 5),
            "theta": shown(greeks.theta, 5),
            "rho": shown(greeks.rho, 5),
        }
    return wire


def book_summary_object(ticker: Ticker, instrument: Instrument) -> Wire:
    """One row of get_book_summary (captured 2022-06); absent figures are null here, not 0.0."""
    bid, ask = number_or_null(ticker.touch.bid_native), number_or_null(ticker.touch.ask_native)
    digits = price_digits(instrument)
    wire: Wire = {
        "instrument_name": ticker.instrument,
        "base_currency": instrument.base,
        "quote_currency": _quote_currency(instrument),
        "creation_timestamp": ms_from_ns(ticker.time_ns),
        "bid_price": bid,
        "ask_price": ask,
        "mid_price": None if bid is None or ask is None else shown((bid + ask) / 2.0, digits),
        "mark_price": shown(ticker.mark_native, digits),
        "last": number_or_null(ticker.last_native),
        "high": number_or_null(ticker.high_native),
        "low": number_or_null(ticker.low_native),
        "price_change": ticker.price_change_percent,
        "volume": shown(ticker.volume_coin, 8),
        "volume_usd": shown(ticker.volume_usd, 2),
        "open_interest": number(ticker.open_interest_native),
        "estimated_delivery_price": shown_usd(ticker.estimated_delivery_usd),
    }
    if instrument.is_option:
        wire["underlying_price"] = shown_usd(ticker.forward_usd or 0.0)
        wire["underlying_index"] = ticker.forward_name or "index_price"
        wire["interest_rate"] = 0.0
        wire["mark_iv"] = shown(ticker.iv_mark_percent or 0.0, 2)
    else:
        wire["volume_notional"] = wire["volume_usd"]
    if instrument.kind is Kind.PERPETUAL:
        wire["current_funding"] = shown(ticker.funding_rate_current_8h or 0.0, 8)
        wire["funding_8h"] = shown(ticker.funding_rate_past_8h or 0.0, 8)
    return wire


def quote_object(instrument: str, time_ns: Ns, touch: Touch) -> Wire:
    """`quote` channel."""
    return {"timestamp": ms_from_ns(time_ns), "instrument_name": instrument} | touch_fields(touch)


def levels(side: Levels) -> list[list[float]]:
    """Price and amount pairs."""
    return [[number(price), number(amount)] for price, amount in side]


def order_book_object(ticker: Wire, bids: Levels, asks: Levels, change_id: int) -> Wire:
    """get_order_book: the ticker with the levels."""
    return ticker | {"change_id": change_id, "bids": levels(bids), "asks": levels(asks)}


def currencies_of(instruments: Iterable[Instrument]) -> tuple[str, ...]:
    """Currencies an account can hold at a venue with these instruments."""
    return tuple(sorted({instrument.settlement_currency for instrument in instruments}))
