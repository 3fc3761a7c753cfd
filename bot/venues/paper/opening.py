"""How a paper account opens: as an earlier run left it, from a portfolio file, or as a real account stands.

Asks the venue questions only. Relative legs of a portfolio are picked once, at the first start; afterwards the
account itself is the truth.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from bot.domain.errors import ConfigError, VenueRefused, VenueUnreachable
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument, Kind
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.portfolio import PortfolioSpec, resolve
from bot.domain.time import Ns, ms_from_ns
from bot.domain.units import decimal_from_wire
from bot.sim.memory import AccountKept, HoldingKept
from bot.venues.contract import NowNs, Reader
from bot.venues.paper.venue import ACCOUNT, Opening


class PaperParams(Struct, frozen=True, kw_only=True):
    """A paper account as configured."""

    bases: tuple[str, ...]
    """Coins of the books; a portfolio file is about the first."""
    hedges: tuple[InstrumentId, ...]
    latency_ns: Ns
    balances: Mapping[str, Decimal]
    """Money at the first start, by currency; a real account's own where the positions come from one."""
    portfolio: PortfolioSpec | None
    """None: start from the account of the key."""
    fee_rate_maker: Decimal | None
    """Of futures and perpetuals; None: as listed."""
    fee_rate_taker: Decimal | None


class PaperOpening:
    """Gathers what a paper venue opens with."""

    def __init__(self, params: PaperParams, reader: Reader, now_ns: NowNs) -> None:
        self._params: Final = params
        self._reader: Final = reader
        self._now_ns: Final = now_ns
        self._tickers: Final[dict[InstrumentId, OptionMarked | FutureMarked]] = {}

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """The venue's listing, with this account's fees."""
        return tuple(self._with_fees(item) for item in await self._reader.instruments(base))

    def _with_fees(self, item: Instrument) -> Instrument:
        maker, taker = self._params.fee_rate_maker, self._params.fee_rate_taker
        if item.is_option:
            return item
        return structs.replace(
            item,
            fee_rate_maker=item.fee_rate_maker if maker is None else maker,
            fee_rate_taker=item.fee_rate_taker if taker is None else taker,
        )

    async def gather(self, kept: AccountKept | None) -> Opening:
        """Everything; ConfigError or VenueError says what is not there."""
        self._tickers.clear()
        listed: dict[InstrumentId, Instrument] = {}
        for base in self._params.bases:
            listed |= {item.id: item for item in await self.instruments(base)}
        away = {} if kept is None else await self._missed_funding(kept)
        account = kept or await self._first(listed)
        now_ns = self._now_ns()
        held = {item.instrument.id: listed.get(item.instrument.id, item.instrument) for item in account.holdings}
        wanted = held | {name: _open(listed, name) for name in self._params.hedges}
        for name, item in wanted.items():
            if item.expiry_ns is None or item.expiry_ns > now_ns:
                await self._ticker(name)
        return Opening(
            kept=account,
            listed=tuple(wanted.values()),
            tickers=tuple(self._tickers[name] for name in wanted if name in self._tickers),
            index_usd={name: await self._reader.index_usd(name) for name in _indices(wanted.values())},
            missed_funding=away,
        )

    async def _ticker(self, name: InstrumentId) -> OptionMarked | FutureMarked:
        if name not in self._tickers:
            try:
                self._tickers[name] = await self._reader.ticker(name)
            except VenueRefused as error:
                raise ConfigError(
                    f"paper: the account holds {name}, which the venue does not know ({error.code}); "
                    f"a new venue needs a new ledger.url"
                ) from None
        return self._tickers[name]

    async def _missed_funding(self, kept: AccountKept) -> dict[InstrumentId, float]:
        perpetuals = [item.instrument.id for item in kept.holdings if item.instrument.kind is Kind.PERPETUAL]
        now_ns = self._now_ns()
        return {name: await self._reader.funding_rate(name, kept.at_ns, now_ns) for name in perpetuals}

    # --- the first start -------------------------------------------------------------------------------

    async def _first(self, listed: Mapping[InstrumentId, Instrument]) -> AccountKept:
        if self._params.portfolio is None:
            balances, holdings = await self._from_account(listed)
        else:
            balances, holdings = self._params.balances, await self._from_portfolio(self._params.portfolio, listed)
        now_ns = self._now_ns()
        # Numbers that no earlier account of the same ledger can have used.
        return AccountKept(
            name=ACCOUNT, at_ns=now_ns, balances=dict(balances), holdings=holdings, first_id=ms_from_ns(now_ns)
        )

    async def _from_portfolio(
        self, spec: PortfolioSpec, listed: Mapping[InstrumentId, Instrument]
    ) -> tuple[HoldingKept, ...]:
        base = self._params.bases[0]
        index_usd = await self._reader.index_usd(f"{base.lower()}_usd")
        try:
            legs = resolve(spec, base=base, listed=list(listed.values()), index_usd=index_usd, now_ns=self._now_ns())
        except ValueError as error:
            raise ConfigError(f"portfolio: {error}") from None
        found: dict[InstrumentId, HoldingKept] = {}
        for leg in legs:
            price_native = _mark_native(await self._ticker(leg.instrument.id))
            before = found.get(leg.instrument.id)
            amount = leg.amount_native(price_native)
            found[leg.instrument.id] = HoldingKept(
                instrument=leg.instrument,
                amount_native=amount if before is None else amount + before.amount_native,
                average_native=decimal_from_wire(price_native),
            )
        return tuple(item for item in found.values() if item.amount_native)

    async def _from_account(
        self, listed: Mapping[InstrumentId, Instrument]
    ) -> tuple[Mapping[str, Decimal], tuple[HoldingKept, ...]]:
        """What the account holds of the books' coins; the rest is none of our business."""
        read = await self._reader.account()
        holdings = tuple(
            HoldingKept(
                instrument=listed[item.instrument],
                amount_native=item.amount_native,
                average_native=item.average_native,
            )
            for item in read.positions
            if item.instrument in listed
        )
        return read.balances, holdings


def _open(listed: Mapping[InstrumentId, Instrument], name: InstrumentId) -> Instrument:
    if name not in listed:
        raise VenueUnreachable(f"{name} is not open at the venue; wait, or check hedge_instrument")
    return listed[name]


def _mark_native(ticker: OptionMarked | FutureMarked) -> float:
    mark = ticker.mark_usd if isinstance(ticker, FutureMarked) else ticker.mark_native
    if mark is None:
        raise VenueUnreachable(f"{ticker.instrument} has no mark yet; wait")
    return mark


def _indices(items: Iterable[Instrument]) -> list[str]:
    return sorted({item.index_name for item in items})
