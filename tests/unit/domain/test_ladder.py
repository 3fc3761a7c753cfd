"""Rows of the gap-risk ladder survive being written down, on a tape and as part of a question and its answer."""

import msgspec

from bot.domain.commands import Command, MeasureLadder
from bot.domain.events import Event, LadderMeasured
from bot.domain.ladder import FutureHeld, LadderStep, OptionHeld, RungSeen
from bot.domain.reasons import Rung


def test_question_and_answer_survive_being_written_down() -> None:
    """To the last bit: the answer of a replay is the recorded one."""
    option = OptionHeld(
        qty_coin=-1.5, forward_usd=1e5, strike_usd=9e4, tau_years=0.1, iv=0.1 + 0.2, is_call=True, is_inverse=False
    )
    future = FutureHeld(amount_native=-10.0, price_usd=1e5, is_inverse=True)
    question = MeasureLadder(
        instrument="BTC-PERPETUAL", asked_ns=1, spot_usd=1e5, options=(option,), futures=(future,), equity_coin=None
    )
    step = LadderStep(
        spot_share=-0.2, delta_coin_net=1.0, gamma_coin_per_usd=0.0, pnl_coin=-0.5, pnl_usd=-4e4, margin_coin=0.1
    )
    worst = RungSeen(rung=Rung.MARGIN, spot_share=-0.2, iv_move=0.1, figure_native=float("inf"))
    answer = LadderMeasured(instrument="BTC-PERPETUAL", received_ns=2, worst=(worst,), steps=(step,))

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(question), type=Command) == question
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=Event) == answer
