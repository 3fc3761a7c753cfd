"""Takes the cost of every hedge of one book apart as it is booked: its fills, what followed them, the risk meanwhile.

Fed by whoever drives an engine, on the virtual clock or from a tape. Slippage and fees are the engine's own figures.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from bot.book import BookParams
from bot.domain.commands import PlaceOrder
from bot.domain.decided import FillBooked, Outcome
from bot.domain.events import Event, Filled, SnapshotTaken, Ticked
from bot.domain.ids import InstrumentId, Label
from bot.domain.time import NS_PER_YEAR, Ns, iso_utc
from bot.domain.units import ZERO, float_from_decimal
from bot.engine import Engine
from bot.hedging.policies import entry_of
from bot.observe.costs import MARK_OUTS_NS, CostReport, HedgeCosts, Piece, added, maker_mark_outs
from bot.risk.profit import move_usd

_APART_USD_MAX: Final = 1e-4
"""The parts add up to the run's figures within a hundredth of a cent: they are sums of floats in another order."""


class _Fill(Struct):
    """A fill of a hedge, and what is still to come of it."""

    label: Label
    instrument: InstrumentId
    amount_native: Decimal
    price_usd: float
    booked_ns: Ns
    piece: Piece
    due: list[str]
    """Mark-outs not known yet."""


class _Sent(Struct, frozen=True):
    """A hedge that left."""

    order: PlaceOrder
    decided_ns: Ns
    half_spread_usd: float


class CostAudit:
    """What one book's fills cost; fed with every event after the engine took it."""

    def __init__(self, params: BookParams) -> None:
        """Nothing seen."""
        self._params = params
        self._parts = entry_of(params.band).parts
        self._sent: dict[Label, _Sent] = {}
        self._fills: list[_Fill] = []
        self._waiting: list[_Fill] = []
        self._fees_usd = 0.0
        self._fees_elsewhere_usd = 0.0
        self._risk_usd: float | None = None
        self._rate_usd_per_year = 0.0
        self._seen_ns: Ns | None = None

    def see(self, engine: Engine, event: Event, outcome: Outcome) -> None:
        """One event and what the engine made of it."""
        notes = [note for note in outcome.notes if isinstance(note, FillBooked)]
        if notes:
            self._book(engine, event, notes)
        if isinstance(event, Ticked):
            self._tick(engine, event.now_ns)
            for command in outcome.commands:
                if isinstance(command, PlaceOrder):
                    half_usd = _half_spread_usd(engine, command.instrument)
                    assert half_usd is not None, "an order without a look at the market"
                    self._sent[command.label] = _Sent(command, event.now_ns, half_usd)

    def _book(self, engine: Engine, event: Event, notes: list[FillBooked]) -> None:
        """Fills the engine has just counted; the fee of each by its share of what the engine's fees grew by."""
        told = event.fills if isinstance(event, SnapshotTaken) else (event,)
        fills = {fill.fill_id: fill for fill in told if isinstance(fill, Filled)}
        before_usd, self._fees_usd = self._fees_usd, -engine.account.profit.usd().fees
        grown_usd = self._fees_usd - before_usd
        paid = [float_from_decimal(note.fee_native) for note in notes]
        whole = sum(paid)
        for note, fee in zip(notes, paid, strict=True):
            fee_usd = grown_usd * fee / whole if whole else grown_usd / len(notes)
            fill = next((seen for name, seen in fills.items() if name == note.fill_id), None)
            sent = None if note.label is None else self._sent.get(note.label)
            if sent is None or fill is None:
                self._fees_elsewhere_usd += fee_usd
                continue
            self._fills.append(self._fill(engine, fill, note, sent, fee_usd))
            self._waiting.append(self._fills[-1])

    def _fill(self, engine: Engine, fill: Filled, note: FillBooked, sent: _Sent, fee_usd: float) -> _Fill:
        spec = engine.view.instruments[fill.instrument]
        amount, price = float_from_decimal(fill.amount_native), float_from_decimal(fill.price_native)
        mid = _mid_usd(engine, fill.instrument)
        from_mid_usd = -note.slippage_usd if mid is None else -move_usd(spec, amount, price, mid)
        coin = abs(amount) / price if spec.amount_is_in_usd else abs(amount)
        half_usd = (-1.0 if fill.is_maker else 1.0) * sent.half_spread_usd * coin
        piece = Piece(
            traded_usd=coin * price,
            half_spread_usd=half_usd,
            waiting_usd=-note.slippage_usd - from_mid_usd,
            beyond_usd=from_mid_usd - half_usd,
            fee_usd=fee_usd,
            is_maker=fill.is_maker,
            mark_outs_usd={},
        )
        return _Fill(
            sent.order.label,
            fill.instrument,
            fill.amount_native,
            price,
            fill.received_ns,
            piece,
            list(MARK_OUTS_NS),
        )

    def _tick(self, engine: Engine, now_ns: Ns) -> None:
        """Mark-outs that are due, and the risk of what was open since the last decision."""
        for fill in self._waiting:
            due = [word for word in fill.due if now_ns - fill.booked_ns >= MARK_OUTS_NS[word]]
            mid = _mid_usd(engine, fill.instrument) if due else None
            if mid is None:
                continue
            spec, amount = engine.view.instruments[fill.instrument], float_from_decimal(fill.amount_native)
            for name in due:
                fill.piece.mark_outs_usd[name] = move_usd(spec, amount, fill.price_usd, mid)
                fill.due.remove(name)
        self._waiting = [fill for fill in self._waiting if fill.due]
        if self._seen_ns is not None and self._risk_usd is not None:
            self._risk_usd += self._rate_usd_per_year * (now_ns - self._seen_ns) / NS_PER_YEAR
        self._seen_ns = now_ns
        self._rate_usd_per_year = self._rate(engine)

    def _rate(self, engine: Engine) -> float:
        """Risk aversion / 2 x variance a year of the distance from the target, at the book's own volatility."""
        looked = engine.looked
        if self._parts is None or looked is None or looked.inputs is None or looked.now is None:
            return 0.0
        inputs = looked.inputs
        aversion = self._parts(self._params.band, inputs).get("risk_aversion_per_usd")
        if aversion is None or inputs.iv_mark is None:
            return 0.0
        self._risk_usd = self._risk_usd or 0.0
        open_usd = (inputs.delta_coin_net - looked.now.band.target_coin) * inputs.price_usd
        return 0.5 * aversion * (open_usd * inputs.iv_mark) ** 2

    def report(self, engine: Engine, of_run: tuple[str, str], compared: str) -> CostReport:
        """Everything so far, and whether it adds up to what the engine counts."""
        totals = added([fill.piece for fill in self._fills])
        profit = engine.account.profit.usd()
        apart = max(
            abs(totals.slippage.usd + profit.slippage),
            abs(totals.fees.usd + self._fees_elsewhere_usd + profit.fees),
        )
        is_equal = apart <= _APART_USD_MAX + 1e-9 * totals.traded_usd
        risk_usd = self._risk_usd
        return CostReport(
            run_id=of_run[0],
            mode=of_run[1],
            book=self._params.book,
            hedges=tuple(self._hedge(sent, engine) for sent in self._sent.values()),
            totals=totals,
            maker_mark_outs=maker_mark_outs([fill.piece for fill in self._fills]),
            fees_elsewhere_usd=self._fees_elsewhere_usd,
            slippage_of_run_usd=profit.slippage,
            fees_of_run_usd=profit.fees,
            risk_usd=risk_usd,
            cost_ratio=totals.total.usd / risk_usd if risk_usd else None,
            compared=compared,
            problem="" if is_equal else f"{apart:.6f} USD of slippage or fees belong to no hedge",
        )

    def _hedge(self, sent: _Sent, engine: Engine) -> HedgeCosts:
        order = sent.order
        fills = [fill for fill in self._fills if fill.label == order.label]
        filled = sum((fill.amount_native for fill in fills), ZERO)
        weighted = sum(float_from_decimal(fill.amount_native) * fill.price_usd for fill in fills)
        return HedgeCosts(
            label=order.label,
            seq=order.decided_seq,
            decided_ns=sent.decided_ns,
            at=iso_utc(sent.decided_ns),
            instrument=order.instrument,
            amount_native=order.amount_native,
            filled_native=filled,
            unit="USD" if engine.view.instruments[order.instrument].amount_is_in_usd else self._params.book,
            arrival_mid_usd=order.arrival_mid_native,
            price_usd=weighted / float_from_decimal(filled) if filled else None,
            costs=added([fill.piece for fill in fills]),
        )


def _half_spread_usd(engine: Engine, name: InstrumentId) -> float | None:
    """Of a hedge instrument, as last seen; None without both sides."""
    touch = engine.view.touch(name)
    if touch is None or touch.bid_native is None or touch.ask_native is None:
        return None
    return max(0.5 * (touch.ask_native - touch.bid_native), 0.0)


def _mid_usd(engine: Engine, name: InstrumentId) -> float | None:
    """Of a hedge instrument, as last seen; None without both sides."""
    touch = engine.view.touch(name)
    if touch is None or touch.bid_native is None or touch.ask_native is None:
        return None
    return 0.5 * (touch.bid_native + touch.ask_native)
