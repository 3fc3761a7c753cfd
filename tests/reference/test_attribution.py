"""Every row of attribution.csv: 33 steps of an option and its hedge, from 50-digit arithmetic."""

from collections import defaultdict
from collections.abc import Callable

import pytest

from bot.risk.attribution import OptionHeld, OptionMarket, future_profit, option_step, slippage

Rows = list[dict[str, str]]

_TOLERANCE = 1e-9
"""Of the largest part (the table's header)."""


def _parts(row: dict[str, str]) -> dict[str, float]:
    """Our figures by the table's names."""
    number = {name: float(text) for name, text in row.items() if name not in {"scenario", "account", "cp"}}
    is_coin = row["account"] == "coin"
    step = option_step(
        OptionHeld(number["qty"], number["K"], row["cp"] == "C", is_coin),
        OptionMarket(number["F0"], number["sig0"], number["T0"]),
        OptionMarket(number["F1"], number["sig1"], number["T1"]),
    )
    hedge = future_profit(number["hedge_pos"], number["P0"], number["P1"], is_inverse=is_coin)
    slipped = slippage(number["trade_at_end"], number["trade_px"], number["mid_at_trade"], is_inverse=is_coin)
    taylor = {f"t_{name}": value for name, value in step.taylor._asdict().items() if name != "residual"}
    return {
        "opt_pnl": step.profit,
        "wf_theta": step.theta,
        "wf_spot": step.spot,
        "wf_vol": step.vol,
        **taylor,
        "t_resid": step.taylor.residual,
        "gamma_carry": step.gamma_carry,
        "hedge_pnl": hedge,
        "slippage": slipped,
        "total": step.profit + hedge + slipped + number["fee"] + number["funding"],
    }


def test_every_part_of_every_step_is_the_tables(rows_of: Callable[[str], Rows]) -> None:
    """In coins and in USD, to 1e-9 of the largest part; the totals run up to the wealth of the table."""
    rows = rows_of("attribution.csv")
    assert len(rows) == 33
    wealth: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        found = _parts(row)
        largest = max(map(abs, found.values()))
        for name, value in found.items():
            assert value == pytest.approx(float(row[name]), abs=_TOLERANCE * largest), (row["scenario"], name)
        wealth[row["scenario"]] += found["total"]
        assert wealth[row["scenario"]] == pytest.approx(float(row["wealth_check"]), abs=_TOLERANCE * largest * 11)
