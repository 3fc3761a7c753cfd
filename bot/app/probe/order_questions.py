"""Questions that take an order: unknown parameters, the price band, amending in the speed bump, looking up by label.

Each sends least amounts and leaves the undoing to `Orders.tidy`, which runs after each question.
"""

import asyncio
import itertools
from decimal import Decimal
from typing import Final

from bot.app.probe.question import Answer, Bench, Question, answered, inconclusive
from bot.domain.errors import VenueRefused
from bot.domain.units import Rounding, float_from_decimal, price_to_tick
from bot.venues.deribit_wire import Order, Placed, exact
from bot.venues.venue_rest import convert

_INVALID: Final = frozenset({-32602, 11050})
"""invalid params, bad_request (exchange facts 3.5)."""
_OUT_OF_BAND: Final = frozenset({10005, 10006, 10007, 10008})
_OVER: Final = frozenset({10004, 10010, 11008, 11044})
"""The order is gone: the amend came too late for the question."""
_BEYOND_BAND: Final = Decimal("1.002")
_BEYOND_TOUCH: Final = Decimal("1.001")
_LOOKS_S: Final = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0)
"""Ages of the cancelled order at which it is looked up, as far as the bench allows."""


async def unknown_parameters(bench: Bench) -> Answer:
    """Orders with ccxt's `clientOrderId`, which Deribit does not know: over HTTP as ccxt sends it, over the socket."""
    facts: dict[str, object] = {}
    is_decided = True
    for name, over_http in (("http", True), ("websocket", False)):
        try:
            order = await bench.orders.resting(
                bench.road, bench.inverse, over_http=over_http, extra={"clientOrderId": "probe"}
            )
            facts[name] = f"ignored: the order is {order.order_state}"
        except VenueRefused as error:
            facts[name] = f"refused with {error}"
            is_decided &= error.code in _INVALID
    observed = "; ".join(f"{name}: {seen}" for name, seen in facts.items())
    return answered(observed, **facts) if is_decided else inconclusive(observed, **facts)


async def price_band(bench: Bench) -> Answer:
    """An immediate-or-cancel buy of the least amount above `max_price`: refused, clamped or taken as it is."""
    quote = await bench.orders.quote(bench.road, bench.inverse.id)
    limit = exact(quote.max_price)
    price = price_to_tick(bench.inverse, limit * _BEYOND_BAND, Rounding.UP)
    facts: dict[str, object] = {"max_price": f"{limit:f}", "sent_price": f"{price:f}"}
    try:
        placed = await bench.road.ask("private/buy", bench.orders.wish(bench.road, bench.inverse, price))
    except VenueRefused as error:
        told = f"refused with {error}"
        return (answered if error.code in _OUT_OF_BAND else inconclusive)(told, **facts, code=error.code)
    shown = convert(placed, Placed).order.price
    if not isinstance(shown, int | float):
        return inconclusive(f"accepted; the order shows the price {shown!r}", **facts)
    facts["shown_price"] = f"{exact(shown):f}"
    if exact(shown) == price:
        return answered(f"accepted as sent, above max_price {limit:f}", **facts)
    return answered(f"clamped to {exact(shown):f}; max_price was {limit:f}", **facts)


async def amend_in_bump(bench: Bench) -> Answer:
    """Three requests at once on the linear perpetual: an aggressive buy, its amend by label, a look at it."""
    instrument, orders = bench.linear, bench.orders
    quote = await orders.quote(bench.road, instrument.id)
    touch = exact(quote.best_ask_price or quote.mark_price)
    price = price_to_tick(instrument, min(touch * _BEYOND_TOUCH, exact(quote.max_price)), Rounding.DOWN)
    wish = orders.wish(bench.road, instrument, price)
    # Amended down to where it could only rest: an accepted amend trades nothing.
    lower = float_from_decimal(price_to_tick(instrument, exact(quote.min_price), Rounding.UP))
    amend = {key: wish[key] for key in ("instrument_name", "label", "amount")} | {"price": lower}
    look = {"currency": instrument.settlement_currency, "label": wish["label"]}
    placed, amended, looked = await bench.road.ask_at_once(
        ("private/buy", wish), ("private/edit_by_label", amend), ("private/get_order_state_by_label", look)
    )
    if isinstance(placed, VenueRefused):
        return inconclusive(f"the order itself was refused with {placed}")
    states = [] if isinstance(looked, VenueRefused) else [order.order_state for order in convert(looked, list[Order])]
    facts: dict[str, object] = {
        "reply_state": convert(placed, Placed).order.order_state,
        "states_meanwhile": states,
        "amend": str(amended) if isinstance(amended, VenueRefused) else "accepted",
    }
    seen = f"amend {facts['amend']}; order_state meanwhile {', '.join(states) or 'not shown'}"
    if isinstance(amended, VenueRefused) and amended.code not in _OVER:
        return answered(seen, **facts)
    return inconclusive(f"{seen}: no bump was met", **facts)


async def label_retention(bench: Bench) -> Answer:
    """A resting order is cancelled unfilled and then looked up by its label, at growing ages."""
    order = await bench.orders.resting(bench.road, bench.inverse)
    await bench.road.ask("private/cancel", {"order_id": order.order_id})
    ages = [*itertools.takewhile(lambda age: age < bench.look_s, _LOOKS_S), bench.look_s]
    for before_s, age_s in itertools.pairwise([0.0, *ages]):
        await asyncio.sleep(age_s - before_s)
        if not await bench.orders.by_label(bench.road, order.label):
            return answered(f"gone at an age of {age_s:g} s, last seen at {before_s:g} s", gone_s=age_s)
    return answered(f"still found at an age of {bench.look_s:g} s", found_s=bench.look_s)


QUESTIONS: Final = (
    Question(
        name="unknown_parameters",
        asked="Does the venue refuse an order with a parameter it does not know (ccxt's `clientOrderId`)?",
        done="two resting orders, over HTTP and over the websocket",
        ask=unknown_parameters,
    ),
    Question(
        name="price_band",
        asked="Is an order beyond the price band refused or clamped to it?",
        done="one immediate-or-cancel buy of the inverse perpetual above `max_price`",
        ask=price_band,
    ),
    Question(
        name="amend_in_bump",
        asked="What does amending an order in the speed bump answer, and which state does the order show meanwhile?",
        done="one aggressive buy of the linear perpetual, its amend and a look at it, sent at once",
        ask=amend_in_bump,
    ),
    Question(
        name="label_retention",
        asked="Is a cancelled, unfilled order found by its label for as long as the bot looks (`unresolved_s_max`)?",
        done="one resting order, cancelled, looked up at growing ages",
        ask=label_retention,
    ),
)
