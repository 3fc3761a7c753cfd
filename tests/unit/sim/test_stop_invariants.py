"""The checker of stops: it speaks where an order left that a stop forbids, also in a process that knows of none."""

from decimal import Decimal

import pytest

from bot.domain.commands import PlaceOrder
from bot.domain.decided import Decided, Outcome, StopLatched, StopLifted
from bot.domain.ids import InstrumentId, Label
from bot.domain.reasons import Action, Reason
from bot.domain.stops import HEDGEBOT, OPERATOR, Latch, StopKind
from bot.domain.time import Ns
from bot.sim.stop_invariants import StopInvariants

_K = StopKind


def _latch(kind: StopKind, cause: str = OPERATOR) -> Latch:
    return Latch(kind=kind, cause=cause, since_ns=Ns(1), by=HEDGEBOT, detail="why")


def _ordered(reason: Reason, trade_coin: float, instrument: str = "BTC-PERPETUAL") -> Outcome:
    """A net delta of 0.5 to 0.6 on a band of -0.1 to 0.1, and an order."""
    figures = dict.fromkeys(
        (
            *("delta_coin_options", "delta_coin_futures", "delta_coin_collateral", "delta_coin_expiring"),
            *("delta_coin_surviving", "delta_coin_delivered", "gamma_coin_per_usd", "gamma_coin_per_hour"),
            *("target_coin", "price_usd", "index_usd", "hedge_age_ns", "option_age_ns_max"),
        )
    )
    decided = Decided(
        seq=1,
        now_ns=Ns(1),
        book="BTC",
        convention="options_only",
        action=Action.HEDGE,
        reason=reason,
        delta_coin_net=0.55,
        delta_coin_low=0.5,
        delta_coin_high=0.6,
        band_low_coin=-0.1,
        band_high_coin=0.1,
        trade_coin=trade_coin,
        hedge_instrument=InstrumentId(instrument),
        doubtful=(),
        detail="",
        **figures,
    )
    order = PlaceOrder(
        label=Label("hb1"),
        instrument=InstrumentId(instrument),
        amount_native=Decimal(10),
        price_native=Decimal(1),
        arrival_mid_native=1.0,
        valid_until_ns=Ns(2),
        decided_seq=1,
    )
    return Outcome(commands=(order,), decided=decided)


@pytest.mark.parametrize(
    ("on", "order", "word"),
    [
        ([], (Reason.OUTSIDE_BAND, -0.5), None),
        ([(_K.PAUSE, OPERATOR)], (Reason.OUTSIDE_BAND, -0.5), "while pause is on"),
        ([(_K.CANCEL_ALL, OPERATOR)], (Reason.OUTSIDE_BAND, -0.5), "while cancel_all is on"),
        ([(_K.HALT, "order_refused")], (Reason.OUTSIDE_BAND, -0.5), "while halt is on"),
        ([(_K.HALT, "x"), (_K.PAUSE, OPERATOR)], (Reason.OUTSIDE_BAND, -0.5), "while halt is on"),
        ([(_K.FLATTEN_HEDGES, "margin"), (_K.PAUSE, OPERATOR)], (Reason.FLATTENING, 0.5), "while pause is on"),
        ([(_K.REDUCE_ONLY, OPERATOR)], (Reason.OUTSIDE_BAND, -0.5), None),
        ([(_K.REDUCE_ONLY, OPERATOR)], (Reason.OUTSIDE_BAND, 0.1), "does not reduce"),
        ([(_K.REDUCE_ONLY, OPERATOR)], (Reason.OUTSIDE_BAND, -1.2), "does not reduce"),
        ([(_K.FLATTEN_HEDGES, OPERATOR)], (Reason.FLATTENING, 0.5), None),
        ([(_K.FLATTEN_HEDGES, OPERATOR)], (Reason.OUTSIDE_BAND, -0.5), "left to hedge"),
    ],
)
def test_an_order_that_a_stop_forbids_is_named(
    on: list[tuple[StopKind, str]], order: tuple[Reason, float], word: str | None
) -> None:
    """And one that it allows is not."""
    checks = StopInvariants()
    for kind, cause in on:
        assert list(checks.saw(Outcome(notes=(StopLatched(latch=_latch(kind, cause)),)))) == []
    found = list(checks.saw(_ordered(*order)))

    assert len(found) == (word is not None)
    assert word is None or word in found[0]


def test_an_option_is_never_closed() -> None:
    """By whatever name it goes."""
    checks = StopInvariants()
    list(checks.saw(Outcome(notes=(StopLatched(latch=_latch(_K.FLATTEN_HEDGES)),))))

    assert "trades an option" in next(checks.saw(_ordered(Reason.FLATTENING, 0.5, "BTC-27MAR26-100000-C")))


def test_a_lift_with_name_and_reason_ends_it_and_without_them_is_named() -> None:
    """Nothing lifts itself."""
    checks = StopInvariants()
    latch = _latch(_K.PAUSE)
    list(checks.saw(Outcome(notes=(StopLatched(latch=latch),))))
    lifted = StopLifted(latch=latch, by="ann", reason="", at_ns=Ns(2))

    (what,) = checks.saw(Outcome(notes=(lifted,)))

    assert "was lifted by 'ann'" in what
    assert list(checks.saw(_ordered(Reason.OUTSIDE_BAND, -0.5))) == []
