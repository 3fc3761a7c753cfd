import io
from collections.abc import Callable
from typing import Any

import pytest

from bot.domain.commands import Command
from bot.domain.decided import Decided, Note, Outcome
from bot.domain.reasons import Action, Reason
from bot.observe.narrate import Narrator


def _line(make_heard: Callable[..., Any], outcome: Outcome) -> str:
    heard = make_heard(style="console")
    Narrator(heard.log, run_id="r1", venue="deribit").outcome("BTC", 12, outcome)
    return heard.stream.getvalue()


def test_a_hedge_reads_like_a_sentence(make_heard: Callable[..., Any], decided: Callable[..., Decided]) -> None:
    """What was done, why, and the numbers behind it."""
    expected = (
        "2026-03-27T08:00:00.123Z info    hedge.decided      sold 0.064 BTC of BTC-PERPETUAL: net delta (options_only) "
        "+0.164 above band [-0.100, +0.100], to +0.100; gamma +0.015 BTC per 1 % move; price 97,000.50 USD; "
        "reason outside_band\n"
    )

    assert expected == _line(make_heard, Outcome(decided=decided()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"trade_coin": 0.064, "delta_coin_net": -0.164},
            "bought 0.064 BTC of BTC-PERPETUAL: net delta (options_only) -0.164 below",
        ),
        ({"trade_coin": 0.0064}, "bought 0.00640 BTC"),
        (
            {"delta_coin_low": 0.12, "delta_coin_high": 0.2},
            "net delta (options_only) +0.164 (between +0.120 and +0.200) above",
        ),
        ({"delta_coin_net": 0.004}, "net delta (options_only) +0.00400 inside band"),
        ({"delta_coin_net": None}, "BTC-PERPETUAL: net delta unknown;"),
        ({"band_low_coin": None}, "net delta (options_only) +0.164, no band"),
        ({"gamma_coin_per_usd": None, "price_usd": None}, "to +0.100; reason outside_band"),
    ],
)
def test_numbers_that_are_missing_are_said_to_be(
    make_heard: Callable[..., Any], decided: Callable[..., Decided], changes: dict[str, object], words: str
) -> None:
    """Never shown as zero."""
    assert words in _line(make_heard, Outcome(decided=decided(**changes)))


def test_no_hedge_says_why(make_heard: Callable[..., Any], decided: Callable[..., Decided]) -> None:
    """Skips and refusals with their reason and what is in the way."""
    skip = decided(action=Action.SKIP, reason=Reason.INSIDE_BAND, delta_coin_net=0.05, target_coin=None)
    refuse = decided(
        action=Action.REFUSE, reason=Reason.LIMIT_ORDER_USD, detail="6200 USD over 5000 USD", target_coin=None
    )

    assert (
        "hedge.skipped      no hedge (inside_band): net delta (options_only) +0.050 inside band [-0.100, +0.100]\n"
        in _line(make_heard, Outcome(decided=skip))
    )
    assert (
        "hedge.refused      will not hedge (limit_order_usd): net delta (options_only) +0.164 above band "
        "[-0.100, +0.100]; 6200 USD over 5000 USD\n"
    ) in _line(make_heard, Outcome(decided=refuse))


def test_orders_and_fills_say_side_size_and_price(
    make_heard: Callable[..., Any], commands: dict[type[Command], Command], notes: dict[str, Note]
) -> None:
    """As a trader would."""
    heard = make_heard(style="console")
    narrator = Narrator(heard.log, run_id="r1", venue="deribit")
    narrator.sent(1, next(iter(commands.values())))
    narrator.outcome("BTC", 2, Outcome(notes=(notes["order.filled"], notes["trading.halted"])))
    sent, filled, halted = heard.stream.getvalue().splitlines()

    assert sent.endswith("order.sent         sell 6200 BTC-PERPETUAL, at least 96950.5 (hbbtcr1000001)")
    assert filled.endswith(
        "sold 6200 BTC-PERPETUAL at 96951.0; fee 0.00002237 BTC; position now -36200; slippage -3.25 USD"
    )
    assert halted.endswith("error   trading.halted     book=BTC cause=task_failed detail=x")


def test_colour_is_for_terminals(
    make_heard: Callable[..., Any], terminal: io.StringIO, decided: Callable[..., Decided]
) -> None:
    """A file never holds escape codes."""
    heard = make_heard(style="console", stream=terminal)
    Narrator(heard.log, run_id="r1", venue="deribit").outcome("BTC", 12, Outcome(decided=decided()))

    assert heard.stream.getvalue().startswith("\x1b[32m2026")
    assert "\x1b" not in _line(make_heard, Outcome(decided=decided()))
