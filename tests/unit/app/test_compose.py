"""Each mode gets its parts; what cannot be put together is refused by its key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.app import compose, simulated
from bot.app.config import Config, load
from bot.domain.errors import ConfigError
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import Ns
from bot.observe.tally import Tally

Loaded = Callable[..., Config]


@pytest.fixture
def loaded(repo_root: Path) -> Loaded:
    """A configuration of the checkout."""

    def read(name: str = "simulate") -> Config:
        override = {} if name in {"testnet", "live"} else {"portfolio": repo_root / "config/portfolios/straddle.toml"}
        return load(repo_root / "config" / f"{name}.toml", override, run_tag="t")

    return read


def _options(**change: Any) -> simulated.SimulateOptions:
    defaults = {"seed": 1, "hours": 0.02, "step_ms": 1_000, "tape": None, "currency": "BTC"}
    return simulated.SimulateOptions(**(defaults | change))


def test_run_tags_do_not_repeat_and_fit_a_label() -> None:
    """Labels of two runs never meet."""
    tags = {compose.new_run_tag() for _ in range(100)}

    assert len(tags) == 100
    assert all(len(tag) == 8 and tag.isalnum() for tag in tags)


@pytest.mark.parametrize("currency", ["BTC", "ETH"])
def test_a_simulation_runs_the_book_asked_for(loaded: Loaded, currency: str) -> None:
    """Result of that book with its speed; a picture of the run."""
    result, drawn = compose.simulate(loaded(), _options(currency=currency))

    assert (result.mode, result.book, result.positions_match) == ("simulate", currency, True)
    assert result.speed is not None
    assert drawn is not None
    assert drawn.startswith("<svg")


def test_nothing_to_draw_is_no_picture() -> None:
    """A run that ended at once."""
    tally = Tally(trade_coin_min=0.1, sample_every_ns=Ns(1))

    assert compose.picture(tally, title="t", coin="BTC") is None


def test_a_recorded_day_has_its_own_start(loaded: Loaded, tmp_path: Path) -> None:
    """Its first row."""
    with pytest.raises(ConfigError, match=r"^start: a recorded day"):
        compose.simulate(loaded("tape"), _options(tape=tmp_path, start="05:00"))


def test_a_simulation_needs_a_portfolio(loaded: Loaded) -> None:
    """Otherwise there is nothing to hedge."""
    with pytest.raises(ConfigError, match=r"portfolio: is missing; give a file with --portfolio"):
        compose.simulate(structs.replace(loaded(), portfolio=None), _options())


def test_a_leg_that_is_not_listed_is_the_operators_mistake(loaded: Loaded) -> None:
    """One line, not a traceback."""
    legs = (LegSpec(qty_coin=1, instrument="BTC-NOT-THERE"),)  # type: ignore[arg-type]
    config = structs.replace(loaded(), portfolio=PortfolioSpec(legs=legs))

    with pytest.raises(ConfigError, match=r"portfolio: .*BTC-NOT-THERE"):
        compose.simulate(config, _options())


@pytest.mark.parametrize("content", [None, "", "not gzip"])
def test_a_tape_that_cannot_be_read_is_named(loaded: Loaded, tmp_path: Path, content: str | None) -> None:
    """Absent, empty, or something else."""
    if content is not None:
        (tmp_path / "btc_get_order_book_5min.jsonl.gz").write_text(content)

    with pytest.raises(ConfigError, match=r"^(tape|history): "):
        compose.simulate(loaded("tape"), _options(tape=tmp_path))


@pytest.mark.realdata
def test_a_tape_is_played_as_long_as_asked(loaded: Loaded, shared_data: Path) -> None:
    """So many hours of it; rows come every five minutes."""
    tape = shared_data / "history" / "demo_deribit_2023-04-12"
    result, _ = compose.simulate(loaded("tape"), _options(tape=tape, hours=0.5))

    assert result.seconds == pytest.approx(1_800.0, abs=300.0)


def test_a_simulation_has_no_real_clock(loaded: Loaded) -> None:
    """The mode is in the file: a mix-up is told, not obeyed."""
    with pytest.raises(ConfigError, match="mode: a simulation has no real clock"):
        compose.run_live(loaded(), "r", seconds=1.0)


def test_a_real_clock_run_needs_a_key(loaded: Loaded) -> None:
    """Refused before anything is opened."""
    with pytest.raises(ConfigError, match=r"venue\.client_id: is missing"):
        compose.run_live(loaded("testnet"), "r", seconds=1.0)


def test_a_live_run_must_be_armed(loaded: Loaded) -> None:
    """Then named, then keyed: refused before anything is opened."""
    config = loaded("live")
    named = structs.replace(config.venue, account_id="7")

    with pytest.raises(ConfigError, match=r"^live\.armed: is false"):
        compose.run_live(config, "r", seconds=1.0)
    with pytest.raises(ConfigError, match=r"^live\.account_id: is missing"):
        compose.run_live(structs.replace(config, armed=True), "r", seconds=1.0)
    with pytest.raises(ConfigError, match=r"^venue\.client_id: is missing"):
        compose.run_live(structs.replace(config, armed=True, venue=named), "r", seconds=1.0)


@pytest.mark.parametrize(
    ("name", "checks"),
    [("simulate", ["configuration", "portfolio"]), ("demo", ["configuration", "tape", "health"])],
)
def test_a_look_needs_no_venue_where_a_run_brings_its_own(loaded: Loaded, name: str, checks: list[str]) -> None:
    """Nothing to reach, no ledger to keep."""
    report = compose.check(loaded(name), Path("f.toml"))

    assert [(check.name, check.status) for check in report.checks] == [(check, "ok") for check in checks]
    assert report.checks[0].detail == "f.toml"


def test_a_look_at_a_live_file_says_all_that_is_missing(loaded: Loaded, tmp_path: Path) -> None:
    """Even when nothing can be reached: each by its key."""
    config = loaded("live")
    nowhere = structs.replace(config.venue, ws_url="ws://127.0.0.1:9/", rest_url="http://127.0.0.1:9")
    report = compose.check(
        structs.replace(config, venue=nowhere, ledger_url=f"sqlite:///{tmp_path}/l.db", health_port=0), Path("f.toml")
    )

    failed = {check.name: check.detail.partition(":")[0] for check in report.checks if check.status == "FAILED"}
    assert failed["armed"] == "live.armed"
    assert failed["account named"] == "live.account_id"
    assert failed["key given"] == "venue.client_id"
    assert failed.keys() >= {"http", "market data"}
    assert report.exit_code == 2
    assert list(tmp_path.iterdir()) == []
