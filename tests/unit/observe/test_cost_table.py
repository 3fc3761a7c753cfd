"""The table of costs: a line a hedge, a line for all, what they add up to."""

import json
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from msgspec import structs

from bot.domain.time import NS_PER_S, Ns
from bot.observe.charts import render_costs
from bot.observe.cost_table import as_json, as_text
from bot.observe.costs import CostReport, HedgeCosts, Money, Piece, added

_MARKS = {"after_1_s": 0.02, "after_10_s": -0.01, "after_60_s": 0.1}


def _hedge(number: int) -> HedgeCosts:
    """A sale of 500 USD, ten minutes after the one before."""
    piece = Piece(
        traded_usd=500.0,
        half_spread_usd=0.02,
        waiting_usd=0.03,
        beyond_usd=0.0,
        fee_usd=0.15,
        is_maker=False,
        mark_outs_usd=_MARKS,
    )
    return HedgeCosts(
        label=f"hb{number}",
        seq=number,
        decided_ns=Ns(number * 600 * NS_PER_S),
        at=f"2026-03-27T08:{10 * number:02d}:00.000000Z",
        instrument="BTC-PERPETUAL",
        amount_native=Decimal(-1_000),
        filled_native=Decimal(-500),
        unit="USD",
        arrival_mid_usd=97_000.0,
        price_usd=96_999.0,
        costs=added([piece]),
    )


def _report(count: int = 2) -> CostReport:
    """Hedges and their sum."""
    piece = Piece(
        traded_usd=500.0 * count,
        half_spread_usd=0.02 * count,
        waiting_usd=0.03 * count,
        beyond_usd=0.0,
        fee_usd=0.15 * count,
        is_maker=False,
        mark_outs_usd=_MARKS,
    )
    return CostReport(
        run_id="run-1",
        mode="demo",
        book="BTC",
        hedges=tuple(_hedge(number) for number in range(count)),
        totals=added([piece]),
        maker_mark_outs={
            "after_1_s": Money(usd=-0.02, bps=-0.4),
            "after_10_s": Money(usd=-0.05, bps=-1.0),
            "after_60_s": None,
        },
        fees_elsewhere_usd=0.0,
        slippage_of_run_usd=-0.1,
        fees_of_run_usd=-0.3,
        risk_usd=0.2,
        cost_ratio=2.0,
        compared="decisions and commands",
        problem="",
    )


def test_each_hedge_has_a_line_and_all_have_one() -> None:
    """USD and basis points side by side; a part-filled order says of what."""
    lines = as_text(_report()).splitlines()

    assert lines[0] == "run-1 (demo), book BTC: 2 hedges; USD (bps of what it traded)"
    first = next(line for line in lines if "08:00:00.000" in line)
    assert "-500 USD of -1,000" in first
    assert "+0.0200 (+0.40)" in first
    assert next(line for line in lines if line.strip().startswith("all")).split()[1:3] == ["1,000", "USD"]
    assert "the run's own figures: slippage -0.1000 USD, fees -0.3000 USD; +0.0000 USD belong to no hedge" in lines[-4]
    assert lines[-3].startswith("mark-out of what rested: -0.0200 (-0.40) after 1 s, -0.0500 (-1.00) after 10 s;")
    assert lines[-2].startswith("cost / (risk aversion / 2 x variance) = 0.4000 / 0.2000 USD = 2.00; 2 where")
    assert lines[-1] == "hedges add up to the run's figures; the tape was made again equal (decisions and commands)"


def test_what_is_not_known_is_said() -> None:
    """No risk aversion, no fill, nothing that rested, parts that do not add up."""
    report = structs.replace(
        _report(),
        maker_mark_outs=dict.fromkeys(_MARKS),
        risk_usd=None,
        cost_ratio=None,
        problem="1.000000 USD of slippage or fees belong to no hedge",
    )
    unfilled = structs.replace(report.hedges[0], price_usd=None, costs=added([]))
    text = as_text(structs.replace(report, hedges=(unfilled,)))

    assert "what rested" not in text
    assert "the policy knows no risk aversion" in text
    assert text.splitlines()[-1].startswith("DOES NOT ADD UP: 1.000000 USD")


def test_json_has_everything_on_one_line() -> None:
    """Amounts as numbers."""
    text = as_json(_report())
    found = json.loads(text)

    assert "\n" not in text
    assert found["hedges"][0]["filled_native"] == -500
    assert found["totals"]["total"] == {"usd": 0.4, "bps": 4.0}


def test_the_picture_names_its_panels_lines_and_units() -> None:
    """Costs by part, each hedge, mark-outs; nobody has to guess what is drawn."""
    svg = render_costs(_report(3))
    # the picture is our own text, made one line above
    tree = ElementTree.fromstring(svg)  # noqa: S314
    texts = {"".join(item.itertext()) for item in tree.iter("{http://www.w3.org/2000/svg}text")}

    panels = {"Costs so far", "Cost of each hedge", "bps of what it traded", "Mark-outs so far, known ones", "USD"}
    lines = {"half spread", "waiting", "beyond", "fees", "after 1 s", "after 10 s", "after 60 s"}
    assert panels | lines <= texts
    assert {"run-1: what hedging BTC cost", "3 hedges", "time since the first hedge, minutes"} <= texts


def test_a_picture_needs_two_hedges() -> None:
    """One point is no line."""
    with pytest.raises(ValueError, match="at least two hedges that were filled"):
        render_costs(_report(1))
