"""When the account is compared, through a whole engine."""

from typing import Any

import pytest
from msgspec import structs

from bot.domain.commands import TakeSnapshot
from bot.domain.decided import AlarmRaised
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, Reason
from bot.domain.seen import PositionSeen
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.bands import fixed

_CALL, _PERP = "BTC-27MAR26-100000-C", "BTC-PERPETUAL"
_FLAT = {_CALL: "1", _PERP: "-53180"}


@pytest.fixture
def play(play_with: Any) -> Any:
    """Hedged, in a wide band."""
    return play_with(band=fixed.Params(low_coin=-0.5, high_coin=0.5))


def _second(play: Any, make: Any, second: int, options_coin: float = 9.0) -> None:
    """Fresh tickers and an account message that says so much delta of options, then a tick."""
    at = Ns(make.now_ns + second * NS_PER_S)
    play.take(make.account_seen(delta_coin_options=options_coin, delta_coin_by_index=None, received_ns=at))
    play.market(second * NS_PER_S)
    play.tick(second * NS_PER_S)


def _alarms(play: Any) -> list[str]:
    return [note.name for note in play.notes if isinstance(note, AlarmRaised)]


def test_a_lasting_difference_asks_alarms_and_refuses(play: Any, make: Any) -> None:
    """Positions are asked for, the leg is named from them, and after a minute nothing is placed."""
    play.ready(_FLAT)
    play.tick()
    for second in range(1, 9):
        _second(play, make, second)
    asked = [item for item in play.commands if isinstance(item, TakeSnapshot) and "differ" in item.cause]
    at = Ns(make.now_ns + 8 * NS_PER_S)
    positions = (
        PositionSeen(instrument=InstrumentId(_CALL), amount_native=make.fill("x", "1").amount_native, delta_coin=9.0),
        PositionSeen(instrument=InstrumentId(_PERP), amount_native=make.fill("x", "-53180").amount_native),
    )
    play.take(structs.replace(make.snapshot(requested_ns=at, received_ns=at), positions=positions))
    for second in range(9, 63):
        _second(play, make, second)
    decided = play.decided()

    assert len(asked) == 1
    assert "venue_disagrees" in _alarms(play)
    assert (decided.action, decided.reason) == (Action.REFUSE, Reason.VENUE_DISAGREES)
    assert f"most of it in {_CALL}" in decided.detail


def test_nothing_is_compared_while_unreconciled_or_trading(play_with: Any, make: Any) -> None:
    """An order under way is in one side's figures and not in the other's; before agreement ours mean nothing."""
    before = play_with(band=fixed.Params(low_coin=-0.5, high_coin=0.5))
    before.connect()
    trading = play_with(band=fixed.Params(low_coin=-0.01, high_coin=0.01, high_coin_per_option_coin=0.0))
    trading.ready({_CALL: "1"})
    trading.tick()
    for second in range(1, 30):
        for play in (before, trading):
            _second(play, make, second)

    assert len(trading.orders()) == 1
    assert [name for play in (before, trading) for name in _alarms(play) if name == "venue_disagrees"] == []


def test_without_a_price_nothing_is_compared(play: Any, make: Any) -> None:
    """The hedge instrument was never seen."""
    play.connect()
    play.tick()
    play.reconcile({_CALL: "1"})
    for second in range(1, 20):
        play.take(make.account_seen(delta_coin_options=9.0, received_ns=Ns(make.now_ns + second * NS_PER_S)))
        play.tick(second * NS_PER_S)

    assert "venue_disagrees" not in _alarms(play)
