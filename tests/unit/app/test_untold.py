"""What nobody was told of yet: order kept, what says nothing new held for a while, nothing told twice."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from bot.app.keepers import Applied
from bot.app.untold import HELD_MAX, HELD_NS_MAX, Untold
from bot.domain import events as ev
from bot.domain.decided import NOTHING, AlarmRaised, Decided, Outcome, is_repeat
from bot.domain.ids import VenueId
from bot.domain.market_events import DepthSeen, FutureMarked, MarketEvent, OptionMarked, Quoted
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.observe.passed import Passed, Stretch

_SEEN = Outcome(notes=(AlarmRaised(name="look", detail="", deadline_ns=None),))

Entries = list[Applied | Stretch]
Tick = Callable[..., tuple[ev.Event, Outcome]]


def _told(entries: Entries) -> list[Any]:
    """Kinds of what passed, sequence numbers of everything else; stretches in lists."""
    return [
        entry[1]
        if isinstance(entry, tuple)
        else [each.kinds if isinstance(each, Passed) else each[1] for each in entry]
        for entry in entries
    ]


@pytest.fixture
def tick(play: Any, now_ns: Ns) -> Tick:
    """A tick and its decision, inside the band unless told otherwise, after so much time."""
    play.ready({"BTC-27MAR26-100000-C": "1"})
    play.tick()
    first = play.decided()

    def ticked(after_ns: int = 0, reason: Reason = Reason.INSIDE_BAND, **change: Any) -> tuple[ev.Event, Outcome]:
        at_ns = Ns(now_ns + after_ns)
        made = structs.replace(first, now_ns=at_ns, action=Action.SKIP, reason=reason)
        return ev.Ticked(now_ns=at_ns), Outcome(decided=made, **change)

    return ticked


def test_market_events_that_follow_each_other_are_one(make: Any, now_ns: Ns, tick: Tick) -> None:
    """Everything that is more stands by itself, where it was, and is told at once; what is taken is gone."""
    option, future, quote = make.option_marked(), make.future_marked(), make.quoted()
    depth = DepthSeen(instrument=quote.instrument, received_ns=now_ns, venue_ns=now_ns, bids=(), asks=())
    lost = ev.StreamLost(stream=ev.StreamName.MARKET, received_ns=now_ns, cause="gone", venue=VenueId("deribit"))
    untold = Untold()
    market = [(event, NOTHING) for event in (option, future, quote, depth, option)]
    for seq, given in enumerate([*market[:2], (lost, NOTHING), *market[2:4], tick(), market[4], tick(1)], start=1):
        untold.add("BTC", seq, *given)
    fresh, entries = untold.fresh(), untold.take()

    assert [seq for _, seq, _, _ in fresh] == [3, 6, 8]
    assert _told(entries) == [
        [[OptionMarked, FutureMarked]],
        3,
        [[Quoted, DepthSeen]],
        6,
        [[OptionMarked], 8],
    ]
    assert entries[0][0].newest == future
    assert (untold.fresh(), untold.take(is_last=True)) == ([], [])


def test_a_tick_that_says_nothing_new_is_written_at_once_and_told_later(tick: Tick) -> None:
    """Until it is a quarter of a second since the last telling; the end of the run waits for nothing."""
    untold, turns = Untold(), []
    for seq, after_ns in enumerate([0, 1, HELD_NS_MAX - 1, HELD_NS_MAX, HELD_NS_MAX + 1], start=1):
        untold.add("BTC", seq, *tick(after_ns))
        turns.append(([each[1] for each in untold.fresh()], _told(untold.take())))

    assert turns == [([1], [1]), ([2], []), ([3], []), ([4], [[2, 3, 4]]), ([5], [])]
    assert _told(untold.take(is_last=True)) == [[5]]


def test_what_is_held_is_bounded(make: Any, tick: Tick) -> None:
    """In a storm it is told as soon as there is so much of it."""
    untold, sizes = Untold(), []
    untold.add("BTC", 1, *tick())
    untold.take()
    for seq in range(2, 2_002, 2):
        untold.add("BTC", seq, make.quoted(), NOTHING)
        untold.add("BTC", seq + 1, *tick(seq))
        sizes += [len(entry) for entry in untold.take() if not isinstance(entry, tuple)]

    assert sizes == [HELD_MAX] * (2_000 // HELD_MAX)


def test_a_clock_that_was_set_back_holds_nothing_up(tick: Tick) -> None:
    """What was told is an hour in the future then."""
    untold = Untold()
    untold.add("BTC", 1, *tick(3_600 * NS_PER_S))
    untold.take()
    untold.add("BTC", 2, *tick(0))

    assert _told(untold.take()) == [[2]]


@pytest.mark.parametrize(
    "news",
    [
        lambda tick, _: tick(1, reason=Reason.BELOW_TRADE_MIN),
        lambda tick, _: tick(1, notes=_SEEN.notes),
        lambda _, make: (make.quoted(), _SEEN),
        lambda _, make: (ev.StopRequested(received_ns=make.now_ns, cause="enough"), NOTHING),
        lambda tick, _: tick(61 * NS_PER_S),
    ],
    ids=["another reason", "a note", "a market event with a note", "an account event", "a minute later"],
)
def test_what_says_something_new_is_told_in_its_turn(make: Any, tick: Tick, news: Callable[..., Any]) -> None:
    """After what was held before it."""
    untold = Untold()
    untold.add("BTC", 1, *tick())
    untold.take()
    untold.add("BTC", 2, *tick(1))
    held = untold.take()
    untold.add("BTC", 3, *news(tick, make))

    assert (held, _told(untold.take())) == ([], [[2], 3])


def test_each_book_repeats_itself(tick: Tick) -> None:
    """What one has said is news of another."""
    untold = Untold()
    for seq, book in enumerate(["BTC", "ETH", "BTC", "ETH"], start=1):
        untold.add(book, seq, *tick(seq))

    assert _told(untold.take()) == [1, 2, [3, 4]]


def test_an_event_of_all_books_passes_once(make: Any) -> None:
    """A spot's quote is handed to each of them; one that is equal and came later is another one."""
    untold = Untold()
    for seq, event in enumerate([make.quoted(), make.quoted()], start=1):
        untold.add("BTC", seq, event, NOTHING)
        untold.add("ETH", seq, event, NOTHING)

    assert _told(untold.take(is_last=True)) == [[[Quoted, Quoted]]]


def test_a_taken_stretch_grows_no_more(make: Any) -> None:
    """What is applied while it is told belongs to the next one."""
    untold = Untold()
    untold.add("BTC", 1, make.quoted(), NOTHING)
    first = untold.take(is_last=True)
    untold.add("BTC", 2, make.option_marked(), NOTHING)

    assert _told(first + untold.take(is_last=True)) == [[[Quoted]], [[OptionMarked]]]


def test_nothing_is_lost_or_moved_whatever_the_order(make: Any, tick: Tick) -> None:
    """Two thousand events of a seed, taken now and then: all in order, what is new within its turn."""
    dice = random.Random(7)
    market = [make.quoted, make.option_marked, make.future_marked]
    untold, said = Untold(), None
    given: list[tuple[ev.Event, Outcome]] = []
    news: list[int] = []
    entries: Entries = []
    for seq in range(1, 2_001):
        if dice.random() < 0.7:
            event, outcome = dice.choice(market)(), dice.choice((NOTHING,) * 20 + (_SEEN,))
        else:
            reason = dice.choice((Reason.INSIDE_BAND,) * 20 + (Reason.BELOW_TRADE_MIN,))
            event, outcome = tick(seq * 3 * NS_PER_MS, reason=reason)
        decided: Decided | None = outcome.decided
        if outcome is _SEEN or (decided is not None and not is_repeat(decided, said)):
            news.append(seq)
            said = decided or said
        given.append((event, outcome))
        untold.add("BTC", seq, event, outcome)
        if dice.random() < 0.3:
            entries += untold.take()
            assert [entry[1] for entry in entries if isinstance(entry, tuple)] == news
    entries += untold.take(is_last=True)
    flat = [each for entry in entries for each in ([entry] if isinstance(entry, tuple) else entry)]
    kinds = [kind for each in flat for kind in (each.kinds if isinstance(each, Passed) else [type(each[2])])]

    assert kinds == [type(event) for event, _ in given]
    assert [each[1] for each in flat if not isinstance(each, Passed)] == [
        seq for seq, (event, outcome) in enumerate(given, 1) if outcome is _SEEN or not isinstance(event, MarketEvent)
    ]
