"""The ladder in the log: once a minute, and its broken limits by the name all limits have."""

from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import AlarmRaised
from bot.domain.events import LadderMeasured
from bot.domain.ladder import LadderStep, RungSeen
from bot.domain.reasons import Reason, Rung
from bot.domain.time import NS_PER_S, Ns
from bot.observe.gap_words import GapTeller


def _measured(at_s: int, name: str = "BTC-PERPETUAL") -> LadderMeasured:
    step = LadderStep(
        spot_share=-0.2, delta_coin_net=1.0, gamma_coin_per_usd=0.0, pnl_coin=-0.5, pnl_usd=-4e4, margin_coin=0.1
    )
    worst = RungSeen(rung=Rung.LOSS, spot_share=-0.2, iv_move=0.1, figure_native=5e4)
    at_ns = Ns(at_s * NS_PER_S)
    return LadderMeasured(instrument=name, received_ns=at_ns, worst=(worst,), steps=(step,))


def test_once_a_minute_for_each_book(heard: Any) -> None:
    """Every five seconds would be noise."""
    teller = GapTeller(heard.log)
    for second in (0, 5, 59, 60):
        teller.measured(second, _measured(second))
    teller.measured(7, _measured(60, "ETH-PERPETUAL"))

    assert [(line["seq"], line["instrument"]) for line in heard.lines] == [
        (0, "BTC-PERPETUAL"),
        (60, "BTC-PERPETUAL"),
        (7, "ETH-PERPETUAL"),
    ]
    assert heard.lines[0]["worst"] == {"loss": {"figure": 5e4, "spot_share": -0.2, "iv_move": 0.1}}
    assert heard.lines[0]["pnl_usd_by_spot"] == {"-0.20": -4e4}


def test_a_human_reads_a_sentence(make_heard: Any) -> None:
    """On a terminal and on the page; machines get the figures."""
    heard = make_heard(style="console")
    delta, margin = (
        RungSeen(rung=rung, spot_share=0.15, iv_move=-0.1, figure_native=figure)
        for rung, figure in ((Rung.DELTA, -1.25), (Rung.MARGIN, 0.37))
    )
    told = _measured(0)
    GapTeller(heard.log).measured(1, structs.replace(told, worst=(*told.worst, delta, margin)))

    assert heard.stream.getvalue().split("ladder.measured")[1].strip() == (
        "worst: loss 50,000 USD at spot -20%, volatility +10 points; net delta -1.2500 at spot +15%, volatility -10 "
        "points; margin 37% of equity at spot +15%, volatility -10 points; profit by spot: -20% -40,000 USD"
    )


@pytest.mark.parametrize(("name", "lines"), [(Reason.LIMIT_LADDER.value, ["limit.breached"]), ("stream_lost", [])])
def test_only_alarms_of_the_ladder_are_broken_limits_here(heard: Any, name: str, lines: list[str]) -> None:
    """Those of a decision are told with the decision."""
    GapTeller(heard.log).alarm("BTC", 1, AlarmRaised(name=name, detail="loss", deadline_ns=None))

    assert heard.events == lines
