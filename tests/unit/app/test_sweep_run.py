"""One run of a sweep."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from bot.app import sweep_run
from bot.app.backtest import Asked, loaded_of
from bot.app.simulated import SimulateOptions
from bot.app.sweep_run import Job, run
from bot.research.sweep import Figures, Fills
from bot.research.tapes.history import open_day
from bot.risk.conventions import Convention

Write = Callable[..., Path]
_CALL = "BTC-14APR23-30000-C"


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, repo_root: Path, tmp_path: Path) -> Job:
    """A call, a minute of a drawn world."""
    monkeypatch.chdir(repo_root)
    portfolio = tmp_path / "p.toml"
    portfolio.write_text(f'[[legs]]\ninstrument = "{_CALL}"\nqty_coin = "1"\n')
    loaded = loaded_of(Asked(config=Path("config/tape.toml"), currency="BTC", portfolio=portfolio))
    assert loaded.portfolio is not None
    options = SimulateOptions(seed=1, hours=0.02, step_ms=10_000, tape=None, currency="BTC")
    return Job(
        book=loaded.book("BTC"), portfolio=loaded.portfolio, options=options, is_linear=False, fills=Fills.EXCHANGE
    )


def test_what_a_run_raises_is_its_answer(job: Job) -> None:
    """A drawn world does not list an option of 2023; the other configurations go on."""
    assert "BTC-14APR23-30000-C" in str(run(job))


def test_a_tape_is_read_once_for_all_its_configurations(
    job: Job, write_history: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one process; another coin or hole is another day."""
    read: list[Path] = []

    def counted(tape: Path, *rest: object, **named: object) -> object:
        read.append(tape)
        return open_day(tape, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep_run, "open_day", counted)
    monkeypatch.setattr(sweep_run, "_read", {})
    folder = tmp_path / "day"
    folder.mkdir()
    write_history(folder, *((_CALL, 60 * minute, 30_000.0 + 10 * minute) for minute in range(0, 31, 5)))
    of_tape = structs.replace(job, options=structs.replace(job.options, tape=folder, hours=None))
    other = structs.replace(of_tape, options=structs.replace(of_tape.options, seed=2))
    found = [run(of_tape), run(other)]

    assert read == [folder]
    assert all(isinstance(figures, Figures) and figures.hedges for figures in found), found


def test_ideal_fills_need_a_market_before_the_settlement_window(job: Job, tmp_path: Path, write_history: Write) -> None:
    """A portfolio that begins in it leaves nothing to look at; a book that needs an account is refused."""
    folder = tmp_path / "day"
    folder.mkdir()
    late_s = 157_520  # 07:32 on 14 April
    write_history(folder, *((_CALL, late_s + 60 * minute, 30_000.0) for minute in range(0, 10, 5)))
    late = structs.replace(job, fills=Fills.KERNEL, options=structs.replace(job.options, tape=folder, hours=None))
    coin = structs.replace(late, book=structs.replace(late.book, convention=Convention.COIN))

    assert "no look before the settlement window" in str(run(late))
    assert "coin needs an account" in str(run(coin))
