"""Public methods about the past: charts, funding by the hour, volatility; one function each.

The past begins when the exchange opened. Knows no account and no socket.
"""

import math
from itertools import pairwise
from typing import Final

from bot.domain.instruments import Kind
from bot.domain.time import ms_from_ns, ns_from_ms
from bot.localex.calls import Call
from bot.localex.candles import BARS_MAX, Print, candles
from bot.localex.channels import RESOLUTIONS_MIN, VOLATILITY_INDICES
from bot.localex.chronicle import Sample
from bot.localex.rpc import Params, invalid_param
from bot.localex.wire import Wire, shown, shown_usd

_SECOND_MS, _MINUTE_MS, _HOUR_MS, _DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000
_YEAR_MS: Final = 365 * _DAY_MS
_VOLATILITY_STEPS_MS: Final = {
    **{str(seconds): seconds * _SECOND_MS for seconds in (1, 60, 3_600, 43_200)},
    "1D": _DAY_MS,
}
_VOLATILITY_ROWS_MAX: Final = 1_000
_FUNDING_ROWS_MAX: Final = 744
"""A month of hours (what clients found the venue to send at most)."""
_CHART_LENGTHS_MS: Final = {"8h": 8 * _HOUR_MS, "24h": _DAY_MS, "1m": 30 * _DAY_MS}


def _period_ms(params: Params) -> tuple[int, int]:
    """Bounds that must be there, in order."""
    bounds: list[int] = []
    for name in ("start_timestamp", "end_timestamp"):
        value = params.integer_or_none(name)
        if value is None:
            raise invalid_param(name, "value required")
        bounds.append(value)
    if bounds[1] < bounds[0]:
        raise invalid_param("end_timestamp", "must not be before start_timestamp")
    return bounds[0], bounds[1]


def get_tradingview_chart_data(call: Call) -> object:
    """Bars of the public trades of one instrument, as columns; `no_data` before the first."""
    params, instrument = call.params, call.venue.instrument(call.params)
    start_ms, end_ms = _period_ms(params)
    params.text("resolution")
    word = params.choice("resolution", tuple(RESOLUTIONS_MIN), "1")
    prints = call.venue.chronicle.prints(instrument)
    until_ms = min(end_ms, ms_from_ns(call.exchange.now_ns))
    bars = candles(prints, start_ms, until_ms, RESOLUTIONS_MIN[word] * _MINUTE_MS)
    return {
        "status": "ok" if bars else "no_data",
        "ticks": [bar.time_ms for bar in bars],
        "open": [bar.open for bar in bars],
        "high": [bar.high for bar in bars],
        "low": [bar.low for bar in bars],
        "close": [bar.close for bar in bars],
        "volume": [shown(bar.volume, 8) for bar in bars],
        "cost": [shown(bar.cost, 8) for bar in bars],
    }


def get_mark_price_history(call: Call) -> object:
    """Nothing: the venue keeps it for options its volatility index is made of, and none of ours is one."""
    call.venue.instrument(call.params)
    _period_ms(call.params)
    return []


def get_volatility_index_data(call: Call) -> object:
    """Bars of the volatility index; `continuation` is the end of the page before."""
    params, currency = call.params, call.venue.currency(call.params)
    start_ms, end_ms = _period_ms(params)
    params.text("resolution")
    step_ms = _VOLATILITY_STEPS_MS[params.choice("resolution", tuple(_VOLATILITY_STEPS_MS), "60")]
    until_ms = min(end_ms, ms_from_ns(call.exchange.now_ns))
    prints = [Print(sample.time_ms, sample.volatility_percent) for sample in _samples_of(call, currency)]
    bars = candles(prints, start_ms, until_ms, step_ms)
    rows = [[bar.time_ms, bar.open, bar.high, bar.low, bar.close] for bar in bars[-_VOLATILITY_ROWS_MAX:]]
    has_more = len(bars) > _VOLATILITY_ROWS_MAX or len(bars) == BARS_MAX
    return {"data": rows, "continuation": rows[0][0] - step_ms if has_more else None}


def _samples_of(call: Call, currency: str) -> list[Sample]:
    """Samples of the coin's index, where it has a volatility index."""
    index_name = f"{currency.lower()}_usd"
    return call.venue.chronicle.samples(index_name) if index_name in VOLATILITY_INDICES else []


def get_historical_volatility(call: Call) -> object:
    """Realised volatility of each full hour from the minutes in it, percent a year, oldest first."""
    samples = _samples_of(call, call.venue.currency(call.params))
    squares: dict[int, float] = {}
    elapsed_ms: dict[int, int] = {}
    for before, after in pairwise(samples):
        hour = after.time_ms // _HOUR_MS
        squares[hour] = squares.get(hour, 0.0) + math.log(after.index_usd / before.index_usd) ** 2
        elapsed_ms[hour] = elapsed_ms.get(hour, 0) + after.time_ms - before.time_ms
    now_hour = ms_from_ns(call.exchange.now_ns) // _HOUR_MS
    return [
        [(hour + 1) * _HOUR_MS, 100.0 * math.sqrt(squares[hour] * _YEAR_MS / elapsed_ms[hour])]
        for hour in squares
        if hour < now_hour
    ]


def get_funding_rate_history(call: Call) -> object:
    """Funding of a perpetual at each full hour the exchange saw from its beginning, oldest first."""
    name, index_name = _perpetual(call)
    start_ms, end_ms = _period_ms(call.params)
    samples = {sample.time_ms // _MINUTE_MS * _MINUTE_MS: sample for sample in call.venue.chronicle.samples(index_name)}
    rows: list[Wire] = []
    for time_ms, sample in samples.items():
        before = samples.get(time_ms - _HOUR_MS)
        if time_ms % _HOUR_MS == 0 and before is not None and start_ms <= time_ms <= end_ms:
            rows.append(
                {
                    "timestamp": time_ms,
                    "index_price": shown_usd(sample.index_usd),
                    "prev_index_price": shown_usd(before.index_usd),
                    "interest_1h": _interest(call, name, time_ms - _HOUR_MS, time_ms),
                    "interest_8h": _interest(call, name, time_ms - 8 * _HOUR_MS, time_ms),
                }
            )
    return rows[-_FUNDING_ROWS_MAX:]


def get_funding_chart_data(call: Call) -> object:
    """Funding of a perpetual over the last 8 hours, day or month, by the minute or the hour."""
    name, index_name = _perpetual(call)
    call.params.text("length")
    length_ms = _CHART_LENGTHS_MS[call.params.choice("length", tuple(_CHART_LENGTHS_MS), "8h")]
    now_ms, step_ms = ms_from_ns(call.exchange.now_ns), _HOUR_MS if length_ms > _DAY_MS else _MINUTE_MS
    ticker = call.exchange.ticker(name)
    rows = [
        {
            "timestamp": sample.time_ms,
            "index_price": shown_usd(sample.index_usd),
            "interest_8h": _interest(call, name, sample.time_ms - 8 * _HOUR_MS, sample.time_ms),
        }
        for sample in call.venue.chronicle.samples(index_name)
        if sample.time_ms >= now_ms - length_ms and sample.time_ms % step_ms < _MINUTE_MS
    ]
    return {
        "current_interest": shown(ticker.funding_rate_current_8h or 0.0, 8),
        "interest_8h": shown(ticker.funding_rate_past_8h or 0.0, 8),
        "data": rows,
    }


def _perpetual(call: Call) -> tuple[str, str]:
    """Name and index of the perpetual a call names; -32602 for anything else."""
    instrument = call.venue.instrument(call.params)
    if instrument.kind is not Kind.PERPETUAL:
        raise invalid_param("instrument_name", "not a perpetual")
    return instrument.id, instrument.index_name


def _interest(call: Call, name: str, start_ms: int, end_ms: int) -> float:
    return call.exchange.funding_interest(name, ns_from_ms(start_ms), ns_from_ms(end_ms))
