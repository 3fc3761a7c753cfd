"""Fits are told once a minute, and when something changes."""

from typing import Any

from bot.domain.time import NS_PER_S, Ns
from bot.observe.surfaces import Surfaces


def test_once_a_minute_per_book_and_whenever_a_defect_comes_or_goes(make: Any, surface: Any) -> None:
    """Fits are frequent, words are not."""
    told = Surfaces()

    def is_told(second: int, **change: object) -> bool:
        return told.words(surface(as_of_ns=Ns(make.now_ns + second * NS_PER_S), **change)) is not None

    assert [is_told(0), is_told(30), is_told(30, book="ETH"), is_told(60)] == [True, False, True, True]
    assert [is_told(61, defect="no_quotes"), is_told(62, defect="no_quotes"), is_told(63)] == [True, False, True]


def test_the_words_say_which_rule_is_better(surface: Any) -> None:
    """Variance ratio by rule, and those with evidence enough."""
    words = Surfaces().words(surface())

    assert words is not None
    assert words["variance_ratios"] == {"sticky_strike": 1.0, "ssr": 0.8}
    assert (words["better"], words["expiries"], words["ssr_ratio"]) == (["ssr"], 1, 1.6)
