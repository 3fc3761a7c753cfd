"""What nobody was told of yet: order kept, market events together, nothing told twice."""

import random
from typing import Any

from bot.app.keepers import Applied
from bot.app.untold import Untold
from bot.domain import events as ev
from bot.domain.decided import NOTHING, AlarmRaised, Outcome
from bot.domain.ids import VenueId
from bot.domain.market_events import DepthSeen, FutureMarked, MarketEvent, OptionMarked, Quoted
from bot.domain.time import Ns
from bot.observe.passed import Passed

_SEEN = Outcome(notes=(AlarmRaised(name="look", detail="", deadline_ns=None),))


def _told(entries: list[Applied | Passed]) -> list[Any]:
    return [entry[1:] if isinstance(entry, tuple) else (entry.kinds, entry.newest) for entry in entries]


def test_market_events_that_follow_each_other_are_one_entry(make: Any, now_ns: Ns) -> None:
    """Everything else stands by itself, where it was; what is taken is gone."""
    option, future, quote = make.option_marked(), make.future_marked(), make.quoted()
    depth = DepthSeen(instrument=quote.instrument, received_ns=now_ns, venue_ns=now_ns, bids=(), asks=())
    lost = ev.StreamLost(stream=ev.StreamName.MARKET, received_ns=now_ns, cause="gone", venue=VenueId("deribit"))
    tick = ev.Ticked(now_ns=now_ns)
    untold = Untold()
    for seq, event in enumerate([option, future, lost, quote, depth, tick, tick, option], start=1):
        untold.add("BTC", seq, event, NOTHING)
    count, entries = len(untold), untold.take()

    assert _told(entries) == [
        ([OptionMarked, FutureMarked], future),
        (3, lost, NOTHING),
        ([Quoted, DepthSeen], depth),
        (6, tick, NOTHING),
        (7, tick, NOTHING),
        ([OptionMarked], option),
    ]
    assert (count, len(untold), untold.take()) == (6, 0, [])


def test_a_market_event_with_an_outcome_stands_by_itself(make: Any) -> None:
    """Whatever it led to is told at once, after what passed before it."""
    untold = Untold()
    untold.add("BTC", 1, make.quoted(), NOTHING)
    untold.add("BTC", 2, make.option_marked(), _SEEN)
    untold.add("BTC", 3, make.quoted(), NOTHING)

    assert [type(entry) for entry in untold.take()] == [Passed, tuple, Passed]


def test_an_event_of_all_books_passes_once(make: Any) -> None:
    """A spot's quote is handed to each of them; one that is equal and came later is another one."""
    spot, again = make.quoted(), make.quoted()
    untold = Untold()
    for seq, event in enumerate([spot, again], start=1):
        untold.add("BTC", seq, event, NOTHING)
        untold.add("ETH", seq, event, NOTHING)

    assert _told(untold.take()) == [([Quoted, Quoted], again)]


def test_a_taken_batch_grows_no_more(make: Any) -> None:
    """What is applied while it is told belongs to the next one."""
    untold = Untold()
    untold.add("BTC", 1, make.quoted(), NOTHING)
    [first] = untold.take()
    untold.add("BTC", 2, make.option_marked(), NOTHING)

    assert _told([first, *untold.take()]) == [([Quoted], make.quoted()), ([OptionMarked], make.option_marked())]


def test_nothing_is_lost_or_moved_whatever_the_order(make: Any, now_ns: Ns) -> None:
    """A thousand events of a seed, taken now and then: the kinds in their order, all that is told by itself too."""
    dice = random.Random(7)
    events = [make.quoted(), make.option_marked(), make.future_marked(), ev.Ticked(now_ns=now_ns)]
    untold, given, entries = Untold(), [], []
    for seq in range(1, 1_001):
        event, outcome = dice.choice(events), dice.choice((NOTHING, NOTHING, NOTHING, _SEEN))
        copy = type(event)(**{name: getattr(event, name) for name in event.__struct_fields__})
        given.append((seq, copy, outcome))
        untold.add("BTC", seq, copy, outcome)
        if dice.random() < 0.05:
            entries += untold.take()
    entries += untold.take()
    kinds = [kind for entry in entries for kind in ([type(entry[2])] if isinstance(entry, tuple) else entry.kinds)]

    assert kinds == [type(event) for _, event, _ in given]
    assert [entry[1:] for entry in entries if isinstance(entry, tuple)] == [
        entry for entry in given if entry[2] is _SEEN or not isinstance(entry[1], MarketEvent)
    ]
