"""The keys of `[books.COIN.stops]`: a limit is a rule, no limit is none."""

import pytest
from pydantic import ValidationError

from bot.app.stop_settings import _LIMITS, StopsSection, stops_of
from bot.domain.stops import StopKind
from bot.domain.time import NS_PER_S
from bot.risk.triggers import Rule, StopParams, Trigger


def test_without_limits_there_are_no_rules() -> None:
    """Whatever the grades are."""
    assert stops_of(StopsSection(daily_loss_stop="halt")) == StopParams()


def test_a_limit_becomes_a_rule_with_its_grade() -> None:
    """In order of the triggers; confirmation in nanoseconds."""
    found = stops_of(StopsSection(margin_share_max=0.8, daily_loss_usd_max=5_000, daily_loss_stop="halt", confirm_s=2))

    assert found.rules == (
        Rule(trigger=Trigger.DAILY_LOSS, limit_native=5_000.0, kind=StopKind.HALT),
        Rule(trigger=Trigger.MARGIN, limit_native=0.8, kind=StopKind.REDUCE_ONLY),
    )
    assert (found.confirm_count, found.confirm_ns) == (3, 2 * NS_PER_S)


def test_every_trigger_has_a_limit_and_a_grade() -> None:
    """A new one cannot be forgotten."""
    assert set(_LIMITS) == set(Trigger)
    assert {f"{trigger.value}_stop" for trigger in Trigger} <= set(StopsSection.model_fields)


@pytest.mark.parametrize("keys", [{"daily_loss_usd_max": -1}, {"spread_stop": "close_options"}, {"loss": 1}])
def test_what_is_no_limit_is_refused(keys: dict[str, object]) -> None:
    """No option is closed by any grade."""
    with pytest.raises(ValidationError):
        StopsSection(**keys)
