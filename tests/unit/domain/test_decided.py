"""The record of a decision, and the notes an event can leave."""

from typing import get_args

import msgspec
import pytest

from bot.domain.decided import NOTHING, Decided, Note, Outcome, is_repeat
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_S, Ns


@pytest.mark.parametrize("kind", [Decided, *get_args(Note)], ids=lambda kind: kind.__name__)
def test_a_record_is_frozen_and_tagged_with_its_name(kind: type[msgspec.Struct]) -> None:
    """The ledger reads as the code does."""
    config = kind.__struct_config__

    assert (config.frozen, config.tag) == (True, kind.__name__)


def test_nothing_is_an_outcome_without_commands() -> None:
    """The shared empty outcome holds nothing and cannot be changed."""
    assert Outcome() == NOTHING
    assert (NOTHING.commands, NOTHING.decided, NOTHING.notes) == ((), None, ())
    with pytest.raises(AttributeError):
        NOTHING.commands = ()  # type: ignore[misc]


def _decision(action: Action, reason: Reason, now_s: int) -> Decided:
    numbers = {
        name: None for name in Decided.__struct_fields__ if name.startswith(("delta", "gamma", "band", "target"))
    }
    return Decided(
        **numbers,
        seq=now_s,
        now_ns=Ns(now_s * NS_PER_S),
        book="BTC",
        convention="options_only",
        action=action,
        reason=reason,
        trade_coin=0.0,
        price_usd=None,
        index_usd=None,
        hedge_instrument=InstrumentId("BTC-PERPETUAL"),
        hedge_age_ns=None,
        option_age_ns_max=None,
        doubtful=(),
        detail="",
    )


@pytest.mark.parametrize(
    ("action", "reason", "now_s", "is_told_again"),
    [
        (Action.SKIP, Reason.INSIDE_BAND, 59, False),
        (Action.SKIP, Reason.INSIDE_BAND, 60, True),
        (Action.SKIP, Reason.ORDER_PENDING, 1, True),
        (Action.REFUSE, Reason.INSIDE_BAND, 1, True),
        (Action.HEDGE, Reason.OUTSIDE_BAND, 1, True),
    ],
)
def test_what_is_not_new_is_told_once_a_minute(action: Action, reason: Reason, now_s: int, is_told_again: bool) -> None:
    """A change of action or reason, a hedge, or a minute gone by is news."""
    told = _decision(Action.SKIP, Reason.INSIDE_BAND, 0)

    assert is_repeat(_decision(action, reason, now_s), told) is not is_told_again
    assert not is_repeat(told, None)
