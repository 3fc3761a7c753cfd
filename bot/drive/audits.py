"""Plays a tape again and takes the costs of its hedges, its profit or its scalping apart. Words are `observe`'s."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from bot.book import BookParams
from bot.domain.decided import Outcome
from bot.domain.events import Event
from bot.drive.cost_audit import CostAudit
from bot.drive.moment import book_named
from bot.drive.profit_audit import ProfitAudit
from bot.drive.replay import Comparison, otherness
from bot.drive.report_audit import ReportAudit
from bot.drive.scalping_audit import ScalpingAudit
from bot.drive.why import Strayed, strayed
from bot.engine import Engine
from bot.journal import manifest
from bot.journal.manifest import Manifest
from bot.journal.tape_reader import TapeReader
from bot.observe.costs import CostReport
from bot.observe.profits import ProfitReport
from bot.observe.reported import Report
from bot.observe.scalps import ScalpingReport


class _Audit(Protocol):
    def see(self, engine: Engine, event: Event, outcome: Outcome) -> object:
        """One event and what the engine made of it."""


_A = TypeVar("_A", bound=_Audit)


class _Audited(NamedTuple, Generic[_A]):
    """An audit that saw a whole run, and what its report needs besides."""

    audit: _A
    engine: Engine
    run: Manifest

    @property
    def named(self) -> tuple[str, str]:
        """The run and its mode."""
        return self.run.run_id, self.run.mode


def costs(folder: Path, book: str | None) -> CostReport | Strayed:
    """The costs of one book's run; JournalError and ConfigError as tape and search give them."""
    found = _audited(folder, book, CostAudit)
    if isinstance(found, Strayed):
        return found
    return found.audit.report(found.engine, found.named, _compared(found.run))


def profits(folder: Path, book: str | None) -> ProfitReport | Strayed:
    """The profit of one book's run, taken apart; errors as of `costs`."""
    found = _audited(folder, book, ProfitAudit)
    return found if isinstance(found, Strayed) else found.audit.report(found.engine, found.named)


def scalping(folder: Path, book: str | None) -> ScalpingReport | Strayed:
    """What gamma scalping came to in one book's run; errors as of `costs`."""
    found = _audited(folder, book, ScalpingAudit)
    if isinstance(found, Strayed):
        return found
    return found.audit.report(found.engine, found.named, _compared(found.run))


def report(folder: Path, book: str | None) -> Report | Strayed:
    """Everything a report shows of one book's run; errors as of `costs`."""
    found = _audited(folder, book, ReportAudit)
    if isinstance(found, Strayed):
        return found
    return found.audit.report(found.engine, found.named, _compared(found.run))


class _Together(NamedTuple):
    """Several audits of one run."""

    audits: Sequence[_Audit]

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        for audit in self.audits:
            audit.see(engine, event, outcome)


def watched(folder: Path, book: str, audits: Sequence[_Audit]) -> Engine | Strayed:
    """The engine of one book at the end of its run, its every step seen by all of these; errors as of `costs`."""
    run, digest = manifest.read(folder)
    return _played(TapeReader(folder, digest), run, book, _Together(audits))


def _audited(folder: Path, book: str | None, audit_of: Callable[[BookParams], _A]) -> _Audited[_A] | Strayed:
    """One book's run seen by an audit from beginning to end."""
    run, digest = manifest.read(folder)
    name = book_named(run, book)
    audit = audit_of(next(item for item in run.books if item.book == name))
    engine = _played(TapeReader(folder, digest), run, name, audit)
    return engine if isinstance(engine, Strayed) else _Audited(audit, engine, run)


def _played(tape: TapeReader, run: Manifest, book: str, audit: _Audit) -> Engine | Strayed:
    """The engine of one book at the end of the tape, its every step seen by the audit."""
    comparison = Comparison(run, is_exact=not otherness(run))
    for read in tape.records():
        if not comparison.is_same(read):
            assert comparison.difference is not None, "not the same, and nothing differs"
            return strayed(comparison.difference)
        if read.record.book == book and comparison.outcome is not None:
            audit.see(comparison.engine(book), read.record.event, comparison.outcome)
    return comparison.engine(book)


def _compared(run: Manifest) -> str:
    because = otherness(run)
    return f"commands alone; {'; '.join(because)}" if because else "decisions and commands"
