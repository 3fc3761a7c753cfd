"""Another configuration for a running bot: read again, written down, begun as a restart; and what keeps it from it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.app.config import Config, load
from bot.app.reload import Reloads, lived
from bot.domain.errors import ConfigError, JournalError, LeaseLost, VenueUnreachable
from bot.domain.reasons import Phase
from bot.domain.status import BookStatus
from bot.domain.time import Ns

_FILE = Path("c.toml")


class _Run:
    """A trader and its ledger in one."""

    def __init__(self, status: BookStatus) -> None:
        self.status = status
        self.stopped: list[str] = []
        self.written: list[dict[str, Any]] = []
        self.is_full = False

    def statuses(self) -> tuple[BookStatus, ...]:
        return (self.status,)

    def request_stop(self, cause: str) -> None:
        assert self.written, "written down before it is done"
        self.stopped.append(cause)

    def commit_reload(self, **row: Any) -> None:
        if self.is_full:
            raise JournalError("the disk is full")
        self.written.append(row)


@pytest.fixture
def config(repo_root: Path) -> Config:
    """What runs."""
    return load(repo_root / "config/testnet.toml", {}, run_tag="t1")


@pytest.fixture
def wider(repo_root: Path) -> Config:
    """What its file says by now."""
    change = {"books": {"btc": {"band": {"high_coin_per_option_coin": 0.1}}}}
    return load(repo_root / "config/testnet.toml", change, run_tag="t2")


@pytest.fixture
def run(play: Any) -> _Run:
    """Running and quiet."""
    return _Run(structs.replace(play.engine.status(), phase=Phase.RUNNING))


def _reloads(config: Config, read: Callable[[Path], Config], run: _Run | None = None) -> Reloads:
    reloads = Reloads(_FILE, read, config, run_id="run-t1", token="t0k")  # noqa: S106
    if run is not None:
        reloads.follow(run, run, lambda: Ns(5))
    return reloads


def test_it_is_written_down_before_the_run_ends_for_it(config: Config, wider: Config, run: _Run) -> None:
    """Who, why and what; the run ends in order, and the next is to have what was shown."""
    reloads = _reloads(config, lambda _: wider, run)
    offer = reloads.offered()
    reloads.take(offer.fingerprint, by="ann", reason="calm")

    assert run.written == [
        {
            "by": "ann",
            "reason": "calm",
            "config_hash": wider.digest,
            "changes": ["books.btc.band.high_coin_per_option_coin: 0.05 -> 0.1"],
            "at_ns": Ns(5),
        }
    ]
    assert (run.stopped, reloads.following) == (["reload by ann: calm"], wider)
    assert (offer.config_hash, reloads.running().config_hash) == (wider.digest, config.digest)
    assert reloads.running().settings == config.plain


def test_what_cannot_be_written_down_is_not_done(config: Config, wider: Config, run: _Run) -> None:
    """The run goes on."""
    run.is_full = True
    reloads = _reloads(config, lambda _: wider, run)
    offer = reloads.offered()
    with pytest.raises(JournalError):
        reloads.take(offer.fingerprint, by="ann", reason="calm")

    assert (run.stopped, reloads.following) == ([], None)


def test_with_a_standby_it_is_refused(config: Config, wider: Config, run: _Run) -> None:
    """The other process would take over in between, with a configuration of its own."""
    reloads = _reloads(structs.replace(config, stands_by=True), lambda _: wider, run)
    offer = reloads.offered()
    with pytest.raises(ConfigError, match=r"^standby\.enabled: "):
        reloads.take(offer.fingerprint, by="ann", reason="calm")

    assert (run.written, run.stopped) == ([], [])


def test_a_signal_means_the_process(config: Config, wider: Config, run: _Run) -> None:
    """Whoever asks for an end while a reload is under way gets it."""
    reloads = _reloads(config, lambda _: wider, run)
    reloads.take(reloads.offered().fingerprint, by="ann", reason="calm")
    reloads.forget()

    assert reloads.following is None


@pytest.mark.parametrize(
    ("change", "unrest"),
    [
        ({}, ""),
        ({"phase": Phase.HALTED}, ""),
        ({"orders_live": 2}, ""),
        ({"orders_unknown": 1}, "BTC: the fate of 1 orders is not known"),
        ({"phase": Phase.RECONCILING}, "BTC is reconciling"),
        ({"phase": Phase.STOPPING}, "BTC is stopping"),
    ],
)
def test_it_waits_for_what_is_not_known(config: Config, run: _Run, change: dict[str, Any], unrest: str) -> None:
    """What rests is taken back by the end itself; an order of unknown fate is not."""
    run.status = structs.replace(run.status, **change)

    assert _reloads(config, lambda _: config, run).unrest() == unrest


class _Process:
    """Runs by plan: each ends with a configuration to follow, with none, or with an error at its start or later."""

    def __init__(self, *plan: Config | Exception | None, late: Sequence[int] = ()) -> None:
        self.plan = list(plan)
        self.late = late
        self.runs: list[tuple[str, str, str, float | None]] = []
        self.tokens: set[str] = set()
        self.adopts: list[bool] = []
        self.pauses_s: list[float] = []

    def live(self, config: Config, run_id: str, seconds: float | None, reloads: Reloads) -> str:
        self.runs.append((run_id, config.books[0].run_tag, config.digest, seconds))
        self.tokens.add(reloads.token)
        self.adopts.append(config.books[0].adopts_positions)
        step = self.plan.pop(0)
        if not isinstance(step, Exception) or len(self.runs) - 1 in self.late:
            reloads.follow(self, self, lambda: Ns(1))  # type: ignore[arg-type]
        if isinstance(step, Exception):
            raise step
        reloads.following = step
        return run_id

    def lived(self, config: Config, seconds: float | None = None) -> str:
        tags = iter("abcdefghijkl")
        return lived(
            config,
            _FILE,
            lambda _: config,
            self.live,
            run_id="run-t1",
            seconds=seconds,
            new_tag=lambda: next(tags),
            wait=self.pauses_s.append,
        )


def test_each_run_has_a_name_of_its_own_and_one_token_opens_all(config: Config, wider: Config) -> None:
    """Labels of two runs never meet; pages that are open stay open. `seconds` are those of all runs."""
    process = _Process(wider, config, None)

    assert process.lived(config, 100.0) == "run-b"
    assert [(name, tag, digest) for name, tag, digest, _ in process.runs] == [
        ("run-t1", "t1", config.digest),
        ("run-a", "a", wider.digest),
        ("run-b", "b", config.digest),
    ]
    assert len(process.tokens) == 1
    assert all(left is not None and left <= 100.0 for *_, left in process.runs)


def test_positions_are_adopted_by_the_first_start_only(config: Config) -> None:
    """The variable that asked for it is still in the environment when the file is read again."""
    adopting = structs.replace(
        config, books=tuple(structs.replace(book, adopts_positions=True) for book in config.books)
    )
    process = _Process(adopting, VenueUnreachable("no route"), None)
    process.lived(adopting)

    assert process.adopts == [True, False, False]


def test_a_start_that_fails_after_a_reload_is_tried_again(
    config: Config, wider: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """A venue that is away is waited for; where the new configuration is at fault, the one of before hedges on."""
    away = _Process(wider, VenueUnreachable("no route"), VenueUnreachable("no route"), None)
    wrong = _Process(wider, ConfigError("health.port: taken"), None)

    assert (away.lived(config), wrong.lived(config)) == ("run-c", "run-b")
    assert [digest for _, _, digest, _ in away.runs] == [config.digest, *[wider.digest] * 3]
    assert [digest for _, _, digest, _ in wrong.runs] == [config.digest, wider.digest, config.digest]
    assert away.pauses_s == [1.0, 5.0]
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"hedgebot: reload: the start failed (health.port: taken); again in 1 s with {config.digest}"
    )


@pytest.mark.parametrize(
    ("plan", "late"),
    [
        ([VenueUnreachable("no route")], ()),  # the first start, as ever
        ("again", ()),  # a bounded number of times
        ("later", (1,)),  # not its start but its life
        ("lost", ()),  # another process hedges
    ],
    ids=["first", "bounded", "later", "lease"],
)
def test_it_does_not_try_for_ever(config: Config, wider: Config, plan: Any, late: Sequence[int]) -> None:
    """An error that no reload brought about ends the process as it always did."""
    plans = {
        "again": [wider, *[VenueUnreachable("no route")] * 20],
        "later": [wider, VenueUnreachable("no route")],
        "lost": [wider, LeaseLost("taken over")],
    }
    steps = plans[plan] if isinstance(plan, str) else plan
    process = _Process(*steps, late=late)
    with pytest.raises(type(steps[-1])):
        process.lived(config)

    assert len(process.runs) == (9 if plan == "again" else min(len(steps), 2))
