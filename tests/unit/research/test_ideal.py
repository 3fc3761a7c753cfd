"""Hedges that fill at once, whole and at the touch."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.errors import ConfigError
from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S, Ns, expiry_ns_from_code
from bot.engine import Engine
from bot.hedging.appetite import AppetiteParams
from bot.hedging.band import TradeTo
from bot.hedging.bands import time_based
from bot.hedging.modifiers import Modifiers
from bot.research.ideal import Ideal, Look, Looks, Money, idealised, played, still
from bot.risk.conventions import Convention
from bot.risk.sources import ForwardSource, Sources

_CALL = "BTC-27MAR26-100000-C"


def _due(make: Any, **change: object) -> Any:
    """A book that hedges at every look."""
    return idealised(make.book(**({"band": time_based.Params(interval_s=0.0)} | change)))


def test_what_is_due_is_filled_at_the_touch_at_once(make: Any, walk: Callable[..., Looks]) -> None:
    """However large; the next look begins hedged. Fees are those of taking, slippage is half the spread."""
    book = _due(make)
    seen = walk(5, book, looks_count=1)
    now_ns, market = seen.looks[0]
    perpetual = make.future_marked(received_ns=now_ns, bid_usd=99_990.0, ask_usd=100_010.0)
    seen.looks = [Look(now_ns, (*market[:2], perpetual)), Look(Ns(now_ns + NS_PER_S), ())]
    ideal = Ideal(seen, book)
    decided = [outcome.decided for _, outcome in ideal.play()]

    # The first look is the engine's first: it asks what is held before it trades.
    assert [hedge.look_seq for hedge in ideal.hedges] == [1]
    assert decided[1] is not None
    assert decided[1].delta_coin_net is not None
    touch = ideal.engine.view.touch(InstrumentId("BTC-PERPETUAL"))
    assert touch is not None
    price = touch.bid_native if ideal.hedges[0].lots_count < 0 else touch.ask_native
    assert price is not None
    traded_usd = 10.0 * abs(ideal.hedges[0].lots_count)
    assert traded_usd == ideal.traded_usd == pytest.approx(abs(decided[1].delta_coin_net) * 1e5, abs=2_000)
    profit = ideal.engine.account.profit.usd()
    assert -profit.fees == pytest.approx(traded_usd * 0.00035, rel=0.01)
    half = 0.5 * (touch.ask_native - touch.bid_native)  # type: ignore[operator]
    assert -profit.slippage == pytest.approx(traded_usd * half / price, rel=0.01)
    assert not ideal.engine.status().orders_live


def test_a_whole_run_is_told_as_any_other(make: Any, walk: Callable[..., Looks]) -> None:
    """Parts add up to the profit; costs are fees and half the spread."""
    book = _due(make)
    money = played(walk(3, book), book)
    figures = money.figures(60.0)

    assert figures.hedges == figures.fills == len(money.hedges) > 5
    parts = figures.pnl_options_usd + figures.pnl_hedge_usd + figures.pnl_funding_usd - figures.cost_usd
    assert figures.pnl_usd == pytest.approx(parts)
    assert figures.cost_usd > figures.fees_usd > 0.0
    assert figures.residual_ratio is not None
    assert 0.0 < figures.residual_ratio < 1.0


def test_nothing_is_left_open_of_nothing() -> None:
    """No look, no ratio."""
    nothing = Money(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, None, [])

    assert nothing.figures(0.0).residual_ratio is None


def test_looks_are_what_came_between_two_decisions(make: Any) -> None:
    """The newest of each kind and instrument, an endless touch for the hedge, until the settlement window begins."""
    book = make.book()
    seen, engine = Looks(book), Engine(book)
    opens = Ns(expiry_ns_from_code("27MAR26") - book.window.length_ns)

    def see(*events: ev.Event) -> None:
        for event in events:
            seen.see(engine, event, engine.apply(event))

    listed = [
        ev.InstrumentListed(instrument=spec, received_ns=make.now_ns) for spec in (make.perpetual(), make.option())
    ]
    see(*listed, make.option_marked(iv_mark=0.5), make.option_marked(), make.future_marked(volume_usd_per_day=1e6))
    see(ev.Ticked(now_ns=make.now_ns), make.snapshot({_CALL: "1"}), make.quoted())
    see(ev.Ticked(now_ns=Ns(make.now_ns + 1)), ev.Ticked(now_ns=Ns(opens - 1)), ev.Ticked(now_ns=opens))

    assert seen.listed == listed
    assert [item.instrument for item in seen.positions] == [_CALL]
    assert [look.now_ns for look in seen.looks] == [make.now_ns, make.now_ns + 1, opens - 1]
    option, future = seen.looks[0].market
    assert option == make.option_marked()
    assert (future.bid_amount_native, future.volume_usd_per_day) == (1e12, None)  # type: ignore[union-attr]
    assert seen.looks[1].market[0].ask_amount_native == 1e12  # type: ignore[union-attr]
    assert seen.looks[2].market == ()


def test_a_still_book_never_trades(make: Any, walk: Callable[..., Looks]) -> None:
    """What it sees does not depend on what it does."""
    book = _due(make)

    assert played(walk(3, book), still(book)).hedges == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"convention": Convention.COIN}, r"books\.btc\.convention: coin needs an account"),
        ({"hedges_long": ("BTC-27MAR26",)}, "one hedge instrument"),
        ({"hedge_instrument": "OKX:BTC-USDT-SWAP"}, "where the options are"),
        ({"modifiers": Modifiers(hedge_ratio=0.5)}, "trade_to and trade_coin_min"),
        ({"sources": Sources(forward=ForwardSource.FUTURE)}, "no regime, appetite"),
        ({"appetite": AppetiteParams(floor_usd=1.0, full_cushion_usd=2.0)}, "no regime, appetite"),
    ],
)
def test_what_needs_more_than_a_market_is_refused(make: Any, change: dict[str, object], why: str) -> None:
    """By its key."""
    with pytest.raises(ConfigError, match=why):
        idealised(make.book(**change))
    assert idealised(make.book(modifiers=Modifiers(trade_to=TradeTo.INNER))).modifiers.trade_to is TradeTo.INNER
