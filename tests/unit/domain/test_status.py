"""The frozen picture of a book."""

import pytest

from bot.domain.reasons import Phase
from bot.domain.status import BookStatus, ProfitUsd

_FLAT = ProfitUsd(total=0.0, options=0.0, hedge=0.0, slippage=0.0, fees=0.0, funding=0.0)


def test_a_picture_cannot_be_changed_by_who_looks_at_it() -> None:
    """Health pages get a picture, not the engine."""
    status = BookStatus(
        book="btc",
        convention="options_only",
        phase=Phase.RUNNING,
        phase_cause="",
        is_reconciled=True,
        now_ns=1,
        decided=None,
        positions_native={},
        orders_unknown=0,
        orders_live=0,
        profit_usd=_FLAT,
    )

    with pytest.raises(AttributeError):
        status.phase = Phase.HALTED  # type: ignore[misc]
