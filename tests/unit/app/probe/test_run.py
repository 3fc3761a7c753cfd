"""The order of a probe: key, sizes, consent, questions, undoing, comparing; whatever happens on the way."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.app.probe import run as run_module
from bot.app.probe.orders import PREFIX
from bot.app.probe.question import Answer, Bench, Question, Verdict, answered
from bot.app.probe.report import Report
from bot.app.probe.run import QUESTIONS, ProbeOptions
from bot.domain.errors import ConfigError, VenueRefused
from bot.domain.time import Ns
from bot.localex.server import LocalExchange
from bot.venues.settings import VenueSettings

Ask = Callable[[Bench], Awaitable[Answer]]
_OPTIONS = ProbeOptions(base="BTC", tag="t", version="1", look_s=0.1, delivery_wait_s=0.0)


def _question(ask: Ask) -> Question:
    return Question(name="q", asked="?", done="!", ask=ask)


async def _probe(settings: VenueSettings, *, said: list[str] | None = None, consent: Any = None) -> Report:
    say = [].append if said is None else said.append
    return await run_module.run(settings, lambda: Ns(time.time_ns()), _OPTIONS, say, consent or (lambda: None))


async def _buy(bench: Bench) -> Answer:
    await bench.orders.crossing(bench.road, bench.inverse, Decimal(10))
    await bench.orders.resting(bench.road, bench.linear)
    return answered("bought")


def _held(local: LocalExchange) -> dict[str, Decimal]:
    positions = local._venue.exchange.positions("demo")
    return {item.instrument: item.size_native for item in positions if item.size_native}


def test_every_question_has_a_name_of_its_own() -> None:
    """And words; the one that may wait for hours comes last."""
    names = [question.name for question in QUESTIONS]

    assert len(set(names)) == len(names) >= 9
    assert names[-1] == "delivery"
    assert all(question.asked.endswith("?") and question.done for question in QUESTIONS)


@pytest.mark.asyncio
async def test_nothing_is_sent_without_consent(local_exchange: Callable[..., Any]) -> None:
    """The sizes are said before; a no ends it."""

    def refuse() -> None:
        raise ConfigError("not agreed to")

    said: list[str] = []
    async with local_exchange() as (local, settings):
        with pytest.raises(ConfigError, match="not agreed"):
            await _probe(settings, said=said, consent=refuse)
        assert local._venue.exchange.orders_all("demo") == []
    assert said[1].startswith("orders of 10 USD BTC-PERPETUAL (about 10 USD each)")


@pytest.mark.asyncio
async def test_a_failing_question_is_a_line_and_its_orders_are_undone(
    local_exchange: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is asked all the same; the account is as before."""

    async def fails(bench: Bench) -> Answer:
        await _buy(bench)
        raise VenueRefused(10009, "not_enough_funds")

    monkeypatch.setattr(run_module, "QUESTIONS", (_question(fails), _question(_buy)))
    async with local_exchange() as (local, settings):
        report = await _probe(settings)
        assert _held(local) == {}
        assert local._venue.exchange.orders_open("demo") == []

    assert [finding.answer.verdict for finding in report.findings] == [Verdict.FAILED, Verdict.ANSWERED]
    assert (report.left, report.interrupted) == ((), "")
    assert "10009" in report.findings[0].answer.observed


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_questions_and_not_the_undoing(
    local_exchange: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """In the middle of a question, with a position and an open order."""

    async def waits(bench: Bench) -> Answer:
        await _buy(bench)
        os.kill(os.getpid(), number)
        await asyncio.Event().wait()
        raise AssertionError("woken")

    monkeypatch.setattr(run_module, "QUESTIONS", (_question(waits), _question(_buy)))
    async with local_exchange() as (local, settings):
        report = await _probe(settings)
        assert _held(local) == {}
        assert local._venue.exchange.orders_open("demo") == []

    assert (report.findings, report.left, report.interrupted) == ((), (), "a signal came at q")


@pytest.mark.asyncio
async def test_a_venue_that_stops_being_a_test_venue_ends_it(
    local_exchange: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply that says so is the last one; what cannot be undone any more is named."""

    async def turns(bench: Bench) -> Answer:
        await _buy(bench)
        local._envelope._testnet = False
        await bench.road.ask("public/test", {})
        raise AssertionError("answered by production")

    monkeypatch.setattr(run_module, "QUESTIONS", (_question(turns), _question(_buy)))
    async with local_exchange() as (local, settings):
        report = await _probe(settings)

    assert report.findings == ()
    assert "testnet=False" in report.interrupted
    assert any("may be open" in line for line in report.left)
    assert any("could not be compared" in line for line in report.left)


@pytest.mark.asyncio
async def test_a_question_that_takes_for_ever_fails(
    local_exchange: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a bound."""

    async def waits(_: Bench) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError("woken")

    monkeypatch.setattr(run_module, "_QUESTION_S_MAX", 0.1)
    monkeypatch.setattr(run_module, "QUESTIONS", (_question(waits),))
    async with local_exchange() as (_, settings):
        report = await _probe(settings)

    assert report.findings[0].answer.observed.startswith("TimeoutError")


@pytest.mark.asyncio
async def test_what_an_earlier_probe_left_is_cancelled_and_what_was_held_stays(
    local_exchange: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positions are compared with before, not with nothing; a change by somebody else is told."""

    async def meddles(_: Bench) -> Answer:
        local._venue.exchange.seed_position("demo", "BTC_USDC-PERPETUAL", Decimal("0.0001"))
        return answered("somebody traded")

    monkeypatch.setattr(run_module, "QUESTIONS", (_question(_buy), _question(meddles)))
    said: list[str] = []
    async with local_exchange() as (local, settings):
        local._venue.exchange.seed_position("demo", "BTC-PERPETUAL", Decimal(50))
        report = await _probe(settings, said=said)
        assert _held(local)["BTC-PERPETUAL"] == 50
        assert report.left == ("BTC_USDC-PERPETUAL is 0.0001, was 0",)

        monkeypatch.setattr(run_module, "QUESTIONS", ())
        label = f"{PREFIX}old001"
        await _leave_order(settings, label)
        await _probe(settings, said=said)
        assert local._venue.exchange.orders_open("demo") == []
    assert "cancelled 1 orders an earlier probe had left" in said


async def _leave_order(settings: VenueSettings, label: str) -> None:
    async with run_module._wire(settings, lambda: Ns(time.time_ns()), "x") as road:
        order = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "price": 1000, "label": label}
        await road.ask("private/buy", order)


def test_a_coin_without_both_perpetuals_is_refused() -> None:
    """Before anything is said or sent."""
    with pytest.raises(ConfigError, match="SOL-PERPETUAL is not listed"):
        run_module._perpetual([], "SOL-PERPETUAL")
