"""Looks kept of a book: when one is due, and that what was kept gives the same figures later as at once."""

from pathlib import Path
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_S, Ns, ns_from_iso
from bot.domain.units import ZERO
from bot.drive.profit_audit import ProfitAudit, StepMade
from bot.drive.profit_look import Look
from bot.drive.simulate import SimulateParams, Simulation
from bot.engine import Engine
from bot.journal import manifest
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape
from bot.journal.tape_reader import TapeReader
from bot.sim.world import build_exchange


@pytest.fixture(scope="module")
def folder(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five minutes to either side of an expiry, on a tape."""
    start_ns, path = ns_from_iso("2026-11-23T07:57:00Z"), tmp_path_factory.mktemp("looks") / "run"
    book = make.book()
    params = SimulateParams(
        book=book,
        portfolio=PortfolioSpec(
            legs=(
                LegSpec(qty_coin=ZERO + 2, kind="call", expiry="1st", strike="atm"),
                LegSpec(qty_coin=ZERO - 2, kind="put", expiry="2nd", strike="atm"),
            )
        ),
        span_ns=Ns(420 * NS_PER_S),
        step_ns=Ns(5 * NS_PER_S),
        sample_every_ns=Ns(60 * NS_PER_S),
    )
    written = Manifest.of_this_process(
        run_id="run", mode="simulate", started_ns=start_ns, version="0.1", config_digest="abc", books=[book]
    )
    tape = Tape.open(path, written)
    assert Simulation(params, build_exchange(3, start_ns), tape=tape).run("simulate").fills > 1
    tape.close()
    return path


def test_what_is_worked_out_later_is_what_would_have_been_at_once(folder: Path) -> None:
    """Looks taken hundreds of events later, as by a busy process: to the bit, through fills and an expiry."""
    written, digest = manifest.read(folder)
    engine, at_once, later = Engine(written.books[0]), ProfitAudit(written.books[0]), ProfitAudit(written.books[0])
    waiting: list[Look] = []
    first: list[StepMade | None] = []
    second: list[StepMade | None] = []
    for place, read in enumerate(TapeReader(folder, digest).records()):
        outcome = engine.apply(read.record.event)
        first.append(at_once.see(engine, read.record.event, outcome))
        look = later.watch.see(engine, read.record.event, outcome)
        waiting += [] if look is None else [look]
        if place % 300 == 0:
            second += [later.take(one) for one in waiting]
            waiting = []
    second += [later.take(one) for one in waiting]

    assert [step for step in second if step] == [step for step in first if step] != []
    assert later.report(engine, ("run", "simulate")) == at_once.report(engine, ("run", "simulate"))


def test_a_book_that_has_not_agreed_is_not_looked_at(make: Any) -> None:
    """Nor is one between its steps; a fill always is, and a step's end."""
    engine, audit = Engine(make.book()), ProfitAudit(make.book())

    def told(*events: ev.Event) -> list[bool]:
        found = []
        for event in events:
            look = audit.watch.see(engine, event, engine.apply(event))
            found.append(look is not None)
            if look is not None:
                audit.take(look)
        return found

    start = Ns(make.now_ns)
    assert told(ev.Ticked(now_ns=Ns(start - 1))) == [False]
    told(
        *(ev.StreamRestored(stream=stream, received_ns=Ns(start - NS_PER_S)) for stream in ev.StreamName),
        ev.InstrumentListed(instrument=make.perpetual(), received_ns=start),
        ev.InstrumentListed(instrument=make.option(), received_ns=start),
        make.future_marked(received_ns=start),
        ev.Ticked(now_ns=start),
        make.account_seen(),
        make.snapshot({}),
    )
    assert told(ev.Ticked(now_ns=Ns(start + 1))) == [True]
    assert told(ev.Ticked(now_ns=Ns(start + 2)), ev.Ticked(now_ns=Ns(start + 59 * NS_PER_S))) == [False, False]
    assert told(ev.Ticked(now_ns=Ns(start + 1 + 60 * NS_PER_S))) == [True]
    assert told(make.fill("f1", "100", None)) == [True]
