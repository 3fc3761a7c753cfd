"""The profit taken apart beside a live run: rows in the ledger that its tape gives again, and no harm if it fails."""

from typing import Any

import pytest

from bot.app.attributing import FAILED, Attributing
from bot.domain.decided import AlarmRaised
from bot.domain.events import Ticked
from bot.domain.time import Ns


class Spoilt:
    """A keeper with a bug."""

    def __init__(self, where: str) -> None:
        self.where = where

    def _fail(self, name: str) -> None:
        if name == self.where:
            raise ZeroDivisionError("boom")

    def see(self, *_: object) -> None:
        """On the path of a tick."""
        self._fail("see")

    def work(self) -> Any:
        """Off it."""
        self._fail("work")
        raise AssertionError("not reached")


@pytest.mark.parametrize("where", ["see", "work"])
def test_a_keeper_that_fails_is_left_out_and_told_once(make: Any, where: str, shell: Any) -> None:
    """No exception reaches the driver."""
    told: list[tuple[str, int, AlarmRaised]] = []
    attributing = Attributing([make.book()], lambda *alarm: told.append(alarm))
    attributing._keepers["BTC"] = Spoilt(where)  # type: ignore[assignment]
    engine = shell.engines["BTC"]
    for number in range(3):
        event = Ticked(now_ns=Ns(make.now_ns + number))
        attributing.see("BTC", engine, event, engine.apply(event))
        assert attributing.work() == []

    assert [(book, alarm.name) for book, _, alarm in told] == [("BTC", FAILED)]
    assert "ZeroDivisionError boom" in told[0][2].detail
    assert attributing.finish({"BTC": engine}) == []
