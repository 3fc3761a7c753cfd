"""Hyperliquid perpetuals for the gateway over ccxt: which requests, and what makes an account fit to hedge on.

Knows Hyperliquid's rules (exchange facts 4.3): an agent's key signs for the account whose address is the key's id; an
action bears a nonce that only rises and, here, a time after which it is refused; order ids are 128 bits. ccxt's own
`create_order` is not used: it approves a fee for its builder and sets a referrer, signed with our key and without being
asked, and attaches that builder to orders. Both are overridden on the client before its first request.
"""

from typing import Any, Final

from bot.domain.commands import CancelOrder, PlaceOrder
from bot.domain.errors import ConfigError, MalformedMessage, VenueRefused
from bot.domain.events import Filled
from bot.domain.ids import InstrumentId, Label, OrderId, name_at_venue
from bot.domain.instruments import Instrument
from bot.domain.seen import PositionSeen
from bot.domain.time import NS_PER_S, Ns, ms_from_ns
from bot.domain.units import float_from_decimal
from bot.venues import hyperliquid_rest
from bot.venues.hyperliquid_errors import ERRORS, LABEL_TOO_LONG, NO_MATCH, NO_SUCH_ORDER
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
    convert,
    exact,
    plain,
)

_ACT: Final = "hedgebotAct"
_AGENT: Final = "hedgebotAgent"
"""Functions put on ccxt's client by `_prepare`: sign and send an action; address of the signing key."""
_RECENT_NS: Final = Ns(3600 * NS_PER_S)
"""How far back the newest fills are asked for: the venue tells the oldest first."""
_MARGIN_NS: Final = Ns(60 * NS_PER_S)
_FILLS_MAX: Final = 2_000
"""Fills in one reply, the most there are."""


class HyperliquidRest:
    """`VenueRest` of Hyperliquid."""

    def __init__(self, link: RestLink) -> None:
        self._link: Final = link
        self._assets: Final[dict[str, int]] = {}

    @property
    def _user(self) -> str:
        keys = self._link.settings.credentials
        assert keys is not None, "the account needs a key"
        return keys.key_id.lower()

    async def _info(self, kind: str, **more: object) -> object:
        return await self._link.ask(Request(function="publicPostInfo", params={"type": kind, **more}))

    async def venue_ms(self) -> int:
        """Time of the newest block: the venue has no other clock to ask."""
        request = Request(function="publicPostInfo", params={"type": "l2Book", "coin": "BTC"})
        return convert(await self._link.send(request), hyperliquid_rest.Book).stamp_ms

    async def check_key(self) -> str:
        """The key is of an agent of the account: it trades and cannot withdraw."""
        agent = str(await self._link.ask(Request(function=_AGENT))).lower()
        if agent == self._user:
            raise ConfigError(
                "hedge_venue.client_secret: is the account's own key, which may withdraw; use an API wallet"
            )
        role = convert(await self._info("userRole", user=agent), hyperliquid_rest.Role)
        if role.role != "agent" or role.data is None or role.data.user.lower() != self._user:
            raise ConfigError(
                f"hedge_venue.client_secret: {agent} is no API wallet of {self._user} at"
                f" {self._link.settings.rest_url}; approve it there, or check hedge_venue.client_id"
            )
        return "an API wallet of the account; no withdrawal"

    async def check_account(self) -> str:
        """Its address."""
        return self._user

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """The perpetual on a coin, with the account's fees."""
        universe, contexts = await self._listed()
        fees = hyperliquid_rest.FEES_LISTED
        if self._link.settings.credentials is not None:
            told = convert(await self._info("userFees", user=self._user), hyperliquid_rest.UserFees)
            fees = (exact(told.user_add_rate), exact(told.user_cross_rate))
        found = [
            (row, context)
            for row, context in zip(universe.universe, contexts, strict=True)
            if row.name == base and not row.is_delisted
        ]
        return tuple(hyperliquid_rest.instrument_from(row, context, fees) for row, context in found)

    async def _listed(self) -> tuple[hyperliquid_rest.Universe, list[hyperliquid_rest.Context]]:
        told = convert(await self._info("metaAndAssetCtxs"), tuple[object, object])
        universe = convert(told[0], hyperliquid_rest.Universe)
        contexts = convert(told[1], list[hyperliquid_rest.Context])
        if len(universe.universe) != len(contexts):
            raise MalformedMessage(f"{len(universe.universe)} perpetuals, {len(contexts)} prices")
        self._assets.update((row.name, place) for place, row in enumerate(universe.universe))
        return universe, contexts

    async def _asset(self, instrument: InstrumentId) -> int:
        """Its number, which never changes."""
        name = name_at_venue(instrument)
        if name not in self._assets:
            await self._listed()
        place = self._assets.get(name)
        if place is None:
            message = f"{instrument} is not listed"
            raise MalformedMessage(message)
        return place

    async def index_usd(self, index_name: str) -> float:
        """Oracle's price now."""
        universe, contexts = await self._listed()
        names = [row.name for row in universe.universe]
        if index_name not in names:
            message = f"{index_name} is not listed"
            raise MalformedMessage(message)
        return float_from_decimal(exact(contexts[names.index(index_name)].oracle_px))

    # --- orders -------------------------------------------------------------------------------------

    async def place(self, command: PlaceOrder, valid_until_ms: int) -> Placed:
        """The reply tells its id."""
        cloid = hyperliquid_rest.cloid_of(command.label)
        if cloid is None:
            raise VenueRefused(LABEL_TOO_LONG, f"label {command.label} is no 128 bits; shorten run.label_prefix")
        order = {
            "a": await self._asset(command.instrument),
            "b": command.amount_native > 0,
            "p": plain(command.price_native.normalize()),
            "s": plain(abs(command.amount_native).normalize()),
            "r": False,
            "t": {"limit": {"tif": "Alo" if command.rests else "Ioc"}},
            "c": cloid,
        }
        action = {"type": "order", "orders": [order], "grouping": "na"}
        request = Request(function=_ACT, params={"action": action, "expiresAfter": valid_until_ms})
        try:
            return Placed(hyperliquid_rest.oid_of(convert(await self._link.send(request), hyperliquid_rest.Acked)))
        except VenueRefused as error:
            if error.code != NO_MATCH:
                raise
            # It was there, met nobody and is over: no refusal, an order without a fill.
            found = await self.order(command.instrument, command.label, None)
            if found is None:
                raise
            return Placed(found.order_id)

    async def cancel(self, command: CancelOrder) -> None:
        """By id."""
        cancels = [{"a": await self._asset(command.instrument), "o": int(command.order_id)}]
        action = {"type": "cancel", "cancels": cancels}
        convert(
            await self._link.send(Request(function=_ACT, params={"action": action, "expiresAfter": None})),
            hyperliquid_rest.Acked,
        )

    async def order(self, instrument: InstrumentId, label: Label, order_id: OrderId | None) -> OrderRead | None:
        """By id, or by the one made of the label: no table of ours is needed for it."""
        del instrument
        cloid = hyperliquid_rest.cloid_of(label)
        by = int(order_id) if order_id is not None else cloid
        if by is None:
            return None  # no order of ours was ever sent with such a label
        try:
            told = await self._info("orderStatus", user=self._user, oid=by)
        except VenueRefused as error:
            if error.code == NO_SUCH_ORDER:
                return None
            raise
        found = convert(told, hyperliquid_rest.Status).order
        return hyperliquid_rest.order_read(found.order, found.status, found.stamp_ms)

    async def order_fills(self, order: OrderRead) -> Fills:
        """Of one order, from a minute before its last word on."""
        found = await self._fills(Ns(order.venue_ns - _MARGIN_NS))
        return Fills(tuple(fill for fill in found.fills if fill.order_id == order.order_id), found.is_complete)

    async def traces(self, instrument: InstrumentId, label: Label, since_ns: Ns) -> Fills:
        """Fills with the label since then."""
        del instrument
        found = await self._fills(since_ns)
        return Fills(tuple(fill for fill in found.fills if fill.label == label), found.is_complete)

    async def recent_fills(self) -> tuple[Filled, ...]:
        """Of the last hour."""
        return (await self._fills(Ns(self._link.now_ns() - _RECENT_NS))).fills

    async def _fills(self, since_ns: Ns) -> Fills:
        told = await self._info("userFillsByTime", user=self._user, startTime=ms_from_ns(since_ns))
        rows = [row for row in convert(told, list[hyperliquid_rest.Fill]) if hyperliquid_rest.is_perpetual(row.coin)]
        now_ns = self._link.now_ns()
        is_complete = not isinstance(told, list) or len(told) < _FILLS_MAX
        return Fills(tuple(hyperliquid_rest.filled(row, now_ns) for row in rows), is_complete)

    # --- the account --------------------------------------------------------------------------------

    async def _account(self) -> hyperliquid_rest.Account:
        return convert(await self._info("clearinghouseState", user=self._user), hyperliquid_rest.Account)

    async def positions(self) -> tuple[PositionSeen, ...]:
        """Of the venue's own perpetuals."""
        return hyperliquid_rest.positions_of(await self._account())

    async def money(self) -> tuple[Money, ...]:
        """USDC."""
        return (hyperliquid_rest.money_of(await self._account()),)

    async def open_orders(self) -> tuple[OrderRead, ...]:
        """Of perpetuals."""
        told = convert(await self._info("frontendOpenOrders", user=self._user), list[hyperliquid_rest.Order])
        rows = [row for row in told if hyperliquid_rest.is_perpetual(row.coin)]
        return tuple(hyperliquid_rest.order_read(row, "open", row.stamp_ms) for row in rows)


def _switch(link: RestLink) -> Switch:
    """`scheduleCancel`: of the whole account; only for those who have traded enough (1 million USD, facts 4.3)."""

    async def arm(scope: str, countdown_s: int) -> None:
        del scope
        action: dict[str, object] = {"type": "scheduleCancel"}
        if countdown_s:
            action["time"] = ms_from_ns(link.now_ns()) + countdown_s * 1000
        params: dict[str, object] = {"action": action, "expiresAfter": None}
        convert(await link.ask(Request(function=_ACT, params=params)), hyperliquid_rest.Scheduled)

    return Switch(lambda _: "account", arm)


def _prepare(exchange: Any) -> None:
    """The key where ccxt looks for it, nothing signed for anybody else, and our own way to send an action."""
    exchange.walletAddress, exchange.privateKey = exchange.apiKey, exchange.secret
    exchange.handle_builder_fee_approval = exchange.set_ref = exchange.initialize_client = _nothing
    last_nonce = 0

    async def act(params: dict[str, Any]) -> object:
        nonlocal last_nonce
        last_nonce = nonce = max(last_nonce + 1, exchange.milliseconds() - exchange.options.get("timeDifference", 0))
        action, expires_ms = params["action"], params["expiresAfter"]
        request = {"action": action, "nonce": nonce, "vaultAddress": None}
        request["signature"] = exchange.sign_l1_action(action, nonce, None, expires_ms)
        if expires_ms is not None:
            request["expiresAfter"] = expires_ms
        return await exchange.privatePostExchange(request)

    async def agent(params: dict[str, Any]) -> object:
        del params
        return exchange.eth_get_address_from_private_key(exchange.privateKey)

    setattr(exchange, _ACT, act)
    setattr(exchange, _AGENT, agent)


async def _nothing(*_: object) -> bool:
    return True


def _wiring(settings: VenueSettings) -> Wiring:
    """Test and production differ in what is signed, not only in the host: an action of one is none of the other."""
    url = settings.rest_url.rstrip("/")
    return Wiring(
        exchange="hyperliquid",
        urls={"public": url, "private": url},
        refusal=hyperliquid_rest.refusal,
        options={"sandboxMode": bool(settings.is_testnet), "builderFee": False, "approvedBuilderFee": True},
        credentials=settings.credentials,
        prepare=_prepare,
    )


FACTS: Final = VenueFacts(wiring=_wiring, rest=HyperliquidRest, errors=ERRORS, switch=_switch)
