"""A hedge that is due, as a tactic sees it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.time import NS_PER_S, Ns
from bot.execution.tactic import Due, Resting, Sent, Situation


@pytest.fixture
def situation(make: Any) -> Callable[..., Situation]:
    """So many seconds after it became due at 100,000 USD; `due_`... of the hedge, prices, what rests and left last."""

    def build(
        amount: str = "1000",
        *,
        after_s: float = 0.0,
        taker: str = "0",
        is_urgent: bool = False,
        rests_at: str | None = None,
        rests_s: float = 10.0,
        sent: tuple[float, str] | None = None,
        **change: Any,
    ) -> Situation:
        now_ns = Ns(make.now_ns + round(after_s * NS_PER_S))
        left = Decimal(amount)
        resting = None
        if rests_at is not None:
            placed_ns = Ns(now_ns - round(rests_s * NS_PER_S))
            resting = Resting(price_native=Decimal(rests_at), left_native=left, placed_ns=placed_ns)
        last = None
        if sent is not None:
            last = Sent(at_ns=Ns(now_ns - round(sent[0] * NS_PER_S)), amount_native=Decimal(sent[1]))
        fields = {
            "now_ns": now_ns,
            "instrument": make.perpetual(),
            "due": Due(
                amount_native=left, amount_max_native=2 * left, taker_native=Decimal(taker), is_urgent=is_urgent
            ),
            "bid_native": 99_999.5,
            "ask_native": 100_000.5,
            "bid_amount_native": 1e6,
            "ask_amount_native": 1e6,
            "since_ns": make.now_ns,
            "mid_at_start_native": 100_000.0,
            "amount_at_start_native": left,
            "last_sent": last,
            "resting": resting,
        }
        return Situation(**(fields | change))

    return build
