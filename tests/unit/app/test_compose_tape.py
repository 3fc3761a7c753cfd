"""A run's tape is opened where the configuration says, with the run's own manifest, and closed."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from bot.app import compose
from bot.app.config import Config, load
from bot.domain.errors import ConfigError
from bot.domain.time import Ns
from bot.drive.replay import replay
from bot.journal import manifest
from bot.journal.retention import Terms
from bot.observe.logs import open_log
from bot.observe.narrate import Narrator


@pytest.fixture
def config(repo_root: Path) -> Callable[..., Config]:
    """The testnet configuration; fields by keyword."""
    read = load(repo_root / "config" / "testnet.toml", {}, run_tag="t")
    return lambda **change: structs.replace(read, **change)


def test_the_tape_has_a_folder_of_its_own_and_is_closed(config: Callable[..., Config], tmp_path: Path) -> None:
    """The manifest names the run and holds its books."""
    with compose._tape(config(tape_folder=tmp_path), "run-1") as tape:
        assert tape is not None
    run, _ = manifest.read(tmp_path / "run-1")

    assert (run.run_id, run.mode, run.books) == ("run-1", "testnet", config().books)
    assert (run.config_digest, replay(tmp_path / "run-1").ending) == (config().digest, "in order")


def test_no_tape_where_none_is_wanted(config: Callable[..., Config]) -> None:
    """`[tape] enabled = false`."""
    with compose._tape(config(tape_folder=None), "run-1") as tape:
        assert tape is None


def test_a_run_that_is_refused_leaves_no_folder(config: Callable[..., Config], tmp_path: Path) -> None:
    """Without a key nothing begins."""
    with pytest.raises(ConfigError, match="client_id"):
        compose.run_live(config(tape_folder=tmp_path), "run-1", seconds=1.0)

    assert list(tmp_path.iterdir()) == []


def test_a_start_removes_old_runs_and_says_so(config: Callable[..., Config], tmp_path: Path) -> None:
    """As the configuration says; what cannot be removed is a warning, and no reason not to hedge."""
    said = io.StringIO()
    narrator = Narrator(open_log(now_ns=lambda: Ns(0), style="json", stream=said), run_id="r", venue="deribit")
    for name in ("run-1", "run-2"):
        with compose._tape(config(tape_folder=tmp_path), name):
            pass
    for file in (tmp_path / "run-1").iterdir():
        os.utime(file, (0, 0))
    for folder in (tmp_path, tmp_path, tmp_path / "run-2" / "manifest.json", None):
        compose._clean(config(tape_terms=Terms(runs_count_min=1), tape_folder=folder), narrator)
    told = [json.loads(line) for line in said.getvalue().splitlines()]

    assert [path.name for path in tmp_path.iterdir()] == ["run-2"]
    assert [(line["event"], line["level"]) for line in told] == [("runs.removed", "info"), ("runs.kept", "warning")]
