from decimal import Decimal

import pytest

from bot.domain.instruments import Instrument
from bot.localex.channels import Channel, Grammar, Interval, Topic
from bot.sim.facts import VenueSays


@pytest.fixture
def grammar(listed: dict[str, Instrument]) -> Grammar:
    """Channel names against the venue's listing."""

    def instrument(name: str) -> Instrument:
        if name not in listed:
            raise VenueSays(13020, "not_found")
        return listed[name]

    return Grammar(instrument, lambda: ["btc_usd", "btc_usdc"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ticker.BTC-PERPETUAL.100ms", (Topic.TICKER, Interval.FAST, None)),
        ("ticker.BTC-PERPETUAL.agg2", (Topic.TICKER, Interval.AGG2, None)),
        ("ticker.BTC-PERPETUAL.raw", (Topic.TICKER, Interval.RAW, None)),
        ("book.BTC-PERPETUAL.raw", (Topic.BOOK, Interval.RAW, None)),
        ("book.BTC-PERPETUAL.none.10.100ms", (Topic.BOOK_GROUPED, Interval.FAST, None)),
        ("quote.BTC-PERPETUAL", (Topic.QUOTE, Interval.RAW, None)),
        ("deribit_price_index.btc_usd", (Topic.PRICE_INDEX, Interval.AGG2, None)),
        ("user.changes.any.any.raw", (Topic.USER_CHANGES, Interval.RAW, "trade:read")),
        ("user.orders.future.BTC.100ms", (Topic.USER_ORDERS, Interval.FAST, "trade:read")),
        ("user.trades.BTC-PERPETUAL.raw", (Topic.USER_TRADES, Interval.RAW, "trade:read")),
        ("user.portfolio.btc", (Topic.USER_PORTFOLIO, Interval.AGG2, "account:read")),
        ("user.portfolio.BTC", (Topic.USER_PORTFOLIO, Interval.AGG2, "account:read")),
        ("user.portfolio.any", (Topic.USER_PORTFOLIO, Interval.AGG2, "account:read")),
        ("trades.BTC-PERPETUAL.raw", (Topic.TRADES, Interval.RAW, None)),
        ("trades.option.any.100ms", (Topic.TRADES, Interval.FAST, None)),
        ("trades.future.DOGE.raw", None),
        ("trades.future.BTC.1s", None),
        ("perpetual.BTC-PERPETUAL.agg2", (Topic.PERPETUAL, Interval.AGG2, None)),
        ("perpetual.BTC-27MAR26.agg2", None),
        ("incremental_ticker.BTC-PERPETUAL", (Topic.INCREMENTAL_TICKER, Interval.AGG2, None)),
        ("incremental_ticker.BTC-PERPETUAL.raw", None),
        ("markprice.options.btc_usd", (Topic.MARK_PRICES, Interval.AGG2, None)),
        ("markprice.futures.btc_usd", None),
        ("deribit_volatility_index.btc_usd", (Topic.VOLATILITY_INDEX, Interval.AGG2, None)),
        ("deribit_volatility_index.btc_usdc", None),
        ("estimated_expiration_price.btc_usdc", (Topic.EXPIRATION_PRICE, Interval.AGG2, None)),
        ("instrument.state.any.any", (Topic.INSTRUMENT_STATE, Interval.AGG2, None)),
        ("instrument.state.any", None),
        ("platform_state", (Topic.PLATFORM_STATE, Interval.AGG2, None)),
        ("platform_state.x", None),
        ("ticker.BTC-NOTAREAL.raw", None),
        ("ticker.BTC-PERPETUAL.1s", None),
        ("ticker.BTC-PERPETUAL", None),
        ("book.BTC-PERPETUAL.3.10.100ms", None),
        ("book.BTC-PERPETUAL.none.15.100ms", None),
        ("book.BTC-PERPETUAL.none.10.raw", None),
        ("chart.trades.BTC-PERPETUAL.1", (Topic.CHART, Interval.AGG2, None)),
        ("chart.trades.BTC-27MAR26-64000-C.1D", (Topic.CHART, Interval.AGG2, None)),
        ("chart.trades.BTC-PERPETUAL.7", None),
        ("platform_state.public_methods_state", (Topic.METHODS_STATE, Interval.AGG2, None)),
        ("announcements", (Topic.ANNOUNCEMENTS, Interval.AGG2, None)),
        ("instrument.creation.any.any", (Topic.INSTRUMENT_CREATION, Interval.AGG2, None)),
        ("instrument.creation.any", None),
        ("user.combo_trades.any.any.raw", (Topic.USER_COMBO_TRADES, Interval.RAW, "trade:read")),
        ("user.mmp_trigger.btc_usd", (Topic.USER_MMP_TRIGGER, Interval.AGG2, "trade:read")),
        ("user.mmp_trigger.doge_usd", None),
        ("user.lock", (Topic.USER_LOCK, Interval.AGG2, "account:read")),
        ("user.access_log", (Topic.USER_ACCESS_LOG, Interval.AGG2, "account:read")),
        ("chart.trades.BTC-NOTAREAL.1", None),
        ("quote.BTC-PERPETUAL.raw", None),
        ("deribit_price_index.doge_usd", None),
        ("user.changes.any.DOGE.raw", None),
        ("user.changes.any.any.1s", None),
        ("user.changes", None),
        ("user.portfolio.doge", None),
        ("tickr.BTC-PERPETUAL.raw", None),
        ("", None),
        ("....", None),
    ],
)
def test_names_are_parsed_or_dropped(
    grammar: Grammar, name: str, expected: tuple[Topic, Interval, str | None] | None
) -> None:
    """A name the venue does not know is None: it will be missing from the acknowledgement."""
    channel = grammar.parse(name)

    assert (None if channel is None else (channel.topic, channel.interval, channel.scope)) == expected
    assert channel is None or channel.name == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("book.BTC-PERPETUAL.5.10.100ms", "5"), ("book.ETH-PERPETUAL.5.10.100ms", "0.05")],
)
def test_groups_of_eth_are_hundredths(grammar: Grammar, name: str, expected: str) -> None:
    """5 means 0.05 for ETH."""
    channel = grammar.parse(name)

    assert channel is not None
    assert channel.group == Decimal(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ticker.BTC-PERPETUAL.raw", True),
        ("book.BTC-PERPETUAL.100ms", False),
        ("quote.BTC-PERPETUAL", False),
        ("user.changes.any.any.raw", False),
    ],
)
def test_raw_public_channels_are_told_apart(grammar: Grammar, name: str, expected: bool) -> None:
    """Only they need an authenticated socket."""
    channel = grammar.parse(name)

    assert channel is not None
    assert channel.is_raw_public is expected


@pytest.mark.parametrize(
    ("kind", "currency", "instrument", "expected"),
    [
        ("any", "any", "BTC-PERPETUAL", True),
        ("future", "BTC", "BTC-PERPETUAL", True),
        ("option", "BTC", "BTC-PERPETUAL", False),
        ("future", "USDC", "BTC-PERPETUAL", False),
        ("future", "USDC", "BTC_USDC-PERPETUAL", True),
        ("future", "BTC", "BTC_USDC-PERPETUAL", False),
    ],
)
def test_linear_instruments_belong_to_usdc(
    listed: dict[str, Instrument], kind: str, currency: str, instrument: str, expected: bool
) -> None:
    """The currency of a channel is the settlement currency; perpetuals are futures."""
    channel = Channel("x", Topic.USER_CHANGES, kind=kind, currency=currency)

    assert channel.covers(listed[instrument]) is expected


def test_a_channel_of_one_instrument_covers_it_alone(listed: dict[str, Instrument]) -> None:
    """Kind and currency do not matter then."""
    channel = Channel("x", Topic.USER_CHANGES, instrument="BTC-PERPETUAL")

    covered = [name for name, instrument in listed.items() if channel.covers(instrument)]
    assert covered == ["BTC-PERPETUAL"]


def test_intervals_have_their_periods() -> None:
    """agg2 is about one second."""
    assert [interval.period_ns for interval in Interval] == [0, 100_000_000, 1_000_000_000]
