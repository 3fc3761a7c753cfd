"""The same money told several ways by one account message, and by the messages before: where they differ is doubt.

Knows figures of messages and what may have moved them between; must not know a convention or what is hedged.

Of one message (exchange facts 2.3, checked on the account summaries recorded; equity E, value of options O):

    E = balance + floating profit of futures + realised profit of the session + O
    O = sum of delta_total_map - delta_total           but for premium that decays in the settlement window

Some venues book realised profit at once, Deribit at 08:00: both are honest. From one message to the next E - O moves
by what futures gain, what fills cost, and money somebody brings or takes: the last is believed once told again.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bot.domain.events import AccountSeen, Filled
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.units import coin_from_amount, float_from_decimal
from bot.market.leaps import AGREED_COUNT

DIGITS_COIN: Final = 1e-4
"""Figures of one message are rounded to five decimals and better; a hundred-thousandth of many legs adds up."""


class Told(NamedTuple):
    """A figure between the ways it is told; `because` names them where they differ."""

    low_native: float
    high_native: float
    because: str = ""


def equity(seen: AccountSeen) -> Told:
    """Of the account, its currency."""
    told, profit, value = seen.equity_native, seen.futures_profit_native, seen.options_value_native
    if profit is None or value is None:
        return Told(told, told)
    parts, realised = seen.balance_native + profit + value, seen.session_realized_native or 0.0
    nearest = min(max(told, parts + min(realised, 0.0)), parts + max(realised, 0.0))
    if abs(told - nearest) <= _digits(seen):
        return Told(told, told)
    text = f"equity {told:.4f}, its parts {parts:.4f} {seen.currency}"
    return Told(min(told, nearest), max(told, nearest), text)


def options_value(seen: AccountSeen, told_coin: float, expiring_coin: float) -> Told:
    """Coins that the options are worth, in an account of coins; `expiring_coin` of it may be decayed in one figure."""
    if seen.delta_coin_by_index is None:
        return Told(told_coin, told_coin)
    other = sum(seen.delta_coin_by_index.values()) - seen.delta_coin_total
    if abs(other - told_coin) <= _digits(seen) + expiring_coin:
        return Told(told_coin, told_coin)
    text = f"options_value {told_coin:.4f}, by delta_total and its map {other:.4f} {seen.currency}"
    return Told(min(told_coin, other), max(told_coin, other), text)


def _digits(seen: AccountSeen) -> float:
    """What rounding explains: as many digits of dollars as of coins, and of what is large as a float holds."""
    return DIGITS_COIN + 1e-9 * abs(seen.equity_native)


_MARK_NOISE_SHARE: Final = 2e-3
"""Of a future's coins: its price at the venue's moment and at ours, funding, and the slope of 1/P over a move."""
_FUTURE_FILL_SHARE: Final = 1e-2
"""Of a filled future's coins: fee, and fill price against mark."""
_PREMIUM_AND_FEE: Final = 1.125
"""A fee is an eighth of the premium at most (exchange facts 2.6)."""

Coins = Mapping[InstrumentId, tuple[float, float]]
"""(coins, unsigned; price they are counted at) of inverse futures by name."""


class Row:
    """The messages of one account, one after the other. Mutable private state of one engine."""

    def __init__(self) -> None:
        """Nothing told."""
        self._believed: tuple[float, Coins] | None = None
        self._other: tuple[float, Coins, int] | None = None
        """What was told instead, and how often in a row."""
        self._flow_coin = 0.0

    def restart(self) -> None:
        """Money has changed its kind: the next message is believed as it is."""
        self._believed = self._other = None

    def book(self, spec: Instrument, fill: Filled) -> None:
        """A fill explains a move of what it cost."""
        amount, price = abs(float_from_decimal(fill.amount_native)), float_from_decimal(fill.price_native)
        if spec.price_is_in_coin:
            self._flow_coin += _PREMIUM_AND_FEE * amount * price
        elif spec.amount_is_in_usd:
            self._flow_coin += _FUTURE_FILL_SHARE * coin_from_amount(spec, amount, price)

    def follow(self, told_coin: float, coins: Coins) -> Told:
        """Equity less options of the next message, with what was believed before where nothing explains the move."""
        before, other = self._believed, self._other
        if before is not None and not self._explains(told_coin, coins, before[0], before[1]):
            count = 1
            if other is not None and self._explains(told_coin, coins, other[0], other[1]):
                count = other[2] + 1
            if count < AGREED_COUNT:
                self._other = told_coin, coins, count
                text = f"equity less options {told_coin:.4f}, before {before[0]:.4f}: no fill or price explains it"
                return Told(min(told_coin, before[0]), max(told_coin, before[0]), text)
        self._believed, self._other, self._flow_coin = (told_coin, coins), None, 0.0
        return Told(told_coin, told_coin)

    def _explains(self, told_coin: float, coins: Coins, before_coin: float, coins_before: Coins) -> bool:
        allowed = DIGITS_COIN + 1e-9 * abs(before_coin) + self._flow_coin
        for name in {**coins, **coins_before}:
            now, then = coins.get(name), coins_before.get(name)
            move = 0.0 if now is None or then is None else abs(now[1] / then[1] - 1.0)
            size = max(0.0 if now is None else now[0], 0.0 if then is None else then[0])
            allowed += size * (move + _MARK_NOISE_SHARE)
        return abs(told_coin - before_coin) <= allowed
