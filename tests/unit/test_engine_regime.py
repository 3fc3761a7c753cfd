"""A jump of the price, through the engine: the hedge it makes due waits for no filter and no counterparty."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.commands import PlaceOrder
from bot.domain.decided import PriceJumped
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, Reason, Regime
from bot.domain.time import NS_PER_S, Ns
from bot.execution.tactics import rest_then_cross
from bot.hedging.band import TradeTo
from bot.hedging.bands import fixed
from bot.hedging.modifiers import Modifiers
from bot.hedging.regime import RegimeParams

CALL = InstrumentId("BTC-27MAR26-100000-C")
_BAND = fixed.Params(low_coin=-0.01, high_coin=0.01, low_coin_per_option_coin=0.0, high_coin_per_option_coin=0.0)
_HOUR_NS = 3_600 * NS_PER_S


@pytest.fixture
def jumped(play_with: Callable[..., Any], make: Any) -> Callable[..., Any]:
    """A book that rests its hedges ten minutes apart, an hour of a quiet market, a hedge, and a jump of 0.5 %."""

    def played(regime: RegimeParams | None, **change: Any) -> tuple[Any, list[PlaceOrder]]:
        play = play_with(
            regime=regime,
            **change,
            band=_BAND,
            modifiers=Modifiers(trade_to=TradeTo.TARGET, interval_ns_min=Ns(600 * NS_PER_S)),
            tactic=rest_then_cross.Params(),
        )
        play.connect()
        for step, up in zip(range(0, 7_200, 5), itertools.cycle((0.0, 7.0, 3.0, 9.0, -2.0)), strict=False):
            at = Ns(make.now_ns - 2 * _HOUR_NS + step * NS_PER_S)
            play.take(make.future_marked(received_ns=at, mark_usd=100_000.0 + up))
        play.ready({CALL: "1", "BTC-PERPETUAL": "-53190"})
        play.take(make.fill("f0", "-10", None))
        play.tick(NS_PER_S)
        at = Ns(make.now_ns + 2 * NS_PER_S)
        play.take(
            make.option_marked(received_ns=at, forward_usd=100_500.0, index_usd=100_500.0),
            make.future_marked(
                received_ns=at, mark_usd=100_500.0, bid_usd=100_499.5, ask_usd=100_500.5, index_usd=100_500.0
            ),
        )
        return play, play.orders(play.tick(2 * NS_PER_S))

    return played


def test_without_a_look_at_jumps_the_filter_holds(jumped: Callable[..., Any]) -> None:
    """Ten minutes since the last fill are not over; nothing of it is recorded."""
    play, orders = jumped(None)

    assert (play.decided().action, play.decided().reason) == (Action.SKIP, Reason.TOO_SOON)
    assert (orders, play.decided().features) == ([], None)


def test_a_jump_is_hedged_at_once_and_to_the_edge(jumped: Callable[..., Any]) -> None:
    """Immediate-or-cancel although the tactic rests; to 0.01 although the owner trades to the target; recorded."""
    play, (order,) = jumped(RegimeParams())
    decided = play.decided()

    assert (decided.action, decided.detail) == (Action.HEDGE, "at once: the price jumped")
    assert (order.rest_until_ns, decided.target_coin) == (None, 0.01)
    assert decided.features is not None
    assert (decided.features.regime, decided.features.has_jumped) == (Regime.NORMAL, True)
    assert sum(isinstance(note, PriceJumped) for note in play.notes) == 1


def test_a_jump_breaks_no_limit(jumped: Callable[..., Any], make: Any) -> None:
    """The hedge position is at its largest: refused like any other hedge."""
    play, orders = jumped(RegimeParams(), limits=make.limits(hedge_position_usd_max=53_300.0))

    assert (play.decided().action, play.decided().reason) == (Action.REFUSE, Reason.LIMIT_POSITION_USD)
    assert orders == []
