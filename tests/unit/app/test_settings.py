"""The sections of the file: what is out of bounds is refused, and true is not a number."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.app import settings

_LIMITS = {
    "order_usd_max": 1.0,
    "hedge_position_usd_max": 1.0,
    "delta_coin_worst_max": 1.0,
    "orders_per_minute_max": 1,
}


@pytest.mark.parametrize(
    ("section", "fields"),
    [
        (settings.VenueSection, {"ws_url": "http://host"}),
        (settings.VenueSection, {"rest_url": "https://user:secret@host"}),
        (settings.BandSection, {"low_coin": 0.1}),
        (settings.BandSection, {"high_coin": float("nan")}),
        (settings.TacticSection, {"valid_for_ms": 10}),
        (settings.TrustSection, {"option_age_ms_max": 0}),
        (settings.ForwardSection, {"source": "parity"}),
        (settings.VolatilitySection, {"source": "vol"}),
        (settings.DeltaSection, {"smile": "sticky"}),
        (settings.DeltaSection, {"fit_interval_s": 1.0}),
        (settings.LimitsSection, {}),
        (settings.LimitsSection, _LIMITS | {"order_usd_max": True}),
        (settings.BookSection, {"limits": _LIMITS}),
        (settings.LogSection, {"level": "loud"}),
        (settings.HealthSection, {"host": "example.org"}),
        (settings.RunSection, {"label_prefix": "H B"}),
        (settings.TapeSection, {"file": "x"}),
        (settings.LedgerSection, {"url": True}),
    ],
)
def test_what_cannot_be_meant_is_refused(section: Any, fields: dict[str, object]) -> None:
    """Schemes, bounds, unknown keys, missing limits, flags in place of numbers."""
    with pytest.raises(ValidationError):
        section(**fields)


def test_a_run_is_taped_unless_told_otherwise() -> None:
    """In the folder `runs` beside the process."""
    tape = settings.TapeSection()

    assert (tape.enabled, tape.folder) == (True, Path("runs"))
