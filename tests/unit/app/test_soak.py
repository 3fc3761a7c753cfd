"""Many seeds: what they came to, when they prove too little, and what a violation is shrunk to."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import structs

from bot.app import soak as module
from bot.app.config import load
from bot.app.simulated import SIMULATION_TAG, planned
from bot.app.soak import Failure, Seed, SoakOptions, again, keep_failures, replayed, shrunk, soak, world_of
from bot.app.soak_page import OUTCOMES, page, sentence
from bot.domain.time import NS_PER_S, Ns
from bot.execution.tactics import rest_then_cross
from bot.sim.faults import ENGINE_KINDS, WIRE_KINDS, Fault, FaultKind, FaultLevel


def _faults(*kinds: FaultKind) -> list[Fault]:
    return [Fault(kind=kind, start_ns=Ns(place), until_ns=Ns(99), seed=place) for place, kind in enumerate(kinds)]


@pytest.fixture
def options(repo_root: Path) -> SoakOptions:
    """Three seeds in this process."""
    return SoakOptions(
        seeds_count=3, first_seed=1, level=FaultLevel.STORM, config=repo_root / "config/simulate.toml", workers_count=1
    )


def _seed(number: int, *, orders: int = 9, violations: tuple[str, ...] = ()) -> Seed:
    return Seed(
        seed=number,
        orders=orders,
        decisions=500,
        starts=2,
        faults=dict.fromkeys((kind.value for kind in FaultKind), 1),
        halts={"journal_failed": 1},
        violations=violations,
        trace_hash="",
    )


def _play(monkeypatch: pytest.MonkeyPatch, seeds: list[Seed]) -> None:
    monkeypatch.setattr(module, "_all", lambda _: iter(seeds))
    monkeypatch.setattr(
        module, "_failure", lambda options, seed: Failure(seed=seed.seed, level=options.level, violation="", faults=())
    )


def test_a_violation_is_shrunk_to_the_faults_it_needs() -> None:
    """One left out at a time, while it stays."""
    faults = _faults(*list(FaultKind)[:8])
    needed = {faults[2].kind, faults[5].kind}

    kept = shrunk(lambda left: needed <= {fault.kind for fault in left}, faults)

    assert {fault.kind for fault in kept} == needed


def test_shrinking_is_bounded() -> None:
    """So many runs and no more; halves first, so that few runs leave few faults."""
    faults, tried = _faults(*list(FaultKind)[:32]), list[int]()

    def violates(left: Sequence[Fault]) -> bool:
        tried.append(len(left))
        return faults[9] in left

    assert len(shrunk(violates, faults, 12)) <= 2
    assert len(shrunk(violates, faults, 3)) == 8
    assert len(tried) <= 15
    assert shrunk(lambda _: True, []) == ()


def test_a_ledger_is_kept_in_memory_where_there_is_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not where somebody has said where temporary files go, nor where there is no such place."""
    monkeypatch.setattr(module, "_MEMORY", tmp_path)
    monkeypatch.setattr(module, "_MEMORY_BYTES_MIN", 0)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert module._scratch() is None
    monkeypatch.delenv("TMPDIR")
    assert module._scratch() == tmp_path
    monkeypatch.setattr(module, "_MEMORY", tmp_path / "none")
    assert module._scratch() is None


def test_seeds_are_summed_and_nothing_is_missing(monkeypatch: pytest.MonkeyPatch, options: SoakOptions) -> None:
    """Counts by kind, halts by cause, and a word on how far it is."""
    _play(monkeypatch, [_seed(number) for number in (1, 2, 3)])
    said: list[str] = []
    result = soak(options, said.append)

    assert result.has_passed
    assert (result.faults["killed"], result.seeds_with["killed"], result.halts) == (3, 3, {"journal_failed": 3})
    assert (result.orders_mean, result.starts_count) == (9.0, 6)
    assert said[-1] == "3 of 3 seeds, 0 violated"
    assert "nothing violated" in sentence(result)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"orders": 4}, "4.0 orders a seed"),
        ({"decisions": 0}, "no decision in seeds [1, 2, 3]"),
        ({"faults": {"killed": 1}}, "never felt: feed_dropped"),
    ],
)
def test_a_soak_that_proves_too_little_fails_by_itself(
    monkeypatch: pytest.MonkeyPatch, options: SoakOptions, change: dict[str, object], word: str
) -> None:
    """Too few orders, a seed without a decision, a fault that was never felt."""
    _play(monkeypatch, [structs.replace(_seed(number), **change) for number in (1, 2, 3)])
    result = soak(options, lambda _: None)

    assert not result.has_passed
    assert any(word in text for text in result.shortcomings), result.shortcomings
    assert word in sentence(result)


def test_a_violation_is_told_at_once_and_fails(monkeypatch: pytest.MonkeyPatch, options: SoakOptions) -> None:
    """With its seed, and what it needs in the end."""
    _play(monkeypatch, [_seed(1), _seed(2, violations=("step 7: an order while halted",)), _seed(3)])
    said: list[str] = []
    result = soak(options, said.append)

    assert "seed 2: step 7: an order while halted" in said
    assert (result.violated, result.has_passed, result.failures[0].seed) == ((2,), False, 2)
    assert "violated: seeds [2]" in sentence(result)


def test_what_a_run_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch, options: SoakOptions) -> None:
    """It does not end the soak, and it is told with its seed."""

    def breaks(*_: object) -> None:
        raise AssertionError("boom")

    monkeypatch.setattr(module, "weathered", breaks)
    monkeypatch.setattr(module, "_SHRUNK_MAX", 0)
    result = soak(options, lambda _: None)

    assert result.violated == (1, 2, 3)


def test_a_seed_is_really_run(options: SoakOptions) -> None:
    """One whole seed: decisions, orders, faults felt, nothing violated, the same twice."""
    one = structs.replace(options, seeds_count=1, first_seed=5)
    first, again = (list(module._all(one)) for _ in range(2))

    assert first == again
    assert (first[0].violations, first[0].decisions > 100, sum(first[0].faults.values()) > 10) == ((), True, True)


def test_the_page_tells_every_fault_and_what_becomes_of_it(
    monkeypatch: pytest.MonkeyPatch, options: SoakOptions
) -> None:
    """A row for each, with its count; every kind has its promise."""
    _play(monkeypatch, [_seed(number) for number in (1, 2, 3)])
    text = page(soak(options, lambda _: None), "")

    assert OUTCOMES.keys() == set(FaultKind)
    for kind in FaultKind:
        assert (f"| `{kind.value}` |" in text) is (kind in ENGINE_KINDS)
    assert "`refused_pause`" in next(line for line in text.splitlines() if line.startswith("| `maintenance`"))
    assert "**0 seeds with a violation**" in text


def test_the_page_keeps_the_part_of_the_other_depth(monkeypatch: pytest.MonkeyPatch, options: SoakOptions) -> None:
    """Whichever is written first, and again."""

    def written(before: str, *, is_wire: bool, orders: int) -> str:
        _play(monkeypatch, [_seed(1, orders=orders)])
        return page(soak(structs.replace(options, seeds_count=1, is_wire=is_wire), lambda _: None), before)

    first = written("", is_wire=False, orders=11)
    both = written(first, is_wire=True, orders=22)
    again = written(both, is_wire=False, orders=33)

    assert "11.0 orders" in both
    assert both.index("## At engine depth") < both.index("## At wire depth")
    assert ("11.0 orders" in again, "33.0 orders" in again, "22.0 orders" in again) == (False, True, True)
    assert written(again, is_wire=False, orders=11) == both
    for kind in FaultKind:
        assert both.count(f"| `{kind.value}` |") == (kind in ENGINE_KINDS) + (kind in WIRE_KINDS)


def test_new_seeds_are_run_besides_and_leave_the_trace_alone(
    monkeypatch: pytest.MonkeyPatch, options: SoakOptions
) -> None:
    """The trace is of what is the same each time."""
    alone = [_seed(number) for number in (1, 2, 3)]
    _play(monkeypatch, alone)
    trace = soak(options, lambda _: None).trace_hash
    _play(monkeypatch, [*alone, structs.replace(_seed(99), trace_hash="new")])
    result = soak(structs.replace(options, new_seeds=(99,)), lambda _: None)

    assert (result.seeds_count, result.trace_hash) == (4, trace)
    _play(monkeypatch, [*alone[:2], structs.replace(alone[2], trace_hash="other")])
    assert soak(options, lambda _: None).trace_hash != trace


def test_a_seed_at_wire_depth_is_really_run(monkeypatch: pytest.MonkeyPatch, options: SoakOptions) -> None:
    """With the kinds of its depth, and a smaller plan here."""
    monkeypatch.setattr(module, "planned", lambda asked: planned(structs.replace(asked, faults=FaultLevel.LIGHT))[:2])
    one = structs.replace(options, seeds_count=1, is_wire=True)
    found = next(iter(module._all(one)))

    assert (found.violations, found.decisions > 100) == ((), True)
    assert found.faults.keys() == {kind.value for kind in WIRE_KINDS}


def test_a_failure_is_kept_and_played_again(options: SoakOptions, tmp_path: Path) -> None:
    """Its file says seed and faults; the command beside it shows all of the seed."""
    start_ns = Ns(1_795_338_000_000_000_000)
    fault = Fault(
        kind=FaultKind.KILLED, start_ns=Ns(start_ns + 60 * NS_PER_S), until_ns=Ns(start_ns + 61 * NS_PER_S), seed=1
    )
    failure = Failure(seed=5, level=FaultLevel.STORM, violation="step 7: an order while halted", faults=(fault,))
    keep_failures([failure], tmp_path)
    result = replayed(tmp_path / "storm-5.json", options.config)

    assert again(failure) == "hedgebot soak --first 5 --seeds 1 --faults storm"
    assert (result.starts, result.violations) == (2, ())
    assert result.faults is not None
    assert {kind for kind, count in result.faults.items() if count} == {"killed"}


@pytest.mark.parametrize(
    ("seed", "tactic", "venue"),
    [(0, "cross", ""), (1, "rest_then_cross", ""), (2, "cross", "OKX:"), (7, "rest_then_cross", "OKX:")],
)
def test_every_seed_has_a_world_of_its_own(options: SoakOptions, seed: int, tactic: str, venue: str) -> None:
    """Resting or not, with the hedge here or elsewhere; a choice of the configuration stays."""
    config = load(options.config, {}, run_tag=SIMULATION_TAG)
    book = world_of(config, seed).books[0]
    settled = structs.replace(config, books=(structs.replace(book, tactic=rest_then_cross.Params(rest_for_ns=Ns(1))),))

    assert type(book.tactic).__struct_config__.tag == tactic
    assert book.hedge_instrument.startswith(venue or "BTC-PERPETUAL")
    assert world_of(settled, seed).books[0].tactic == rest_then_cross.Params(rest_for_ns=Ns(1))
