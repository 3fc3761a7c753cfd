"""One order and everything a venue can say about it, in any order, any number of times."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import events as ev
from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.ids import FillId, InstrumentId, Label, OrderId
from bot.domain.seen import VenueOrderState
from bot.domain.time import NS_PER_S, Ns
from bot.execution.lifecycle import TERMINAL, OrderState, Signal
from bot.execution.working import WorkingOrders
from bot.risk.positions import Positions

_PERPETUAL = InstrumentId("BTC-PERPETUAL")
_LABEL = Label("hb1")
_ORDER_NATIVE = 100
_VALID_NS = Ns(2 * NS_PER_S)

_lots = st.integers(min_value=1, max_value=_ORDER_NATIVE // 10).map(lambda lots: 10 * lots)


@st.composite
def _stories(draw: st.DrawFn) -> tuple[int, list[int], list[tuple[str, int]]]:
    """(side, fills of the order, words about it): fills add up to at most the order; words come in any order."""
    fills: list[int] = []
    for size in draw(st.lists(_lots, max_size=5)):
        if sum(fills) + size <= _ORDER_NATIVE:
            fills.append(size)
    done = sum(fills)
    end = "filled" if done == _ORDER_NATIVE else "cancelled"
    told = [("fill", number) for number in range(len(fills))]
    told += [("open", sum(fills[:count])) for count in range(len(fills) + 1)]
    told += [("ack", 0), (end, done)]
    noise = [("lost", 0), *draw(st.lists(st.sampled_from([*told, ("lost", 0)]), max_size=10))]
    words = draw(st.permutations([*told, *draw(st.lists(st.sampled_from(noise), max_size=5))]))
    return draw(st.sampled_from([1, -1])), fills, list(words)


class _Book:
    """Positions and working orders wired as the engine wires them."""

    def __init__(self, side: int, fills: list[int]) -> None:
        self.side, self.fills = side, fills
        self.positions, self.working = Positions(), WorkingOrders()
        self.working.sent(
            PlaceOrder(
                label=_LABEL,
                instrument=_PERPETUAL,
                amount_native=Decimal(side * _ORDER_NATIVE),
                price_native=Decimal(1),
                arrival_mid_native=1.0,
                valid_until_ns=_VALID_NS,
                decided_seq=1,
            ),
            Ns(0),
        )

    def hear(self, word: str, number: int) -> None:
        """One message."""
        if word == "fill":
            fill = self._fill(number)
            self.working.booked(fill, is_new=self.positions.book(fill))
        elif word == "ack":
            self.working.acked(_LABEL, OrderId("V"), Ns(0))
        elif word in {"lost", "refused", "absent"}:
            self.working.hear(_LABEL, Signal(word), Ns(0), "")
        else:
            self.working.updated(
                ev.OrderUpdated(
                    label=_LABEL,
                    order_id=OrderId("V"),
                    instrument=_PERPETUAL,
                    state=VenueOrderState(word),
                    filled_native=Decimal(number),
                    received_ns=Ns(0),
                    venue_ns=Ns(0),
                )
            )

    def _fill(self, number: int) -> ev.Filled:
        return ev.Filled(
            fill_id=FillId(f"f{number}"),
            order_id=OrderId("V"),
            label=_LABEL,
            instrument=_PERPETUAL,
            amount_native=Decimal(self.side * self.fills[number]),
            price_native=Decimal(1),
            fee_native=Decimal(0),
            fee_currency="BTC",
            is_maker=False,
            received_ns=Ns(0),
            venue_ns=Ns(0),
        )

    def reach(self) -> tuple[Decimal, Decimal]:
        """Positions still possible: now, less and more what is outstanding."""
        less, more = self.working.outstanding().get(_PERPETUAL, (Decimal(0), Decimal(0)))
        here = self.positions.amount(_PERPETUAL)
        return here + less, here + more


@given(_stories())
def test_every_story_ends_with_the_sum_of_its_fills(story: tuple[int, list[int], list[tuple[str, int]]]) -> None:
    """All has been said, in whatever order and however often: the position is right and nothing stays open."""
    side, fills, words = story
    book = _Book(side, fills)
    for word, number in words:
        book.hear(word, number)

    assert book.positions.amount(_PERPETUAL) == side * sum(fills)
    assert book.working.live() == []


@given(_stories())
def test_the_true_end_is_always_possible(story: tuple[int, list[int], list[tuple[str, int]]]) -> None:
    """At every step the final position lies between what is held and what is still outstanding.

    Forgetting an order too early would trade the same delta twice.
    """
    side, fills, words = story
    book = _Book(side, fills)
    for word, number in words:
        book.hear(word, number)
        less, more = book.reach()
        assert less <= side * sum(fills) <= more, f"after {word} {number}"


@given(_stories(), st.lists(st.sampled_from(["lost", "refused", "absent", "rejected"]), max_size=4), st.data())
def test_contradictions_never_lose_a_fill(
    story: tuple[int, list[int], list[tuple[str, int]]], lies: list[str], data: st.DataObject
) -> None:
    """A refusal or an absence among true words: fills count once each, cumulative figures never fall.

    And an order is closed only in a terminal state with all it told of seen.
    """
    side, fills, words = story
    book = _Book(side, fills)
    filled_before = Decimal(0)
    for word, number in data.draw(st.permutations([*words, *((lie, 0) for lie in lies)])):
        book.hear(word, number)
        order = book.working.find(_LABEL)
        assert order is not None
        assert order.filled_native >= max(filled_before, order.booked_native)
        filled_before = order.filled_native
        is_over = order.state in TERMINAL and order.booked_native >= order.filled_native
        assert bool(book.working.live()) is not is_over

    assert book.positions.amount(_PERPETUAL) == side * sum(fills)


@given(_stories(), st.integers(min_value=0, max_value=40))
def test_whatever_stays_open_is_asked_for(story: tuple[int, list[int], list[tuple[str, int]]], count: int) -> None:
    """The messages stop somewhere: a live order is in doubt and asked for, at most a dozen times a minute.

    A closed one never is.
    """
    side, fills, words = story
    book = _Book(side, fills)
    for word, number in words[:count]:
        book.hear(word, number)
    is_live = bool(book.working.live())
    asked = [command for tenth in range(620) for command in book.working.due(Ns(tenth * NS_PER_S // 10))[0]]

    assert (1 <= len(asked) <= 13) if is_live else asked == []
    assert all(isinstance(command, LookUpOrder | CancelOrder) for command in asked)
    assert (book.working.doubt_since_ns() is not None) == is_live
    order = book.working.find(_LABEL)
    assert order is not None
    assert order.state is not OrderState.IN_FLIGHT
