"""The gap-risk ladder in the engine: asked after the decision, told in the status, its limits refuse what is worse."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.commands import MeasureLadder
from bot.domain.decided import AlarmRaised
from bot.domain.events import LadderMeasured
from bot.domain.ids import InstrumentId
from bot.domain.ladder import RungSeen
from bot.domain.reasons import Action, Reason, Rung
from bot.domain.time import NS_PER_S, Ns
from bot.risk import gap
from bot.risk.gap import GapParams
from bot.risk.ladder import LadderLimits

CALL = InstrumentId("BTC-27MAR26-100000-C")


def _params(**limits: float) -> GapParams:
    return GapParams(interval_ns=Ns(5 * NS_PER_S), limits=LadderLimits(**limits))


def _measured(make: Any, spot_share: float) -> LadderMeasured:
    worst = RungSeen(rung=Rung.LOSS, spot_share=spot_share, iv_move=0.1, figure_native=5000.0)
    return LadderMeasured(
        instrument=InstrumentId("BTC-PERPETUAL"),
        received_ns=make.now_ns,
        worst=(worst,),
        steps=(),
    )


def test_a_book_without_a_ladder_asks_for_none(play: Any) -> None:
    """Off by default."""
    play.ready({CALL: "1"})
    play.tick(60 * NS_PER_S)

    assert not [command for command in play.commands if isinstance(command, MeasureLadder)]
    assert play.engine.status().ladder is None


def test_it_is_asked_for_after_the_order_and_told_in_the_status(play_with: Callable[..., Any]) -> None:
    """The commands of a tick begin with what must not wait."""
    play = play_with(gap=_params())
    play.ready({CALL: "1"})
    play.market(after_ns=5 * NS_PER_S)
    commands = play.tick(5 * NS_PER_S)
    names = [type(command).__name__ for command in commands]
    question = next(command for command in commands if isinstance(command, MeasureLadder))
    answer = gap.measure(question, question.asked_ns)
    play.take(answer)

    assert names.index("PlaceOrder") < names.index("MeasureLadder")
    assert [(row.qty_coin, row.strike_usd) for row in question.options] == [(1.0, 100_000.0)]
    assert play.engine.status().ladder is answer


@pytest.mark.parametrize(
    ("spot_share", "loss_usd_max", "expected"),
    [(-0.2, 4000.0, (Action.REFUSE, 1)), (0.2, 4000.0, (Action.HEDGE, 1)), (-0.2, 6000.0, (Action.HEDGE, 0))],
)
def test_a_hedge_that_would_make_the_worst_rung_worse_is_refused(
    play_with: Callable[..., Any], make: Any, spot_share: float, loss_usd_max: float, expected: tuple[Action, int]
) -> None:
    """A short call wants coins bought: not while the book loses too much where spot falls, but where it rises."""
    play = play_with(gap=_params(loss_usd_max=loss_usd_max))
    play.ready({CALL: "-1"})
    play.take(_measured(make, spot_share))
    play.tick()
    decided = play.decided()
    alarms = [note for note in play.notes if isinstance(note, AlarmRaised) and note.name == Reason.LIMIT_LADDER]

    assert (decided.action, len(alarms)) == expected
    assert len(play.orders()) == int(decided.action is Action.HEDGE)
    if decided.action is Action.REFUSE:
        assert decided.reason is Reason.LIMIT_LADDER
        assert decided.detail == (
            "loss would be 5000 USD at spot -20 %, volatility +10 points, limit 4000; this hedge makes it worse"
        )


def test_within_its_limits_again_the_hedge_is_made(play_with: Callable[..., Any], make: Any) -> None:
    """The next ladder decides, not a human."""
    play = play_with(gap=_params(loss_usd_max=4000.0))
    play.ready({CALL: "-1"})
    play.take(_measured(make, -0.2))
    play.tick()
    play.take(LadderMeasured(**{**_fields(_measured(make, -0.2)), "worst": ()}))
    play.tick()

    assert len(play.orders()) == 1


def _fields(measured: LadderMeasured) -> dict[str, Any]:
    return {name: getattr(measured, name) for name in measured.__struct_fields__}
