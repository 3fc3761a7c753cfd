"""Rows put in order, and what is wrong with them."""

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.research.tapes.defects import DefectKind
from bot.research.tapes.sift import Hole, Read, Sifted, sift

_PUT = "BTC-14APR23-30000-P"
Make = Callable[..., Read]


def _told(sifted: Sifted) -> list[tuple[str, int, str]]:
    return [(one.file, one.row, one.kind.value) for one in sifted.defects]


def test_rows_come_in_order_of_time_and_name(read: Make) -> None:
    """Whatever file they were in; nothing is wrong with them."""
    found = [read(1, 0, "b"), read(1, 2, "c", instrument=_PUT), read(2, 2, "c"), read(1, 1, "a", instrument=_PUT)]
    sifted = sift(found)

    assert [(row.instrument[-1], (row.time_ns - found[0].row.time_ns) // NS_PER_S) for row in sifted.rows] == [
        ("C", 0),
        ("P", 1),
        ("C", 2),
        ("P", 2),
    ]
    assert (sifted.defects, sifted.holes) == ([], [])


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"index_usd": 0.0}, "index_usd is 0.0"),
        ({"forward_usd": math.nan}, "forward_usd is nan"),
        ({"mark_native": -0.1}, "mark is -0.1"),
        ({"mark_native": math.inf}, "mark is inf"),
        ({"bid_native": -1.0}, "bid_native is -1.0"),
        ({"ask_amount_native": math.nan}, "ask_amount_native is nan"),
        ({"delta": math.nan}, "delta is nan"),
        ({"time_ns": Ns(0)}, "its time is 0"),
    ],
)
def test_what_cannot_be_is_left_out(read: Make, change: dict[str, Any], detail: str) -> None:
    """With its row; a negative delta is a put's."""
    sifted = sift([read(1, 0), read(2, 1, **change), read(3, 2, delta=-0.5)])

    assert len(sifted.rows) == 2
    assert _told(sifted) == [("a.jsonl", 2, "impossible")]
    assert sifted.defects[0].detail == detail


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"bid_native": None}, "no_bid"),
        ({"ask_native": None}, "no_ask"),
        ({"ask_native": 1.0}, "parked_ask"),
        ({"instrument": "BTC_USDC-14APR23-30000-C", "ask_native": 30_011.0}, "parked_ask"),
        ({"bid_native": 0.0145}, "crossed"),
        ({"mark_native": 0.0}, "no_mark"),
        ({"iv_mark_percent": None}, "no_volatility"),
    ],
)
def test_what_is_odd_is_kept_and_told(read: Make, change: dict[str, Any], kind: str) -> None:
    """The bot has rules of its own for such quotes."""
    sifted = sift([read(7, 0, **change)])

    assert len(sifted.rows) == 1
    assert _told(sifted) == [("a.jsonl", 7, kind)]


def test_what_is_there_twice_is_played_once(read: Make) -> None:
    """In one file or in two; whether it says the same is told."""
    found = [read(1, 0), read(2, 0), read(3, 0, mark_native=0.02), read(9, 0, "b.jsonl")]
    sifted = sift(found)

    assert sifted.rows == [found[0].row]
    assert [(one.file, one.row, one.kind, one.detail) for one in sifted.defects] == [
        ("a.jsonl", 2, DefectKind.DUPLICATE, "as a.jsonl row 1"),
        ("a.jsonl", 3, DefectKind.DUPLICATE, "unlike a.jsonl row 1"),
        ("b.jsonl", 9, DefectKind.DUPLICATE, "as a.jsonl row 1"),
    ]


@pytest.mark.parametrize(
    ("seconds", "left_out"),
    [
        ([0, 300, 600, 500, 900], {3}),  # one row back (600 or 500: the longest rest is the same, the later one stays)
        ([0, 300, 90_000, 600, 900], {3}),
        ([0, 300, 600, 700, 10, 20, 900], {5, 6}),
        ([900, 600, 300, 0], set()),  # newest first
        ([0, 0, 300], set()),  # a duplicate is no jump
    ],
)
def test_a_clock_that_jumps_is_left_out(read: Make, seconds: list[int], left_out: set[int]) -> None:
    """The most rows that go forward are played; a file may begin with the newest."""
    sifted = sift([read(number, after_s) for number, after_s in enumerate(seconds, start=1)], Ns(10**15))
    jumped = {one.row for one in sifted.defects if one.kind is DefectKind.CLOCK_JUMP}

    assert jumped == left_out
    assert [row.time_ns for row in sifted.rows] == sorted(row.time_ns for row in sifted.rows)


def test_instruments_may_come_one_after_the_other(read: Make) -> None:
    """A clock is looked at per instrument: a file may be sorted by name, or by time with minutes between names."""
    found = [read(n, 300.0 * (n % 4), instrument=name) for n, name in enumerate([_PUT] * 4 + ["BTC-14APR23-1-C"] * 4)]

    assert sift(found).defects == []


def test_every_row_is_played_or_told(read: Make) -> None:
    """Whatever comes in: rows played and rows left out are all there were."""
    dice = random.Random(7)
    for _ in range(50):
        times = [dice.choice((0, 1, 2, 300, 600, -5, 10**6)) for _ in range(30)]
        found = [read(n, t, index_usd=dice.choice((1.0, 0.0))) for n, t in enumerate(times, start=1)]
        sifted = sift(found)
        out = {DefectKind.IMPOSSIBLE, DefectKind.DUPLICATE, DefectKind.CLOCK_JUMP}
        assert len(sifted.rows) + sum(one.kind in out for one in sifted.defects) == len(found)


def test_holes_are_told_with_the_expiries_they_hide(read: Make) -> None:
    """Longer than the bound; an expiry whose half hour of averaging lies in one is delivered on what was seen last."""
    early = ns_from_iso("2023-04-14T06:00:00Z")
    found = [
        read(1, 0),
        read(2, 600),
        read(3, 1_261),
        read(4, 0, time_ns=early),
        read(5, 0, time_ns=Ns(early + 7_200 * NS_PER_S)),
    ]
    sifted = sift(found, Ns(660 * NS_PER_S))

    assert [(one.row, one.kind) for one in sifted.defects] == [
        (3, DefectKind.HOLE),
        (4, DefectKind.HOLE),
        (5, DefectKind.HOLE),
        (5, DefectKind.EXPIRY_IN_HOLE),
    ]
    assert sifted.holes[0] == Hole(found[1].row.time_ns, found[2].row.time_ns)
    assert sifted.defects[-1].detail.startswith("2023-04-14T08:00:00")


def test_nothing_is_nothing() -> None:
    """No rows, no defects."""
    assert sift([]) == Sifted([], [], [])
