"""Who else trades: a human or the venue itself on the bot's account, and somebody who is faster than its orders.

Knows the simulated exchange; when it happens is told to it, and the bot is told nothing.
"""

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from bot.domain.ids import InstrumentId, venue_of
from bot.domain.units import ZERO, amount_from_coin_toward_zero
from bot.drive.sim_venue import account_at
from bot.sim.exchange import Exchange
from bot.sim.facts import OrderRequest, OrderType, Side, TimeInForce, VenueSays

RIVAL: Final = "rival"
"""Account of somebody who is faster."""
_HUMAN_COIN: Final = (0.05, 1.0)
"""Size of a human's trade."""
_DEPTH: Final = 50


class Hands:
    """Trades by hand around one hedge instrument."""

    def __init__(self, exchange: Exchange, hedge: InstrumentId) -> None:
        """Nothing is traded."""
        self._exchange = exchange
        self._hedge = exchange.instrument(hedge)

    def trade_hedge(self, dice: random.Random) -> bool:
        """A human trades the hedge instrument; whether anything was traded."""
        price_usd = self._exchange.index_usd(self._hedge.index_name)
        amount = amount_from_coin_toward_zero(self._hedge, dice.uniform(*_HUMAN_COIN), price_usd)
        return self._trade(self._hedge.id, dice.choice(list(Side)), amount)

    def trade_option(self, dice: random.Random, options: Sequence[InstrumentId]) -> bool:
        """A human trades one of these options; whether anything was traded."""
        if not options:
            return False
        name = dice.choice(options)
        lot = self._exchange.instrument(name).lot_native
        return self._trade(name, dice.choice(list(Side)), lot * dice.randint(1, 5))

    def close_hedge(self) -> bool:
        """The venue closes the position in the hedge instrument; whether there was one."""
        positions = self._exchange.positions(account_at(venue_of(self._hedge.id)))
        held = next((item.size_native for item in positions if item.instrument == self._hedge.id), ZERO)
        return held != ZERO and self._trade(self._hedge.id, Side.SELL if held > ZERO else Side.BUY, abs(held))

    def overtake(self, instrument: InstrumentId, amount_native: Decimal, price_native: Decimal) -> None:
        """Somebody takes what an order (+ buys) would take: half of it, at most, is left within its limit."""
        bids, asks, _ = self._exchange.book(instrument, _DEPTH)
        is_buy = amount_native > ZERO
        if is_buy:
            within = sum((amount for price, amount in asks if price <= price_native), ZERO)
        else:
            within = sum((amount for price, amount in bids if price >= price_native), ZERO)
        lot = self._exchange.instrument(instrument).lot_native
        taken = (within - abs(amount_native) / 2) // lot * lot
        if taken >= lot:
            asked = OrderRequest(
                account=RIVAL,
                instrument=instrument,
                side=Side.BUY if is_buy else Side.SELL,
                amount_native=taken,
                price_native=price_native,
                time_in_force=TimeInForce.IOC,
            )
            self._exchange.submit(asked)

    def _trade(self, name: str, side: Side, amount_native: Decimal) -> bool:
        asked = OrderRequest(
            account=account_at(venue_of(InstrumentId(name))),
            instrument=name,
            side=side,
            amount_native=amount_native,
            type=OrderType.MARKET,
            time_in_force=TimeInForce.IOC,
            is_api=False,
        )
        try:
            _, trades = self._exchange.submit(asked)
        except VenueSays:
            return False
        return bool(trades)
