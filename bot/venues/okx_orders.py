"""OKX perpetual swaps for the gateway over ccxt: which requests, and what makes an account fit to hedge on.

Knows OKX's rules (exchange facts 4.3): sizes are contracts, client ids are letters and digits, `expTime` bounds when
an order may start, one-way mode only. Sends nothing itself. The raw endpoints are used, not ccxt's `create_order`: it
adds a broker's tag, truncates amounts in silence and wants the market list of the whole venue first.
"""

from decimal import Decimal
from typing import Final

from bot.domain.commands import CancelOrder, PlaceOrder
from bot.domain.errors import ConfigError, MalformedMessage, VenueRefused
from bot.domain.events import Filled
from bot.domain.ids import InstrumentId, Label, OrderId, instrument_at, name_at_venue
from bot.domain.instruments import Instrument
from bot.domain.seen import PositionSeen
from bot.domain.time import NS_PER_S, Ns, ms_from_ns
from bot.domain.units import float_from_decimal
from bot.venues import okx_rest
from bot.venues.okx import OKX
from bot.venues.okx_errors import BAD_KEY, ERRORS, NO_SUCH_ORDER
from bot.venues.okx_rest import one, rows
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import (
    Fills,
    Money,
    OrderRead,
    Placed,
    Request,
    RestLink,
    Switch,
    VenueFacts,
    Wiring,
    contracts_of,
    exact,
    plain,
)

_SWAP: Final = {"instType": "SWAP"}
_PAGE: Final = 100
"""Rows of a page of fills or orders, the most there are."""
_PAGES_MAX: Final = 5
_FILLS_NS: Final = Ns(70 * 3600 * NS_PER_S)
"""The endpoint of fills keeps three days: of an order older than that its silence says nothing."""
_LISTED_AGE_NS_MAX: Final = Ns(60 * NS_PER_S)
"""A contract may be made another one (`ctVal`) while trading is suspended, which takes longer; each look at the account
keeps this fresh, so that no order is counted in what a contract was."""
_ONE_WAY: Final = "net_mode"
_SPOT_ONLY: Final = "1"
"""Account level that cannot trade derivatives."""


class OkxRest:
    """`VenueRest` of OKX."""

    def __init__(self, link: RestLink) -> None:
        self._link: Final = link
        self._sizes: Final[dict[InstrumentId, Decimal]] = {}
        self._listed_ns: Ns | None = None

    async def venue_ms(self) -> int:
        """The venue's clock."""
        told = one(await self._link.send(Request(function="publicGetPublicTime")), okx_rest.Time)
        return ms_from_ns(okx_rest.stamp_ns(told.ts))

    async def check_key(self) -> str:
        """Reads and trades, cannot withdraw; the account is in one-way mode and may trade derivatives."""
        config = await self._config()
        rights = set(config.perm.split(","))
        if "trade" not in rights:
            raise ConfigError(f"hedge_venue.client_id: the key may {config.perm}, but not trade; make one that may")
        if "withdraw" in rights:
            raise ConfigError("hedge_venue.client_id: the key may withdraw; make one that may only read and trade")
        if config.pos_mode != _ONE_WAY:
            raise ConfigError(f"OKX account: position mode is {config.pos_mode}; set it to one-way (net_mode)")
        if config.acct_lv == _SPOT_ONLY:
            raise ConfigError("OKX account: it is in spot mode; set it to futures mode or above")
        return f"{config.perm}; one-way mode"

    async def check_account(self) -> str:
        """Its uid."""
        return (await self._config()).uid

    async def _config(self) -> okx_rest.Config:
        try:
            return one(await self._link.ask(Request(function="privateGetAccountConfig")), okx_rest.Config)
        except VenueRefused as error:
            if error.code in BAD_KEY:
                world = {True: "demo", False: "production", None: "this"}[self._link.settings.is_testnet]
                raise ConfigError(
                    f"hedge_venue.client_id: the key is refused with {error.code}; check key, secret and passphrase,"
                    f" and that it is of the {world} environment"
                ) from None
            raise

    async def _listed(self) -> list[okx_rest.Listed]:
        request = Request(function="publicGetPublicInstruments", params=dict(_SWAP))
        listed = [row for row in rows(await self._link.ask(request), okx_rest.Listed) if row.is_perpetual_of_coin]
        self._sizes.update((instrument_at(OKX, row.inst_id), row.contract_size_native) for row in listed)
        self._listed_ns = self._link.now_ns()
        return listed

    async def _known_sizes(self) -> okx_rest.Sizes:
        """What a contract of each perpetual is, not older than a minute."""
        if self._listed_ns is None or self._link.now_ns() - self._listed_ns > _LISTED_AGE_NS_MAX:
            await self._listed()
        return self._sizes

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """Perpetuals on a coin, with the account's fees."""
        listed = [row for row in await self._listed() if row.inst_family.partition("-")[0] == base]
        fee = okx_rest.TradeFee()
        if self._link.settings.credentials is not None:
            request = Request(function="privateGetAccountTradeFee", params=dict(_SWAP))
            fee = one(await self._link.ask(request), okx_rest.TradeFee)
        return tuple(okx_rest.instrument_from(row, okx_rest.fees_of(fee, row)) for row in listed)

    async def index_usd(self, index_name: str) -> float:
        """Index price now."""
        request = Request(function="publicGetMarketIndexTickers", params={"instId": index_name})
        return float_from_decimal(exact(one(await self._link.ask(request), okx_rest.IndexTicker).idx_px))

    # --- orders -------------------------------------------------------------------------------------

    async def place(self, command: PlaceOrder, valid_until_ms: int) -> Placed:
        """The reply holds an id and nothing else."""
        # Looks at the account keep these fresh; an order does not wait for them.
        size = (self._sizes if command.instrument in self._sizes else await self._known_sizes())[command.instrument]
        request = Request(
            function="privatePostTradeOrder",
            params={
                "instId": name_at_venue(command.instrument),
                "tdMode": "cross",
                "side": "buy" if command.amount_native > 0 else "sell",
                "ordType": "post_only" if command.rests else "ioc",
                "sz": plain(contracts_of(abs(command.amount_native), size)),
                "px": plain(command.price_native),
                "clOrdId": command.label,
            },
            headers={"expTime": str(valid_until_ms)},
        )
        acked = one(await self._link.send(request), okx_rest.Acked)
        if acked.s_code != "0" or acked.cl_ord_id != command.label or not acked.ord_id:
            raise MalformedMessage(f"the reply is about {acked.cl_ord_id[:40]!r} with code {acked.s_code[:12]!r}")
        return Placed(OrderId(acked.ord_id))

    async def cancel(self, command: CancelOrder) -> None:
        """By id."""
        params: dict[str, object] = {"instId": name_at_venue(command.instrument), "ordId": command.order_id}
        one(await self._link.send(Request(function="privatePostTradeCancelOrder", params=params)), okx_rest.Acked)

    async def order(self, instrument: InstrumentId, label: Label, order_id: OrderId | None) -> OrderRead | None:
        """Cancelled ones without a fill are shown for two hours."""
        by = {"clOrdId": label} if order_id is None else {"ordId": order_id}
        request = Request(function="privateGetTradeOrder", params={"instId": name_at_venue(instrument), **by})
        try:
            found = one(await self._link.ask(request), okx_rest.Order)
        except VenueRefused as error:
            if error.code in NO_SUCH_ORDER:
                return None
            raise
        return okx_rest.order_read(found, await self._known_sizes())

    async def order_fills(self, order: OrderRead) -> Fills:
        """Of one order."""
        return await self._fills({"instId": name_at_venue(order.instrument), "ordId": order.order_id}, _PAGES_MAX)

    async def traces(self, instrument: InstrumentId, label: Label, since_ns: Ns) -> Fills:
        """Fills of the last three days; of an order from before nothing is proved by them."""
        params: dict[str, object] = {"instId": name_at_venue(instrument), "begin": str(ms_from_ns(since_ns))}
        found = await self._fills(params, _PAGES_MAX)
        is_kept = self._link.now_ns() - since_ns < _FILLS_NS
        return Fills(tuple(fill for fill in found.fills if fill.label == label), found.is_complete and is_kept)

    async def recent_fills(self) -> tuple[Filled, ...]:
        """The newest page."""
        return (await self._fills({}, 1)).fills

    async def _fills(self, params: dict[str, object], pages_max: int) -> Fills:
        sizes, found = await self._known_sizes(), list[Filled]()
        after: dict[str, object] = {}
        for _ in range(pages_max):
            request = Request(function="privateGetTradeFills", params={**_SWAP, "limit": str(_PAGE), **params, **after})
            page = rows(await self._link.ask(request), okx_rest.Fill)
            # What is listed no more cannot be counted; held, it would be told among the positions.
            known = [fill for fill in page if instrument_at(OKX, fill.inst_id) in sizes]
            found += [okx_rest.filled(fill, sizes, self._link.now_ns()) for fill in known]
            if len(page) < _PAGE:
                return Fills(tuple(found), is_complete=True)
            after = {"after": page[-1].bill_id}
        return Fills(tuple(found), is_complete=False)

    # --- the account --------------------------------------------------------------------------------

    async def positions(self) -> tuple[PositionSeen, ...]:
        """Of perpetuals."""
        sizes = await self._known_sizes()
        request = Request(function="privateGetAccountPositions", params=dict(_SWAP))
        seen = [okx_rest.position_seen(row, sizes) for row in rows(await self._link.ask(request), okx_rest.Position)]
        return tuple(item for item in seen if item is not None)

    async def money(self) -> tuple[Money, ...]:
        """Currencies held."""
        balance = one(await self._link.ask(Request(function="privateGetAccountBalance")), okx_rest.Balance)
        return tuple(okx_rest.money_of(detail) for detail in balance.details)

    async def open_orders(self) -> tuple[OrderRead, ...]:
        """Of perpetuals; more than a page of them is more than a hedger ever has."""
        sizes = await self._known_sizes()
        request = Request(function="privateGetTradeOrdersPending", params=dict(_SWAP))
        return tuple(okx_rest.order_read(row, sizes) for row in rows(await self._link.ask(request), okx_rest.Order))


def _switch(link: RestLink) -> Switch:
    """`cancel-all-after`: of the whole account, one request a second."""

    async def arm(scope: str, countdown_s: int) -> None:
        del scope
        request = Request(function="privatePostTradeCancelAllAfter", params={"timeOut": str(countdown_s)})
        told = one(await link.ask(request), okx_rest.Countdown)
        if (told.trigger_time != "0") is not (countdown_s > 0):
            raise MalformedMessage(f"cancel-all-after {countdown_s} s triggers at {told.trigger_time[:20]!r}")

    return Switch(lambda _: "account", arm)


def _wiring(settings: VenueSettings) -> Wiring:
    """The demo environment has the same host and another header; a key of the other one is refused there (50101)."""
    return Wiring(
        exchange="okx",
        urls={"rest": settings.rest_url.rstrip("/")},
        refusal=okx_rest.refusal,
        headers={"x-simulated-trading": "1"} if settings.is_testnet else {},
        credentials=settings.credentials,
    )


FACTS: Final = VenueFacts(wiring=_wiring, rest=OkxRest, errors=ERRORS, switch=_switch)
