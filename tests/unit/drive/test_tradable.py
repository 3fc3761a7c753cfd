"""The share of a run in which the bot could have traded."""

from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import Outcome
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.drive.tradable import Tradable


@pytest.mark.parametrize(
    ("action", "reason", "share"),
    [
        (Action.SKIP, Reason.INSIDE_BAND, 1.0),
        (Action.REFUSE, Reason.LIMIT_ORDER_USD, 1.0),
        (Action.REFUSE, Reason.HEDGE_QUOTE_DISTRUSTED, 0.75),
        (Action.REFUSE, Reason.DELTA_UNCERTAIN, 0.75),
        (Action.REFUSE, Reason.STREAM_LOST, 0.75),
    ],
)
def test_time_refused_for_want_of_data_is_not_tradable(
    play: Any, make: Any, action: Action, reason: Reason, share: float
) -> None:
    """A decision stands until the next one: one second of four; what the owner's own limits refuse does not count."""
    play.ready({"BTC-27MAR26-100000-C": "1"})
    first = play.decided()
    look = Tradable()
    for after_s, act, why in ((0, Action.SKIP, Reason.INSIDE_BAND), (3, action, reason), (4, Action.SKIP, reason)):
        now_ns = Ns(first.now_ns + after_s * NS_PER_S)
        play.market(after_s * NS_PER_S)
        decided = structs.replace(first, now_ns=now_ns, action=act, reason=why)
        look.see(play.engine, make.quoted(), Outcome(decided=decided))
    look.see(play.engine, make.quoted(), Outcome())

    assert look.share == pytest.approx(share)
    assert (look.span_ns, dict(look.barred_ns)) == (4 * NS_PER_S, {} if share == 1.0 else {reason: NS_PER_S})


def test_an_old_quote_bars_even_where_nothing_is_due(play: Any, make: Any) -> None:
    """Inside its band the bot has no need to refuse; it could not have traded all the same."""
    play.ready({"BTC-27MAR26-100000-C": "1"})
    first, look = structs.replace(play.decided(), action=Action.SKIP, reason=Reason.INSIDE_BAND), Tradable()
    for after_s in (0, 60, 90):
        decided = structs.replace(first, now_ns=Ns(first.now_ns + after_s * NS_PER_S))
        look.see(play.engine, make.quoted(), Outcome(decided=decided))

    assert dict(look.barred_ns) == {Reason.HEDGE_QUOTE_DISTRUSTED: 30 * NS_PER_S}


def test_no_time_is_no_share() -> None:
    """Before the second decision nothing is known."""
    assert Tradable().share == 0.0
