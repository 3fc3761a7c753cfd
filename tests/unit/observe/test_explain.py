"""An explanation as text and as JSON: every section, every figure with its unit, the reason at the end."""

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain.decided import Features
from bot.domain.reasons import Regime
from bot.hedging.band import Band
from bot.observe.explain import as_json, as_text, record_as_text
from bot.observe.explained import Gauge, OrderUnderWay, of_record
from bot.observe.reason_words import sentence


def _line(text: str, begin: str) -> str:
    return next(line.strip() for line in text.splitlines() if line.strip().startswith(begin))


def test_text_tells_every_part_with_its_unit(explained: Any) -> None:
    """Head, legs, sums, band, limits, hedge instrument, filters, tactic, order, comparison."""
    text = as_text(explained())

    assert text.startswith("run-1 (demo), book BTC, decision 17 at 2026-03-27T08:00:00.000000Z")
    leg = _line(text, "BTC-3APR26-100000-C").split()
    assert leg[:5] == ["BTC-3APR26-100000-C", "+2", "BTC", "+0.5250", "+1.050000"]
    assert leg[5:] == ["+2.1e-05", "60.00%", "100,000.00", "168.00", "0.25", "trusted"]
    assert "Net delta by the convention options_only: the options against their hedge" in text
    assert _line(text, "net ").split() == ["net", "+1.050000"]
    assert _line(text, "Γ, gamma of the book").split()[-4:] == ["+2.1e-05", "BTC", "per", "USD"]
    assert _line(text, "ra, absolute risk aversion").split()[-3:] == ["1e-05", "per", "USD"]
    assert _line(text, "the policy's band").endswith("-0.100000 to +0.100000   BTC")
    assert _line(text, "spread").split() == ["spread", "0.5", "20", "bps", "2%"]
    assert (
        "hedge instrument: BTC-PERPETUAL, trusted; bid 99,999.50, ask 100,000.50 USD; counted at 100,000.00 USD" in text
    )
    assert "under way: no order" in text
    assert "filters: no filter holds hedges back; the last one filled 60.0 s ago at 99,000.00 USD" in text
    assert "the price has moved +1.0101%" in text
    assert "tactic: cross (slippage_bps_max 10)" in text
    assert "sell 95,000 USD (-0.950000 BTC) at 99,900.0 USD or better, -9.95 bps of the bid" in text
    assert "the decision is the same (to the last bit)" in text


def test_the_last_line_is_the_reason_whatever_its_length(explained: Any) -> None:
    """One line: a long sentence is not wrapped."""
    told = explained(detail="a very long detail " * 20)

    assert as_text(told).splitlines()[-1] == sentence(told)


def test_json_is_one_line_with_the_sentence_and_money_as_numbers(explained: Any) -> None:
    """For machines, the same facts."""
    text = as_json(explained())
    found = json.loads(text)

    assert "\n" not in text
    assert found["sentence"] == sentence(explained())
    (sent,) = found["sent"]
    assert (sent["order"]["amount_native"], sent["order"]["price_native"]) == (-95_000, 99_900.0)
    assert found["decided"]["seq"] == 17
    assert found["band"]["inputs"]["fee_rate_taker"] == 0.00035


def test_what_is_laid_over_a_policy_and_the_cut_are_steps(explained: Any) -> None:
    """Each band in the order it was made, a pin and a filter by name."""
    told = explained()
    band = structs.replace(
        told.band,
        modifiers={"width_ratio_long_gamma": "3.0"},
        shaped=Band(low_coin=-0.3, high_coin=0.3, target_coin=0.0),
        final=Band(low_coin=-0.2, high_coin=0.2, target_coin=0.0),
        pinned_to="BTC-3APR26-100000-C",
        held_back="too_soon",
        taker=Band(low_coin=-0.4, high_coin=0.4, target_coin=0.0),
        appetite_share=0.25,
        guard_width_ratio=2.0,
        regime_width_ratio=0.5,
    )
    seen = Features(
        loop_gain_ratio=0.25,
        width_ratio=1.0,
        regime=Regime.CRISIS,
        vol_ratio=3.2,
        cusum_ratio=7.0,
        jump_test_sigmas=4.1,
        hour_ratio=1.25,
        has_jumped=True,
    )
    decided = structs.replace(told.decided, features=seen)
    text = as_text(structs.replace(told, band=band, decided=decided))

    assert _line(text, "laid over it: width_ratio_long_gamma").endswith("3.0")
    assert "-0.300000 to +0.300000" in _line(text, "with what is laid over it")
    assert "-0.200000 to +0.200000" in _line(text, "cut to the hard limit")
    assert _line(text, "the price sits on the strike of").endswith("BTC-3APR26-100000-C")
    assert "-0.400000 to +0.400000" in _line(text, "beyond it nothing waits for a counterparty")
    assert "maker fee and adverse selection" in text
    assert "filters: a filter holds hedges back: too soon" in text
    assert _line(text, "wider for a while: hedges took each other back").split()[-2:] == ["2", "times"]
    assert _line(text, "equity near its floor: of budget and hard limit").split()[-2:] == ["25%", "left"]
    assert _line(text, "by the regime").split()[-2:] == ["0.5", "times"]
    assert "cut to the hard limit, or to the budget of a crisis" in text
    assert (
        "seen besides: width times 1; own hedges: loop gain of at least 0.250; market crisis: volatility 3.20 times "
        "usual, this hour has 1.25 of a day's; excess variance 7.0 minutes; jump test +4.1; the price has just jumped"
    ) in text


@pytest.mark.parametrize(
    ("seen", "most", "said"),
    [
        (
            3e8,
            1e9,
            "traded by everybody in a day: 300,000,000 USD; caps count with 300,000,000 USD, 1,000,000",
        ),
        (3e9, 1e9, "traded by everybody in a day: 3,000,000,000 USD; caps count with 1,000,000,000 USD"),
        (None, 1e9, "traded by everybody in a day: not told by the venue; caps count with 1,000,000,000 USD"),
        (3e8, None, None),
    ],
)
def test_the_volume_is_told_where_something_counts_with_it(
    explained: Any, seen: float | None, most: float | None, said: str | None
) -> None:
    """The smaller of what the venue tells and what is configured."""
    text = as_text(structs.replace(explained(volume_usd_per_day=seen), volume_usd_per_day_max=most))

    assert (said in text) if said else ("traded by everybody" not in text)


def test_doubt_settlement_and_missing_figures_are_said(explained: Any) -> None:
    """An interval, a leg that settles, one that cannot be counted, a limit without a figure, an order under way."""
    told = explained(delta_coin_low=0.9, delta_coin_high=1.2, delta_coin_expiring=0.4, delta_coin_surviving=0.65)
    leg = told.legs[0]
    order = OrderUnderWay(
        label="hb1", instrument="BTC-PERPETUAL", state="in_flight", open_native=Decimal(-100), unit="USD", age_s=1.5
    )
    text = as_text(
        structs.replace(
            told,
            legs=(
                structs.replace(leg, open_share=0.25, trust="stale", delta_coin_low=0.0, delta_coin_high=2.0),
                structs.replace(leg, delta_coin=None, delta_coin_low=None, trust="no specification"),
                structs.replace(leg, open_share=0.0),
            ),
            limits=(Gauge(name="age of the hedge quote", value=None, value_max=2.0, unit="s"),),
            orders=(order,),
            sent=(),
            contradiction="decided.x: ours 1, recorded 2",
        )
    )

    assert "stale; settling, 25.0% of its average open" in text
    assert "+0.0000 to +2.0000" in text
    assert "anything" in text
    assert "trusted; expired" in text
    assert "of the net: settles now" in text
    assert _line(text, "age of the hedge quote").split()[-3:] == ["unknown", "2", "s"]
    assert "under way: order hb1 on BTC-PERPETUAL, in flight for 1.5 s, may still fill -100 USD" in text
    assert "tactic: cross (slippage_bps_max 10); no order" in text
    assert "CONTRADICTION" in text


def test_a_decision_without_ground_has_no_band_section(explained: Any) -> None:
    """No price, no equity: what is known is told."""
    text = as_text(structs.replace(explained(price_usd=None), band=None, legs=(), bid_usd=None, ask_usd=None))

    assert "Band of the policy" not in text
    assert "bid none, ask none USD; no price yet" in text
    assert "nothing" in text


def test_of_a_decision_that_is_only_recorded_its_record_is_told(explained: Any) -> None:
    """Sums, band, hedge and reason; nothing is said of what is not in it, but where that is."""
    decided = explained().decided
    text = record_as_text(of_record(decided, run_id="run-0", mode="demo"))
    lines = text.splitlines()

    assert lines[0].startswith(f"run-0 (demo), book BTC, decision {decided.seq} at ")
    assert lines[-1] == sentence(of_record(decided, run_id="run-0", mode="demo"))
    assert lines[-1].startswith("Ordered to sell")
    assert f"the tape: hedgebot why run-0 {decided.seq}" in text
    assert [word for word in ("leg ", "tactic", "most", "bid", "What was held") if word in text] == []
    assert all(f"{value:+.6f}" in text for value in (decided.delta_coin_options, decided.band_low_coin))
