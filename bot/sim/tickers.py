"""What a ticker shows of one instrument: touch, mark, band, volatilities, greeks, funding.

Reads a pit and its mark, changes nothing.
"""

from decimal import Decimal
from typing import Final

from msgspec import structs

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.domain.units import float_from_decimal
from bot.sim.book import BookSide, Grid
from bot.sim.facts import OptionGreeks, Quote, Ticker, Touch
from bot.sim.market import Market
from bot.sim.marks import Funding
from bot.sim.pit import Mark, Pit
from bot.sim.valuation import iv_of_price, ticker_greeks

_BAND_SHARE: Final = 0.015
"""Perpetuals and futures trade within ±1.5 % of the mark (exchange facts 2.6)."""
_BAND_OPTION_SHARE: Final = 0.04
"""Options within four hundredths of a coin of the mark: about what recorded tickers show."""
_OPEN_INTEREST_LOTS: Final = 1000
_OPTION_GREEK_DIGITS: Final = 5


def band_units(pit: Pit, mark: Mark) -> tuple[int, int]:
    """Lowest and highest price an order may trade at, in units."""
    grid = pit.grid
    row = mark.row
    if row is not None and row.price_min_native is not None and row.price_max_native is not None:
        return grid.ceil_units(row.price_min_native), grid.floor_units(row.price_max_native)
    told = mark.told
    if told is not None and told.price_min_native is not None and told.price_max_native is not None:
        return grid.ceil_units(told.price_min_native), grid.floor_units(told.price_max_native)
    if not pit.instrument.is_option:
        width = mark.mark_native * _BAND_SHARE
        return grid.ceil_units(mark.mark_native - width), grid.floor_units(mark.mark_native + width)
    width = _BAND_OPTION_SHARE * (1.0 if pit.instrument.is_inverse else mark.index_usd)
    return max(1, grid.ceil_units(mark.mark_native - width)), grid.floor_units(mark.mark_native + width)


def touch_of(pit: Pit) -> Touch:
    """Best prices with all that rests there."""
    bid, bid_amount = _best(pit.grid, pit.book.bids)
    ask, ask_amount = _best(pit.grid, pit.book.asks)
    return Touch(bid_native=bid, bid_amount_native=bid_amount, ask_native=ask, ask_amount_native=ask_amount)


def _best(grid: Grid, side: BookSide) -> tuple[Decimal | None, Decimal | None]:
    units = side.best()
    return (None, None) if units is None else (grid.price(units), grid.amount(side.levels[units].lots))


def quote_of(pit: Pit, mark: Mark, now_ns: Ns, funding: Funding | None) -> Quote:
    """What one trades by of an instrument whose book is quoted and whose mark is current."""
    low, high = band_units(pit, mark)
    instrument, row = pit.instrument, mark.row
    assert mark.at_ns == now_ns, f"mark of {instrument.id} is of another moment"
    return Quote(
        instrument=instrument.id,
        time_ns=now_ns if row is None else row.time_ns,
        state=pit.state,
        touch=touch_of(pit),
        mark_native=mark.mark_native,
        index_usd=mark.index_usd,
        price_min_native=pit.grid.price(low),
        price_max_native=pit.grid.price(high),
        volume_usd=0.0 if pit.volume is None else pit.volume.at(now_ns)[1],
        estimated_delivery_usd=_estimated_delivery_usd(pit, mark),
        forward_usd=mark.forward_usd if instrument.is_option else None,
        iv_mark_percent=None if mark.iv is None else round(mark.iv * 100.0, 2),
        iv_bid_percent=_quote_iv_percent(pit, mark, pit.book.bids),
        iv_ask_percent=_quote_iv_percent(pit, mark, pit.book.asks),
        funding_rate_current_8h=None if funding is None else funding.rate_8h,
    )


def ticker_of(pit: Pit, mark: Mark, market: Market, now_ns: Ns, funding: Funding | None) -> Ticker:
    """The whole ticker: a quote and what else is shown."""
    instrument, row = pit.instrument, mark.row
    return Ticker(
        **structs.asdict(quote_of(pit, mark, now_ns, funding)),
        last_native=_last_native(pit, mark),
        open_interest_native=_open_interest_native(pit, mark),
        settlement_native=pit.settlement_native
        if row is None or row.settlement_native is None
        else row.settlement_native,
        high_native=pit.high_native,
        low_native=pit.low_native,
        price_change_percent=_change_percent(pit),
        volume_coin=0.0 if pit.volume is None else pit.volume.at(now_ns)[0],
        forward_name=_forward_name(instrument, market),
        greeks=_greeks(instrument, mark),
        funding_rate_past_8h=None if funding is None else funding.rate_8h_trailing,
        interest_value=None if funding is None else funding.rate_8h * 100.0,
    )


def _last_native(pit: Pit, mark: Mark) -> Decimal | None:
    """Last trade here; before one, the recorded one."""
    if pit.last_native is not None or mark.row is None or mark.row.last_native is None:
        return pit.last_native
    return pit.grid.price(round(mark.row.last_native / pit.grid.tick_float))


def _open_interest_native(pit: Pit, mark: Mark) -> Decimal:
    """As recorded; a made-up steady figure in a drawn world."""
    if mark.row is not None and mark.row.open_interest_native is not None:
        return pit.grid.amount(round(mark.row.open_interest_native / pit.grid.lot_float))
    return pit.grid.amount(_OPEN_INTEREST_LOTS + pit.salt_seed % _OPEN_INTEREST_LOTS)


def _forward_name(instrument: Instrument, market: Market) -> str | None:
    if not instrument.is_option or instrument.expiry_ns is None:
        return None
    return market.forward_name(instrument.base, instrument.expiry_ns)


def _estimated_delivery_usd(pit: Pit, mark: Mark) -> float:
    """The index, but for what expires within the window, where the estimate is the forward."""
    if pit.delivery_usd is not None:
        return pit.delivery_usd
    return mark.forward_usd if mark.moving_share < 1.0 else mark.index_usd


def _change_percent(pit: Pit) -> float | None:
    if pit.first_native is None or pit.last_native is None:
        return None
    first, last = float_from_decimal(pit.first_native), float_from_decimal(pit.last_native)
    return round((last / first - 1.0) * 100.0, 4)


def _quote_iv_percent(pit: Pit, mark: Mark, side: BookSide) -> float | None:
    """Volatility of the best quote; None without a quote, at or below intrinsic value, or off scale."""
    item, row = pit.instrument, mark.row
    if not item.is_option:
        return None
    if row is not None and row.has_quote_ivs:
        return row.iv_bid_percent if side.is_bid else row.iv_ask_percent
    units = side.best()
    if units is None or mark.iv is None or item.strike_usd is None or item.is_call is None:
        return None
    price_usd = units * pit.grid.tick_float * (mark.forward_usd if item.is_inverse else 1.0)
    iv = iv_of_price(
        price_usd, mark.forward_usd, item.strike_usd, mark.tau_years, is_call=item.is_call, iv_start=mark.iv
    )
    return None if iv is None else round(iv * 100.0, 2)


def _greeks(item: Instrument, mark: Mark) -> OptionGreeks | None:
    """Rounded as the venue rounds them; None where there is no volatility."""
    if item.strike_usd is None or item.is_call is None or mark.iv is None:
        return None
    raw = ticker_greeks(mark.forward_usd, item.strike_usd, mark.iv, mark.tau_years, is_call=item.is_call)
    return OptionGreeks(
        # The mark's delta, because it is the one that decays in the settlement window.
        delta=round(mark.delta_per_unit, _OPTION_GREEK_DIGITS),
        gamma=round(raw.gamma, _OPTION_GREEK_DIGITS),
        vega=round(raw.vega, _OPTION_GREEK_DIGITS),
        theta=round(raw.theta, _OPTION_GREEK_DIGITS),
        rho=round(raw.rho, _OPTION_GREEK_DIGITS),
    )
