"""Hedge instruments as they stand: what each costs and carries, what room is left, and which are left out."""

import math
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from bot.domain.ids import DERIBIT, InstrumentId, VenueId
from bot.domain.instruments import Kind
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_DAY, NS_PER_S, Ns
from bot.hedging.band import WIDEST_COIN
from bot.hedging.division import gross_after_usd
from bot.hedging.hedge_set import Among, Available, HedgeSet, SetParams
from bot.hedging.sides import Sides
from bot.hedging.target import HedgeLeg, HedgeSide
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window

INVERSE, LINEAR, DATED = InstrumentId("BTC-PERPETUAL"), InstrumentId("BTC_USDC-PERPETUAL"), InstrumentId("BTC-27MAR26")
ALL = (INVERSE, LINEAR, DATED)
_LEFT_NS = Ns(26 * NS_PER_DAY)


class Market:
    """Three instruments of BTC with fresh tickers, any of them changed by keyword."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.view = MarketView(make.trust())
        for spec in (make.perpetual(), make.linear_perpetual(), self.dated()):
            self.view.list_instrument(spec)
        for name in ALL:
            self.see(name)
        self.params = SetParams(
            names=ALL,
            sides=Sides(buying=ALL, selling=ALL),
            spread_bps_max=20.0,
            position_usd_max=1e6,
            trade_coin_min=0.001,
            open_until_ns=NS_PER_DAY,
            window=Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S)),
            horizon_ns=Ns(0),
            maker_cost_fraction=None,
        )

    def dated(self) -> Any:
        """The future of 27 March, 26 days away."""
        return self.make.perpetual(id=DATED, kind=Kind.FUTURE, expiry_ns=Ns(self.make.now_ns + _LEFT_NS))

    def see(self, name: InstrumentId, **change: object) -> None:
        """Its ticker."""
        self.view.see_future(self.make.future_marked(name, **change))

    def among(
        self,
        held: dict[InstrumentId, str] | None = None,
        available: Available | None = None,
        *,
        is_buy: bool = True,
        away: dict[VenueId, str] | None = None,
        refused: tuple[InstrumentId, ...] = (),
        **change: Any,
    ) -> Among:
        """All of them for a hedge."""
        made = HedgeSet(structs.replace(self.params, **change))
        amounts = {name: Decimal(amount) for name, amount in (held or {}).items()}
        desk = (available or {}, away or {}, refused)
        now_ns = self.make.now_ns
        return made.at(self.view, amounts, desk, now_ns, is_buy=is_buy, risk_aversion_per_usd=1e-6)

    def leg(self, name: InstrumentId, *args: Any, **change: Any) -> HedgeLeg:
        """One of them."""
        return next(leg for leg in self.among(*args, **change).legs if leg.spec.id == name)


@pytest.fixture
def market(make: Any) -> Market:
    """Nothing held."""
    return Market(make)


def test_a_leg_is_what_its_ticker_says(market: Market) -> None:
    """Fee, half spread, depth in coins of the side that is taken, funding, basis by its kind."""
    market.see(INVERSE, bid_usd=99_990.0, ask_usd=100_010.0, ask_amount_native=50_000.0, funding_rate_8h=0.0001)
    market.see(LINEAR, bid_amount_native=3.0, ask_amount_native=7.0)
    inverse, linear = market.leg(INVERSE, {INVERSE: "-20000"}), market.leg(LINEAR, is_buy=False)

    assert (inverse.position_coin, inverse.price_usd, inverse.fee_rate_taker) == (-0.2, 100_000.0, 0.00035)
    assert (inverse.half_spread_usd, inverse.depth_coin, inverse.carry_rate_8h) == (10.0, 0.5, 0.0001)
    assert (linear.depth_coin, market.leg(LINEAR).depth_coin) == (3.0, 7.0)
    assert (inverse.quote_vol_per_root_year, linear.quote_vol_per_root_year) == (0.0, 0.01)
    assert market.leg(DATED).basis_vol_per_root_year > inverse.basis_vol_per_root_year
    assert (inverse.side, inverse.is_usable, inverse.order_coin_min) == (HedgeSide.BOTH, True, 0.001)


def test_a_touch_without_amounts_is_not_thin(market: Market) -> None:
    """Some venues tell none."""
    market.see(LINEAR, ask_amount_native=None)

    assert market.leg(LINEAR).depth_coin == WIDEST_COIN


def test_the_premium_of_a_dated_future_wears_off_until_its_expiry(market: Market) -> None:
    """2.6 % over 26 days are 0.1 % a day, a third of it in 8 h; without an index nothing is claimed."""
    market.see(DATED, mark_usd=100_000.0 * math.exp(0.026), bid_usd=102_630.0, ask_usd=102_640.0)

    assert market.leg(DATED).carry_rate_8h == pytest.approx(0.001 / 3)
    market.see(DATED, index_usd=None)
    assert market.leg(DATED).carry_rate_8h == 0.0


@pytest.mark.parametrize(
    ("held", "available", "name", "room_coin"),
    [
        # the owner's limit of 1 000 000 USD is for all of them together
        ({}, {}, INVERSE, 10.0),
        ({LINEAR: "-4", DATED: "300000"}, {}, INVERSE, 3.0),
        ({LINEAR: "-14"}, {}, INVERSE, 0.0),
        # a tenth of a coin's worth is kept as its margin, in the account's own money
        ({}, {(DERIBIT, "BTC"): 0.25, (DERIBIT, "USDC"): 70_000.0}, INVERSE, 2.5),
        ({}, {(DERIBIT, "BTC"): 0.25, (DERIBIT, "USDC"): 70_000.0}, LINEAR, 7.0),
        ({}, {(DERIBIT, "BTC"): -0.25}, DATED, 0.0),
        ({}, {(DERIBIT, "ETH"): 0.25}, LINEAR, 10.0),
    ],
)
def test_room_is_what_limit_and_margin_leave(
    market: Market, held: dict[InstrumentId, str], available: Available, name: InstrumentId, room_coin: float
) -> None:
    """The smaller of both; an account that told nothing limits nothing."""
    assert market.leg(name, held, available).headroom_coin == pytest.approx(room_coin)


def test_nothing_is_opened_shortly_before_an_expiry(market: Market) -> None:
    """To the nanosecond; it may still be closed, so it stays in the split."""
    late, early = market.leg(DATED, open_until_ns=Ns(_LEFT_NS + 1)), market.leg(DATED, open_until_ns=_LEFT_NS)

    assert (late.headroom_coin, late.is_usable, early.headroom_coin) == (0.0, True, 10.0)


def test_nothing_is_traded_in_what_is_inside_its_own_window(market: Market) -> None:
    """To the nanosecond; it prices no decision either."""
    inside, before = Window(Ns(_LEFT_NS + 1), NS_PER_DAY), Window(_LEFT_NS, NS_PER_DAY)

    assert market.among(window=inside).bars[DATED].detail == "BTC-27MAR26: expired"
    assert market.among(window=before).bars == {}
    alone = structs.replace(market.params, names=(DATED, INVERSE))
    pivots = [HedgeSet(structs.replace(alone, window=window)) for window in (inside, before)]
    assert [made.pivot(market.view, market.make.now_ns, ()) for made in pivots] == [INVERSE, DATED]


def test_what_no_side_names_is_only_closed(market: Market) -> None:
    """As the first one may be, whose price counts whatever is traded."""
    leg = market.leg(INVERSE, sides=Sides(buying=(LINEAR,), selling=(DATED,)))

    assert (leg.side, leg.headroom_coin, leg.is_usable) == (HedgeSide.BOTH, 0.0, True)
    assert market.leg(LINEAR, sides=Sides(buying=(LINEAR,), selling=(DATED,))).side is HedgeSide.LONG


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"bid_usd": None}, Reason.HEDGE_QUOTE_DISTRUSTED, "BTC_USDC-PERPETUAL: one_sided"),
        ({"is_open": False}, Reason.HEDGE_QUOTE_DISTRUSTED, "BTC_USDC-PERPETUAL: not_open"),
        (
            {"bid_usd": 99_850.0, "ask_usd": 100_150.0},
            Reason.SPREAD_TOO_WIDE,
            "BTC_USDC-PERPETUAL: spread 30.0 bps over 20 bps",
        ),
    ],
)
def test_an_instrument_that_cannot_be_traded_on_is_left_out(
    market: Market, change: dict[str, object], reason: Reason, detail: str
) -> None:
    """With its reason; what is held in it still counts as risk."""
    market.see(LINEAR, **change)
    among = market.among({LINEAR: "0.5"})

    assert [(name, bar.reason, bar.detail) for name, bar in among.bars.items()] == [(LINEAR, reason, detail)]
    assert [(leg.spec.id, leg.is_usable) for leg in among.legs] == [(INVERSE, True), (LINEAR, False), (DATED, True)]
    assert among.gross_usd == pytest.approx(50_000.0)


def test_one_without_a_price_is_barred_and_no_leg(make: Any, market: Market) -> None:
    """Never seen, or expired and gone."""
    market.view = MarketView(make.trust())
    market.view.list_instrument(make.perpetual())
    market.see(INVERSE)
    among = market.among()

    assert [leg.spec.id for leg in among.legs] == [INVERSE]
    assert [bar.detail for bar in among.bars.values()] == [f"{name}: never_seen" for name in (LINEAR, DATED)]


def test_the_first_that_can_be_traded_on_sets_price_and_costs(market: Market, make: Any) -> None:
    """One that is only held does not; where none can, the first says why."""
    hedges = HedgeSet(structs.replace(market.params, sides=Sides(buying=(LINEAR,), selling=(LINEAR, DATED))))
    pivots = [hedges.pivot(market.view, make.now_ns, ())]
    for name in (LINEAR, DATED):
        market.see(name, ask_usd=None)
        pivots.append(hedges.pivot(market.view, make.now_ns, ()))

    assert pivots == [LINEAR, DATED, LINEAR]
    assert HedgeSet(market.params).pivot(market.view, make.now_ns, ()) == INVERSE


def test_a_maker_pays_what_the_table_says(market: Market) -> None:
    """Its fee and what a fill costs beside it; nothing is told where hedges only take."""
    assert market.among().fees_maker == {}
    assert market.among(maker_cost_fraction=0.0001).fees_maker == pytest.approx(dict.fromkeys(ALL, 0.00025))


@pytest.mark.parametrize(("given_s", "used_s"), [(0, 86_400), (3_600, 3_600)])
def test_the_horizon_is_the_bands_own_or_a_day(market: Market, given_s: int, used_s: int) -> None:
    """With the band's risk aversion, and correlations once they are known."""
    terms = market.among(horizon_ns=Ns(given_s * NS_PER_S)).terms

    assert (terms.horizon_ns, terms.risk_aversion_per_usd, terms.correlations) == (used_s * NS_PER_S, 1e-6, ())


def test_bases_are_learnt_from_tickers(market: Market, make: Any) -> None:
    """Two that move together are told to."""
    hedges = HedgeSet(market.params)
    for step in range(40):
        at = Ns(make.now_ns + step * 900 * NS_PER_S)
        mark = 100_000.0 * math.exp(0.001 * (step % 3))
        for name in (INVERSE, LINEAR):
            hedges.see_future(make.future_marked(name, received_ns=at, mark_usd=mark))
    terms = hedges.at(market.view, {}, ({}, {}, ()), make.now_ns, is_buy=True, risk_aversion_per_usd=0.0).terms

    assert [(each.one, each.other, each.value > 0.2) for each in terms.correlations] == [(INVERSE, LINEAR, True)]


def test_nothing_is_traded_at_a_venue_that_is_away(make: Any, market: Market) -> None:
    """However good its quotes still look; what is held there counts."""
    okx, swap = VenueId("okx"), InstrumentId("OKX:BTC-USDT-SWAP")
    market.view.list_instrument(make.linear_perpetual(id=swap))
    market.see(swap)
    market.params = structs.replace(
        market.params, names=(swap, INVERSE), sides=Sides(buying=(swap, INVERSE), selling=())
    )
    among = market.among({swap: "0.4"}, away={okx: "okx account"})
    pivots = [HedgeSet(market.params).pivot(market.view, make.now_ns, away) for away in ((), (okx,))]

    assert [(name, bar.reason, bar.detail) for name, bar in among.bars.items()] == [
        (swap, Reason.STREAM_LOST, "OKX:BTC-USDT-SWAP: okx account")
    ]
    assert among.gross_usd == pytest.approx(40_000.0)
    assert pivots == [swap, INVERSE]


def test_what_an_order_was_refused_in_waits(market: Market) -> None:
    """What is wrong with its market besides is told first."""
    market.see(INVERSE)
    fine = market.among(refused=(INVERSE,)).bars[INVERSE]
    market.see(INVERSE, is_open=False, received_ns=Ns(market.make.now_ns + 1))
    shut = market.among(refused=(INVERSE,)).bars[INVERSE]

    assert (fine.reason, shut.reason) == (Reason.BACKING_OFF, Reason.HEDGE_QUOTE_DISTRUSTED)
    assert fine.detail == "BTC-PERPETUAL: the venue refused an order a moment ago"


def test_a_position_without_a_price_uses_up_the_limit_all_the_same(market: Market) -> None:
    """Right after a start its ticker has not come: what is held there is counted at the price of another."""
    market.view = MarketView(market.make.trust())
    for spec in (market.make.perpetual(), market.make.linear_perpetual()):
        market.view.list_instrument(spec)
    market.see(INVERSE)
    among = market.among({LINEAR: "-4"})

    assert [leg.spec.id for leg in among.legs] == [INVERSE]
    assert among.legs[0].headroom_coin == pytest.approx(6.0)
    assert among.gross_usd == pytest.approx(400_000.0)
    assert gross_after_usd(among, ()) == pytest.approx(400_000.0)
