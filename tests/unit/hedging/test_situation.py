"""What a decision looks at: the hedge as it stands, costs handed to the policy, the record written down."""

from typing import Any

import msgspec
import pytest

from bot.domain.decided import Decided
from bot.domain.ids import InstrumentId
from bot.domain.reasons import Action, Reason
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.band import Band, BandInputs
from bot.hedging.decide import Verdict
from bot.hedging.situation import Bands, Frame, Hedge, at_depth, hedge_seen, inputs_of, missing, write_down
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window
from bot.risk.conventions import NO_COLLATERAL, Convention
from bot.risk.expiry_market import Terms
from bot.risk.exposure import Exposure, measure
from bot.risk.legs import arrange

PERPETUAL = InstrumentId("BTC-PERPETUAL")
CALL = InstrumentId("BTC-27MAR26-100000-C")
_WINDOW = Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S))


@pytest.fixture
def view(make: Any) -> MarketView:
    """The perpetual and a call are listed, nothing is seen."""
    made = MarketView(make.trust())
    made.list_instrument(make.perpetual())
    made.list_instrument(make.option())
    return made


def _hedge(view: MarketView, make: Any) -> Hedge:
    view.see_future(
        make.future_marked(bid_usd=99_990.0, ask_usd=100_010.0, funding_rate_8h=0.0001, volume_usd_per_day=5e8)
    )
    found = hedge_seen(view, PERPETUAL, Ns(make.now_ns + 7))
    assert found is not None, "the perpetual has a mark"
    return found


def _exposure(view: MarketView, make: Any) -> Exposure:
    view.see_option(make.option_marked())
    legs = arrange({CALL: make.snapshot({CALL: "2"}).positions[0].amount_native}, view.instruments)
    found = measure(
        view, legs, make.now_ns, Terms(convention=Convention.OPTIONS_ONLY, window=_WINDOW, price_usd=100_000.0), {}
    )
    assert found is not None, "one call can be counted"
    return found


def test_the_hedge_is_counted_at_its_mark(view: MarketView, make: Any) -> None:
    """Mark, touch, index, funding and age of the touch, from one ticker."""
    hedge = _hedge(view, make)

    assert (hedge.price_usd, hedge.index_usd, hedge.funding_rate_8h, hedge.age_ns) == (100_000.0, 100_000.0, 0.0001, 7)
    assert hedge.touch is not None
    assert (hedge.touch.bid_native, hedge.touch.ask_native) == (99_990.0, 100_010.0)


@pytest.mark.parametrize(
    ("marked", "quote", "price_usd"),
    [
        ({"mark_usd": None}, None, 100_000.0),
        (None, {}, 100_000.0),
        (None, {"bid_native": None}, None),
        ({"mark_usd": None, "bid_usd": None}, None, None),
        (None, None, None),
    ],
)
def test_without_a_mark_the_middle_of_the_touch_counts(
    view: MarketView, make: Any, marked: dict[str, object] | None, quote: dict[str, object] | None, price_usd: float
) -> None:
    """Half a touch is no price: the ask of an empty book would double it."""
    if marked is not None:
        view.see_future(make.future_marked(**marked))
    if quote is not None:
        view.see_quote(make.quoted(**quote))
    found = hedge_seen(view, PERPETUAL, make.now_ns)

    assert (None if found is None else found.price_usd) == price_usd


def test_an_unlisted_hedge_is_none(make: Any) -> None:
    """A price without a specification has no unit."""
    view = MarketView(make.trust())
    view.see_quote(make.quoted())

    assert hedge_seen(view, PERPETUAL, make.now_ns) is None


def _asked(view: MarketView, make: Any, last: tuple[Ns, float] | None, **change: object) -> BandInputs:
    hedge = msgspec.structs.replace(_hedge(view, make), **change)
    now_ns = Ns(make.now_ns + 3 * NS_PER_S)
    return inputs_of(_exposure(view, make), hedge, last, now_ns, vanna_coin_per_vol=0.25)


def test_a_policy_sees_exposure_costs_and_the_last_hedge(view: MarketView, make: Any) -> None:
    """Everything later policies need is there already."""
    inputs = _asked(view, make, (make.now_ns, 99_000.0))

    assert inputs.delta_coin_net == pytest.approx(2 * 0.53186, abs=1e-4)
    assert inputs.delta_coin_options == inputs.delta_coin_net
    assert (inputs.option_coin_gross, inputs.vanna_coin_per_vol) == (2.0, 0.25)
    assert inputs.iv_mark == pytest.approx(0.6)
    assert inputs.fee_rate_taker == pytest.approx(0.00035)
    assert (inputs.half_spread_usd, inputs.funding_rate_8h, inputs.price_usd) == (10.0, 0.0001, 100_000.0)
    assert (inputs.since_hedge_ns, inputs.price_at_hedge_usd) == (3 * NS_PER_S, 99_000.0)


@pytest.mark.parametrize(
    ("trade_coin", "more"),
    [(0.0, 0.0), (0.5, 0.0), (1.5, 5.0), (-1.0, 0.0), (-4.0, 10.0)],
)
def test_a_trade_larger_than_its_side_of_the_touch_costs_more(
    view: MarketView, make: Any, trade_coin: float, more: float
) -> None:
    """A coin is offered, two are bid for: USD amounts of an inverse contract; half the spread is 10 USD."""
    exposure = _exposure(view, make)
    view.see_future(
        make.future_marked(
            bid_usd=99_990.0, ask_usd=100_010.0, ask_amount_native=100_000.0, bid_amount_native=200_000.0
        )
    )
    hedge = hedge_seen(view, PERPETUAL, make.now_ns)
    assert hedge is not None
    inputs = inputs_of(exposure, hedge, None, make.now_ns, vanna_coin_per_vol=0.0)

    deep = at_depth(inputs, hedge, trade_coin)

    assert deep.beyond_touch_usd == pytest.approx(more)
    assert (deep is inputs) == (more == 0.0)


def test_what_stands_behind_the_touch_makes_the_cost_where_it_is_told(view: MarketView, make: Any) -> None:
    """A coin at the touch and one 40 USD behind it, in USD of an inverse contract; old levels are not looked at."""
    view.see_depth(make.depth_seen(asks=((100_010.0, 7.0), (100_050.0, 1e9))))
    exposure = _exposure(view, make)
    view.see_future(make.future_marked(bid_usd=99_990.0, ask_usd=100_010.0, ask_amount_native=100_000.0))

    def more(now_ns: Ns) -> float:
        hedge = hedge_seen(view, PERPETUAL, now_ns)
        assert hedge is not None
        return at_depth(inputs_of(exposure, hedge, None, now_ns, vanna_coin_per_vol=0.0), hedge, 2.0).beyond_touch_usd

    assert more(make.now_ns) == pytest.approx(20.0)
    assert more(Ns(make.now_ns + 60 * NS_PER_S)) == pytest.approx(10.0)  # two touches, as if in levels of one spread


def test_without_a_touch_or_its_amounts_no_depth_is_made_up(view: MarketView, make: Any) -> None:
    """Unknown is not thin."""
    exposure = _exposure(view, make)
    for change in ({"bid_usd": None}, {"bid_amount_native": None}):
        view.see_future(make.future_marked(**change))
        hedge = hedge_seen(view, PERPETUAL, make.now_ns)
        assert hedge is not None
        inputs = inputs_of(exposure, hedge, None, make.now_ns, vanna_coin_per_vol=0.0)

        assert at_depth(inputs, hedge, -50.0) is inputs


def test_before_the_first_hedge_there_is_no_last(view: MarketView, make: Any) -> None:
    """Absent is None, never zero; without a touch the spread costs nothing known."""
    inputs = _asked(view, make, None, touch=None)

    assert (inputs.since_hedge_ns, inputs.price_at_hedge_usd, inputs.half_spread_usd) == (None, None, 0.0)


def _frame(make: Any) -> Frame:
    return Frame(seq=9, now_ns=make.now_ns, book="BTC", convention="options_only", hedge_instrument=PERPETUAL)


@pytest.mark.parametrize(("ahead_s", "since_s"), [(-5, 5), (0, 0), (60, -60), (61, None), (600, None)])
def test_a_clock_that_was_set_back_forgets_when_the_last_hedge_was(
    view: MarketView, make: Any, ahead_s: int, since_s: int | None
) -> None:
    """A minimum time since it would otherwise hold every hedge back until the clock has caught up."""
    hedge, exposure = _hedge(view, make), _exposure(view, make)
    last = (Ns(make.now_ns + ahead_s * NS_PER_S), 99_000.0)

    inputs = inputs_of(exposure, hedge, last, make.now_ns, vanna_coin_per_vol=0.0)

    assert inputs.since_hedge_ns == (None if since_s is None else since_s * NS_PER_S)
    assert inputs.price_at_hedge_usd == 99_000.0


def test_the_record_holds_what_mattered(view: MarketView, make: Any) -> None:
    """One line from which a human can follow the decision."""
    verdict = Verdict(action=Action.HEDGE, reason=Reason.OUTSIDE_BAND, trade_coin=-1.0, target_coin=0.0)
    band = Band(low_coin=-0.1, high_coin=0.2, target_coin=0.0)
    record = write_down(
        _frame(make), verdict, exposure=_exposure(view, make), bands=Bands(band, None), hedge=_hedge(view, make)
    )

    assert (record.seq, record.band_low_coin, record.band_high_coin, record.target_coin) == (9, -0.1, 0.2, 0.0)
    assert record.delta_coin_net == record.delta_coin_low == record.delta_coin_high == record.delta_coin_options
    assert (record.price_usd, record.trade_coin, record.option_age_ns_max) == (100_000.0, -1.0, 0)
    assert (record.delta_coin_expiring, record.delta_coin_surviving) == (0.0, record.delta_coin_net)
    assert record.volume_usd_per_day == 5e8


def test_gamma_per_hour_is_what_one_standard_deviation_of_an_hour_moves(view: MarketView, make: Any) -> None:
    """1e-5 coins per USD at 100,000 USD and 50 %: one coin per unit move, times 0.5 / sqrt(8760)."""
    exposure = msgspec.structs.replace(_exposure(view, make), gamma_coin_per_usd=1e-5, iv_mark=0.5)
    verdict = Verdict(action=Action.SKIP, reason=Reason.INSIDE_BAND)
    record = write_down(_frame(make), verdict, exposure=exposure, bands=None, hedge=_hedge(view, make))

    assert record.gamma_coin_per_hour == pytest.approx(0.5 / 8760**0.5, rel=1e-12)


def test_what_is_not_known_is_none_in_the_record(make: Any) -> None:
    """A zero would look like a flat book."""
    verdict = Verdict(action=Action.REFUSE, reason=Reason.HEDGE_QUOTE_DISTRUSTED)
    record = write_down(_frame(make), verdict, exposure=None, bands=None, hedge=None)
    known = {"seq", "now_ns", "book", "convention", "action", "reason", "trade_coin", "hedge_instrument"}

    assert {name for name in Decided.__struct_fields__ if getattr(record, name) is not None} == known | {
        "doubtful",
        "forwards",
        "split",
        "detail",
    }


def test_a_decision_without_ground_says_what_is_missing(view: MarketView, make: Any) -> None:
    """No price of the hedge; no equity; a position nobody listed; a future without a mark."""
    hedge = _hedge(view, make)
    amount = make.fill("x", "1").amount_native
    unlisted = arrange({InstrumentId("BTC-1JAN30-1-C"): amount}, view.instruments)
    nothing = arrange({}, view.instruments)

    assert [
        (v.reason, v.detail)
        for v in (
            missing(None, nothing, "no equity"),
            missing(hedge, nothing, "no equity"),
            missing(hedge, unlisted, NO_COLLATERAL),
            missing(hedge, nothing, NO_COLLATERAL),
        )
    ] == [
        (Reason.HEDGE_QUOTE_DISTRUSTED, "no price seen yet"),
        (Reason.EQUITY_UNKNOWN, "no equity"),
        (Reason.DELTA_UNCERTAIN, "cannot be counted: BTC-1JAN30-1-C"),
        (Reason.DELTA_UNCERTAIN, "cannot be counted: a futures position without a mark"),
    ]
