"""OKX's replies over REST as typed structures, and what each of them means.

Knows field names, contracts and absent values of OKX's v5 interface (exchange facts 4.3): every number is a string,
"" where there is none; sizes are contracts. Pure functions; must not know the client that fetched them.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal, TypeVar

from msgspec import Struct, field

from bot.domain.errors import MalformedMessage, VenueRefused
from bot.domain.events import Filled
from bot.domain.ids import FillId, InstrumentId, Label, OrderId, instrument_at
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.seen import PositionSeen, VenueOrderState
from bot.domain.time import Ns, ns_from_ms
from bot.domain.units import ZERO, float_from_decimal
from bot.venues.okx import OKX
from bot.venues.venue_rest import Fees, Money, OrderRead, convert, exact, exact_or_none, json_in

T = TypeVar("T")

FEES_LISTED: Final[Fees] = (Decimal("0.0002"), Decimal("0.0005"))
"""Of swaps at the lowest tier, for runs without a key (venue's fee page, 2026)."""

_STATES: Final = {
    "live": VenueOrderState.OPEN,
    "partially_filled": VenueOrderState.OPEN,
    "filled": VenueOrderState.FILLED,
    "canceled": VenueOrderState.CANCELLED,
    "mmp_canceled": VenueOrderState.CANCELLED,
}
_NET: Final = "net"


class _Reply(Struct, rename="camel"):
    code: str
    msg: str = ""
    data: list[object] = []


class _Refused(Struct, rename="camel"):
    s_code: str = "0"
    s_msg: str = ""


class _ErrorReply(Struct, rename="camel"):
    code: str
    msg: str = ""
    data: list[_Refused] = []


class Acked(Struct, rename="camel"):
    """Reply to a new order or a cancel."""

    ord_id: str
    cl_ord_id: str
    s_code: str
    s_msg: str = ""


class Listed(Struct, rename="camel"):
    """A row of public/instruments."""

    inst_id: str
    inst_family: str
    ct_type: str
    ct_val: str
    ct_mult: str
    ct_val_ccy: str
    settle_ccy: str
    lot_sz: str
    min_sz: str
    tick_sz: str
    state: str
    rule_type: str = "normal"
    group_id: str = ""

    @property
    def contract_size_native(self) -> Decimal:
        """Coins of a linear contract, USD of an inverse one."""
        return exact(self.ct_val) * exact(self.ct_mult)

    @property
    def is_perpetual_of_coin(self) -> bool:
        """Whether this is a tradable linear or inverse perpetual, whose contract is counted as we count."""
        base = self.inst_family.partition("-")[0]
        counted = {"linear": base, "inverse": "USD"}.get(self.ct_type)
        return self.state == "live" and self.rule_type == "normal" and counted == self.ct_val_ccy


class Countdown(Struct, rename="camel"):
    """Reply to trade/cancel-all-after."""

    trigger_time: str
    """When all open orders are cancelled; "0": never."""


class _FeeGroup(Struct, rename="camel"):
    group_id: str
    maker: str
    taker: str


class TradeFee(Struct, rename="camel"):
    """What is read of account/trade-fee: negative is a cost."""

    maker: str = ""
    taker: str = ""
    maker_u: str = ""
    taker_u: str = ""
    maker_usdc: str = field(default="", name="makerUSDC")
    taker_usdc: str = field(default="", name="takerUSDC")
    fee_group: list[_FeeGroup] = []


class Order(Struct, rename="camel"):
    """An order."""

    ord_id: str
    cl_ord_id: str
    inst_id: str
    side: Literal["buy", "sell"]
    sz: str
    acc_fill_sz: str
    px: str
    state: str
    u_time: str


class Fill(Struct, rename="camel"):
    """A fill of this account; `fee` is negative where it is a cost."""

    trade_id: str
    ord_id: str
    cl_ord_id: str
    bill_id: str
    inst_id: str
    side: Literal["buy", "sell"]
    fill_sz: str
    fill_px: str
    fee: str
    fee_ccy: str
    exec_type: str
    ts: str


class Position(Struct, rename="camel"):
    """A position; signed in one-way mode."""

    inst_id: str
    pos_side: str
    pos: str
    avg_px: str = ""
    mark_px: str = ""


class Detail(Struct, rename="camel"):
    """One currency of account/balance."""

    ccy: str
    eq: str
    cash_bal: str
    imr: str = ""
    mmr: str = ""
    avail_eq: str = ""


class Balance(Struct, rename="camel"):
    """account/balance."""

    details: list[Detail]


class Config(Struct, rename="camel"):
    """What is read of account/config."""

    uid: str
    pos_mode: str
    acct_lv: str
    perm: str


class IndexTicker(Struct, rename="camel"):
    """market/index-tickers."""

    idx_px: str


class Time(Struct, rename="camel"):
    """public/time."""

    ts: str


def rows(reply: object, shape: type[T]) -> list[T]:
    """`data` of a reply that is no error; MalformedMessage otherwise."""
    told = convert(reply, _Reply)
    if told.code != "0":
        message = f"code {told.code[:12]!r} where ccxt saw no error"
        raise MalformedMessage(message)
    return [convert(row, shape) for row in told.data]


def one(reply: object, shape: type[T]) -> T:
    """The only row of a reply."""
    found = rows(reply, shape)
    if len(found) != 1:
        message = f"{len(found)} rows of {shape.__name__} where one belongs"
        raise MalformedMessage(message)
    return found[0]


def refusal(text: str, what: str) -> VenueRefused | None:
    """The venue's code in ccxt's text: of the order itself where it tells one, else of the request."""
    reply = json_in(text, _ErrorReply)
    if reply is None:
        return None
    told = next(((row.s_code, row.s_msg) for row in reply.data if row.s_code != "0"), (reply.code, reply.msg))
    return VenueRefused(int(told[0]), f"{told[1][:80]} to {what}") if told[0].isdecimal() else None


def stamp_ns(text: str) -> Ns:
    """Milliseconds of the wire."""
    if not text.isdecimal() or len(text) > len("1770000000000"):
        message = f"{text[:20]!r} is no time"
        raise MalformedMessage(message)
    return ns_from_ms(int(text))


def instrument_from(listed: Listed, fees: Fees) -> Instrument:
    """A perpetual: native amounts are coins (linear) or USD (inverse), whatever a contract is."""
    size = listed.contract_size_native
    lot, least = exact(listed.lot_sz), exact(listed.min_sz)
    if min(size, lot, least, exact(listed.tick_sz)) <= ZERO:
        message = f"{listed.inst_id}: a contract, lot or tick that is not positive"
        raise MalformedMessage(message)
    is_inverse = listed.ct_type == "inverse"
    return Instrument(
        id=instrument_at(OKX, listed.inst_id),
        venue=OKX,
        kind=Kind.PERPETUAL,
        base=listed.inst_family.partition("-")[0],
        settlement=Settlement.COIN if is_inverse else Settlement.USD,
        settlement_currency=listed.settle_ccy,
        index_name=listed.inst_family,
        contract_size_native=size,
        # The least order is a whole number of lots: as the step of amounts it serves for both.
        lot_native=max(lot, least) * size,
        tick_native=exact(listed.tick_sz),
        fee_rate_maker=fees[0],
        fee_rate_taker=fees[1],
    )


def fees_of(fee: TradeFee, listed: Listed) -> Fees:
    """The account's fees of an instrument; what the venue calls -0.0005 costs 0.0005."""
    group = next((group for group in fee.fee_group if group.group_id == listed.group_id), None)
    by_money = {"USDT": (fee.maker_u, fee.taker_u), "USDC": (fee.maker_usdc, fee.taker_usdc)}
    plain = by_money.get(listed.settle_ccy, (fee.maker, fee.taker))
    maker, taker = (group.maker, group.taker) if group is not None else plain
    return (-exact(maker), -exact(taker)) if maker and taker else FEES_LISTED


Sizes = Mapping[InstrumentId, Decimal]
"""Native units of one contract."""


def _native(sizes: Sizes, instrument: InstrumentId, contracts: str) -> Decimal:
    size = sizes.get(instrument)
    if size is None:
        message = f"{instrument} is not listed, so nobody knows what its contract is"
        raise MalformedMessage(message)
    return exact(contracts) * size


def _signed(amount: Decimal, side: str) -> Decimal:
    return amount if side == "buy" else -amount


def order_read(order: Order, sizes: Sizes) -> OrderRead:
    """An order in our words."""
    instrument = instrument_at(OKX, order.inst_id)
    state = _STATES.get(order.state)
    if state is None:
        message = f"order {order.ord_id} is {order.state[:20]!r}"
        raise MalformedMessage(message)
    return OrderRead(
        order_id=OrderId(order.ord_id),
        label=Label(order.cl_ord_id) if order.cl_ord_id else None,
        instrument=instrument,
        amount_native=_signed(_native(sizes, instrument, order.sz), order.side),
        filled_native=_native(sizes, instrument, order.acc_fill_sz or "0"),
        price_native=exact_or_none(order.px),
        state=state,
        venue_ns=stamp_ns(order.u_time),
    )


def filled(fill: Fill, sizes: Sizes, received_ns: Ns) -> Filled:
    """A fill in our words; its id is unique among instruments as well.

    Without a trade's number it is named by its bill: two fills must not share the empty one, or the second is lost.
    """
    instrument = instrument_at(OKX, fill.inst_id)
    number = fill.trade_id or (fill.bill_id and f"bill{fill.bill_id}")
    if not number:
        message = f"a fill of order {fill.ord_id[:20]!r} has no number"
        raise MalformedMessage(message)
    return Filled(
        fill_id=FillId(f"{instrument}:{number}"),
        order_id=OrderId(fill.ord_id),
        label=Label(fill.cl_ord_id) if fill.cl_ord_id else None,
        instrument=instrument,
        amount_native=_signed(_native(sizes, instrument, fill.fill_sz), fill.side),
        price_native=exact(fill.fill_px),
        fee_native=-exact(fill.fee or "0"),
        fee_currency=fill.fee_ccy,
        is_maker=fill.exec_type == "M",
        received_ns=received_ns,
        venue_ns=stamp_ns(fill.ts),
    )


def position_seen(position: Position, sizes: Sizes) -> PositionSeen | None:
    """A position, signed; None when flat. In hedge mode there are two, which is not what we believe."""
    instrument = instrument_at(OKX, position.inst_id)
    contracts = exact(position.pos or "0")
    if contracts == ZERO:
        return None
    if position.pos_side != _NET:
        message = f"{instrument} has a {position.pos_side[:10]} side: the account is in hedge mode"
        raise MalformedMessage(message)
    mark = exact_or_none(position.mark_px)
    return PositionSeen(
        instrument=instrument,
        amount_native=_native(sizes, instrument, position.pos),
        average_native=exact_or_none(position.avg_px),
        mark_native=None if mark is None else float_from_decimal(mark),
    )


def money_of(detail: Detail) -> Money:
    """One currency."""
    return Money(
        currency=detail.ccy,
        equity_native=float_from_decimal(exact(detail.eq or "0")),
        balance_native=float_from_decimal(exact(detail.cash_bal or "0")),
        margin_initial_native=float_from_decimal(exact(detail.imr or "0")),
        margin_maintenance_native=float_from_decimal(exact(detail.mmr or "0")),
        available_native=float_from_decimal(exact(detail.avail_eq or "0")),
    )
