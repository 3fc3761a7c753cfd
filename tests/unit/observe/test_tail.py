"""The newest lines of the log: as printed, bounded, without what is secret."""

import io

from bot.observe.logs import Level, open_log
from bot.observe.tail import Tail


def _told(count: int) -> Tail:
    tail = Tail()
    log = open_log(now_ns=lambda: 0, level=Level.INFO, style="json", stream=io.StringIO(), tail=tail)
    for number in range(count):
        log.tell("alarm.raised", book="BTC", seq=number, name="x", detail="api_key=verysecret", deadline_ns=None)
        log.tell("market.trusted", book="BTC", instrument="BTC-PERPETUAL")
    return tail


def test_lines_are_those_of_a_terminal_and_hide_what_is_secret() -> None:
    """Redacted before they are kept; a line asked for twice is the same."""
    tail = _told(1)
    first = tail.lines()

    assert first == tail.lines()
    assert first[0].startswith("1970-01-01T00:00:00.000Z error")
    assert "alarm.raised" in first[0]
    assert "verysecret" not in first[0]
    assert tail.told_count == 2


def test_only_the_newest_are_kept() -> None:
    """A long run does not grow, whether or not anybody looks."""
    tail = _told(200)

    assert (len(tail.lines()), tail.told_count) == (80, 400)


def test_what_is_below_the_level_is_not_there() -> None:
    """The page shows what the log shows."""
    tail = Tail()
    log = open_log(now_ns=lambda: 0, level=Level.ERROR, style="json", stream=io.StringIO(), tail=tail)
    log.tell("market.trusted", book="BTC", instrument="BTC-PERPETUAL")

    assert tail.lines() == ()
