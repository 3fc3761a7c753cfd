"""What a paper account opens with: its own past, a portfolio file, or a real account; else one line."""

from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from bot.domain.errors import ConfigError, VenueUnreachable
from bot.domain.ids import InstrumentId
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_DAY, NS_PER_S
from bot.venues.contract import AccountRead, PositionRead
from bot.venues.paper.opening import PaperOpening
from bot.venues.paper.venue import ACCOUNT

_D = Decimal
PERP = InstrumentId("BTC-PERPETUAL")
Virtual = Callable[[Coroutine[object, object, None]], None]


def _legs(*legs: tuple[str, str]) -> PortfolioSpec:
    return PortfolioSpec(legs=tuple(LegSpec(qty_coin=_D(amount), instrument=name) for name, amount in legs))


def test_a_portfolio_at_the_first_start(paper: Any, virtual: Virtual) -> None:
    """Legs at the venue's marks, an inverse perpetual in USD on its lot, a leg named twice once; money as set."""

    async def scene() -> None:
        option = paper.make.option()
        portfolio = _legs((option.id, "2"), (PERP, "-0.5"), (option.id, "1"), (PERP, "0.50001"), (option.id, "-1"))
        paper.params = msgspec.structs.replace(paper.params, portfolio=portfolio)
        opening = await PaperOpening(paper.params, paper.reader, paper.now_ns).gather(None)

        (held,) = opening.kept.holdings
        assert (held.instrument.id, held.amount_native, held.average_native) == (option.id, _D(2), _D("0.061"))
        assert opening.kept.balances == {"BTC": _D(10), "USDC": _D(1000)}
        assert {spec.id for spec in opening.listed} == {option.id, PERP}
        assert opening.index_usd == {"btc_usd": 100_000.0}
        assert paper.reader.asked.count(f"ticker {option.id}") == 1

    virtual(scene())


def test_the_account_itself_is_the_truth_afterwards(paper: Any, virtual: Virtual) -> None:
    """The next start asks for no portfolio, and books the funding of the time between."""

    async def scene() -> None:
        await paper.open()
        await paper.gateway.place(paper.order(amount="1000"))
        await paper.gateway.close()
        balance = paper.venue.exchange.balance_native(ACCOUNT, "BTC")
        paper.params = msgspec.structs.replace(paper.params, portfolio=_legs(("BTC-GONE", "5")))
        paper.skipped_ns += NS_PER_DAY
        paper.reader.rate = 0.001

        await paper.open()

        held = {item.instrument: item.size_native for item in paper.venue.exchange.positions(ACCOUNT)}
        assert held == {paper.make.option().id: _D(2), PERP: _D(1000)}
        paid = balance - paper.venue.exchange.balance_native(ACCOUNT, "BTC")
        assert paid == pytest.approx(_D(1000) / _D(100_000) * _D("0.001"), abs=_D("1e-12"))

    virtual(scene())


def test_a_real_account_is_read_once(paper: Any, virtual: Virtual) -> None:
    """Positions of the books' coins at their own prices, its balances; other coins are none of our business."""

    async def scene() -> None:
        paper.params = msgspec.structs.replace(paper.params, portfolio=None)
        paper.reader.held = AccountRead(
            positions=(
                PositionRead(instrument=PERP, amount_native=_D(-500), average_native=_D(90_000)),
                PositionRead(instrument=InstrumentId("SOL-PERPETUAL"), amount_native=_D(7), average_native=_D(100)),
            ),
            balances={"BTC": _D("3.5"), "SOL": _D(2)},
        )
        await paper.open()

        (held,) = paper.venue.exchange.positions(ACCOUNT)
        assert (held.instrument, held.size_native, held.average_price_native) == (PERP, _D(-500), _D(90_000))
        assert paper.venue.exchange.balance_native(ACCOUNT, "BTC") == _D("3.5")
        paper.reader.held = AccountRead(positions=(), balances={})
        await paper.open()
        assert [item.size_native for item in paper.venue.exchange.positions(ACCOUNT)] == [_D(-500)]
        assert paper.reader.asked.count("account") == 1

    virtual(scene())


def test_what_is_wrong_is_said_in_one_line(paper: Any, virtual: Virtual) -> None:
    """A leg that is not listed, a hedge that is not open, a holding the venue does not know, a mark not there."""

    async def scene() -> None:
        def opening(**change: object) -> PaperOpening:
            return PaperOpening(msgspec.structs.replace(paper.params, **change), paper.reader, paper.now_ns)

        with pytest.raises(ConfigError, match="portfolio: portfolio leg LegSpec"):
            await opening(portfolio=_legs(("BTC-1JAN30-1-C", "1"))).gather(None)
        with pytest.raises(VenueUnreachable, match="BTC-1JAN30 is not open at the venue"):
            await opening(hedges=("BTC-1JAN30",)).gather(None)
        name = paper.make.option().id
        paper.reader.tickers[name] = paper.make.option_marked(mark_native=None)
        with pytest.raises(VenueUnreachable, match="has no mark yet"):
            await opening().gather(None)
        del paper.reader.tickers[name]
        with pytest.raises(ConfigError, match=f"the account holds {name}, which the venue does not know"):
            await opening().gather(None)

    virtual(scene())


def test_an_expiry_in_between_needs_no_ticker(paper: Any, virtual: Virtual) -> None:
    """The mark it was kept with stands until its delivery price is known."""

    async def scene() -> None:
        await paper.open()
        spec = paper.make.option()
        paper.skipped_ns += spec.expiry_ns - paper.now_ns() + NS_PER_S
        del paper.reader.listed[spec.id], paper.reader.tickers[spec.id]

        opening = await PaperOpening(paper.params, paper.reader, paper.now_ns).gather(paper.venue.kept())

        assert [ticker.instrument for ticker in opening.tickers] == [PERP]
        assert spec.id in {item.id for item in opening.listed}

    virtual(scene())
