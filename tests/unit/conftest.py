"""Builders of the core's words: one instrument, event or parameter set each, any field replaceable by keyword."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from bot.book import BookParams
from bot.domain import events as ev
from bot.domain.commands import Command, PlaceOrder, TakeSnapshot
from bot.domain.decided import NOTHING, Decided, Note, Outcome
from bot.domain.ids import InstrumentId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.market_events import DepthSeen, FutureMarked, OptionMarked, Quoted
from bot.domain.seen import OrderSeen, PositionSeen, VenueOrderState
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns, expiry_ns_from_code, ns_from_iso
from bot.engine import Engine
from bot.execution.tactics import cross
from bot.hedging.band import TradeTo
from bot.hedging.bands import fixed
from bot.hedging.modifiers import Modifiers
from bot.journal.manifest import Manifest
from bot.journal.tape import Tape
from bot.market.quality import TrustLimits
from bot.pricing.settlement_window import Window
from bot.risk.collateral import FiguresParams
from bot.risk.conventions import Convention
from bot.risk.limits import Limits

NOW = ns_from_iso("2026-03-01T10:00:00Z")
PERPETUAL = InstrumentId("BTC-PERPETUAL")


class Make:
    """Words with defaults: Deribit's BTC at 100,000 USD on 1 March 2026."""

    now_ns = NOW

    def perpetual(self, **change: object) -> Instrument:
        """Inverse perpetual: amounts in USD, lots of 10."""
        fields = {
            "id": PERPETUAL,
            "venue": "deribit",
            "kind": Kind.PERPETUAL,
            "base": "BTC",
            "settlement": Settlement.COIN,
            "settlement_currency": "BTC",
            "index_name": "btc_usd",
            "contract_size_native": Decimal(10),
            "lot_native": Decimal(10),
            "tick_native": Decimal("0.5"),
            "fee_rate_maker": Decimal("0.00015"),
            "fee_rate_taker": Decimal("0.00035"),
        }
        return Instrument(**(fields | change))

    def linear_perpetual(self, **change: object) -> Instrument:
        """Linear perpetual: amounts in coins, lots of 0.0001."""
        fields = {
            "id": InstrumentId("BTC_USDC-PERPETUAL"),
            "settlement": Settlement.USD,
            "settlement_currency": "USDC",
            "index_name": "btc_usdc",
            "contract_size_native": Decimal("0.0001"),
            "lot_native": Decimal("0.0001"),
        }
        return self.perpetual(**(fields | change))

    def option(self, name: str = "BTC-27MAR26-100000-C", **change: object) -> Instrument:
        """The option its name says: inverse for `BTC-...`, linear for `BTC_USDC-...`."""
        head, code, strike, letter = name.split("-")
        is_linear = head.endswith("_USDC")
        fields = {
            "id": InstrumentId(name),
            "kind": Kind.OPTION,
            "base": head.partition("_")[0],
            "settlement": Settlement.USD if is_linear else Settlement.COIN,
            "settlement_currency": "USDC" if is_linear else head,
            "index_name": "btc_usdc" if is_linear else "btc_usd",
            "contract_size_native": Decimal(1),
            "lot_native": Decimal("0.1"),
            "tick_native": Decimal("0.0001"),
            "expiry_ns": expiry_ns_from_code(code),
            "strike_usd": float(strike),
            "is_call": letter == "C",
        }
        return self.perpetual(**(fields | change))

    def option_marked(self, name: str = "BTC-27MAR26-100000-C", **change: object) -> OptionMarked:
        """At the money on a forward of 100,000, volatility 0.6, received now."""
        fields = {
            "instrument": InstrumentId(name),
            "received_ns": NOW,
            "venue_ns": change.get("received_ns", NOW),
            "bid_native": 0.060,
            "ask_native": 0.062,
            "bid_amount_native": 5.0,
            "ask_amount_native": 5.0,
            "mark_native": 0.061,
            "iv_mark": 0.6,
            "forward_usd": 100_000.0,
            "index_usd": 100_000.0,
            "is_open": True,
        }
        return OptionMarked(**(fields | change))

    def future_marked(self, name: str = PERPETUAL, **change: object) -> FutureMarked:
        """One dollar wide around 100,000, received now."""
        fields = {
            "instrument": InstrumentId(name),
            "received_ns": NOW,
            "venue_ns": change.get("received_ns", NOW),
            "bid_usd": 99_999.5,
            "ask_usd": 100_000.5,
            "bid_amount_native": 1e6,
            "ask_amount_native": 1e6,
            "mark_usd": 100_000.0,
            "index_usd": 100_000.0,
            "price_min_usd": 98_500.0,
            "price_max_usd": 101_500.0,
            "funding_rate_8h": 0.0,
            "is_open": True,
        }
        return FutureMarked(**(fields | change))

    def quoted(self, name: str = PERPETUAL, **change: object) -> Quoted:
        """One dollar wide around 100,000, received now."""
        fields = {
            "instrument": InstrumentId(name),
            "received_ns": NOW,
            "venue_ns": change.get("received_ns", NOW),
            "bid_native": 99_999.5,
            "ask_native": 100_000.5,
            "bid_amount_native": 1e6,
            "ask_amount_native": 1e6,
        }
        return Quoted(**(fields | change))

    def depth_seen(self, name: str = PERPETUAL, **change: object) -> DepthSeen:
        """Two levels a side, two dollars apart, received now."""
        fields = {
            "instrument": InstrumentId(name),
            "received_ns": NOW,
            "venue_ns": change.get("received_ns", NOW),
            "bids": ((99_999.5, 1e6), (99_997.5, 2e6)),
            "asks": ((100_000.5, 1e6), (100_002.5, 2e6)),
        }
        return DepthSeen(**(fields | change))

    def tape(self, folder: Path, events: Sequence[ev.Event]) -> Path:
        """The folder of a run that saw these events and decided nothing."""
        run = Manifest.of_this_process(
            run_id="r1", mode="demo", started_ns=NOW, version="0.1", config_digest="abc", books=[self.book()]
        )
        tape = Tape.open(folder, run)
        for number, event in enumerate(events, start=1):
            tape.take("BTC", number, event, NOTHING)
        tape.close()
        return folder

    def fill(self, fill_id: str, amount: str, label: str | None = None, **change: object) -> ev.Filled:
        """A taker fill of the perpetual at 100,000 without fee."""
        fields = {
            "fill_id": fill_id,
            "order_id": "V-1",
            "label": label,
            "instrument": PERPETUAL,
            "amount_native": Decimal(amount),
            "price_native": Decimal(100_000),
            "fee_native": Decimal(0),
            "fee_currency": "BTC",
            "is_maker": False,
            "received_ns": NOW,
            "venue_ns": NOW,
        }
        return ev.Filled(**(fields | change))

    def updated(self, label: str, state: str, filled: str = "0", **change: object) -> ev.OrderUpdated:
        """The venue's word on an order of the perpetual."""
        fields = {
            "label": label,
            "order_id": "V-1",
            "instrument": PERPETUAL,
            "state": VenueOrderState(state),
            "filled_native": Decimal(filled),
            "received_ns": NOW,
            "venue_ns": NOW,
        }
        return ev.OrderUpdated(**(fields | change))

    def snapshot(self, positions: dict[str, str] | None = None, **change: object) -> ev.SnapshotTaken:
        """Positions by name; no open order and no fill unless given."""
        seen = tuple(
            PositionSeen(instrument=InstrumentId(name), amount_native=Decimal(amount))
            for name, amount in (positions or {}).items()
        )
        fields = {
            "positions": seen,
            "open_orders": (),
            "fills": (),
            "requested_ns": NOW,
            "received_ns": NOW,
        }
        return ev.SnapshotTaken(**(fields | change))

    def order_seen(self, label: str | None, amount: str, **change: object) -> OrderSeen:
        """An open order of the perpetual in a snapshot."""
        fields = {
            "order_id": "V-9",
            "label": label,
            "instrument": PERPETUAL,
            "amount_native": Decimal(amount),
            "filled_native": Decimal(0),
            "price_native": Decimal(100_000),
        }
        return OrderSeen(**(fields | change))

    def place(self, label: str = "hb1", amount: str = "100", **change: object) -> PlaceOrder:
        """An order of the perpetual, valid for two seconds."""
        fields = {
            "label": label,
            "instrument": PERPETUAL,
            "amount_native": Decimal(amount),
            "price_native": Decimal(100_000),
            "arrival_mid_native": 100_000.0,
            "valid_until_ns": Ns(NOW + 2 * NS_PER_S),
            "decided_seq": 1,
        }
        return PlaceOrder(**(fields | change))

    def trust(self, **change: object) -> TrustLimits:
        """Ten seconds for options, two for the hedge."""
        fields = {
            "option_age_ns_max": Ns(10 * NS_PER_S),
            "hedge_age_ns_max": Ns(2 * NS_PER_S),
            "clock_ahead_ns_max": Ns(500 * NS_PER_MS),
            "spread_bps_max": 20.0,
        }
        return TrustLimits(**(fields | change))

    def limits(self, **change: object) -> Limits:
        """Wide enough not to matter."""
        fields = {
            "order_usd_max": 1e6,
            "hedge_position_usd_max": 1e7,
            "delta_coin_worst_max": 100.0,
            "orders_per_minute_max": 60,
            "refusals_in_a_row_max": 5,
            "unresolved_ns_max": 30 * NS_PER_S,
        }
        return Limits(**(fields | change))

    def figures(self, **change: object) -> FiguresParams:
        """Of a BTC book that looks at positions alone."""
        fields = {
            "convention": Convention.OPTIONS_ONLY,
            "coin": "BTC",
            "treasury_coin": 0.0,
            "counts_usdc": False,
            "age_ns_max": Ns(10 * NS_PER_S),
            "window_ns": Ns(1800 * NS_PER_S),
        }
        return FiguresParams(**(fields | change))

    def account_seen(self, **change: object) -> ev.AccountSeen:
        """Ten coins of equity, no position; `delta_coin_total` goes with what else is told."""
        fields = {
            "currency": "BTC",
            "equity_native": 10.0,
            "balance_native": 10.0,
            "margin_initial_native": 0.0,
            "margin_maintenance_native": 0.0,
            "available_native": 10.0,
            "delta_coin_total": 0.0,
            "delta_coin_options": 0.0,
            "received_ns": NOW,
            "delta_coin_by_index": {"btc_usd": 0.0},
            "options_value_native": 0.0,
            "gamma_coin_per_usd_options": 0.0,
            "vega_usd_per_point_options": 0.0,
            "theta_usd_per_day_options": 0.0,
        }
        told = fields | change
        if "delta_coin_total" not in change and told["delta_coin_by_index"] is not None:
            told["delta_coin_total"] = sum(told["delta_coin_by_index"].values()) - (told["options_value_native"] or 0.0)
        return ev.AccountSeen(**told)

    def book(self, **change: object) -> BookParams:
        """A BTC book hedged to zero on the inverse perpetual, band 0.05 coin per coin of option."""
        fields = {
            "book": "BTC",
            "convention": Convention.OPTIONS_ONLY,
            "hedge_instrument": PERPETUAL,
            "label_prefix": "hb",
            "run_tag": "run",
            "band": fixed.Params(),
            "modifiers": Modifiers(trade_to=TradeTo.TARGET),
            "trade_coin_min": 0.0001,
            "tactic": cross.Params(),
            "trust": self.trust(),
            "window": Window(Ns(1800 * NS_PER_S), Ns(4 * NS_PER_S)),
            "limits": self.limits(),
            "reconcile_interval_ns": Ns(60 * NS_PER_S),
            "adopts_positions": False,
        }
        return BookParams(**(fields | change))


class Play:
    """An engine fed by a test, with all that came out of it."""

    def __init__(self, make: Make, **change: object) -> None:
        self.engine = Engine(make.book(**change))
        self.commands: list[Command] = []
        self.notes: list[Note] = []
        self._make = make

    def take(self, *events: ev.Event) -> list[Command]:
        """Apply events; the commands they led to."""
        outcomes: list[Outcome] = [self.engine.apply(event) for event in events]
        fresh = [command for outcome in outcomes for command in outcome.commands]
        self.commands += fresh
        self.notes += [note for outcome in outcomes for note in outcome.notes]
        return fresh

    def tick(self, after_ns: int = 0) -> list[Command]:
        """One tick that long after `NOW`."""
        return self.take(ev.Ticked(now_ns=Ns(NOW + after_ns)))

    def decided(self) -> Decided:
        """The last decision."""
        decided = self.engine.status().decided
        assert decided is not None, "no tick yet"
        return decided

    def connect(self) -> None:
        """Both sockets come up and the specifications of a call and the perpetual arrive."""
        self.take(
            *(ev.StreamRestored(stream=stream, received_ns=Ns(NOW - NS_PER_S)) for stream in ev.StreamName),
            ev.InstrumentListed(instrument=self._make.perpetual(), received_ns=NOW),
            ev.InstrumentListed(instrument=self._make.option(), received_ns=NOW),
        )

    def market(self, after_ns: int = 0) -> None:
        """Fresh tickers of both."""
        at = Ns(NOW + after_ns)
        self.take(self._make.option_marked(received_ns=at), self._make.future_marked(received_ns=at))

    def reconcile(self, positions: dict[str, str], after_ns: int = 0) -> None:
        """Whatever was asked for, a snapshot with these positions comes."""
        at = Ns(NOW + after_ns)
        self.take(self._make.snapshot(positions, requested_ns=at, received_ns=at))

    def ready(self, positions: dict[str, str]) -> None:
        """Connected, reconciled on these positions, market fresh."""
        self.connect()
        self.tick()
        self.market()
        self.reconcile(positions)

    def orders(self, commands: Sequence[Command] | None = None) -> list[PlaceOrder]:
        """Orders among the commands given, or among all so far."""
        chosen = self.commands if commands is None else commands
        return [command for command in chosen if isinstance(command, PlaceOrder)]

    def snapshots(self) -> int:
        """How many snapshots were asked for."""
        return sum(isinstance(command, TakeSnapshot) for command in self.commands)


@pytest.fixture(scope="session")
def make() -> Make:
    """Builders without state."""
    return Make()


@pytest.fixture
def play(make: Make) -> Play:
    """A fresh engine."""
    return Play(make)


@pytest.fixture
def play_with(make: Make) -> Callable[..., Play]:
    """A fresh engine of a book with these parameters."""

    def begin(**change: object) -> Play:
        return Play(make, **change)

    return begin
