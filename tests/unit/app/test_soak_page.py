"""The page on reliability that is in the repository is one of soaks that passed, about the faults there are."""

from pathlib import Path

import pytest

from bot.sim.faults import ENGINE_KINDS, WIRE_KINDS, FaultKind


@pytest.mark.parametrize(("depth", "kinds"), [("engine", ENGINE_KINDS), ("wire", WIRE_KINDS)])
def test_the_committed_page_knows_every_fault_and_has_no_violation(
    repo_root: Path, depth: str, kinds: tuple[FaultKind, ...]
) -> None:
    """Written by `make soak`; a new fault needs a new run."""
    text = (repo_root / "docs/explanation/reliability.md").read_text()
    part = text.partition(f"## At {depth} depth\n")[2].partition("\n## ")[0]

    assert "**0 seeds with a violation**" in part
    rows = {line.split("`")[1]: line for line in part.splitlines() if line.startswith("| `")}
    assert rows.keys() == {kind.value for kind in kinds}
    assert not [kind for kind, line in rows.items() if line.endswith("| 0 | 0 |")]
