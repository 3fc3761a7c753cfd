"""No-arbitrage checks against reference figures: every row of svi_checks.csv."""

from collections.abc import Callable

import numpy as np
import pytest

from bot.pricing import svi

Rows = list[dict[str, str]]

_GRID = np.arange(-1500, 1501) / 1000.0
"""The grid the header states."""


def test_every_row(rows_of: Callable[[str], Rows]) -> None:
    """Least variance, wing, least g, where it lies, and the verdict."""
    rows = rows_of("svi_checks.csv")
    assert len(rows) == 6
    for row in rows:
        curve = svi.Svi(*(float(row[name]) for name in ("a", "b", "rho", "m", "sigma")))
        found = svi.check(curve, _GRID)
        wanted = [float(row[name]) for name in ("min_w", "lee_wing", "g_min", "k_at_g_min")]

        assert found[:4] == pytest.approx(wanted, rel=1e-12), row["name"]
        assert found.butterfly_free == (row["butterfly_free"] == "yes"), row["name"]


def test_the_known_bad_slice_is_caught(rows_of: Callable[[str], Rows]) -> None:
    """Vogt's slice has positive variance everywhere, and a butterfly that pays for nothing near k = 0.88."""
    row = next(row for row in rows_of("svi_checks.csv") if row["name"].startswith("vogt"))
    curve = svi.Svi(*(float(row[name]) for name in ("a", "b", "rho", "m", "sigma")))

    assert curve.min_w > 0.0
    assert float(svi.durrleman(curve, np.array([0.879]))[0]) == pytest.approx(-0.03286, abs=1e-5)
