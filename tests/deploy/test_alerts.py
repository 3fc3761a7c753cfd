"""Every alert is made to fire by a fault in a running bot, and clears when it is mended; `make deploy-test`.

The daemon runs on virtual time with its sockets, ledger, lease and health page; it is scraped as Prometheus would, and
Prometheus' own rules engine (`promtool test rules`) is given what the scraper got.
"""

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from msgspec import Struct

from bot.domain.stops import Act
from bot.localex.rpc import RpcError
from bot.venues.budget import OrderRate

_NO_FUNDS = RpcError(10009, "not_enough_funds")
_EVERY_S = 5
"""Between two looks of the scraper, as in prometheus.yml."""
_HEALTHY_S = 60.0
_Happening = Callable[[Any], AbstractAsyncContextManager[None]]


class Fault(Struct, frozen=True):
    """What breaks, for how long, which alerts that fires, and how long they take to clear."""

    happens: _Happening
    lasts_s: float
    clears_s: float
    alerts: tuple[str, ...]


@contextlib.asynccontextmanager
async def _killed(desk: Any) -> AsyncIterator[None]:
    await desk.kill()
    yield
    desk.start()


@contextlib.asynccontextmanager
async def _disk_full(desk: Any) -> AsyncIterator[None]:
    desk.disk.is_full = True
    desk.trade()
    yield
    desk.disk.is_full = False
    desk.act(Act.RESUME)


@contextlib.asynccontextmanager
async def _paused(desk: Any) -> AsyncIterator[None]:
    desk.act(Act.PAUSE)
    yield
    desk.act(Act.RESUME)


@contextlib.asynccontextmanager
async def _venue_down(desk: Any) -> AsyncIterator[None]:
    await desk.world.server.stop()
    yield
    await desk.world.server.start()


@contextlib.asynccontextmanager
async def _engine_broken(desk: Any) -> AsyncIterator[None]:
    desk.break_engine()
    yield
    await desk.kill()
    desk.start()


@contextlib.asynccontextmanager
async def _hedge_silent(desk: Any) -> AsyncIterator[None]:
    desk.venue.silent_about = desk.hedge
    yield
    desk.venue.silent_about = ""


@contextlib.asynccontextmanager
async def _option_silent(desk: Any) -> AsyncIterator[None]:
    desk.venue.silent_about = desk.world.options[0]
    yield
    desk.venue.silent_about = ""


@contextlib.asynccontextmanager
async def _funds_gone(desk: Any) -> AsyncIterator[None]:
    desk.venue.refuses_orders = _NO_FUNDS
    desk.trade()
    yield
    desk.venue.refuses_orders = None
    desk.act(Act.RESUME)  # five refusals in a row halt


@contextlib.asynccontextmanager
async def _answers_lost(desk: Any) -> AsyncIterator[None]:
    desk.venue.answers_nothing = True
    desk.trade()
    yield
    desk.venue.answers_nothing = False


@contextlib.asynccontextmanager
async def _position_given(desk: Any) -> AsyncIterator[None]:
    desk.give_position(Decimal(5_000))
    yield
    desk.give_position(Decimal(-5_000))
    desk.act(Act.RESUME)


@contextlib.asynccontextmanager
async def _deposit(desk: Any) -> AsyncIterator[None]:
    desk.pay(Decimal(1))
    yield
    desk.pay(Decimal(-1))


@contextlib.asynccontextmanager
async def _withdrawal(desk: Any) -> AsyncIterator[None]:
    money = desk.collateral_beyond(0.8)
    desk.pay(-money)
    yield
    desk.pay(money)


@contextlib.asynccontextmanager
async def _sockets_dropped(desk: Any) -> AsyncIterator[None]:
    for turn in range(9):
        desk.loop.call_later(20.0 * turn, desk.world.server.faults.drop_sockets)
    yield


@contextlib.asynccontextmanager
async def _disk_slow(desk: Any) -> AsyncIterator[None]:
    desk.disk.commit_s = 0.3
    desk.trade_every(20.0, times=8)
    yield
    desk.disk.commit_s = 0.0


@contextlib.asynccontextmanager
async def _lease_unrenewed(desk: Any) -> AsyncIterator[None]:
    desk.disk.is_gone = True
    yield
    desk.disk.is_gone = False


@contextlib.asynccontextmanager
async def _machine_slow(desk: Any) -> AsyncIterator[None]:
    desk.slow(0.08)
    yield
    desk.slow(0.0)


@contextlib.asynccontextmanager
async def _rationed(desk: Any) -> AsyncIterator[None]:
    desk.ration(OrderRate(per_s=0.01))
    desk.trade_every(2.0, times=16)
    yield
    desk.ration(OrderRate())


_MINUTE_S = 60.0
FAULTS = (
    Fault(_killed, 2 * _MINUTE_S, 1 * _MINUTE_S, ("HedgebotDown",)),
    Fault(_disk_full, 1 * _MINUTE_S, 1 * _MINUTE_S, ("HedgebotHalted",)),
    Fault(_paused, 6 * _MINUTE_S, 1 * _MINUTE_S, ("HedgebotStopped",)),
    Fault(_venue_down, 4 * _MINUTE_S, 2 * _MINUTE_S, ("HedgebotNotTrading",)),
    Fault(_engine_broken, 1 * _MINUTE_S, 1 * _MINUTE_S, ("HedgebotTickStale",)),
    Fault(_hedge_silent, 3 * _MINUTE_S, 1 * _MINUTE_S, ("HedgebotQuotesStale",)),
    Fault(_funds_gone, 7 * _MINUTE_S, 12 * _MINUTE_S, ("HedgebotOutsideBand", "HedgebotOrdersRefused")),
    Fault(_option_silent, 9 * _MINUTE_S, 2 * _MINUTE_S, ("HedgebotDeltaUnknown",)),
    Fault(_answers_lost, 1 * _MINUTE_S, 2 * _MINUTE_S, ("HedgebotOrderUnknown",)),
    Fault(_position_given, 3 * _MINUTE_S, 12 * _MINUTE_S, ("HedgebotPositionMismatched",)),
    Fault(_deposit, 9 * _MINUTE_S, 6 * _MINUTE_S, ("HedgebotFiguresApart", "HedgebotAlarm")),
    Fault(_withdrawal, 3 * _MINUTE_S, 2 * _MINUTE_S, ("HedgebotMarginHigh",)),
    Fault(_sockets_dropped, 3 * _MINUTE_S, 17 * _MINUTE_S, ("HedgebotStreamsUnsteady",)),
    Fault(_disk_slow, 3 * _MINUTE_S, 12 * _MINUTE_S, ("HedgebotLedgerSlow",)),
    Fault(_lease_unrenewed, 1 * _MINUTE_S, 1 * _MINUTE_S, ("HedgebotLeaseShort",)),
    Fault(_machine_slow, 16 * _MINUTE_S, 7 * _MINUTE_S, ("HedgebotDecisionsSlow",)),
    Fault(_rationed, 3 * _MINUTE_S, 1 * _MINUTE_S, ("HedgebotCreditsLow",)),
)


def test_every_rule_has_its_fault(rules: dict[str, Any]) -> None:
    """A rule that no fault was ever seen to fire may be one that cannot."""
    assert sorted(alert for fault in FAULTS for alert in fault.alerts) == sorted(rules)


def test_it_is_scraped_as_prometheus_would(watched: ModuleType, documents: Callable[[str], list[Any]]) -> None:
    """As often, and waiting as long for an answer."""
    (file,) = documents("prometheus/prometheus.yml")
    (job,) = file["scrape_configs"]

    assert file["global"] == {"scrape_interval": f"{_EVERY_S}s", "evaluation_interval": f"{_EVERY_S}s"}
    assert job["scrape_timeout"] == f"{watched.SCRAPE_S_MAX:.0f}s"
    assert watched.SCRAPE_EVERY_S == _EVERY_S


@pytest.fixture
def promtool() -> str:
    """Prometheus' own tool; who asks for these tests wants them to run."""
    path = shutil.which("promtool")
    if path is None:
        pytest.fail("no promtool on this machine: apt-get install prometheus")
    return path


@pytest.fixture
def folder(repo_root: Path, tmp_path: Path) -> Path:
    """With the rules in it."""
    shutil.copy(repo_root / "deploy/prometheus/rules.yml", tmp_path)
    return tmp_path


@pytest.fixture
def desk(watched: ModuleType, repo_root: Path, tmp_path: Path) -> Any:
    """A bot that has not begun."""
    return watched.Desk(repo_root, tmp_path)


@pytest.mark.deploy
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.happens.__name__.lstrip("_"))
def test_an_alert_fires_by_its_fault_and_clears(
    fault: Fault, desk: Any, rules: dict[str, Any], folder: Path, promtool: str
) -> None:
    """Not before the fault; during it, it fires; some time after it was mended, no more."""
    pages = _played(fault, desk)
    file = folder / "seen.yml"
    file.write_text(json.dumps(_trial(fault, pages, rules)))  # JSON is YAML

    asked = [promtool, "test", "rules", file.name]
    judged = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def _played(fault: Fault, desk: Any) -> list[str | None]:
    """What the scraper got, from a healthy start to some time after the mend."""

    async def play() -> None:
        async with desk.open():
            await desk.play(_HEALTHY_S)
            async with fault.happens(desk):
                await desk.play(fault.lasts_s)
            await desk.play(fault.clears_s)

    with asyncio.Runner(loop_factory=lambda: desk.loop) as runner:
        runner.run(play())
    pages: list[str | None] = desk.pages
    return pages


def _trial(fault: Fault, pages: list[str | None], rules: dict[str, Any]) -> dict[str, Any]:
    """A test file of promtool: the series the rules ask for, and what has to come of them."""
    end_s = _EVERY_S * (len(pages) - 1)
    cases = []
    for alert in fault.alerts:
        firing = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
        fired = f"count(count_over_time({firing}[{end_s}s])) > bool 0"
        cases += [
            {"expr": f"count({firing})", "eval_time": f"{_HEALTHY_S - _EVERY_S:.0f}s", "exp_samples": []},
            {"expr": fired, "eval_time": f"{end_s}s", "exp_samples": [{"labels": "{}", "value": 1}]},
            {"expr": f"count({firing})", "eval_time": f"{end_s}s", "exp_samples": []},
        ]
    wanted = {name for alert in fault.alerts for name in re.findall(r"hedgebot_\w+", rules[alert]["expr"])}
    found = [{"series": name, "values": " ".join(told)} for name, told in _series(pages, wanted).items()]
    test = {"interval": f"{_EVERY_S}s", "input_series": found, "promql_expr_test": cases}
    return {"rule_files": ["rules.yml"], "evaluation_interval": f"{_EVERY_S}s", "tests": [test]}


def _series(pages: list[str | None], wanted: set[str]) -> dict[str, list[str]]:
    """Values by series, as a scraper keeps them: what it got, and one mark where a series ended."""
    found: dict[str, list[str]] = {'up{job="hedgebot"}': ["0" if page is None else "1" for page in pages]}
    for place, page in enumerate(pages):
        told = {}
        for line in (page or "").splitlines():
            name, _, value = line.rpartition(" ")
            if name.partition("{")[0] in wanted:
                told[f'{name[:-1]},job="hedgebot"}}' if name.endswith("}") else f'{name}{{job="hedgebot"}}'] = value
        for name in told.keys() - found.keys():
            found[name] = ["_"] * place
        for name, values in found.items():
            if len(values) == place:
                ended = values and values[-1] not in {"_", "stale"}
                values.append(told.get(name, "stale" if ended else "_"))
    return found
