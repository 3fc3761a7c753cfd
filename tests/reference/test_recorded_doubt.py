"""The interval of a leg that went silent against a recorded day: where its delta was when it was seen again."""

import math
from collections import defaultdict
from pathlib import Path

import pytest

from bot.domain.time import NS_PER_S, NS_PER_YEAR, expiry_ns_from_code
from bot.journal.history_files import read_rows
from bot.risk.doubt import Known, narrowed
from bot.sim.history import HistoryRow

_WINDOW_NS = 1_800 * NS_PER_S
_ROUNDS = (1, 10)
"""Rows of the same option later: minutes, and an hour or two."""


def _outside(name: str, before: HistoryRow, after: HistoryRow) -> tuple[bool, float] | None:
    """Whether the venue's delta left the interval, and how wide that was; None inside the settlement window."""
    _, code, strike, right = name.split("-")
    left_ns = expiry_ns_from_code(code) - after.time_ns
    if left_ns <= _WINDOW_NS:
        return None
    assert before.iv_mark_percent is not None
    moved = after.index_usd / before.index_usd
    known = Known(
        forward_usd=before.forward_usd * moved,
        iv=before.iv_mark_percent / 100.0,
        move_share=abs(math.log(moved)),
        age_ns=after.time_ns - before.time_ns,
    )
    tau_years = left_ns / NS_PER_YEAR
    low, high = narrowed(known, float(strike), tau_years, is_call=right == "C", is_premium_adjusted=False)
    return not low - 1e-4 <= after.delta <= high + 1e-4, high - low


@pytest.mark.realdata
@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_no_option_left_what_its_last_greeks_left_possible(shared_data: Path, coin: str) -> None:
    """The day of an inflation print, deltas of 0.03 to 0.97: none outside, and half of them within 0.2 of a coin."""
    rows: dict[str, list[HistoryRow]] = defaultdict(list)
    for row in read_rows(shared_data / "history/demo_deribit_2023-04-12", coin):
        if row.iv_mark_percent and 0.03 < abs(row.delta) < 0.97:
            rows[row.instrument].append(row)
    found = [
        seen
        for name, seen_rows in rows.items()
        for step in _ROUNDS
        for before, after in zip(seen_rows, seen_rows[step:], strict=False)
        if (seen := _outside(name, before, after)) is not None
    ]
    widths = sorted(width for _, width in found)

    assert len(found) > 20_000
    assert [is_outside for is_outside, _ in found if is_outside] == []
    assert widths[len(widths) // 2] < 0.2
