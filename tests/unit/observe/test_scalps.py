"""Words of the scalping report."""

from bot.domain.time import Ns
from bot.observe.scalps import ScalpingReport


def test_nothing_seen_is_no_figure() -> None:
    """A run without a step has no volatility, instead of one of zero."""
    report = ScalpingReport(
        run_id="r",
        mode="demo",
        book="BTC",
        start_ns=Ns(0),
        end_ns=Ns(0),
        steps_count=0,
        scalping=None,
        maker_share=None,
        hedges_count=0,
        traded_usd=0.0,
        hours=(),
        hedges=(),
        beside_usd=0.0,
        total_usd=0.0,
        problem="there was no step to look at",
    )

    assert (report.scalping, report.maker_share) == (None, None)
