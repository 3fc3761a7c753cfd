"""The command `hedgebot counterfactual RUN`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.app import counterfactual
from bot.app.exit_codes import ExitCode
from bot.book import BookParams
from bot.domain import events as ev
from bot.hedging.bands import fixed
from bot.research.counterfactual import OpenRisk

Call = Callable[..., int]


def _two(params: BookParams) -> Iterator[tuple[str, str, BookParams]]:
    """A tight band and a wide one."""
    for half in (0.0001, 1.0):
        band = fixed.Params(low_coin_per_option_coin=-half, high_coin_per_option_coin=half)
        yield "fixed", f"{half:g}", structs.replace(params, band=band)


@pytest.fixture
def run(call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Two minutes of a simulated run with its tape."""
    arguments = (
        "--hours",
        "0.034",
        "--portfolio",
        "config/portfolios/call.toml",
        "--tape-out",
        str(tmp_path / "run"),
    )
    assert call("simulate", "--seed", "3", *arguments) == 0
    capsys.readouterr()
    return tmp_path / "run"


def test_a_tighter_band_costs_more_and_leaves_less(
    call: Call, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On the very same market; the run itself is among them, and marked in the picture."""
    monkeypatch.setattr(counterfactual, "variants", _two)
    assert call("counterfactual", str(run), "--json", "--picture", str(tmp_path / "f.svg")) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    tight, wide = told["others"]

    assert told["actual"]["group"] == "the run"
    assert told["actual"]["hedges_count"] == told["again"]["hedges_count"] == 1
    assert told["again"]["cost_usd"] == pytest.approx(told["actual"]["cost_usd"], rel=0.2)
    assert tight["hedges_count"] >= told["actual"]["hedges_count"] >= wide["hedges_count"]
    assert tight["cost_usd"] > wide["cost_usd"]
    assert tight["residual_usd"] < wide["residual_usd"]
    assert [way["violations"] for way in told["others"]] == [[], []]
    assert '<polygon class="mark f1"' in (tmp_path / "f.svg").read_text()
    assert "2 of 2: fixed, 1" in said.err


def test_an_interrupt_keeps_what_is_done(
    call: Call, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the second way: the first one is told."""
    made: list[OpenRisk] = []

    def count() -> OpenRisk:
        made.append(OpenRisk())
        if len(made) > 3:  # the run, the run again, the first way
            raise KeyboardInterrupt
        return made[-1]

    monkeypatch.setattr(counterfactual, "variants", _two)
    monkeypatch.setattr(counterfactual, "OpenRisk", count)
    assert call("counterfactual", str(run)) == 0
    said = capsys.readouterr()

    assert "interrupted: 1 of 2 are done" in said.err
    assert "fixed, 0.0001" in said.out


def test_a_run_that_never_saw_its_account_is_refused(
    call: Call, make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to hedge on its tape."""
    specs = (make.perpetual(), make.option())
    listed: list[ev.Event] = [ev.InstrumentListed(instrument=spec, received_ns=make.now_ns) for spec in specs]
    folder = make.tape(tmp_path / "r", [*listed, make.option_marked(), make.future_marked()])

    assert call("counterfactual", str(folder)) == ExitCode.CONFIG
    assert "never saw its account" in capsys.readouterr().err
