"""What happens at planned moments whatever the bot does: humans, the venue, sockets, a clock, a kill, a rival."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.commands import PlaceOrder
from bot.domain.ids import InstrumentId, Label
from bot.domain.market_events import Quoted
from bot.domain.time import NS_PER_S, Ns
from bot.drive.hands import RIVAL
from bot.drive.mishaps import Mishaps, cuts_of
from bot.drive.sim_venue import ACCOUNT
from bot.sim.facts import OrderRequest, OrderState, Side
from bot.sim.faults import Fault, FaultKind, Faults
from bot.venues import sim_codec

_PERPETUAL = InstrumentId("BTC-PERPETUAL")
_K = FaultKind


class _Process:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.is_up = True
        self.told: list[ev.Event] = []

    def deliver(self, events: list[ev.Event], now_ns: Ns) -> None:
        del now_ns
        self.told += events

    def kill(self, now_ns: Ns) -> None:
        del now_ns
        self.is_up = False


def _happen(
    at_play: Any, start_ns: Ns, kind: FaultKind, options: list[InstrumentId] | None = None
) -> tuple[Any, Faults]:
    begin = Ns(start_ns + NS_PER_S)
    faults = Faults([Fault(kind=kind, start_ns=begin, until_ns=Ns(begin + 5 * NS_PER_S), seed=1)])
    process = _Process()
    Mishaps(faults, at_play.exchange, at_play.schedule, _PERPETUAL).plan(at_play.venues, process, options or [])  # type: ignore[arg-type]
    at_play.play()
    return process, faults


def test_a_human_trades_and_the_venue_liquidates(at_play: Any, start_ns: Ns) -> None:
    """On the bot's account, without a label; liquidated, the position is gone. Both are told."""
    _, faults = _happen(at_play, start_ns, _K.HUMAN_TRADED)
    assert faults.counts[_K.HUMAN_TRADED] == 1
    assert at_play.venues.amounts()[_PERPETUAL] != 0
    assert {event.label for _, event in at_play.heard if isinstance(event, ev.Filled)} == {None}

    faults = Faults([Fault(kind=_K.LIQUIDATED, start_ns=start_ns, until_ns=start_ns, seed=1)])
    mishaps = Mishaps(faults, at_play.exchange, at_play.schedule, _PERPETUAL)
    mishaps._happen(
        lambda fault, dice, at: mishaps._liquidated(at_play.venues, fault, dice, at),
        faults.planned[0],
        at_play.exchange.now_ns,
    )

    assert faults.counts[_K.LIQUIDATED] == 1
    assert at_play.venues.amounts() == {}


def test_without_a_position_nothing_is_liquidated_and_not_counted(at_play: Any, start_ns: Ns) -> None:
    """What did not happen was not felt."""
    _, faults = _happen(at_play, start_ns, _K.LIQUIDATED)

    assert faults.counts[_K.LIQUIDATED] == 0


def test_a_human_trades_an_option(at_play: Any, start_ns: Ns) -> None:
    """One of those it may."""
    name = next(spec.id for spec in at_play.exchange.instruments() if spec.is_option and spec.base == "BTC")
    _, faults = _happen(at_play, start_ns, _K.HUMAN_TRADED_OPTION, [name])

    assert (faults.counts[_K.HUMAN_TRADED_OPTION], set(at_play.venues.amounts())) in [(1, {name}), (0, set())]


@pytest.mark.parametrize(("kind", "stream"), [(_K.MARKET_LOST, "market"), (_K.ACCOUNT_LOST, "account")])
def test_a_socket_goes_and_comes_back(at_play: Any, start_ns: Ns, kind: FaultKind, stream: str) -> None:
    """Both are told."""
    process, faults = _happen(at_play, start_ns, kind)

    assert [type(event) for event in process.told] == [ev.StreamLost, ev.StreamRestored]
    assert {event.stream.value for event in process.told} == {stream}
    assert faults.counts[kind] == 1


def test_a_book_has_a_gap_and_comes_anew(at_play: Any, start_ns: Ns) -> None:
    """The touch is taken back, then told."""
    process, _ = _happen(at_play, start_ns, _K.BOOK_GAP)

    assert [type(event) for event in process.told] == [ev.QuoteDistrusted, Quoted]


def test_the_clock_steps_and_steps_back(at_play: Any, start_ns: Ns) -> None:
    """By less than stamps may lie in the future."""
    seen: list[int] = []
    at_play.schedule.at(Ns(start_ns + 3 * NS_PER_S), lambda _: seen.append(at_play.venues.home.clock_ahead_ns))
    _happen(at_play, start_ns, _K.CLOCK_STEPPED)

    assert 0 < abs(seen[0]) < NS_PER_S
    assert at_play.venues.home.clock_ahead_ns == 0


def test_a_process_is_killed_once(at_play: Any, start_ns: Ns) -> None:
    """And counted."""
    process, faults = _happen(at_play, start_ns, _K.KILLED)

    assert (process.is_up, faults.counts[_K.KILLED]) == (False, 1)


def test_a_rival_leaves_a_part(at_play: Any, start_ns: Ns) -> None:
    """An order that would fill whole meets less than it wants within its limit."""
    exchange = at_play.exchange
    exchange.open_account(RIVAL, {"BTC": Decimal(1_000), "ETH": Decimal(0), "USDC": Decimal(0)})
    ask = exchange.touch(_PERPETUAL).ask_native
    order = PlaceOrder(
        label=Label("hb1"),
        instrument=_PERPETUAL,
        amount_native=Decimal(1_000),
        price_native=ask,
        arrival_mid_native=float(ask),
        valid_until_ns=Ns(start_ns + 2 * NS_PER_S),
        decided_seq=1,
    )
    fault = Fault(kind=_K.PARTLY_FILLED, start_ns=start_ns, until_ns=Ns(start_ns + NS_PER_S), seed=1)
    Mishaps(Faults([fault]), exchange, at_play.schedule, _PERPETUAL).overtake(order, start_ns)
    placed, _ = exchange.submit(sim_codec.request(order, ACCOUNT))

    assert 0 < placed.filled_native < 1_000
    assert placed.state is OrderState.CANCELLED


def test_an_order_that_rests_is_taken_back_by_hand(at_play: Any, start_ns: Ns) -> None:
    """It is looked for until there is one; without one nothing was felt."""
    _, idle = _happen(at_play, start_ns, _K.ORDER_CANCELLED)
    assert idle.counts[_K.ORDER_CANCELLED] == 0

    begin = at_play.exchange.now_ns
    bid = at_play.exchange.touch(_PERPETUAL).bid_native
    order = OrderRequest(
        account=ACCOUNT, instrument=_PERPETUAL, side=Side.BUY, amount_native=Decimal(10), price_native=bid - 1_000
    )
    placed, _ = at_play.exchange.submit(order)
    faults = Faults([Fault(kind=_K.ORDER_CANCELLED, start_ns=begin, until_ns=Ns(begin + NS_PER_S), seed=1)])
    Mishaps(faults, at_play.exchange, at_play.schedule, _PERPETUAL).plan(at_play.venues, _Process(), [])  # type: ignore[arg-type]
    at_play.play()

    assert at_play.exchange.order(ACCOUNT, placed.order_id).state is OrderState.CANCELLED
    assert faults.counts[_K.ORDER_CANCELLED] == 1


def test_a_venue_out_of_reach_is_a_cut_line_that_is_noticed_later(start_ns: Ns) -> None:
    """Of the options' venue, or of the hedge's; within its time."""
    until_ns = Ns(start_ns + 10 * NS_PER_S)
    kinds = (_K.OPTIONS_VENUE_LOST, _K.HEDGE_VENUE_LOST, _K.KILLED)
    faults = Faults([Fault(kind=kind, start_ns=start_ns, until_ns=until_ns, seed=1) for kind in kinds])
    cuts = cuts_of(faults, InstrumentId("OKX:BTC-USDT-SWAP"))

    assert [cut.venue for cut in cuts] == ["deribit", "okx"]
    assert all(start_ns == cut.start_ns <= cut.noticed_ns <= cut.end_ns == until_ns for cut in cuts)
