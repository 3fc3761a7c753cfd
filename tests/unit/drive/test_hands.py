"""A human, the venue and a rival trade on the simulated exchange, each on whose account it is."""

import random
from decimal import Decimal

from bot.domain.ids import InstrumentId
from bot.domain.time import ns_from_iso
from bot.drive.hands import RIVAL, Hands
from bot.drive.sim_venue import ACCOUNT
from bot.drive.simulate import FUNDS
from bot.sim.exchange import Exchange
from bot.sim.world import build_exchange

_PERPETUAL = InstrumentId("BTC-PERPETUAL")


def _open() -> tuple[Exchange, Hands]:
    exchange = build_exchange(1, ns_from_iso("2026-11-22T09:00:00Z"))
    for name in (ACCOUNT, RIVAL):
        exchange.open_account(name, FUNDS)
    return exchange, Hands(exchange, _PERPETUAL)


def _held(exchange: Exchange, account: str = ACCOUNT) -> dict[str, Decimal]:
    return {item.instrument: item.size_native for item in exchange.positions(account) if item.size_native}


def test_a_human_trades_the_hedge_and_the_venue_closes_it() -> None:
    """On the bot's account; nothing is closed where nothing is held."""
    exchange, hands = _open()

    assert not hands.close_hedge()
    assert hands.trade_hedge(random.Random(1))
    assert _held(exchange).keys() == {_PERPETUAL}
    assert hands.close_hedge()
    assert _held(exchange) == {}


def test_a_human_trades_one_of_the_options_there_are() -> None:
    """None where there are none."""
    exchange, hands = _open()
    option = next(item.id for item in exchange.instruments() if item.is_option and item.base == "BTC")

    assert not hands.trade_option(random.Random(1), [])
    assert hands.trade_option(random.Random(1), [option])
    assert _held(exchange).keys() == {option}


def test_a_rival_leaves_half_of_an_order_within_its_limit() -> None:
    """Whichever side it is on."""
    for sign in (1, -1):
        exchange, hands = _open()
        bids, asks, _ = exchange.book(_PERPETUAL, 50)
        price, amount = (asks if sign > 0 else bids)[0]
        hands.overtake(_PERPETUAL, sign * amount, price)

        assert abs(_held(exchange, RIVAL)[_PERPETUAL]) >= amount / 2 - 10
        assert _held(exchange) == {}
