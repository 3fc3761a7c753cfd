"""What the page is told: made once for all who look, no more often than a human reads, and only when it changed."""

from typing import Any

import msgspec
import pytest

from bot import __version__
from bot.web.frames import Frames


class _Told:
    """Frames of a scene, on a clock of the test's own."""

    def __init__(self, scene: Any) -> None:
        self.clock_s = 100.0
        self.looks_count = 0
        self.costs_s = 0.0
        self._explained = scene.lookout.explained
        scene.lookout.explained = self._explain
        self.frames = Frames(scene.lookout, scene.tail, is_live=True, now_ns=lambda: scene.now_ns)

    def _explain(self, status: Any) -> Any:
        self.looks_count += 1
        self.clock_s += self.costs_s
        return self._explained(status)

    def after(self, seconds: float) -> dict[str, int]:
        self.clock_s += seconds
        self.frames.refresh(lambda: self.clock_s)
        return {frame.topic: frame.changes_count for frame in self.frames}

    def body(self, topic: str) -> Any:
        return next(msgspec.json.decode(frame.body) for frame in self.frames if frame.topic == topic)


@pytest.fixture
def told(scene: Any) -> _Told:
    """Nothing looked at yet."""
    scene.tick()
    return _Told(scene)


def test_a_page_is_told_where_each_book_stands(told: _Told, scene: Any) -> None:
    """Figures are the engine's own; what is large and slow is in a topic of its own."""
    told.after(0.0)
    now, desk, lists = (told.body(topic) for topic in ("now", "desk", "told"))
    status = scene.play.engine.status()
    run = {"run_id": "run-1", "mode": "demo", "version": __version__, "is_live": True}

    assert (now["at_ns"], now["run"]) == (scene.now_ns, run)
    assert now["books"][0]["decided"]["delta_coin_net"] == status.decided.delta_coin_net
    assert (now["books"][0]["ladder"], now["books"][0]["surface"]) == (None, None)
    assert [leg["amount_native"] for leg in desk["BTC"]["explained"]["legs"]] == ["1"]
    assert [each["seq"] for each in lists["books"]["BTC"]["decisions"]] == [status.decided.seq]


def test_what_has_not_changed_is_not_told_again(told: _Told) -> None:
    """But once a second the page hears that it is not cut off."""
    seen = [told.after(seconds) for seconds in (0.0, 0.25, 0.25, 0.25, 0.25)]

    assert [numbers["now"] for numbers in seen] == [1, 1, 1, 1, 2]
    assert [numbers["told"] for numbers in seen] == [1] * 5


def test_a_change_is_told_at_the_next_look(told: _Told, scene: Any) -> None:
    """Four times a second at most, whoever asks how often."""
    told.after(0.0)
    scene.tick(after_s=0.1)
    early, late = told.after(0.1), told.after(0.15)

    assert (early["now"], late["now"]) == (1, 2)


def test_a_line_of_the_log_is_news(told: _Told, scene: Any) -> None:
    """Also when nothing was decided."""
    told.after(0.0)
    scene.tail(None, "info", {"ts_ns": 0, "level": "info", "event": "market.trusted"})

    assert told.after(0.25)["told"] == 2
    assert told.body("told")["log"] == ["1970-01-01T00:00:00.000Z info    market.trusted"]


@pytest.mark.parametrize(("costs_s", "looks_count"), [(0.0, 21), (0.001, 21), (0.010, 10), (0.100, 1)])
def test_a_book_of_many_legs_is_taken_apart_less_often(told: _Told, costs_s: float, looks_count: int) -> None:
    """Half a percent of the loop's time at most: hedges come first. In twenty seconds."""
    told.costs_s = costs_s
    end_s = told.clock_s + 20.0
    while told.clock_s <= end_s:
        told.after(0.0)
        told.clock_s = round(told.clock_s + 0.25, 6)

    assert abs(told.looks_count - looks_count) <= 1
