"""What was told of the hedge instrument, and which orders it does not carry."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.ids import InstrumentId, Label
from bot.domain.reasons import DistrustCause
from bot.domain.time import NS_PER_S, Ns
from bot.drive.market_told import MarketTold
from bot.sim.faults import Fault, FaultKind, Faults

_PERPETUAL = InstrumentId("BTC-PERPETUAL")


@pytest.fixture
def told(make: Any) -> MarketTold:
    """A ticker of now: 99,999.5 bid, 100,000.5 asked."""
    market = MarketTold(make.book(), Faults())
    market.hear(make.future_marked(bid_usd=99_999.5, ask_usd=100_000.5))
    return market


def _order(make: Any, **change: Any) -> PlaceOrder:
    order = PlaceOrder(
        label=Label("hb1"),
        instrument=_PERPETUAL,
        amount_native=Decimal(10),
        price_native=Decimal("100100.5"),
        arrival_mid_native=100_000.0,
        valid_until_ns=Ns(make.now_ns + NS_PER_S),
        decided_seq=1,
    )
    return structs.replace(order, **change)


def _said(told: MarketTold, make: Any, after_s: int = 0, **change: Any) -> list[str]:
    return list(told.objections(_order(make, **change), make.perpetual(), Ns(make.now_ns + after_s * NS_PER_S)))


def test_an_order_within_its_slippage_of_a_fresh_touch_is_carried(told: MarketTold, make: Any) -> None:
    """Ten basis points and a tick; a sell as well."""
    assert _said(told, make) == []
    assert _said(told, make, amount_native=Decimal(-10), price_native=Decimal("99899.5")) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"price_native": Decimal(100_102)}, "beyond its slippage"),
        ({"amount_native": Decimal(-10), "price_native": Decimal(99_898)}, "beyond its slippage"),
        ({"rest_until_ns": Ns(1), "price_native": Decimal("100000.5")}, "rests at 100000.5 through"),
        ({"rest_until_ns": Ns(1), "amount_native": Decimal(-10), "price_native": Decimal("99999.5")}, "through"),
    ],
)
def test_a_price_the_touch_does_not_explain_is_told(
    told: MarketTold, make: Any, change: dict[str, Any], word: str
) -> None:
    """Beyond the cap, or resting where it would take."""
    assert word in _said(told, make, **change)[0]


def test_an_old_touch_carries_nothing(told: MarketTold, make: Any) -> None:
    """Older than the configured age and what a message may take."""
    assert "an order on a quote of" in _said(told, make, after_s=60)[0]


def test_a_late_message_replaces_no_newer_one(told: MarketTold, make: Any) -> None:
    """By the venue's time."""
    told.hear(make.future_marked(bid_usd=90_000.0, ask_usd=90_001.0, venue_ns=Ns(make.now_ns - NS_PER_S)))

    assert _said(told, make) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"ask_usd": None}, "an order on a touch of"),
        ({"bid_usd": 100_001.0, "ask_usd": 100_000.0}, "an order on a touch of"),
        ({"is_open": False}, "told closed"),
    ],
)
def test_no_touch_no_order(told: MarketTold, make: Any, change: dict[str, Any], word: str) -> None:
    """One side missing, crossed, or the instrument closed."""
    told.hear(make.future_marked(**change))

    assert word in _said(told, make)[0]


def test_a_gap_lasts_until_the_book_begins_anew_and_a_lost_stream_takes_the_touch(told: MarketTold, make: Any) -> None:
    """A ticker mends no gap; a quote does."""
    told.hear(ev.QuoteDistrusted(instrument=_PERPETUAL, received_ns=make.now_ns, cause=DistrustCause.BOOK_GAP))
    told.hear(make.future_marked())
    assert _said(told, make)[0] == "an order on a book with a gap"

    told.hear(make.quoted(bid_native=99_999.5, ask_native=100_000.5))
    assert _said(told, make) == []

    told.hear(ev.StreamLost(stream=ev.StreamName.MARKET, received_ns=make.now_ns, cause="test"))
    assert _said(told, make) == ["an order on a quote of None"]


def test_a_book_that_crosses_is_told_where_no_fault_makes_it(told: MarketTold, make: Any) -> None:
    """It was put together from levels that are gone; a ticker may be of any moment."""
    crossed = make.quoted(bid_native=100_001.0, ask_native=100_000.5)
    fault = Fault(kind=FaultKind.BOOK_CROSSED, start_ns=make.now_ns, until_ns=make.now_ns, seed=1)

    assert told.hear(crossed) == ["the book of BTC-PERPETUAL is kept as 100001.0 to 100000.5"]
    assert told.hear(make.quoted(bid_native=100_000.0, ask_native=100_000.5)) == []
    assert MarketTold(make.book(), Faults([fault])).hear(crossed) == []
