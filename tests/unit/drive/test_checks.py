"""What is checked after every event of a run with faults: each check speaks where it must, and only there.

That whole engines with a planted bug are found is for `tests/sim/test_faults.py`.
"""

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.decided import FillBooked, Outcome
from bot.domain.ids import FillId, InstrumentId, Label, OrderId
from bot.domain.time import NS_PER_S, Ns
from bot.drive.checks import Checks
from bot.engine import Engine
from bot.observe.tally import RunResult, Tally
from bot.sim.facts import OrderRequest, OrderType, Side, TimeInForce
from bot.sim.faults import Faults

_PERPETUAL = InstrumentId("BTC-PERPETUAL")
_NOTHING = Outcome()


@pytest.fixture
def checks(at_play: Any, make: Any) -> Callable[..., Checks]:
    """Checks of a run without a fault."""

    def begin() -> Checks:
        params = make.book()
        found = Checks(params, at_play.exchange, at_play.venue, Faults())
        found.started(Engine(params), at_play.exchange.now_ns)
        return found

    return begin


def _booked(fill_id: str, amount: int, position: int) -> FillBooked:
    return FillBooked(
        fill_id=fill_id,
        label=None,
        instrument=_PERPETUAL,
        amount_native=Decimal(amount),
        price_native=Decimal(100),
        fee_native=Decimal(0),
        fee_currency="BTC",
        position_native=Decimal(position),
        slippage_usd=0.0,
    )


def _saw(checks: Checks, *notes: Any, now_ns: int = 0) -> list[str]:
    checks.saw(ev.Ticked(now_ns=Ns(now_ns)), Outcome(notes=notes), Ns(now_ns))
    return checks.violations


def test_a_position_is_the_sum_of_fills_that_count_once(checks: Callable[..., Checks]) -> None:
    """Twice the same id, or a position that is another: a violation with its step."""
    assert _saw(checks(), _booked("1", 10, 10), _booked("2", -20, -10)) == []
    assert "step 1: fill 1 was booked twice" in _saw(checks(), _booked("1", 10, 10), _booked("1", 10, 20))[0]
    assert "made 40" in _saw(checks(), _booked("1", 10, 10), _booked("2", 10, 40))[0]


class _Agreed:
    """A book that agrees with its venue."""

    def status(self) -> Any:
        return SimpleNamespace(is_reconciled=True)


@pytest.mark.parametrize(("told_within_s", "lasts_s", "is_found"), [(0, 0, True), (2, 1, False), (2, 2, True)])
def test_a_delta_the_bot_holds_impossible_is_found_once_it_could_have_been_told(
    at_play: Any, make: Any, told_within_s: int, lasts_s: int, *, is_found: bool
) -> None:
    """At once where all of a moment is told at once; not while messages of a jump are still on their way."""
    told_within_ns = told_within_s * NS_PER_S
    watched = Checks(make.book(), at_play.exchange, at_play.venue, Faults(), told_within_ns=told_within_ns)
    watched.started(_Agreed(), Ns(0))
    decided: Any = SimpleNamespace(delta_coin_low=1.0, delta_coin_high=1.0)
    for at_s in (0, lasts_s):
        watched._check_reach(decided, Ns(at_s * NS_PER_S))

    assert any("the delta is 0.0000" in text for text in watched.violations) is is_found


def _order(number: int = 1, amount: int = 10) -> PlaceOrder:
    return PlaceOrder(
        label=Label(f"hb{number}"),
        instrument=_PERPETUAL,
        amount_native=Decimal(amount),
        price_native=Decimal(100),
        arrival_mid_native=100.0,
        valid_until_ns=Ns(10**19),
        decided_seq=1,
    )


def test_an_order_without_a_decision_is_none(checks: Callable[..., Checks]) -> None:
    """Orders come from a tick that decided to hedge."""
    watched = checks()
    watched.saw(ev.Ticked(now_ns=Ns(0)), Outcome(commands=(_order(),)), Ns(0))

    assert "without a decision" in watched.violations[0]


def test_no_order_leaves_while_another_may_still_trade(checks: Callable[..., Checks], at_play: Any) -> None:
    """On its way, or at rest in the book; a label is used once."""
    watched, now_ns = checks(), at_play.exchange.now_ns
    at_play.venue.in_transit[Label("hb1")] = _order(1)
    watched._check_order(_order(2), now_ns)
    watched._labels[Label("hb3")] = _PERPETUAL
    watched._check_order(_order(3), now_ns)

    assert "hb2 left while ['hb1'] may still trade" in watched.violations[0]
    assert any("label hb3 was used twice" in text for text in watched.violations)


def _trade(at_play: Any, label: str) -> Any:
    asked = OrderRequest(
        account="bot",
        instrument=_PERPETUAL,
        side=Side.BUY,
        amount_native=Decimal(20_000),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        label=label,
    )
    return at_play.exchange.submit(asked)[1][0]


def _told(trade: Any) -> ev.Filled:
    return ev.Filled(
        fill_id=FillId(trade.trade_id),
        order_id=OrderId(trade.order_id),
        label=None,
        instrument=_PERPETUAL,
        amount_native=trade.amount_native,
        price_native=trade.price_native,
        fee_native=Decimal(0),
        fee_currency="BTC",
        is_maker=False,
        received_ns=Ns(0),
        venue_ns=Ns(0),
    )


def test_no_order_leaves_before_the_fills_of_the_one_before_are_known(
    checks: Callable[..., Checks], at_play: Any
) -> None:
    """A stranger's fill may be unheard of; one of ours may not."""
    watched, now_ns = checks(), at_play.exchange.now_ns
    _trade(at_play, "")
    watched._check_order(_order(2, -10), now_ns)
    assert watched.violations == []

    _trade(at_play, "hb1")
    watched._check_order(_order(3, -10), now_ns)
    assert "was known" in watched.violations[0]


def test_an_order_on_a_position_the_venue_does_not_have_or_that_makes_it_worse(
    checks: Callable[..., Checks], at_play: Any
) -> None:
    """All was told, and the engine believes something else; the order goes the wrong way."""
    watched, now_ns = checks(), at_play.exchange.now_ns
    watched.saw(_told(_trade(at_play, "")), _NOTHING, now_ns)
    watched._told.update(trade.trade_id for trade in at_play.exchange.trades_of("bot"))
    watched._check_order(_order(2, 50_000), now_ns)

    assert any("the venue has 20000" in text for text in watched.violations)
    assert any("of delta" in text for text in watched.violations)


def test_the_first_violation_is_told_with_what_led_to_it_and_their_number_is_bounded(
    checks: Callable[..., Checks],
) -> None:
    """Events before it; the others in a line each."""
    watched = checks()
    watched.saw(ev.StreamLost(stream=ev.StreamName.MARKET, received_ns=Ns(NS_PER_S), cause="test"), _NOTHING, Ns(0))
    for _ in range(50):
        _saw(watched, _booked("1", 10, 10))

    assert "before: [StreamLost" in watched.violations[0]
    assert "before" not in watched.violations[1]
    assert len(watched.violations) < 50


def _well(make: Any) -> RunResult:
    """A run that ended as it should."""
    tally = Tally(trade_coin_min=0.001, sample_every_ns=Ns(NS_PER_S))
    status = Engine(make.book()).status()
    begun = tally.result(mode="test", status=status, positions_match=True, violations=[], trace_hash=None)
    return structs.replace(begun, phase="running", reconciled=True)


@pytest.mark.parametrize(("outside_s", "orders_live", "is_found"), [(61, 0, True), (59, 0, False), (61, 1, False)])
def test_the_band_is_reached_within_a_bound(
    checks: Callable[..., Checks], at_play: Any, make: Any, outside_s: int, orders_live: int, *, is_found: bool
) -> None:
    """A minute without faults is enough for any hedge; one that rests may take longer."""
    watched = checks()
    watched._outside_since_ns = Ns(at_play.exchange.now_ns - outside_s * NS_PER_S)
    found = watched.ended(_well(make), (), (), orders_live)

    assert any("outside the band" in text for text in found) is is_found


@pytest.mark.parametrize(
    ("change", "orders_live", "word"),
    [
        ({}, 0, None),
        ({"phase": "halted"}, 0, "ends halted"),
        ({"unknown_open": 1}, 0, "1 orders unknown"),
        ({"positions_match": False}, 0, "not the venue's"),
        ({"equity_coin_bot": Decimal("1.0001"), "equity_coin_venue": Decimal(1)}, 0, "the equity is 1.0001"),
        ({"equity_coin_bot": Decimal("1.00000001"), "equity_coin_venue": Decimal(1)}, 0, None),
    ],
)
def test_at_the_end_everything_has_come_right(
    checks: Callable[..., Checks], make: Any, change: dict[str, Any], orders_live: int, word: str | None
) -> None:
    """Running, agreed, no doubt; money to a rounding step."""
    found = checks().ended(structs.replace(_well(make), **change), (), (), orders_live)

    assert found == [] if word is None else word in found[0]


def test_a_trade_that_the_ledger_does_not_have_is_found(checks: Callable[..., Checks], at_play: Any) -> None:
    """Every trade of the account stands there, once, with its amount."""
    trade, watched = _trade(at_play, ""), checks()
    watched._check_ledger((), ())

    assert f"fill {trade.trade_id}" in watched.violations[0]
