"""How the published tables are read; that they are met is held in tests/reference."""

from pathlib import Path

import pytest

from bot.hedging.band import TradeTo
from bot.hedging.bands import time_based, whalley_wilmott
from bot.research.published import Figure, exact_bands, followed, read_table
from bot.research.world import MONTH, WEEK_WARY


def test_header_lines_are_no_rows(tmp_path: Path) -> None:
    """Lines that begin with # say what the columns are."""
    (tmp_path / "t.csv").write_text("# a title\n# units\na,b\n1,x\n")

    assert read_table(tmp_path / "t.csv") == [{"a": "1", "b": "x"}]


def test_names_of_the_table_become_policies_of_the_product() -> None:
    """Risk aversion over the strike, formula, landing, interval in steps; what is not followed is left out."""
    names = ("ww_edge_g10", "ww_opt_half_g3", "ww_opt_centre_g3", "ww_rss_H0_g0.3", "time_288_steps", "unhedged")
    rows = [{"setup": MONTH.name, "policy": name} for name in names]

    found = [candidate for _, candidate in followed(rows, MONTH)]

    assert [candidate.name for candidate in found] == list(names[:-1])
    assert [candidate.params for candidate in found] == [
        whalley_wilmott.Params(risk_aversion_per_usd=0.1, is_plain=True),
        whalley_wilmott.Params(risk_aversion_per_usd=0.03, is_plain=True),
        whalley_wilmott.Params(risk_aversion_per_usd=0.03, is_plain=True),
        whalley_wilmott.Params(risk_aversion_per_usd=0.003, is_plain=False),
        time_based.Params(interval_s=86_400.0),
    ]
    assert [c.modifiers.trade_to for c in found[:3]] == [TradeTo.EDGE, TradeTo.INNER, TradeTo.TARGET]
    assert followed(rows, WEEK_WARY) == []


def test_a_difference_is_counted_in_its_standard_errors() -> None:
    """Above the table: positive."""
    assert Figure(ours_usd=1.3, theirs_usd=1.0, error_usd=0.1).sigmas == pytest.approx(3.0)


def test_widths_are_compared_near_the_money_only() -> None:
    """One row at z = 0 of a bitcoin case; the others are left out."""
    names = ("case", "position", "z", "S_over_K", "sigma", "T", "lam", "g", "half")
    row = dict(zip(names, ("btc_x", "short", "0.0", "1", "0.8", "0.01917808", "0.0005", "10", "0.09785"), strict=True))
    (band,) = exact_bands([row, row | {"z": "2.0", "half": "1"}, row | {"case": "zak", "half": "1"}])

    assert band.plain_median_ratio == pytest.approx(1.0, abs=0.05)
    assert band.plain_low_ratio == band.plain_high_ratio == band.plain_median_ratio
    assert band.combined_median_ratio > band.plain_median_ratio
