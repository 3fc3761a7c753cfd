"""Orders and account requests at Deribit: commands in, events out, nothing is ever sent twice.

Knows the meaning of each answer and each silence (exchange facts 3.1, 3.2, 3.5), whichever way orders travel: through
ccxt, as all questions do, or over a socket of their own. The raw `private/buy` is used, not ccxt's `create_order`: that
one truncates amounts in silence, ignores the tick ladder and needs the market list of the whole venue (facts 4.1).
Must not know why an order is wanted.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from bot.domain.commands import CancelOrder, LookUpOrder, PlaceOrder
from bot.domain.errors import ConfigError, VenueRefused, VenueUnreachable
from bot.domain.events import (
    Event,
    OrderRefused,
    OrderUnknown,
    SnapshotFailed,
)
from bot.domain.ids import InstrumentId, Label, OrderId
from bot.domain.instruments import Instrument
from bot.domain.reasons import RefusalKind
from bot.domain.time import NS_PER_S, Ns, ms_from_ns
from bot.domain.units import ZERO
from bot.venues import deribit, deribit_key
from bot.venues.budget import BackgroundLimit, CreditBucket, OrderRate
from bot.venues.ccxt_client import CcxtClient
from bot.venues.contract import NowNs
from bot.venues.deribit_account import AccountReader
from bot.venues.deribit_errors import ERRORS, order_outcome
from bot.venues.deribit_fees import AccountFees
from bot.venues.deribit_orders import ANSWER_ERRORS, OrderReader
from bot.venues.deribit_reader import instruments_of
from bot.venues.deribit_rest import IndexPrice, Scope
from bot.venues.deribit_session import KEY_CODES
from bot.venues.deribit_socket import OrderSocket
from bot.venues.deribit_wire import Order, Placed
from bot.venues.offset import ClockOffset
from bot.venues.outcome import may_be_late, not_sent, verdict
from bot.venues.settings import VenueSettings
from bot.venues.venue_rest import convert

_ORDER_WAIT_S_MAX: Final = 1.0
_CANCEL_WAIT_S_MAX: Final = 3.0
_TOO_MANY_REQUESTS: Final = 10028


class _Carrier(Protocol):
    """How an order or a cancel travels: once, or not at all."""

    async def call(self, method: str, params: Mapping[str, object]) -> object:
        """Result. VenueRefused: a definite no. VenueUnreachable: nothing left. All else: it may have happened."""


class DeribitGateway:
    """`Gateway`, `Inspector` and `Canceller`. One per process and account."""

    def __init__(
        self,
        settings: VenueSettings,
        now_ns: NowNs,
        nonce: str,
        order_rate: OrderRate | None = None,
        socket: OrderSocket | None = None,
    ) -> None:
        """`nonce` is used for the one log-in that reads the key's scope; without a `socket` orders go through ccxt."""
        self._settings: Final = settings
        self._now_ns: Final = now_ns
        self._nonce: Final = nonce
        self._client: Final = CcxtClient(settings)
        self._socket: Final = socket
        self._carrier: Final[_Carrier] = self._client if socket is None else socket
        self._credits: Final = CreditBucket(order_rate or OrderRate(), asyncio.get_running_loop().time)
        self._background: Final = BackgroundLimit()
        self._listed: Final[dict[InstrumentId, Instrument]] = {}
        self._offset: Final = ClockOffset(self._venue_ms, self._background.wait_turn, now_ns)
        self._orders: Final = OrderReader(self._ask, self._listed, now_ns, lambda: self._offset.ms)
        self._account: Final = AccountReader(self._ask, self._listed, now_ns)
        self._account_id = ""
        self._fees = AccountFees()
        self.scope: str = ""
        """What the key may do, as the venue says; empty without a key."""

    # --- opening -----------------------------------------------------------------------------------

    @property
    def account_id(self) -> str:
        """The account the key belongs to, as the venue says; empty before it was asked, and without a key."""
        return self._account_id

    @property
    def cancels_on_disconnect(self) -> bool:
        """Never for orders by REST: the venue covers only what was sent over a socket that asked for it (facts 3.3)."""
        return self._socket is not None and self._socket.cancels_on_disconnect

    @property
    def order_credits_left(self) -> float:
        """By our own count, which the venue corrects when it refuses."""
        return self._credits.credits_left

    async def open(self) -> None:
        """Connect, measure the clock, check key and account; opening again checks again."""
        await self.reach()
        self.check_clock()
        if self._settings.credentials is not None:
            await self.check_key()
            await self.check_account()
            await self.check_orders()

    async def reach(self) -> None:
        """Connect, and measure the clock on the way; ConfigError or VenueError when that cannot be."""
        self._client.open()
        await self._offset.measure()

    def check_clock(self) -> int:
        """Venue time minus ours in ms; ConfigError when one of the two is wrong."""
        return self._offset.check()

    async def check_key(self) -> str:
        """What the key may do, in the venue's words; ConfigError unless it trades and cannot withdraw (facts 3.7)."""
        credentials = self._settings.credentials
        assert credentials is not None, "there is no key to check"
        params = deribit.login_params(credentials, ms_from_ns(self._now_ns()) + self._offset.ms, self._nonce)
        try:
            # Without a scope parameter: the answer names all the key may do.
            self.scope = scope = convert(await self._ask("public/auth", params), Scope).scope
        except VenueRefused as error:
            if error.code not in KEY_CODES:  # too many requests, maintenance: the key is not to blame, and it passes
                raise VenueUnreachable(f"the log-in is refused: {error}") from None
            raise ConfigError(f"venue.client_id: the key is refused with {error.code}; check key and secret") from None
        deribit_key.demand_scope(scope)
        return scope

    async def check_account(self) -> str:
        """Id of the account the key belongs to; ConfigError when another one is expected."""
        summaries = await self._ask("private/get_account_summaries", {"extended": True})
        self._account_id = deribit_key.demand_account(summaries, self._settings.account_id)
        self._fees = AccountFees(summaries)
        return self._account_id

    async def check_orders(self) -> str:
        """Which way orders go, ready to be used; a socket of their own must find the same key and account there."""
        if self._socket is None:
            return "go through ccxt, and none may rest"
        await self._socket.open()
        rests = "may rest: the venue takes them back" if self.cancels_on_disconnect else "must not rest: it does not"
        return f"go over a socket of their own; they {rests} when it is lost (cancel on disconnect)"

    async def close(self) -> None:
        """Close connections; never raises."""
        if self._socket is not None:
            await self._socket.close()
        await self._client.close()

    async def instruments(self, base: str) -> tuple[Instrument, ...]:
        """All open options, futures and perpetuals on a coin, at what the account pays for them now."""
        if self._account_id:
            self._fees = AccountFees(await self._ask("private/get_account_summaries", {"extended": True}))
        found = tuple(map(self._fees.of, await instruments_of(self._ask, self._settings, base)))
        self._listed.update((instrument.id, instrument) for instrument in found)
        return found

    async def index_usd(self, index_name: str) -> float:
        """Index price now."""
        result = await self._ask("public/get_index_price", {"index_name": index_name})
        return convert(result, IndexPrice).index_price

    # --- orders ------------------------------------------------------------------------------------

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send once. Whatever happens after the first byte left and is no definite answer is OrderUnknown."""
        label = command.label
        if not (self._credits.take_now(is_cancel=False) or await self._credit_before(command.valid_until_ns)):
            return (self._refused(label, "own_order_budget", RefusalKind.BACK_OFF),)
        if self._now_ns() >= command.valid_until_ns:
            return (self._refused(label, "expired_before_sending", RefusalKind.NOT_EXECUTED),)
        if command.rests and not self.cancels_on_disconnect:
            return (self._refused(label, "rests_without_cancel_on_disconnect", RefusalKind.NOT_EXECUTED),)
        method = "private/buy" if command.amount_native > 0 else "private/sell"
        try:
            result = await self._carrier.call(method, self._order_params(command))
            return self._orders.placed(command, result if isinstance(result, Placed) else convert(result, Placed))
        except VenueRefused as error:
            told = self._verdict(label, error)
            if may_be_late(told):
                with contextlib.suppress(*ANSWER_ERRORS):  # the last measurement stands
                    await self._offset.measure()
            return (told,)
        except VenueUnreachable as error:
            return (self._refused(label, f"not_sent: {error}", RefusalKind.UNREACHABLE),)
        except ANSWER_ERRORS as error:
            return (OrderUnknown(label=label, received_ns=self._now_ns(), cause=str(error)),)

    async def _credit_before(self, valid_until_ns: Ns) -> bool:
        left_s = (valid_until_ns - self._now_ns()) / NS_PER_S
        return await self._credits.take(is_cancel=False, wait_s=min(_ORDER_WAIT_S_MAX, left_s))

    def _order_params(self, command: PlaceOrder) -> dict[str, object]:
        # Adding zero writes 1E+2 as 100; post_only is sent because the documents differ on its default.
        rests = command.rests
        params: dict[str, object] = {
            "instrument_name": command.instrument,
            "amount": abs(command.amount_native) + ZERO,
            "type": "limit",
            "price": command.price_native + ZERO,
            "time_in_force": "good_til_cancelled" if rests else "immediate_or_cancel",
            "label": command.label,
            "valid_until": ms_from_ns(command.valid_until_ns) + self._offset.ms,
            "post_only": rests,
            "reduce_only": False,
        }
        if rests:
            params["reject_post_only"] = True
        return params

    def _verdict(self, label: Label, error: VenueRefused) -> Event:
        if error.code == _TOO_MANY_REQUESTS:
            self._credits.drain()
        return verdict(ERRORS, label, error, self._now_ns())

    def _refused(self, label: Label, name: str, kind: RefusalKind) -> OrderRefused:
        return not_sent(label, name, kind, self._now_ns())

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """OrderUpdated; an order already gone is asked for; LookUpFailed when nothing definite is known."""
        if not await self._credits.take(is_cancel=True, wait_s=_CANCEL_WAIT_S_MAX):
            return (self._orders.not_known(command.label, "own order budget"),)
        try:
            result = await self._carrier.call("private/cancel", {"order_id": command.order_id})
            return (self._orders.updated(convert(result, Order)),)
        except VenueRefused as error:
            if order_outcome(error.code).outcome is not RefusalKind.GONE:
                return (self._orders.not_known(command.label, str(error)),)
        except ANSWER_ERRORS as error:
            return (self._orders.not_known(command.label, str(error)),)
        try:
            return await self._orders.after_cancel(command.order_id, command.instrument)
        except ANSWER_ERRORS as error:
            return (self._orders.not_known(command.label, str(error)),)

    async def look_up(self, command: LookUpOrder) -> Sequence[Event]:
        """By label, from `not_before_ns` on. Absent only when asked after `valid_until` and nothing shows it."""
        return await self._orders.look_up(command)

    # --- the account -------------------------------------------------------------------------------

    async def snapshot(self) -> Sequence[Event]:
        """Positions, open orders and fills that belong together; `instruments` comes first."""
        try:
            await self._offset.measure()
        except ANSWER_ERRORS as error:
            return (SnapshotFailed(received_ns=self._now_ns(), cause=str(error)),)
        return await self._account.snapshot()

    async def open_orders(self) -> Sequence[tuple[OrderId, Label | None]]:
        """Open orders of the account, all currencies; VenueError when they cannot be had."""
        return await self._account.open_orders()

    async def cancel_order(self, order_id: OrderId) -> None:
        """Cancel one; VenueError when that is not certain."""
        if not await self._credits.take(is_cancel=True, wait_s=_CANCEL_WAIT_S_MAX):
            raise VenueUnreachable("own order budget")
        await self._client.call("private/cancel", {"order_id": order_id})

    # --- asking ------------------------------------------------------------------------------------

    async def _ask(self, method: str, params: dict[str, object]) -> object:
        await self._background.wait_turn()
        return await self._client.call(method, params)

    async def _venue_ms(self) -> int:
        return convert(await self._client.call("public/get_time", {}), int)
