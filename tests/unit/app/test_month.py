"""What grows over a month is found, and only that; a few short days are lived through whole."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec import structs

from bot.app import month as module
from bot.app.month import Day, MonthOptions, MonthResult, grown, month, planned, reachable_count, sentence, verdict
from bot.app.simulated import SIMULATION_START_NS
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.sim.faults import ENGINE_KINDS, FaultKind

_DAY = Day(
    days_count=1,
    rss_bytes=120_000_000,
    objects_count=10_000,
    open_files_count=10,
    files_count=20,
    runs_bytes=100_000_000,
    ledger_bytes=1_000_000,
    log_lines_count=5_000,
    log_bytes=2_000_000,
    events_count=50_000,
    orders_count=100,
    starts_count=0,
)


def _days(**last: int) -> list[Day]:
    """Twenty days of which each adds a megabyte to the ledger; the last five with changes."""
    days = [structs.replace(_DAY, days_count=number + 1, ledger_bytes=1_000_000 * (1 + number)) for number in range(20)]
    return [*days[:15], *(structs.replace(day, **last) for day in days[15:])]


@pytest.fixture
def options(repo_root: Path) -> MonthOptions:
    """Four days of twenty minutes."""
    return MonthOptions(
        config=repo_root / "config/simulate.toml",
        portfolio=repo_root / "config/portfolios/month.toml",
        days_count=4,
        step_ms=20_000,
        day_ns=Ns(1_300 * NS_PER_S),
    )


def test_short_days_are_lived_through_and_measured(options: MonthOptions) -> None:
    """With faults, a kill on the first and on the last day, a tape a process, a log, a ledger; nothing is violated."""
    told: list[Day] = []
    result = month(options, told.append)

    assert (result.violations, result.starts_count > 1, result.faults_count > 0, result.orders_count > 0) == (
        (),
        True,
        True,
        True,
    )
    assert [day.days_count for day in result.days] == [1, 2, 3, 4]
    assert list(result.days) == told
    last = told[-1]
    assert min(last.objects_count, last.open_files_count, last.runs_bytes, last.ledger_bytes) > 0
    assert last.files_count >= 2 * result.starts_count
    assert sum(day.starts_count for day in told) == result.starts_count
    assert sum(day.orders_count for day in told) == result.words["order.sent"]
    assert sum(result.words.values()) <= sum(day.log_lines_count for day in told)


def test_what_must_not_be_in_the_end_is_told() -> None:
    """Whatever single orders did on steps as coarse as these."""
    bad = SimpleNamespace(phase="halted", reconciled=False, unknown_open=2, positions_match=None)
    good = SimpleNamespace(phase="running", reconciled=True, unknown_open=0, positions_match=True)

    assert module._wrong_in_the_end(good) == []
    assert module._wrong_in_the_end(bad) == [
        "ends halted",
        "ends unreconciled",
        "ends with 2 orders unknown",
        "the positions are not the venue's",
    ]


def test_what_does_not_grow_passes() -> None:
    """The ledger grows by what is written into it, and no faster."""
    assert grown(_days()) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"objects_count": 37_000}, "objects_count"),
        ({"rss_bytes": 181_000_000}, "rss_bytes"),
        ({"open_files_count": 12}, "open_files_count"),
        ({"log_lines_count": 8_001}, "log_lines_count"),
        ({"log_lines_count": 50_001}, "log: "),
        ({"ledger_bytes": 30_000_000}, "ledger: "),
        ({"files_count": 125}, "files: "),
    ],
)
def test_what_grows_beyond_its_bound_is_named(change: dict[str, int], word: str) -> None:
    """Against the second quarter of the days, or against the most there may be."""
    assert any(found.startswith(word) for found in grown(_days(**change)))


def test_too_few_days_prove_nothing() -> None:
    """And say so."""
    assert grown(_days()[:3]) == ["too short: four days at least"]


def test_a_process_lives_from_the_first_quarter_to_the_last_day(options: MonthOptions) -> None:
    """So that what grows in it has three weeks for it; all faults that end no process come on every day."""
    whole = structs.replace(options, days_count=30, day_ns=Ns(NS_PER_DAY))
    days = [((fault.start_ns - SIMULATION_START_NS) // NS_PER_DAY, fault.kind) for fault in planned(whole)]
    ending = sorted(day for day, kind in days if kind in module._ENDING)

    assert ending[-2] < 7
    assert ending[-1] == 29
    assert {kind for day, kind in days if day >= 7} == {*ENGINE_KINDS} - module._ENDING | {FaultKind.KILLED}
    assert planned(whole) == planned(whole)


def test_objects_are_counted_once_and_code_is_none() -> None:
    """A cycle ends; what a list holds is seen to grow; functions, types and modules are passed over."""
    held: list[object] = []
    root = SimpleNamespace(held=held, code=[sentence, Path, module], met=held.append)
    before = reachable_count([root])
    held += [[number + 0.5] for number in range(100)]
    held.append(root)

    assert reachable_count([root]) - before == 200


def test_a_day_and_a_verdict_are_told_in_lines() -> None:
    """With what was violated and what has grown."""
    passed = MonthResult(
        days=tuple(_days()),
        orders_count=9,
        starts_count=2,
        faults_count=3,
        halts={},
        words={"order.sent": 9},
        violations=(),
        grown=(),
    )
    failed = structs.replace(passed, halts={"task_failed": 1}, violations=("step 1: x",), grown=("log: y",))

    assert sentence(_DAY).startswith("day  1: 120 MB, 10000 objects, 10 open files; 20 files, runs 100.0 MB")
    assert verdict(passed).endswith("month: nothing grew beyond its bound")
    assert verdict(failed).splitlines()[1:] == [
        "halts: 1 task_failed; log: 9 order.sent",
        "VIOLATED: step 1: x",
        "GROWN: log: y",
    ]
