"""Log lines as a human reads them: hedges and fills in sentences, the rest as name and values.

Knows fields of the catalogue; decides nothing about what is told.
"""

from collections.abc import Callable, Mapping
from typing import Final

from bot.domain.ids import InstrumentId, base_of
from bot.domain.time import Ns, iso_utc

_Fields = Mapping[str, object]

_COLOURS: Final = {"debug": "\x1b[2m", "info": "", "warning": "\x1b[33m", "error": "\x1b[31m"}
_HEDGE_COLOUR: Final = "\x1b[32m"
_RESET: Final = "\x1b[0m"
_NAME_WIDTH: Final = 18
_MILLISECONDS_END: Final = len("2026-03-27T08:00:00.000")
_HIDDEN: Final = frozenset({"ts_ns", "level", "event", "run_id", "venue", "seq"})
"""Known to whoever looks at a terminal, or only needed by machines."""
_FIGURES: Final = {"loss": "loss {:,.0f} USD", "delta": "net delta {:+.4f}", "margin": "margin {:.0%} of equity"}
"""Of the ladder's rungs."""


class Renderer:
    """Last processor of a terminal's log."""

    def __init__(self, *, in_colour: bool) -> None:
        """Colour for terminals only, never into files."""
        self._in_colour = in_colour

    def __call__(self, logger: object, level: str, fields: _Fields) -> str:
        """One line."""
        del logger
        event = str(fields["event"])
        sentence = _SENTENCES.get(event, _plain)(fields)
        moment = f"{iso_utc(Ns(_int(fields, 'ts_ns')))[:_MILLISECONDS_END]}Z"
        line = f"{moment} {level:<7} {event:<{_NAME_WIDTH}} {sentence}".rstrip()
        colour = _HEDGE_COLOUR if event == "hedge.decided" else _COLOURS.get(level, "")
        return f"{colour}{line}{_RESET}" if self._in_colour and colour else line


def _decided(fields: _Fields) -> str:
    trade = _float(fields, "trade_coin") or 0.0
    coin = _coin_of(fields)
    verb = "bought" if trade > 0 else "sold"
    parts = [
        f"{verb} {_size(abs(trade))} {coin} of {fields.get('instrument')}: {_against_band(fields)}",
        _gamma(fields, coin),
        _price(fields),
        f"reason {fields.get('reason')}",
    ]
    return "; ".join(part for part in parts if part)


def _skipped(fields: _Fields) -> str:
    return _with_detail(f"no hedge ({fields.get('reason')}): {_against_band(fields)}", fields)


def _refused(fields: _Fields) -> str:
    return _with_detail(f"will not hedge ({fields.get('reason')}): {_against_band(fields)}", fields)


def _with_detail(text: str, fields: _Fields) -> str:
    detail = f"; {fields['detail']}" if fields.get("detail") else ""
    return f"{text}{detail}{_repeats(fields)}"


def _repeats(fields: _Fields) -> str:
    count = fields.get("repeats")
    return f" (and {count} times before)" if count else ""


def _against_band(fields: _Fields) -> str:
    """`net delta (usd) +0.164 above band [-0.100, +0.100], to +0.100`."""
    net, low, high = (_float(fields, key) for key in ("delta_coin_net", "band_low_coin", "band_high_coin"))
    if net is None:
        return "net delta unknown"
    text = f"net delta ({fields.get('convention')}) {_signed(net)}{_interval(fields)}"
    if low is None or high is None:
        return f"{text}, no band"
    place = "above" if net > high else "below" if net < low else "inside"
    target = _float(fields, "target_coin")
    aim = "" if target is None else f", to {_signed(target)}"
    return f"{text} {place} band [{_signed(low)}, {_signed(high)}]{aim}"


def _interval(fields: _Fields) -> str:
    low, high = _float(fields, "delta_coin_low"), _float(fields, "delta_coin_high")
    if low is None or high is None or high - low < 5e-4:
        return ""
    return f" (between {_signed(low)} and {_signed(high)})"


def _gamma(fields: _Fields, coin: str) -> str:
    gamma = _float(fields, "gamma_coin_per_usd")
    price = _float(fields, "price_usd")
    if gamma is None or price is None:
        return ""
    return f"gamma {_signed(gamma * price * 0.01)} {coin} per 1 % move"


def _price(fields: _Fields) -> str:
    price = _float(fields, "price_usd")
    return "" if price is None else f"price {price:,.2f} USD"


def _sent(fields: _Fields) -> str:
    amount = str(fields.get("amount_native"))
    side, bound = ("sell", "at least") if amount.startswith("-") else ("buy", "at most")
    what = f"{amount.lstrip('-')} {fields.get('instrument')}"
    return f"{side} {what}, {bound} {fields.get('price_native')} ({fields.get('label')})"


def _filled(fields: _Fields) -> str:
    amount = str(fields.get("amount_native"))
    verb = "sold" if amount.startswith("-") else "bought"
    slippage = _float(fields, "slippage_usd")
    parts = [
        f"{verb} {amount.lstrip('-')} {fields.get('instrument')} at {fields.get('price_native')}",
        f"fee {fields.get('fee_native')} {fields.get('fee_currency')}",
        f"position now {fields.get('position_native')}",
        "" if slippage is None else f"slippage {slippage:+.2f} USD",
    ]
    return "; ".join(part for part in parts if part)


def _ladder(fields: _Fields) -> str:
    """`worst: loss 50,000 USD at spot -20 %, volatility +10 points; profit by spot: -20 % -40,000, ... USD`."""
    worst, ends = fields.get("worst"), fields.get("pnl_usd_by_spot")
    if not isinstance(worst, dict) or not isinstance(ends, dict):
        return _plain(fields)
    rungs = [
        f"{_FIGURES.get(name, f'{name} {{:.4g}}').format(at['figure'])} at spot {at['spot_share']:+.0%}, "
        f"volatility {at['iv_move'] * 100:+.0f} points"
        for name, at in worst.items()
    ]
    steps = ", ".join(f"{float(share):+.0%} {profit:+,.0f}" for share, profit in ends.items())
    return f"worst: {'; '.join(rungs) or 'not known'}; profit by spot: {steps} USD"


def _plain(fields: _Fields) -> str:
    return " ".join(f"{key}={value}" for key, value in fields.items() if key not in _HIDDEN and value not in (None, ""))


_SENTENCES: Final[dict[str, Callable[[_Fields], str]]] = {
    "hedge.decided": _decided,
    "hedge.skipped": _skipped,
    "hedge.refused": _refused,
    "order.sent": _sent,
    "order.filled": _filled,
    "ladder.measured": _ladder,
}


def _coin_of(fields: _Fields) -> str:
    return base_of(InstrumentId(str(fields.get("instrument")))) or "coins"


def _float(fields: _Fields, key: str) -> float | None:
    value = fields.get(key)
    return value if isinstance(value, float) else None


def _int(fields: _Fields, key: str) -> int:
    value = fields.get(key)
    return value if isinstance(value, int) else 0


def _signed(value: float) -> str:
    """Three decimals, more for small sizes."""
    return f"{value:+.3f}" if value == 0.0 or abs(value) >= 0.01 else f"{value:+.5f}"


def _size(value: float) -> str:
    return f"{value:.3f}" if value >= 0.01 else f"{value:.5f}"
