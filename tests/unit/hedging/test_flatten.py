"""Closing hedges on request: which, how much, and what it waits for."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, DistrustCause, Reason
from bot.domain.time import Ns
from bot.hedging.flatten import Ways, closable, closing, next_to_close
from bot.hedging.situation import Hedge
from bot.market.quality import Touch

PERPETUAL, OTHER = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC_USDC-PERPETUAL")


def _hedge(make: Any, **change: object) -> Hedge:
    touch = Touch(
        bid_native=99_999.5,
        ask_native=100_000.5,
        bid_amount_native=1e6,
        ask_amount_native=1e6,
        received_ns=Ns(0),
        venue_ns=Ns(0),
    )
    fields = {
        "spec": make.perpetual(),
        "price_usd": 100_000.0,
        "touch": touch,
        "index_usd": 100_000.0,
        "funding_rate_8h": 0.0,
        "age_ns": Ns(0),
    }
    return Hedge(**(fields | change))


def _ways(make: Any, **change: object) -> Ways:
    fields = {
        "limits": make.limits(),
        "spread_bps_max": 20.0,
        "hedge_cause": None,
        "has_pending": False,
        "is_backing_off": False,
        "orders_last_minute": 0,
    }
    return Ways(**(fields | change))


@pytest.mark.parametrize(("held", "amount"), [("-53180", "53180"), ("53185", "-53180"), ("-3000000", "1000000")])
def test_a_position_is_closed_whole_lots_at_a_time(make: Any, held: str, amount: str) -> None:
    """Against its sign, toward zero, cut to the largest order; the whole of it stays the aim."""
    verdict, parts = closing(_hedge(make), Decimal(held), _ways(make))

    assert [(part.instrument, part.amount_native, part.taker_native) for part in parts] == [
        (make.perpetual(), Decimal(amount), Decimal(amount))
    ]
    assert (verdict.action, verdict.reason, verdict.is_urgent) == (Action.HEDGE, Reason.FLATTENING, True)
    assert verdict.amount_native == Decimal(amount)
    assert verdict.amount_max_native == -closable(make.perpetual(), Decimal(held))
    assert verdict.trade_coin == pytest.approx(float(amount) / 100_000.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"has_pending": True}, Reason.ORDER_PENDING),
        ({"hedge_cause": DistrustCause.STALE}, Reason.HEDGE_QUOTE_DISTRUSTED),
        ({"is_backing_off": True}, Reason.BACKING_OFF),
        ({"spread_bps_max": 0.05}, Reason.SPREAD_TOO_WIDE),
        ({"orders_last_minute": 60}, Reason.LIMIT_ORDER_RATE),
    ],
)
def test_doubt_and_limits_make_it_wait(make: Any, change: dict[str, object], reason: Reason) -> None:
    """Closing is no emergency for which a phantom quote is taken."""
    verdict, parts = closing(_hedge(make), Decimal(-100), _ways(make, **change))

    assert (verdict.reason, verdict.amount_native, parts) == (reason, Decimal(0), ())
    assert verdict.action is not Action.HEDGE


def test_an_instrument_without_a_touch_is_waited_for(make: Any) -> None:
    """A mark alone is nothing to trade on."""
    for hedge in (_hedge(make, touch=None), None):
        assert closing(hedge, Decimal(-100), _ways(make)).verdict.reason is Reason.HEDGE_QUOTE_DISTRUSTED


def test_a_lot_over_the_largest_order_is_refused(make: Any) -> None:
    """The limit is no less a limit."""
    tight = _ways(make, limits=structs.replace(make.limits(), order_usd_max=5.0))

    assert closing(_hedge(make), Decimal(-100), tight).verdict.reason is Reason.LIMIT_ORDER_USD


def test_hedges_are_closed_one_after_the_other_and_options_never(make: Any) -> None:
    """A rest under a lot counts as flat; what is not a hedge instrument is not looked at."""
    listed = {PERPETUAL: make.perpetual(), OTHER: make.linear_perpetual()}
    option = InstrumentId("BTC-27MAR26-100000-C")
    held = {option: Decimal(5), PERPETUAL: Decimal(5), OTHER: Decimal("-0.5")}

    assert next_to_close((PERPETUAL, OTHER), held, listed) == OTHER
    assert next_to_close((PERPETUAL, OTHER), {option: Decimal(5)}, listed) is None
