"""The looks of a run as columns."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.research.ideal import Look, Looks, idealised
from bot.research.strip import strip_of


def test_columns_are_what_the_engine_decided_on(make: Any, walk: Callable[..., Looks]) -> None:
    """A row for each look; what was not known is NaN, and a mark counts once."""
    book = idealised(make.book())
    seen = walk(1, book, looks_count=1)
    start_ns, market = seen.looks[0].now_ns, seen.looks[0].market
    perpetual = market[-1]
    touched = make.future_marked(received_ns=Ns(start_ns + NS_PER_S), bid_usd=99_000.0, ask_usd=101_000.0)
    seen.looks = [
        Look(Ns(start_ns - 1), ()),
        Look(start_ns, market),
        Look(Ns(start_ns + NS_PER_S), (touched,)),
        Look(Ns(start_ns + 2 * NS_PER_S), ()),
    ]
    strip, facts = strip_of(seen, book)

    assert strip.now_ns.tolist() == [look.now_ns for look in seen.looks]
    assert strip.is_seen.tolist() == [False, True, True, True]
    assert strip.is_marked.tolist() == [False, True, True, False]
    assert strip.is_open.tolist() == [False, strip.is_open[1], False, False], "the spread is too wide"
    assert np.isnan(strip.price_usd[0])
    assert strip.price_usd[1:].tolist() == [perpetual.mark_usd, 100_000.0, 100_000.0]
    assert strip.ask_usd[2] - strip.bid_usd[2] == pytest.approx(2_000.0)
    assert strip.gross_coin[1] >= 1.5
    assert strip.below_coin[1] == strip.above_coin[1] == 0.0
    assert facts == (True, 10.0, 0.00035, facts.options_usd)
