"""The forward of an expiry, where it is from and how old it is.

Knows what was seen; must not know positions. The default is what the options' own tickers say: the venue's mark
volatility belongs to that forward, and its greeks are on it (theory 1.2, exchange facts 2.3). A listed future of the
same expiry may be preferred to it; each stands in for the other where one is not known, and put-call parity for both.
"""

import enum
import math

from msgspec import Struct

from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.market.view import MarketView
from bot.pricing.chain_quotes import parity_forward


class ForwardSource(enum.StrEnum):
    """What said it."""

    OPTIONS = "options"
    """`underlying_price` of the newest option ticker that is believed."""
    FUTURE = "future"
    """Mark of the listed future of the same expiry."""
    PARITY = "parity"
    """Calls against puts at the tightest strikes seen."""


class Forward(Struct, frozen=True):
    """Forward and index of one message; `received_ns` is when it came, of parity that of its oldest quote."""

    usd: float
    index_usd: float | None
    source: ForwardSource
    received_ns: Ns


def chosen(
    view: MarketView, index_name: str, expiry_ns: Ns, now_ns: Ns, preferred: ForwardSource = ForwardSource.OPTIONS
) -> Forward | None:
    """The forward of an expiry by the preferred source, else by the next one that knows it; None where none does."""
    told = view.newest_of(index_name, expiry_ns)
    if told is not None and preferred is ForwardSource.OPTIONS:
        assert told.forward_usd is not None, "a ticker without a forward was kept"
        return Forward(told.forward_usd, told.index_usd, ForwardSource.OPTIONS, told.received_ns)
    listed = _of_future(view, index_name, expiry_ns, now_ns)
    if listed is not None:
        return listed
    if told is not None:
        return chosen(view, index_name, expiry_ns, now_ns)
    return _by_parity(view, index_name, expiry_ns)


def _of_future(view: MarketView, index_name: str, expiry_ns: Ns, now_ns: Ns) -> Forward | None:
    """The listed future's mark, while it can be trusted."""
    name = view.dated.get((index_name, expiry_ns))
    if name is None or view.future_verdict(name, now_ns) is not None:
        return None
    marked = view.futures[name]
    assert marked.mark_usd is not None, "a future without a mark was trusted"
    return Forward(marked.mark_usd, marked.index_usd, ForwardSource.FUTURE, marked.received_ns)


def _by_parity(view: MarketView, index_name: str, expiry_ns: Ns) -> Forward | None:
    """From coin prices of calls and puts seen of the expiry; only of options that are settled in coins."""
    calls: dict[float, Instrument] = {}
    puts: dict[float, Instrument] = {}
    for name in view.options:
        spec = view.instruments[name]
        if spec.index_name == index_name and spec.expiry_ns == expiry_ns and spec.is_inverse:
            assert spec.strike_usd is not None, f"option {name} has no strike"
            (calls if spec.is_call else puts)[spec.strike_usd] = spec
    strikes = sorted(calls.keys() & puts.keys())
    if not strikes:
        return None
    seen = [(view.options[calls[strike].id], view.options[puts[strike].id]) for strike in strikes]
    usd = parity_forward(
        strikes,
        [call.bid_native or math.nan for call, _ in seen],
        [call.ask_native or math.nan for call, _ in seen],
        [put.bid_native or math.nan for _, put in seen],
        [put.ask_native or math.nan for _, put in seen],
    )
    if usd is None:
        return None
    newest = max((marked for pair in seen for marked in pair), key=lambda marked: marked.received_ns)
    oldest_ns = min(marked.received_ns for pair in seen for marked in pair)
    return Forward(usd, newest.index_usd, ForwardSource.PARITY, oldest_ns)
