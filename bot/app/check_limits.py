"""Limits of a book against what its venue lists, what the account holds and what it is worth: plausible or not.

Pure: says what could never work, and what to mind; asks nobody anything.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from bot.book import BookParams
from bot.domain.errors import ConfigError
from bot.domain.ids import DERIBIT, venue_of
from bot.domain.instruments import Instrument
from bot.domain.seen import PositionSeen
from bot.domain.units import coin_from_amount, float_from_decimal
from bot.venues.budget import OrderRate

_LEVERAGE_MAX: Final = 20.0
"""A perpetual of the size of a book asks for some per cent of margin; beyond this the venue refuses first."""
_TAKER_FEE_MAX: Final = 0.002
"""Four times the dearest tier of any venue here (exchange facts 0.4, 4)."""


class Seen(Struct, frozen=True, kw_only=True):
    """What a look found about a book's hedge."""

    hedges: tuple[Instrument, ...]
    """As listed, those at the venue that was looked at."""
    price_usd: float
    held: tuple[PositionSeen, ...] = ()
    """Of the account, all instruments."""
    equity_usd: float | None = None
    """Of the account at that venue; None: not told."""


def refuse_idle(book: BookParams, seen: Seen) -> str:
    """What the limits come to at the venue, in words; ConfigError where no hedge could ever be sent."""
    key, limits = f"books.{book.book.lower()}.limits", book.limits
    for spec in seen.hedges:
        lot_usd = _lot_coin(spec, seen.price_usd) * seen.price_usd
        for name, value in (
            ("order_usd_max", limits.order_usd_max),
            ("hedge_position_usd_max", limits.hedge_position_usd_max),
        ):
            if value < lot_usd:
                raise ConfigError(
                    f"{key}.{name}: {value:,.6g} USD is less than one lot of {spec.id}, {lot_usd:,.6g} USD: no hedge "
                    "could ever be sent; raise it"
                )
    sizes = f"orders up to {limits.order_usd_max:,.6g} USD, position up to {limits.hedge_position_usd_max:,.6g} USD"
    return f"{sizes}, at {seen.price_usd:,.6g} USD a coin"


def to_mind(book: BookParams, seen: Seen) -> tuple[str, ...]:
    """What would start and probably is not meant, each with its next step."""
    return tuple(_minded(book, seen))


def _minded(book: BookParams, seen: Seen) -> Iterable[str]:
    key, limits, price_usd = f"books.{book.book.lower()}", book.limits, seen.price_usd
    least = max(*(_lot_coin(spec, price_usd) for spec in seen.hedges), book.trade_coin_min)
    if limits.delta_coin_worst_max <= least:
        yield (
            f"{key}.limits.delta_coin_worst_max: {limits.delta_coin_worst_max:g} coin is no more than the smallest "
            f"hedge, {least:g}; raise it, or lower band.trade_coin_min"
        )
    need_coin = _largest_delta_coin(seen.held, seen.hedges)
    if need_coin * price_usd > limits.hedge_position_usd_max:
        yield (
            f"{key}.limits.hedge_position_usd_max: the options held need a hedge of up to {need_coin:,.6g} coin, "
            f"{need_coin * price_usd:,.0f} USD; beyond {limits.hedge_position_usd_max:,.0f} the rest stays open"
        )
    if seen.equity_usd is not None and limits.hedge_position_usd_max > _LEVERAGE_MAX * seen.equity_usd:
        yield (
            f"{key}.limits.hedge_position_usd_max: {limits.hedge_position_usd_max:,.0f} USD is over "
            f"{_LEVERAGE_MAX:g} times the account's equity of {seen.equity_usd:,.0f}, and margin ends first; lower it"
        )
    for spec in seen.hedges:
        if not 0.0 < float_from_decimal(spec.fee_rate_taker) <= _TAKER_FEE_MAX:
            yield (
                f"{spec.id}: a taker fee of {1e4 * float_from_decimal(spec.fee_rate_taker):g} bp is unusual, and the "
                "band follows it; look at the account's tier"
            )
    most = round(60.0 * OrderRate().per_s)
    if limits.orders_per_minute_max > most and any(venue_of(spec.id) == DERIBIT for spec in seen.hedges):
        yield (
            f"{key}.limits.orders_per_minute_max: {limits.orders_per_minute_max} is more than {DERIBIT} takes of the "
            f"lowest tier, {most}; lower it"
        )


def _lot_coin(spec: Instrument, price_usd: float) -> float:
    return coin_from_amount(spec, spec.lot_native, price_usd)


def _largest_delta_coin(held: Iterable[PositionSeen], hedges: Sequence[Instrument]) -> float:
    """The larger net delta of the options held at either end of prices: all calls at 1, or all puts at -1."""
    bases = {spec.base for spec in hedges}
    calls = puts = 0.0
    for position in held:
        parts = position.instrument.split("-")
        if len(parts) != 4 or parts[0].partition("_")[0] not in bases:
            continue
        amount = float_from_decimal(position.amount_native)
        calls, puts = (calls + amount, puts) if parts[3] == "C" else (calls, puts + amount)
    return max(abs(calls), abs(puts))
