"""From the keys of a tactic to its parameters."""

from typing import get_args

import pytest
from pydantic import ValidationError

from bot.app.tactic_settings import TacticSection, tactic_of
from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.execution.tactic_table import TACTICS
from bot.execution.tactics import auto, cross, rest_then_cross
from bot.execution.tactics import slice as sliced
from bot.hedging.bands import fixed, whalley_wilmott

_BAND = whalley_wilmott.Params()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, cross.Params()),
        ({"slippage_bps_max": 3, "valid_for_ms": 500}, cross.Params(slippage_bps_max=3.0, valid_for_ns=Ns(5 * 10**8))),
        ({"name": "rest_then_cross"}, rest_then_cross.Params()),
        (
            {
                "name": "rest_then_cross",
                "rest_for_s": 5,
                "inside_ticks": 1,
                "behind_ticks_max": 0,
                "replace_interval_ms": 1_000,
                "drift_bps_max": 2,
                "growth_ratio_max": 1.5,
            },
            rest_then_cross.Params(
                rest_for_ns=Ns(5 * NS_PER_S),
                inside_ticks=1,
                behind_ticks_max=0,
                replace_ns_min=Ns(1_000 * NS_PER_MS),
                drift_bps_max=2.0,
                growth_ratio_max=1.5,
            ),
        ),
        ({"name": "slice", "volume_usd_per_day": 1e9}, sliced.Params(volume_usd_per_day=1e9)),
        (
            {"name": "slice", "volume_usd_per_day": 1e9, "tau_s": 30, "slice_interval_ms": 250},
            sliced.Params(volume_usd_per_day=1e9, tau_ns=Ns(30 * NS_PER_S), interval_ns=Ns(250 * NS_PER_MS)),
        ),
        ({"name": "auto", "adverse_bps": 1}, auto.Params(adverse_bps=1.0)),
    ],
)
def test_each_tactic_takes_its_keys(keys: dict[str, object], expected: object) -> None:
    """Durations in a human's unit; the defaults are the tactic's."""
    assert tactic_of("btc", TacticSection(**keys), _BAND) == expected


def test_every_tactic_of_the_table_can_be_chosen() -> None:
    """The word in the file is the tag of the parameters."""
    names = get_args(TacticSection.model_fields["name"].annotation)

    assert set(names) == {kind.__struct_config__.tag for kind in TACTICS}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            {"rest_for_s": 5},
            "books.btc.tactic.rest_for_s: does not belong to tactic cross; remove it or choose another",
        ),
        ({"name": "auto", "tau_s": 5}, "books.btc.tactic.tau_s: does not belong to tactic auto"),
        ({"name": "slice"}, "books.btc.tactic.volume_usd_per_day: is missing; tactic slice needs it"),
    ],
)
def test_a_key_in_the_wrong_place_is_refused(keys: dict[str, object], line: str) -> None:
    """One line that names the key and the next step."""
    with pytest.raises(ConfigError, match=line):
        tactic_of("btc", TacticSection(**keys), _BAND)


def test_auto_needs_a_band_that_looks_at_cost() -> None:
    """Otherwise its two bands would be one, and it would always take."""
    with pytest.raises(ConfigError, match="policy fixed does not look at cost; choose another policy or rest_then"):
        tactic_of("btc", TacticSection(name="auto"), fixed.Params())


@pytest.mark.parametrize(
    "keys",
    [
        {"name": "twap"},
        {"name": "slice", "depth_share_max": 1.5},
        {"name": "rest_then_cross", "rest_for_s": 0},
        {"name": "rest_then_cross", "growth_ratio_max": 1.0},
        {"replace_interval_ms": 10},
    ],
)
def test_nonsense_is_refused(keys: dict[str, object]) -> None:
    """Bounds of the keys."""
    with pytest.raises(ValidationError):
        TacticSection(**keys)
