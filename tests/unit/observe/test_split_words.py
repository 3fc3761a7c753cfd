"""A split in words: coins, why, cost and carry of each instrument."""

import pytest

from bot.domain.decided import LegSplit
from bot.domain.ids import InstrumentId
from bot.hedging.target import Why
from bot.observe.split_words import split_words


def _leg(why: str, coin: float = -0.4) -> LegSplit:
    return LegSplit(
        instrument=InstrumentId("BTC-PERPETUAL"),
        trade_coin=coin,
        cost_fraction=0.00051,
        carry_fraction=-0.00003,
        why=why,
    )


def test_what_an_instrument_got_and_why() -> None:
    """Costs in basis points; what is received has a minus."""
    assert split_words(_leg("cheapest")) == "BTC-PERPETUAL -0.4000 (costs least: 5.10 bps, carry -0.30 bps)"


def test_what_kept_it_out_is_told_as_the_reason_is_called() -> None:
    """Without its underscores."""
    told = split_words(_leg("hedge_quote_distrusted", 0.0))

    assert told == "BTC-PERPETUAL +0.0000 (hedge quote distrusted: 5.10 bps, carry -0.30 bps)"


@pytest.mark.parametrize("why", sorted(set(Why) - {Why.NOT_TRUSTED, Why.NOTHING_WANTED}))
def test_every_reason_of_the_split_has_words(why: Why) -> None:
    """The two that never reach a record need none: a bar names the cause of the first, the second is no hedge."""
    assert f"({why.value.replace('_', ' ')}:" not in split_words(_leg(why.value))
