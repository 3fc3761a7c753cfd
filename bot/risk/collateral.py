"""The account's own word on its money, as the delta conventions need it: equity and price of one moment, its age.

Mutable private state of one engine. Knows account messages, fills and marks; decides nothing and knows no band.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.domain.events import AccountSeen, Filled
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import coin_from_amount, float_from_decimal
from bot.market.view import MarketView
from bot.risk import statement
from bot.risk.conventions import NO_COLLATERAL, Collateral, Convention
from bot.risk.statement import Row, Told

DOLLARS: Final = "USDC"
"""Currency of the account linear legs are settled in."""
_DOLLAR_NAMES: Final = frozenset({"USD", "USDC", "USDT"})
"""Of accounts at the venues where hedges are."""
_UNUSABLE_AFTER: Final = 10
"""A message this many times older than it may be is no ground for a trade."""
_SETTLED_NS: Final = Ns(1 * NS_PER_S)
"""Account figures are counted as having seen a fill or a delivery this long after it: a message already on its way
has not."""
_RATIO_OFF_MAX: Final = 0.005
"""The account's price of a future is taken from its delta where it is this near ours; further off it holds other
positions than we do at this moment (a fill under way, a future that decays), and ours is taken."""


class FiguresParams(Struct, frozen=True, kw_only=True):
    """What of an account belongs to a book."""

    convention: Convention
    coin: str
    """Currency of the coin account: `BTC`."""
    treasury_coin: float
    """Coins of the equity that are somebody else's to hedge."""
    counts_usdc: bool
    """Convention `coin`: the USDC equity is this book's and short coins."""
    age_ns_max: Ns
    window_ns: Ns
    """Of the venue, before delivery: figures of the account decay in it, not all alike."""


class AccountFigures:
    """Newest account figures of one book."""

    def __init__(self, params: FiguresParams) -> None:
        """Start without a message."""
        self._params = params
        self._coin: AccountSeen | None = None
        self._dollars: AccountSeen | None = None
        self._prices_usd: dict[InstrumentId, float] = {}
        self._is_priced = False
        self._premium_coin = 0.0
        self._premium_ns = Ns(0)
        self._delivered_ns: Ns | None = None
        self._row = Row()
        self._told = Told(0.0, 0.0)

    def see(self, seen: AccountSeen) -> None:
        """Take an account message; those of other currencies are not this book's."""
        if seen.currency == self._params.coin:
            self._coin = seen
            self._is_priced = False
            if seen.received_ns >= self._premium_ns + _SETTLED_NS:
                self._premium_coin = 0.0
        elif seen.currency == DOLLARS:
            self._dollars = seen

    @property
    def equity_coin(self) -> float | None:
        """Of the coin account, as last told."""
        return None if self._coin is None else self._coin.equity_native

    def equity_usd(
        self, index_usd: float | None, now_ns: Ns, elsewhere: Iterable[Sequence[AccountSeen]] = ()
    ) -> float | None:
        """Of the coin's account and the dollar account, and of those `elsewhere`: what each venue of a hedge told last.

        None where one is not told, or told too long ago. Dollars of any name count as such, other currencies not.
        """
        if self._coin is None or index_usd is None:
            return None
        worth = self._coin.equity_native * index_usd
        told = [self._coin] if self._dollars is None else [self._coin, self._dollars]
        oldest_ns = now_ns - _UNUSABLE_AFTER * self._params.age_ns_max
        if any(seen.received_ns < oldest_ns for seen in told):
            return None
        if self._dollars is not None:
            worth += self._dollars.equity_native
        for account in elsewhere:
            newest_ns = max((seen.received_ns for seen in account), default=Ns(0))
            if newest_ns < oldest_ns:
                return None
            # A currency there is nothing left of is told no more, while the others are.
            now_told = [seen for seen in account if newest_ns - seen.received_ns <= self._params.age_ns_max]
            worth += sum(seen.equity_native * self._rate_usd(seen.currency, index_usd) for seen in now_told)
        return worth

    def _rate_usd(self, currency: str, index_usd: float) -> float:
        if currency == self._params.coin:
            return index_usd
        return 1.0 if currency in _DOLLAR_NAMES else 0.0

    def book(self, spec: Instrument, fill: Filled) -> None:
        """An option bought or sold for coins: until a message has seen it, its premium is doubt."""
        self._row.book(spec, fill)
        if spec.price_is_in_coin:
            self._premium_coin += abs(float_from_decimal(fill.amount_native) * float_from_decimal(fill.price_native))
            self._premium_ns = fill.received_ns

    def deliver(self, spec: Instrument) -> None:
        """An option has become coins: until a message has seen it, they are in neither figure."""
        if spec.price_is_in_coin:
            self._delivered_ns = spec.expiry_ns
            self._row.restart()

    def collateral(
        self, view: MarketView, held: Mapping[InstrumentId, Decimal], now_ns: Ns, index_usd: float | None
    ) -> Collateral | str:
        """What the account adds to the delta now, or why that is not known.

        To be asked with all that has arrived applied: the first question after a message dates its prices.
        """
        match self._params.convention:
            case Convention.USD:
                return self._of_coin_account(view, held, now_ns)
            case Convention.COIN if self._params.counts_usdc:
                return self._of_dollars(now_ns, index_usd)
            case _:
                return NO_COLLATERAL

    def message(self) -> AccountSeen | None:
        """The account message that `collateral` speaks of; None where the convention asks for none, or none came."""
        match self._params.convention:
            case Convention.USD:
                return self._coin
            case Convention.COIN if self._params.counts_usdc:
                return self._dollars
            case _:
                return None

    def moved_coin(self, collateral: Collateral) -> float:
        """Coins whose price move is profit beside that of the legs.

        `usd`: the equity outside options. `coin`: less the premium, as coins are the money and premium is coins.
        """
        if self._params.convention is Convention.COIN:
            return 0.0 if self._coin is None else -(self._coin.options_value_native or 0.0)
        return collateral.coin

    def _of_coin_account(self, view: MarketView, held: Mapping[InstrumentId, Decimal], now_ns: Ns) -> Collateral | str:
        seen = self._coin
        if seen is None:
            return f"no account figures in {self._params.coin} yet"
        if seen.options_value_native is None:
            return f"account figures in {self._params.coin} do not tell the value of options"
        age_ns = now_ns - seen.received_ns
        if age_ns > _UNUSABLE_AFTER * self._params.age_ns_max:
            return f"account figures in {self._params.coin} are {age_ns // NS_PER_S} s old"
        if self._delivered_ns is not None and seen.received_ns < self._delivered_ns + _SETTLED_NS:
            return "options have been delivered since the last account figures"
        if not self._is_priced:
            self._prices_usd = _prices_of(seen, view, held)
            self._told = self._outside_options(seen, seen.options_value_native, view, held)
            self._is_priced = True
        low, high, because = self._told
        return Collateral(
            coin=0.5 * (low + high) - self._params.treasury_coin,
            doubt_coin=self._premium_coin + 0.5 * (high - low),
            prices_usd=self._prices_usd,
            is_stale=age_ns > self._params.age_ns_max,
            because=because,
        )

    def _outside_options(
        self, seen: AccountSeen, value_coin: float, view: MarketView, held: Mapping[InstrumentId, Decimal]
    ) -> Told:
        """Equity less options, by every way the message tells it and by the messages before."""
        equity = statement.equity(seen)
        expiring_coin, has_ended = _expiring(seen.received_ns, view, held, self._params.window_ns)
        value = statement.options_value(seen, value_coin, expiring_coin)
        if has_ended:  # an option has become coins, or is about to: both are honest
            self._row.restart()
        coins = {
            name: (abs(coin_from_amount(view.instruments[name], held[name], price)), price)
            for name, price in self._prices_usd.items()
        }
        jump = self._row.follow(seen.equity_native - value_coin, coins)
        because = "; ".join(told.because for told in (equity, value, jump) if told.because)
        return Told(
            min(equity.low_native - value.high_native, jump.low_native),
            max(equity.high_native - value.low_native, jump.high_native),
            because,
        )

    def _of_dollars(self, now_ns: Ns, index_usd: float | None) -> Collateral | str:
        seen = self._dollars
        if seen is None:
            return f"no account figures in {DOLLARS} yet"
        age_ns = now_ns - seen.received_ns
        if age_ns > _UNUSABLE_AFTER * self._params.age_ns_max:
            return f"account figures in {DOLLARS} are {age_ns // NS_PER_S} s old"
        if index_usd is None:
            return "no index price"
        low, high, because = statement.equity(seen)
        coin, doubt_coin = -0.5 * (low + high) / index_usd, 0.5 * (high - low) / index_usd
        return Collateral(coin=coin, doubt_coin=doubt_coin, because=because)


def _expiring(at_ns: Ns, view: MarketView, held: Mapping[InstrumentId, Decimal], window_ns: Ns) -> tuple[float, bool]:
    """Coins that options inside their window are worth, long and short alike, and whether one of them has ended."""
    coin, has_ended = 0.0, False
    for name, amount in held.items():
        spec = view.instruments.get(name)
        if spec is None or not spec.price_is_in_coin or spec.expiry_ns is None:
            continue
        left_ns = spec.expiry_ns - at_ns
        has_ended |= left_ns <= _SETTLED_NS
        if left_ns < window_ns:
            marked = view.options.get(name)
            worth = math.inf if marked is None or marked.mark_native is None else marked.mark_native
            coin += abs(float_from_decimal(amount)) * worth
    return coin, has_ended


def _prices_of(seen: AccountSeen, view: MarketView, held: Mapping[InstrumentId, Decimal]) -> dict[InstrumentId, float]:
    """Our marks of inverse futures, moved to the moment of the message by the coins it counts for them."""
    marks: dict[InstrumentId, float] = {}
    ours_coin = 0.0
    for name, amount in held.items():
        spec, marked = view.instruments.get(name), view.futures.get(name)
        if spec is not None and spec.amount_is_in_usd and marked is not None and marked.mark_usd is not None:
            marks[name] = marked.mark_usd
            ours_coin += coin_from_amount(spec, amount, marked.mark_usd)
    if seen.delta_coin_by_index is None or ours_coin == 0.0:
        return marks
    ratio = (sum(seen.delta_coin_by_index.values()) - seen.delta_coin_options) / ours_coin
    if abs(ratio - 1.0) > _RATIO_OFF_MAX:
        return marks
    return {name: mark / ratio for name, mark in marks.items()}
