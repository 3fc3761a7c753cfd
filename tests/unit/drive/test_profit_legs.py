"""One leg of a book while its profit is taken apart."""

from typing import Any

import pytest
from msgspec import structs

from bot.domain.time import NS_PER_S, Ns
from bot.drive.profit_legs import Leg, Seen, held, seen_of
from bot.drive.profit_look import Look
from bot.observe.profits import Parts
from bot.pricing.settlement_window import Window
from bot.risk.attribution import OptionMarket, option_step

_WINDOW = Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))


def _look(**change: Any) -> Look:
    fields: dict[str, Any] = {
        "at_ns": Ns(0),
        "is_tick": True,
        "is_opening": False,
        "options": {},
        "futures": {},
        "instruments": {},
        "held": {},
        "expected_usd": {},
        "equity": (),
        "funded": {},
        "fills": (),
        "mids_usd": {},
        "settled": None,
    }
    return Look(**(fields | change))


def test_coins_made_count_what_they_are_worth_at_the_end_of_the_step(make: Any) -> None:
    """Native money and USD side by side; a linear leg's money is USD already."""
    leg = Leg(make.option(), Seen(Ns(0), 0.05, 100_000.0))
    leg.add(100_000.0, Parts(gamma=0.001))
    leg.add(90_000.0, Parts(gamma=0.001))

    assert leg.told().native.gamma == 0.002
    assert leg.told().usd.gamma == pytest.approx(190.0)
    assert leg.told().waterfall_usd is not None
    assert Leg(make.perpetual(), Seen(Ns(0), 1e5, 1e5)).told().waterfall_usd is None


def test_an_option_is_seen_with_what_its_mark_is_made_of(make: Any) -> None:
    """Without a volatility it has a mark alone; without a mark it is not seen."""
    spec, marked = make.option(), make.option_marked()
    found = seen_of(_look(options={spec.id: marked}), spec, _WINDOW)

    assert found is not None
    assert found.market is not None
    assert (found.mark_native, found.market.iv, found.market.forward_usd) == (
        marked.mark_native,
        marked.iv_mark,
        marked.forward_usd,
    )
    bare = seen_of(_look(options={spec.id: structs.replace(marked, iv_mark=None)}), spec, _WINDOW)
    assert bare is not None
    assert bare.market is None
    assert seen_of(_look(options={spec.id: structs.replace(marked, mark_native=None)}), spec, _WINDOW) is None
    assert seen_of(_look(), spec, _WINDOW) is None


def test_steps_the_greeks_do_not_explain_are_counted(make: Any) -> None:
    """A minute is explained; a fifth of the price at once is not."""
    spec = make.option()
    leg = Leg(spec, Seen(Ns(0), 0.05, 100_000.0))
    start = OptionMarket(100_000.0, 0.6, 0.02)
    small = option_step(held(spec, 1.0), start, OptionMarket(100_050.0, 0.6, 0.02 - 2e-6))
    large = option_step(held(spec, 1.0), start, OptionMarket(120_000.0, 0.6, 0.02 - 2e-6))

    assert leg.take_note(small, 100_000.0)
    assert not leg.take_note(large, 100_000.0)
    told = leg.told()
    assert (told.steps_count, told.unexplained_count) == (2, 1)
    assert told.waterfall_usd is not None
    assert told.waterfall_usd.spot == pytest.approx((small.spot + large.spot) * 100_000.0)
