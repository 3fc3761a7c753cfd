"""The page on reliability that is in the repository is one of a soak that passed, about the faults there are."""

from pathlib import Path

from bot.sim.faults import FaultKind


def test_the_committed_page_knows_every_fault_and_has_no_violation(repo_root: Path) -> None:
    """Written by `make soak`; a new fault needs a new run."""
    text = (repo_root / "docs/explanation/reliability.md").read_text()

    assert "**0 seeds with a violation**" in text
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    assert rows.keys() == {kind.value for kind in FaultKind}
    assert not [kind for kind, line in rows.items() if line.endswith("| 0 | 0 |")]
