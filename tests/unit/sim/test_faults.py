"""Faults are drawn from a seed, each with dice of its own, and counted where they are felt."""

import pytest
from msgspec import structs

from bot.domain.time import NS_PER_S, Ns
from bot.sim.faults import AT_ONCE, CALM_NS, ENGINE_KINDS, ONCE, WIRE_KINDS, Fault, FaultKind, FaultLevel, Faults, draw

_START = Ns(1_000 * NS_PER_S)
_END = Ns(_START + 600 * NS_PER_S)


def _fault(kind: FaultKind, start_s: int = 10, until_s: int = 20, seed: int = 1) -> Fault:
    return Fault(kind=kind, start_ns=Ns(start_s * NS_PER_S), until_ns=Ns(until_s * NS_PER_S), seed=seed)


def test_the_same_seed_draws_the_same_faults_and_another_others() -> None:
    """All of a plan comes from its seed."""
    first, again, other = (draw(seed, FaultLevel.STORM, _START, _END) for seed in (4, 4, 5))

    assert first == again
    assert first != other


def test_worse_levels_have_more_faults_and_none_has_none() -> None:
    """Four levels, each worse than the one before."""
    counts = [len(draw(1, level, _START, _END)) for level in FaultLevel]

    assert counts[0] == 0
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("seed", range(5))
def test_every_fault_is_over_before_the_calm_end(seed: int) -> None:
    """By time, none at the very start, none in the last minutes."""
    plan = draw(seed, FaultLevel.STORM, _START, _END)

    assert [fault.start_ns for fault in plan] == sorted(fault.start_ns for fault in plan)
    assert all(_START < fault.start_ns < fault.until_ns <= _END - CALM_NS for fault in plan)


def test_a_run_too_short_for_a_calm_end_has_no_fault() -> None:
    """Nothing could be said about its end."""
    assert draw(1, FaultLevel.STORM, _START, Ns(_START + CALM_NS)) == ()


def test_each_kind_comes_before_any_comes_again() -> None:
    """A deck is dealt to its end."""
    day = draw(1, FaultLevel.STORM, _START, Ns(_START + CALM_NS + 3_600 * NS_PER_S))
    counts = [sum(fault.kind is kind for fault in day) for kind in ENGINE_KINDS]

    assert max(counts) - min(counts) <= 1


def test_every_kind_is_of_a_depth_and_a_plan_keeps_to_its_own() -> None:
    """Some of both."""
    assert {*ENGINE_KINDS, *WIRE_KINDS} == set(FaultKind)
    assert set(ENGINE_KINDS) != set(WIRE_KINDS)
    plan = draw(1, FaultLevel.STORM, _START, Ns(_START + CALM_NS + 3_600 * NS_PER_S), WIRE_KINDS)
    assert {fault.kind for fault in plan} == set(WIRE_KINDS)


def test_what_lasts_happens_to_all_it_meets_and_what_waits_to_the_first() -> None:
    """Half-open in time; every occasion is counted."""
    lasting, waiting = FaultKind.FEED_FROZEN, FaultKind.REPLY_LOST
    faults = Faults([_fault(lasting), _fault(waiting)])

    def struck(kind: FaultKind) -> list[bool]:
        return [faults.strike(kind, Ns(at_s * NS_PER_S)) is not None for at_s in (9, 10, 19, 20)]

    assert struck(lasting) == [False, True, True, False]
    assert struck(waiting) == [False, True, False, False]
    assert (faults.counts[lasting], faults.counts[waiting]) == (2, 1)
    assert faults.is_on(lasting, Ns(19 * NS_PER_S))
    assert not faults.is_on(waiting, Ns(19 * NS_PER_S))
    assert faults.over_ns == 20 * NS_PER_S


def test_leaving_one_out_moves_no_other() -> None:
    """Each fault's dice depend on itself alone, so that a plan can be made smaller while a violation stays."""
    kept = _fault(FaultKind.FEED_DELAYED, seed=9)
    plans = ([_fault(FaultKind.KILLED, seed=3), kept], [kept])
    numbers = [Faults(plan).dice_of(kept).random() for plan in plans]

    assert numbers[0] == numbers[1]
    assert numbers[0] != Faults([structs.replace(kept, seed=8)]).dice_of(structs.replace(kept, seed=8)).random()


def test_those_that_happen_at_once_are_counted_by_whoever_makes_them_happen() -> None:
    """They wait for no occasion."""
    faults = Faults([_fault(FaultKind.KILLED)])
    faults.felt(FaultKind.KILLED)

    assert faults.counts[FaultKind.KILLED] == 1
    assert not AT_ONCE & ONCE
