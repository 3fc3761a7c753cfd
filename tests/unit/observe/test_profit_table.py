"""The table of profit: a line a leg, a line for all, whether it closes."""

import json
from decimal import Decimal

from msgspec import structs

from bot.domain.ids import InstrumentId
from bot.domain.time import NS_PER_S, Ns
from bot.observe.profit_table import as_json, as_text
from bot.observe.profits import CurrencyClosed, LegProfit, Parts, ProfitReport, StepUnexplained, Waterfall

_USD = Parts(theta=-12.5, gamma=15.0, hedge=2.0, fee=-1.25)


def _report() -> ProfitReport:
    """One option that made 3.25 USD."""
    leg = LegProfit(
        instrument=InstrumentId("BTC-27MAR26-100000-C"),
        currency="BTC",
        native=Parts(theta=-0.000125, gamma=0.00015, hedge=0.00002, fee=-0.0000125),
        usd=_USD,
        waterfall_usd=Waterfall(theta=-12.5, spot=15.0, vol=0.0, gamma_carry=2.5),
        steps_count=200,
        unexplained_count=1,
    )
    return ProfitReport(
        run_id="run-1",
        mode="demo",
        book="BTC",
        start_ns=Ns(1_774_569_600 * NS_PER_S),
        end_ns=Ns(1_774_573_200 * NS_PER_S),
        legs=(leg,),
        usd=_USD,
        groups_usd=_USD.grouped(),
        wealth_usd=3.25,
        currencies=(
            CurrencyClosed(
                currency="BTC",
                parts_native=0.0000325,
                books_native=Decimal("0.0000325"),
                venue_native=Decimal("0.0000325"),
                apart_native=0.0,
                tolerance_native=1e-8,
            ),
        ),
        steps_count=60,
        unexplained=(StepUnexplained(leg.instrument, Ns(0), Ns(60 * NS_PER_S), 1.0, 0.5, 0.25),),
        problem="",
    )


def test_a_reader_finds_legs_groups_account_and_the_verdict() -> None:
    """Empty parts have no column; what was not explained is named."""
    text = as_text(_report())

    for words in (
        "run-1 (demo), book BTC: 2026-03-27T00:00:00Z and 3,600 s on",
        "BTC-27MAR26-100000-C",
        "+3.25",
        "in a desk's words: residual delta +2.00, carry +2.50, costs -1.25, total +3.25",
        "BTC: parts +0.00003250",
        "greeks explain 99.50% of 200 steps",
        "not BTC-27MAR26-100000-C from 00:00:00, 60 s: delta +1.0000, gamma +0.5000, residual +0.2500",
        "closes: the account made +3.25 USD by our books",
    ):
        assert words in text
    assert "vanna" not in text


def test_what_does_not_close_is_loud() -> None:
    """The last line says it."""
    text = as_text(structs.replace(_report(), problem="+0.1 BTC of the account's result belong to no part"))

    assert text.splitlines()[-1].startswith("DOES NOT CLOSE: +0.1 BTC")


def test_programs_get_one_line_with_numbers() -> None:
    """Decimals are numbers too."""
    told = json.loads(as_json(_report()))

    assert told["usd"]["gamma"] == 15.0
    assert told["currencies"][0]["books_native"] == 3.25e-05
