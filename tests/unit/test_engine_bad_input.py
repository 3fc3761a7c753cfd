"""Bad input to a decision: what is done is stated row by row, and never leaves more delta than there was.

A missing fee table is settled by the codec (test_deribit_rest.py): the venue's standard rates stand in.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from bot.domain import events as ev
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.band import TradeTo
from bot.hedging.bands import whalley_wilmott
from bot.hedging.modifiers import Modifiers

CALL = InstrumentId("BTC-27MAR26-100000-C")
PERPETUAL = InstrumentId("BTC-PERPETUAL")
NET = 0.5319
"""Of one call; its Whalley-Wilmott half width at 3.5 bp is 0.148 coins."""
_REFUSED = (Action.REFUSE, 0)


class Row(NamedTuple):
    """What is wrong, and what comes of it."""

    what: str
    future: dict[str, Any]
    """Of the ticker."""
    done: tuple[Action, int]
    """And the order, USD."""
    reason: Reason
    spec: dict[str, Any] = {}  # noqa: RUF012 - a named tuple's default, never changed
    modifiers: dict[str, Any] = {}  # noqa: RUF012
    calls: str = "1"
    spread_bps_max: float = 20.0
    worst_coin: float = 100.0


ROWS = (
    Row("nothing wrong", {}, (Action.HEDGE, -38_370), Reason.OUTSIDE_BAND),
    Row("empty book", {"bid_usd": None, "ask_usd": None}, _REFUSED, Reason.HEDGE_QUOTE_DISTRUSTED),
    Row("no bids", {"bid_usd": None}, _REFUSED, Reason.HEDGE_QUOTE_DISTRUSTED),
    Row("crossed", {"bid_usd": 100_001.0, "ask_usd": 100_000.0}, _REFUSED, Reason.HEDGE_QUOTE_DISTRUSTED),
    Row("spread too wide", {"bid_usd": 99_000.0, "ask_usd": 101_000.0}, _REFUSED, Reason.SPREAD_TOO_WIDE),
    Row(
        "spread wider than the band, which reaches the hard limit and no further",
        {"bid_usd": 95_000.0, "ask_usd": 105_000.0, "price_min_usd": None, "price_max_usd": None},
        (Action.HEDGE, -33_180),
        Reason.OUTSIDE_BAND,
        spread_bps_max=2_000.0,
        worst_coin=0.2,
    ),
    Row(
        "a touch of one lot: the band of 3.5 bp and five half spreads of 5 bp, 0.298",
        {"bid_usd": 99_950.0, "ask_usd": 100_050.0, "bid_amount_native": 10.0},
        (Action.HEDGE, -23_390),
        Reason.OUTSIDE_BAND,
    ),
    Row(
        "one lot larger than the band, and than the delta",
        {},
        (Action.SKIP, 0),
        Reason.BELOW_TRADE_MIN,
        spec={"lot_native": Decimal(100_000)},
    ),
    Row(
        "one lot larger than the band: whole lots, never through the target",
        {},
        (Action.HEDGE, -100_000),
        Reason.OUTSIDE_BAND,
        spec={"lot_native": Decimal(100_000)},
        calls="3",
    ),
    Row(
        "funding spike, longs pay: to the old target and no further",
        {"funding_rate_8h": 0.05},
        (Action.HEDGE, -53_180),
        Reason.OUTSIDE_BAND,
        modifiers={"funding_horizon_ns": Ns(8 * 3600 * NS_PER_S)},
    ),
    Row(
        "funding spike, longs are paid: at most a half width more is left",
        {"funding_rate_8h": -0.05},
        (Action.HEDGE, -23_570),
        Reason.OUTSIDE_BAND,
        modifiers={"funding_horizon_ns": Ns(8 * 3600 * NS_PER_S)},
    ),
    Row("the same, minded by nobody", {"funding_rate_8h": 0.05}, (Action.HEDGE, -38_370), Reason.OUTSIDE_BAND),
    Row(
        "fees of nothing: next to no band, one hedge to its edge",
        {"bid_usd": 99_999.999, "ask_usd": 100_000.001},
        (Action.HEDGE, -52_730),
        Reason.OUTSIDE_BAND,
        spec={"fee_rate_taker": Decimal(0)},
    ),
    Row("the venue's lowest price is above the bid", {"price_min_usd": 100_500.0}, _REFUSED, Reason.PRICE_BAND),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_bad_input_has_its_stated_end(play_with: Callable[..., Any], make: Any, row: Row) -> None:
    """Action, reason and size; no order is larger than the delta, or turns it over."""
    play = play_with(
        band=whalley_wilmott.Params(risk_aversion_per_usd=1e-5, is_plain=True),
        modifiers=Modifiers(trade_to=TradeTo.EDGE, **row.modifiers),
        limits=make.limits(delta_coin_worst_max=row.worst_coin),
        trust=make.trust(spread_bps_max=row.spread_bps_max),
    )
    play.connect()
    play.take(ev.InstrumentListed(instrument=make.perpetual(**row.spec), received_ns=make.now_ns))
    play.tick()
    play.take(make.option_marked(), make.future_marked(**row.future))
    play.reconcile({CALL: row.calls})

    orders = play.orders(play.tick())

    decided = play.decided()
    assert (decided.action, decided.reason) == (row.done[0], row.reason), decided.detail
    sent = sum(int(order.amount_native) for order in orders)
    assert sent == pytest.approx(row.done[1], abs=150)
    assert 0 <= -sent <= NET * int(row.calls) * 100_000.0


def test_after_a_hedge_in_whole_lots_nothing_more_is_sent(play_with: Callable[..., Any], make: Any) -> None:
    """What is left is more than the band and less than a lot: waited with, not traded to and fro."""
    play = play_with(band=whalley_wilmott.Params(risk_aversion_per_usd=1e-5, is_plain=True))
    play.connect()
    play.take(ev.InstrumentListed(instrument=make.perpetual(lot_native=Decimal(100_000)), received_ns=make.now_ns))
    play.tick()
    play.market()
    play.reconcile({CALL: "3", PERPETUAL: "-100000"})

    assert play.orders(play.tick()) == []
    assert play.decided().reason is Reason.BELOW_TRADE_MIN
    assert play.decided().delta_coin_net == pytest.approx(3 * NET - 1.0, abs=1e-3)
