"""Public methods about what is listed beside instruments: expirations, combos, index names, notices, settlements.

One function each. Knows no account and no socket. What this exchange does not have is an empty list, not an error.
"""

from typing import Final

from bot.domain.time import Ns, expiry_code, ms_from_ns
from bot.localex.calls import Call
from bot.localex.channels import CURRENCIES
from bot.localex.rpc import invalid_param
from bot.localex.wire import currency_of, kind_of, shown, shown_usd

_RANGES_MS: Final = {
    "1h": 3_600_000,
    "1d": 86_400_000,
    "2d": 2 * 86_400_000,
    "1m": 30 * 86_400_000,
    "1y": 365 * 86_400_000,
    "all": 2**62,
}
_SETTLEMENT_TYPES: Final = ("settlement", "delivery", "bankruptcy")


def get_expirations(call: Call) -> object:
    """Codes of the expiries that can be traded, soonest first, by kind; under the currency where one is named."""
    currency = call.params.choice("currency", (*CURRENCIES, "grouped"), "any")
    kind = call.params.choice("kind", ("future", "option", "any"), "any")
    kinds = ("option", "future") if kind == "any" else (kind,)
    if currency == "any":
        return _by_kind(call, kinds, CURRENCIES)
    if currency == "grouped":
        return {name.lower(): _by_kind(call, kinds, (name,)) for name in call.venue.currencies}
    return {currency.lower(): _by_kind(call, kinds, (currency,))}


def _by_kind(call: Call, kinds: tuple[str, ...], currencies: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, dict[Ns, None]] = {kind: {} for kind in kinds}
    perpetuals: set[str] = set()
    for item in call.exchange.instruments():
        kind = kind_of(item)
        is_wanted = kind in found and currency_of(item) in currencies
        if not is_wanted or call.exchange.instrument_state(item.id) != "open":
            continue
        if item.expiry_ns is None:
            perpetuals.add(kind)
        else:
            found[kind][item.expiry_ns] = None
    codes = {kind: [expiry_code(expiry_ns) for expiry_ns in sorted(found[kind])] for kind in kinds}
    return {kind: [*codes[kind], *(["PERPETUAL"] if kind in perpetuals else [])] for kind in kinds}


def get_combos(call: Call) -> object:
    """None are listed."""
    call.params.choice("currency", CURRENCIES, "any")
    return []


def get_announcements(_call: Call) -> object:
    """Nobody announces anything."""
    return []


def get_supported_index_names(call: Call) -> object:
    """Names of all indices; all are of derivatives."""
    kind = call.params.choice("type", ("all", "spot", "derivative"), "all")
    return [] if kind == "spot" else list(call.exchange.index_names())


def get_index_chart_data(call: Call) -> object:
    """An index by the minute, over a time that ends now; oldest first."""
    index_name = call.params.text("index_name")
    if index_name not in call.exchange.index_names():
        raise invalid_param("index_name", "wrong format")
    call.params.text("range")
    since_ms = ms_from_ns(call.exchange.now_ns) - _RANGES_MS[call.params.choice("range", tuple(_RANGES_MS), "1h")]
    samples = call.venue.chronicle.samples(index_name)
    return [[sample.time_ms, shown_usd(sample.index_usd)] for sample in samples if sample.time_ms >= since_ms]


def get_trade_volumes(call: Call) -> object:
    """Coins traded by currency and kind since the exchange opened."""
    totals = {name: {"calls_volume": 0.0, "puts_volume": 0.0, "futures_volume": 0.0} for name in call.venue.currencies}
    for item in call.exchange.instruments():
        kind = "futures_volume" if not item.is_option else "calls_volume" if item.is_call else "puts_volume"
        totals[currency_of(item)][kind] += call.exchange.ticker(item.id).volume_coin
    return [
        {"currency": name, "spot_volume": 0.0} | {kind: shown(coins, 8) for kind, coins in volumes.items()}
        for name, volumes in totals.items()
    ]


def get_last_settlements_by_instrument(call: Call) -> object:
    """Settlements of others are not told."""
    call.venue.instrument(call.params)
    return _no_settlements(call)


def get_last_settlements_by_currency(call: Call) -> object:
    """Settlements of others are not told."""
    call.venue.currency(call.params)
    return _no_settlements(call)


def _no_settlements(call: Call) -> object:
    call.params.choice("type", _SETTLEMENT_TYPES, "settlement")
    return {"settlements": [], "continuation": "none"}
