"""Any messages and any orders: nothing is taken that was not shown, and a queue is never jumped."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ids import InstrumentId
from bot.domain.market_events import FutureMarked
from bot.domain.time import Ns
from bot.sim.exchange import Exchange
from bot.sim.facts import OrderRequest, Side, TimeInForce
from bot.sim.listing import build_listing
from bot.sim.live import LiveMarket
from bot.sim.memory import AccountKept

NOW = Ns(1_795_000_000_000_000_000)
PERP = next(item for item in build_listing(NOW) if item.id == "BTC-PERPETUAL")
TICKER = FutureMarked(
    instrument=InstrumentId(PERP.id),
    received_ns=NOW,
    venue_ns=NOW,
    bid_usd=None,
    ask_usd=None,
    bid_amount_native=None,
    ask_amount_native=None,
    mark_usd=50_000.0,
    index_usd=50_000.0,
    price_min_usd=49_000.0,
    price_max_usd=51_000.0,
    funding_rate_8h=0.0,
    is_open=True,
)
ASKS = st.sampled_from([50_010.0, 50_020.0, 50_030.0])
lots = st.integers(0, 30).map(lambda count: count * 10.0)
messages = st.tuples(st.just("book"), ASKS, lots)
takes = st.tuples(st.just("take"), ASKS, st.integers(1, 40).map(lambda count: count * 10.0))


def _world() -> Exchange:
    world = Exchange(
        seed=0,
        start_ns=NOW,
        market=LiveMarket([PERP], [TICKER], {"btc_usd": 5e4}, {}),
        listed=[PERP],
        takers_scale=None,
    )
    world.recall(AccountKept(name="a", at_ns=NOW, balances={"BTC": Decimal(1000)}, holdings=(), first_id=1))
    return world


def _order(side: Side, amount: float, price: float, tif: TimeInForce) -> OrderRequest:
    return OrderRequest(
        account="a",
        instrument=PERP.id,
        side=side,
        amount_native=Decimal(int(amount)),
        price_native=Decimal(int(price)),
        time_in_force=tif,
    )


@given(st.lists(messages | takes, max_size=30))
def test_what_is_taken_was_shown(steps: list[tuple[str, float, float]]) -> None:
    """At each price, all that was ever taken is at most all that was ever newly shown there."""
    world = _world()
    book = world.live_book(PERP.id)
    shown: dict[float, float] = {}
    increases: dict[float, float] = {}
    taken: dict[float, float] = {}
    for sort, price, amount in steps:
        if sort == "book":
            increases[price] = increases.get(price, 0.0) + max(0.0, amount - shown.get(price, 0.0))
            shown[price] = amount
            book.hear([], [(price, amount)], NOW, is_whole=False)
            continue
        for trade in world.submit(_order(Side.BUY, amount, price, TimeInForce.IOC))[1]:
            at = int(trade.price_native) + 0.0
            taken[at] = taken.get(at, 0.0) + int(trade.amount_native)
        assert all(level_taken <= increases.get(at, 0.0) for at, level_taken in taken.items())


@given(lots.filter(bool), st.lists(st.tuples(st.booleans(), lots), max_size=20))
def test_a_queue_is_not_jumped(ahead: float, steps: list[tuple[bool, float]]) -> None:
    """By hand: trades eat what stands ahead, then us; what is ahead is at most what is shown, and never grows."""
    world = _world()
    book = world.live_book(PERP.id)
    book.hear([(49_990.0, ahead)], [], NOW, is_whole=True)
    order, _ = world.submit(_order(Side.BUY, 100, 49_990, TimeInForce.GTC))
    filled = 0.0
    for count, (is_trade, amount) in enumerate(steps):
        at = Ns(NOW + count + 1)
        if is_trade:
            book.hear_trade(Side.SELL, 49_990.0, amount, at)
            eaten = min(ahead, amount)
            ahead, filled = ahead - eaten, min(100.0, filled + amount - eaten)
        else:
            book.hear([(49_990.0, amount)], [], at, is_whole=False)
            ahead = min(ahead, amount)
        assert int(world.order("a", order.order_id).filled_native) == filled
