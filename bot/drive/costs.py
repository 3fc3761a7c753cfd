"""Plays a tape again and takes the cost of every hedge from it (`cost_audit`). Words are `observe`'s."""

from pathlib import Path

from bot.drive.cost_audit import CostAudit
from bot.drive.moment import book_named
from bot.drive.replay import Comparison, otherness
from bot.drive.why import Strayed, strayed
from bot.journal import manifest
from bot.journal.tape_reader import TapeReader
from bot.observe.costs import CostReport


def costs(folder: Path, book: str | None) -> CostReport | Strayed:
    """The costs of one book's run; JournalError and ConfigError as tape and search give them."""
    run, digest = manifest.read(folder)
    name = book_named(run, book)
    because = otherness(run)
    comparison = Comparison(run, is_exact=not because)
    audit = CostAudit(next(item for item in run.books if item.book == name))
    for read in TapeReader(folder, digest).records():
        if not comparison.is_same(read):
            assert comparison.difference is not None, "not the same, and nothing differs"
            return strayed(comparison.difference)
        if read.record.book == name and comparison.outcome is not None:
            audit.see(comparison.engine(name), read.record.event, comparison.outcome)
    compared = f"commands alone; {'; '.join(because)}" if because else "decisions and commands"
    return audit.report(comparison.engine(name), (run.run_id, run.mode), compared)
