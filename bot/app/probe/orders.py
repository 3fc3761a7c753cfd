"""Small orders of a probe: the least the venue takes, far from the market or gone at once, and always taken back.

Knows how to send, find and undo its own orders, by label. Must not know why a question wants one. Whatever was
filled is traded back; what cannot be undone is named.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.app.probe.wire import Road
from bot.domain.errors import VenueOutcomeUnknown, VenueRefused
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument
from bot.domain.units import ZERO, Rounding, float_from_decimal, price_to_tick
from bot.venues.deribit_rest import signed
from bot.venues.deribit_wire import Number, Order, Placed, exact
from bot.venues.venue_rest import convert

PREFIX: Final = "hbprobe"
"""Start of every label: by it a human finds them, and the next probe what a killed one left."""
_ALIVE: Final = frozenset({"open", "untriggered", "triggered"})
_TRIES_MAX: Final = 5
_PAUSE_S: Final = 0.5
_VALID_MS: Final = 5_000
"""The venue must start an order within this time: an unanswered one cannot come alive later."""
_FAR: Final = Decimal("0.9")
"""A resting buy is at this share of the touch, or at the bottom of the price band if that is nearer."""
_CROSS: Final = Decimal("1.005")
"""An order that has to trade reaches so far beyond the touch: 0.5 % of the least amount."""


class Quote(Struct):
    """What of a ticker prices an order; 0 where a side is empty."""

    mark_price: Number
    index_price: Number
    min_price: Number
    max_price: Number
    best_bid_price: Number | None = None
    best_ask_price: Number | None = None


class Orders:
    """All orders of one probe, over whichever wire is open."""

    def __init__(self, tag: str) -> None:
        """`tag` makes the labels of this probe its own."""
        self._tag: Final = tag
        self._sent: Final[dict[str, Instrument]] = {}
        self._open: Final[set[str]] = set()
        self._filled: Final[dict[str, Decimal]] = {}

    @property
    def count(self) -> int:
        """Orders sent so far."""
        return len(self._sent)

    async def quote(self, road: Road, instrument: InstrumentId) -> Quote:
        """Prices now."""
        return convert(await road.ask("public/ticker", {"instrument_name": instrument}), Quote)

    async def resting(
        self, road: Road, instrument: Instrument, *, over_http: bool = False, extra: Mapping[str, object] | None = None
    ) -> Order:
        """The least buy that rests: post-only, far below the market, inside the venue's band."""
        quote = await self.quote(road, instrument.id)
        touch = quote.best_bid_price or quote.mark_price
        price = price_to_tick(instrument, max(exact(touch) * _FAR, exact(quote.min_price)), Rounding.UP)
        params = self._params(road, instrument, price) | {
            "time_in_force": "good_til_cancelled",
            "post_only": "true" if over_http else True,
            "reject_post_only": "true" if over_http else True,
            **(extra or {}),
        }
        ask = road.ask_http if over_http else road.ask
        return convert(await ask("private/buy", params), Placed).order

    async def crossing(self, road: Road, instrument: Instrument, amount_native: Decimal) -> Order:
        """Trade an amount (signed) at once or not at all, at most 0.5 % beyond the touch and inside the band."""
        price = self._reaching(instrument, await self.quote(road, instrument.id), is_buy=amount_native > 0)
        params = self._params(road, instrument, price) | {"amount": float_from_decimal(abs(amount_native))}
        method = "private/buy" if amount_native > 0 else "private/sell"
        return convert(await road.ask(method, params), Placed).order

    def wish(self, road: Road, instrument: Instrument, price_native: Decimal) -> dict[str, object]:
        """Parameters of the least immediate-or-cancel buy at a price of the question's own; counts as sent."""
        return self._params(road, instrument, price_native)

    def _params(self, road: Road, instrument: Instrument, price_native: Decimal) -> dict[str, object]:
        label = f"{PREFIX}{self._tag}{len(self._sent) + 1:03d}"
        self._sent[label] = instrument
        self._open.add(label)
        return {
            "instrument_name": instrument.id,
            "amount": float_from_decimal(instrument.lot_native),
            "type": "limit",
            "price": float_from_decimal(price_native),
            "time_in_force": "immediate_or_cancel",
            "label": label,
            "valid_until": road.venue_ms() + _VALID_MS,
        }

    @staticmethod
    def _reaching(instrument: Instrument, quote: Quote, *, is_buy: bool) -> Decimal:
        if is_buy:
            touch = exact(quote.best_ask_price or quote.mark_price)
            return price_to_tick(instrument, min(touch * _CROSS, exact(quote.max_price)), Rounding.DOWN)
        touch = exact(quote.best_bid_price or quote.mark_price)
        return price_to_tick(instrument, max(touch / _CROSS, exact(quote.min_price)), Rounding.UP)

    # --- undoing -----------------------------------------------------------------------------------

    async def tidy(self, road: Road) -> list[str]:
        """Cancel what is open, trade back what was filled; a line for each thing that could not be undone."""
        for attempt in range(_TRIES_MAX):
            if attempt:
                await asyncio.sleep(_PAUSE_S)
            await self._close(road)
            if not self._open:
                await self._trade_back(road)
                await self._close(road)
            if not self._open and not self._owed():
                return []
        return self.left()

    def left(self) -> list[str]:
        """A line for each thing that is not known to be undone."""
        return [
            *(f"order {label} on {self._sent[label].id} may be open" for label in sorted(self._open)),
            *(f"{amount:+f} of {instrument.id} could not be traded back" for instrument, amount in self._owed()),
        ]

    async def _trade_back(self, road: Road) -> None:
        for instrument, amount_native in self._owed():
            # Refused or unanswered, it is found by its label afterwards.
            with contextlib.suppress(VenueRefused, VenueOutcomeUnknown):
                await self.crossing(road, instrument, -amount_native)

    def _owed(self) -> list[tuple[Instrument, Decimal]]:
        """Net amounts, signed, by which this probe changed the positions."""
        net: dict[str, Decimal] = {}
        for label, amount in self._filled.items():
            name = self._sent[label].id
            net[name] = net.get(name, ZERO) + amount
        by_name = {instrument.id: instrument for instrument in self._sent.values()}
        return [(by_name[InstrumentId(name)], amount) for name, amount in net.items() if amount]

    async def _close(self, road: Road) -> None:
        """Cancel by label and read what became of each; an order is open until the venue says otherwise."""
        for label in sorted(self._open):
            with contextlib.suppress(VenueRefused):
                await road.ask("private/cancel_by_label", {"label": label})
                self._ended(label, await self.by_label(road, label))

    async def by_label(self, road: Road, label: str) -> list[Order]:
        """What the venue shows under a label of ours."""
        params = {"currency": self._sent[label].settlement_currency, "label": label}
        return convert(await road.ask("private/get_order_state_by_label", params), list[Order])

    def _ended(self, label: str, shown: list[Order]) -> None:
        if any(order.order_state in _ALIVE for order in shown):
            return
        filled = sum((signed(exact(order.filled_amount), order.direction) for order in shown), ZERO)
        if filled:
            self._filled[label] = filled
        self._open.discard(label)


async def sweep(road: Road) -> int:
    """Cancel what an earlier probe left open; how many there were."""
    found = convert(await road.ask("private/get_open_orders", {}), list[Order])
    left = [order for order in found if order.label.startswith(PREFIX)]
    for order in left:
        with contextlib.suppress(VenueRefused):
            await road.ask("private/cancel", {"order_id": order.order_id})
    return len(left)
