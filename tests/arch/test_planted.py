"""The list of planted bugs is of the code as it is: every text to be changed stands where it says, once."""

import sys
from pathlib import Path

import pytest


def test_every_planted_bug_finds_its_line(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that moves takes its bug along: mend `tests/sim/planted.py`, then `make mutants`."""
    monkeypatch.syspath_prepend(str(repo_root / "tests/sim"))
    from planted import BUGS  # noqa: PLC0415 - beside the tool that plants them

    lost = [
        f"{bug.name}: {change.file} has {count} times {change.old!r}"
        for bug in BUGS
        for change in bug.changes
        if (count := (repo_root / "bot" / change.file).read_text().count(change.old)) != 1
    ]
    sys.modules.pop("planted", None)

    assert lost == []
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 25
