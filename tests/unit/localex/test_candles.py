import pytest

from bot.localex.candles import BARS_MAX, Candle, Print, candles

_MINUTE = 60_000


def _bar(minute: int, prices: tuple[float, float, float, float], volume: float = 0.0, cost: float = 0.0) -> Candle:
    return Candle(minute * _MINUTE, *prices, volume, cost)


def _rows(bars: list[Candle]) -> list[tuple[int, float, float, float, float]]:
    return [(bar.time_ms // _MINUTE, bar.open, bar.high, bar.low, bar.close) for bar in bars]


_PRINTS = [
    Print(2 * _MINUTE + 1, 10.0, 1.0, 10.0),
    Print(2 * _MINUTE + 9, 12.0, 2.0, 24.0),
    Print(2 * _MINUTE + 9, 9.0),
    Print(5 * _MINUTE, 11.0, 1.0, 11.0),
]


def test_prints_of_a_bar_are_added_up() -> None:
    """First, highest, lowest, last; amounts summed; nothing before the first print."""
    assert candles(_PRINTS, 0, 2 * _MINUTE, _MINUTE) == [_bar(2, (10.0, 12.0, 9.0, 9.0), 3.0, 34.0)]


def test_a_bar_without_a_print_is_flat() -> None:
    """At the close before it, with nothing traded, up to the end asked for."""
    assert candles(_PRINTS, 0, 6 * _MINUTE + 30_000, _MINUTE)[1:] == [
        _bar(3, (9.0, 9.0, 9.0, 9.0)),
        _bar(4, (9.0, 9.0, 9.0, 9.0)),
        _bar(5, (11.0, 11.0, 11.0, 11.0), 1.0, 11.0),
        _bar(6, (11.0, 11.0, 11.0, 11.0)),
    ]


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "minutes"),
    [
        (0, _MINUTE, []),
        (2 * _MINUTE + 1, 3 * _MINUTE, [3]),
        (4 * _MINUTE, 5 * _MINUTE, [4, 5]),
        (9 * _MINUTE, 9 * _MINUTE, [9]),
        (6 * _MINUTE, 5 * _MINUTE, []),
    ],
)
def test_bars_begin_within_the_bounds(start_ms: int, end_ms: int, minutes: list[int]) -> None:
    """Both ends count; what was before still gives the price."""
    assert [bar.time_ms // _MINUTE for bar in candles(_PRINTS, start_ms, end_ms, _MINUTE)] == minutes


def test_longer_bars_hold_the_shorter_ones() -> None:
    """Three minutes of the same prints."""
    assert _rows(candles(_PRINTS, 0, 5 * _MINUTE, 3 * _MINUTE)) == [
        (0, 10.0, 12.0, 9.0, 9.0),
        (3, 11.0, 11.0, 11.0, 11.0),
    ]


def test_an_answer_is_bounded_to_the_newest() -> None:
    """However long the time asked for."""
    bars = candles(_PRINTS, 0, 2 * BARS_MAX * _MINUTE, _MINUTE)

    assert (len(bars), bars[-1].time_ms) == (BARS_MAX, 2 * BARS_MAX * _MINUTE)


def test_no_prints_are_no_bars() -> None:
    """Nothing is made up."""
    assert candles([], 0, 5 * _MINUTE, _MINUTE) == []
