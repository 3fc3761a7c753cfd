"""Orders that rest at other venues, with ccxt itself at local ones: the dead-man switch runs before they leave."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.commands import CancelOrder, LookUpOrder
from bot.domain.events import OrderAcked, OrderRefused, OrderUpdated
from bot.domain.reasons import RefusalKind
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.venues.dead_man import COUNTDOWN_S

Only = Callable[..., Any]
SCOPES = {"okx": "account", "binance": "BTCUSDT", "hyperliquid": "account"}
NOES = {
    "okx": ("50011", RefusalKind.BACK_OFF),
    "binance": ("-4192", RefusalKind.PAUSE),
    "hyperliquid": (
        "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $373.4.",
        RefusalKind.CONFIG,
    ),
}
WITH_SWITCH = pytest.mark.parametrize("at", list(SCOPES), indirect=True)


def resting(at: Any, price: int = 63_900, **changes: Any) -> Any:
    """A buy below the touch, for a minute; it may start for as long, however slow this machine is."""
    minute_ns = Ns(time.time_ns() + 60 * NS_PER_S)
    fields = {"price_native": Decimal(price), "rest_until_ns": minute_ns, "valid_until_ns": minute_ns}
    return at.order(**(fields | changes))


@pytest.mark.asyncio
@WITH_SWITCH
async def test_an_order_rests_under_the_switch_and_none_runs_when_it_is_over(at: Any, only: Only) -> None:
    """Armed before the order leaves, post-only; taken back by us, and at a clean end nothing is armed."""
    events = await at.gateway.place(resting(at))
    ((scope, countdown_s),) = at.venue.countdowns_s.items()
    assert scope == SCOPES[at.name]
    # Hyperliquid is told a moment: some of it has passed when it hears so.
    assert countdown_s == COUNTDOWN_S if at.name != "hyperliquid" else 5 < countdown_s <= COUNTDOWN_S
    assert only(events, OrderUpdated).state is VenueOrderState.OPEN
    (sent,) = [post for post in at.posts() if "scheduleCancel" not in str(post)]
    assert any(word in str(sent) for word in ("post_only", "GTX", "Alo"))
    acked = only(events, OrderAcked)
    cancelled = await at.gateway.cancel(
        CancelOrder(label=acked.label, order_id=acked.order_id, instrument=at.instrument)
    )
    assert only(cancelled, OrderUpdated).state is VenueOrderState.CANCELLED
    await at.gateway.dead_man.close()
    assert at.venue.countdowns_s == {}


@pytest.mark.asyncio
@WITH_SWITCH
async def test_the_venue_takes_back_what_rests_when_nothing_more_is_heard(at: Any, only: Only) -> None:
    """An end with an order in the book leaves the countdown running; what it took back is told when looked for."""
    command = resting(at)
    await at.gateway.place(command)
    await at.gateway.dead_man.close()
    assert at.venue.countdowns_s != {}
    at.venue.count_down()
    look_up = LookUpOrder(
        label=command.label,
        instrument=at.instrument,
        order_id=None,
        not_before_ns=Ns(0),
        valid_until_ns=command.valid_until_ns,
    )
    assert only(await at.gateway.look_up(look_up), OrderUpdated).state is VenueOrderState.CANCELLED


@pytest.mark.asyncio
@WITH_SWITCH
async def test_no_order_rests_where_the_switch_is_refused(at: Any, only: Only) -> None:
    """The order does not leave, and says why; one that crosses at once goes on."""
    at.venue.switch_no, kind = NOES[at.name]
    refused = only(await at.gateway.place(resting(at)), OrderRefused)
    assert (refused.kind, refused.code, refused.name.startswith("dead_man_switch: ")) == (kind, 0, True)
    assert at.venue.orders == []
    crossing = resting(at, 64_100, rest_until_ns=None)
    assert only(await at.gateway.place(crossing), OrderUpdated).state is VenueOrderState.FILLED
    assert at.venue.countdowns_s == {}


@pytest.mark.asyncio
@WITH_SWITCH
async def test_an_order_that_would_cross_is_never_a_taker(at: Any, only: Only) -> None:
    """Post-only: refused, or taken and over without a fill (OKX)."""
    events = await at.gateway.place(resting(at, 64_100))
    if at.name == "okx":
        assert only(events, OrderUpdated).state is VenueOrderState.CANCELLED
    else:
        assert only(events, OrderRefused).kind is RefusalKind.REQUOTE
    assert at.venue.fills == []
    await at.gateway.dead_man.close()
    assert at.venue.countdowns_s == {}
