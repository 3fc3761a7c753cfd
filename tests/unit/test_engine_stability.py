"""What the guards against our own impact hear of the engine, and what they do to its decisions."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.bands import fixed
from bot.hedging.stability import OwnTrade

CALL = InstrumentId("BTC-27MAR26-100000-C")
_NARROW = fixed.Params(low_coin=-0.01, high_coin=0.01, low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0)


def _trades(play: Any) -> list[OwnTrade]:
    return list(play.engine._hedger.width.stability._trades)


def _turned_back(play: Any) -> None:
    """Six trades that took each other back, the last a second ago."""
    stability = play.engine._hedger.width.stability
    for number in range(6):
        at = Ns(play._make.now_ns - (7 - number) * NS_PER_S)
        stability.sent(f"old{number}", price_usd=100_000.0, now_ns=at, takes=True)
        stability.see_fill(f"old{number}", (-1.0) ** number, at)


def test_an_own_fill_is_heard_once_and_the_price_after_it(play: Any, make: Any) -> None:
    """From the private stream, again from it, and from a snapshot: one trade, in coins, answered by the mark."""
    play.ready({CALL: "1"})
    (order,) = play.orders(play.tick())
    fill = make.fill("f1", str(order.amount_native), order.label, received_ns=make.now_ns)
    play.take(fill, fill)
    play.take(make.snapshot({CALL: "1", "BTC-PERPETUAL": str(order.amount_native)}, fills=(fill,)))
    play.take(make.future_marked(received_ns=Ns(make.now_ns + NS_PER_S), mark_usd=99_990.0))
    (trade,) = _trades(play)

    assert trade.coin == pytest.approx(float(order.amount_native) / 100_000.0)
    assert (trade.label, trade.sent_ns, trade.takes) == (order.label, make.now_ns, True)
    assert trade.moved_usd == -10.0


def test_a_fill_first_seen_in_a_snapshot_is_heard_as_well(play: Any, make: Any) -> None:
    """The private stream may have been down."""
    play.ready({CALL: "1"})
    (order,) = play.orders(play.tick())
    fill = make.fill("f1", str(order.amount_native), order.label)
    play.take(make.snapshot({CALL: "1", "BTC-PERPETUAL": str(order.amount_native)}, fills=(fill,)))

    assert [trade.label for trade in _trades(play)] == [order.label]


def test_an_option_bought_by_the_owner_is_no_hedge(play: Any, make: Any) -> None:
    """Only the hedge instrument is listened to."""
    play.ready({CALL: "1"})
    play.take(make.fill("f1", "1", None, instrument=CALL, price_native=Decimal("0.06")))

    assert not play.engine._hedger.width.stability._fills


def test_after_an_oscillation_the_band_is_wider_and_the_decision_says_so(play_with: Callable[..., Any]) -> None:
    """0.015 coin over the target: outside 0.01, inside twice that; the record holds the ratio."""
    calm, swung = play_with(band=_NARROW), play_with(band=_NARROW)
    _turned_back(swung)
    for play in (calm, swung):
        play.ready({CALL: "1", "BTC-PERPETUAL": "-51690"})
        play.tick()
    before, after = calm.decided(), swung.decided()

    assert (before.action, before.features) == (Action.HEDGE, None)
    assert (after.action, after.reason) == (Action.SKIP, Reason.OSCILLATES)
    assert (after.band_low_coin, after.band_high_coin) == (-0.02, 0.02)
    assert after.features is not None
    assert after.features.width_ratio == 2.0
    assert [note.guard for note in swung.notes if hasattr(note, "guard")] == [Reason.OSCILLATES]
