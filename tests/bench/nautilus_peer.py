"""Runs inside the environment of nautilus_trader: its backtest engine with a strategy in Python that hedges options.

Options and perpetual quote alike on an inverse perpetual's terms; the options are priced by the library's own greeks.
"""

import json
import sys
import time
from decimal import Decimal

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.core.nautilus_pyo3 import black_scholes_greeks
from nautilus_trader.model.currencies import BTC, USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("DERIBIT")
YEAR_NS = 365 * 86_400 * 1_000_000_000


def instrument(name: str, tick: str, fee: float) -> CryptoPerpetual:
    """An inverse contract in lots of 10 USD; options stand in for themselves as quoted things that are never traded."""
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol(name), VENUE),
        raw_symbol=Symbol(name),
        base_currency=BTC,
        quote_currency=USD,
        settlement_currency=BTC,
        is_inverse=True,
        price_precision=len(tick.partition(".")[2]),
        size_precision=0,
        price_increment=Price.from_str(tick),
        size_increment=Quantity.from_str("10"),
        max_quantity=None,
        min_quantity=None,
        max_notional=None,
        min_notional=None,
        max_price=None,
        min_price=None,
        margin_init=Decimal("0.01"),
        margin_maint=Decimal("0.005"),
        maker_fee=Decimal(str(fee)),
        taker_fee=Decimal(str(fee)),
        ts_event=0,
        ts_init=0,
    )


class Hedger(Strategy):
    """Greeks of a leg at each of its quotes; a hedge at the perpetual's."""

    def begin(self, perpetual: CryptoPerpetual, options: dict[InstrumentId, tuple[float, bool]], terms: dict) -> None:
        """What it hedges, with what, and how."""
        self.perpetual, self.options, self.terms = perpetual, options, terms
        self.deltas: dict[InstrumentId, float] = {}
        self.price, self.held_usd, self.hedges = 0.0, 0.0, 0

    def on_start(self) -> None:
        """Subscribe to everything."""
        for name in (self.perpetual.id, *self.options):
            self.subscribe_quote_ticks(name)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Greeks, then perhaps a hedge."""
        if tick.instrument_id != self.perpetual.id:
            if self.price:
                strike, is_call = self.options[tick.instrument_id]
                years = (self.terms["expiry_ns"] - tick.ts_event) / YEAR_NS
                greeks = black_scholes_greeks(self.price, 0.0, 0.0, self.terms["iv"], is_call, strike, years, 1.0)
                self.deltas[tick.instrument_id] = greeks.delta
            return
        self.price = 0.5 * (float(tick.bid_price) + float(tick.ask_price))
        if len(self.deltas) < len(self.options):
            return
        net, band = sum(self.deltas.values()) + self.held_usd / self.price, self.terms["band_coin"]
        if -band <= net <= band:
            return
        edge = band if net > band else -band
        amount = int((edge - net) * self.price / 10.0) * 10
        if amount:
            side = OrderSide.BUY if amount > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(self.perpetual.id, side, Quantity.from_int(abs(amount))))
            self.held_usd += amount
            self.hedges += 1


def main() -> None:
    """Print one JSON object; the file of the rows as the first argument."""
    terms = json.loads(open(sys.argv[1]).read())  # noqa: PTH123, SIM115 - a script of a few lines
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(1_000, BTC)], base_currency=BTC)
    names = sorted({row[0] for row in terms["quotes"]})
    listed = {
        name: instrument(name, "0.5" if name == "BTC-PERPETUAL" else "0.0001", terms["fee_rate"]) for name in names
    }
    for item in listed.values():
        engine.add_instrument(item)
    size = Quantity.from_int(1_000_000)
    engine.add_data(
        [
            QuoteTick(
                listed[name].id, listed[name].make_price(bid), listed[name].make_price(ask), size, size, at_ns, at_ns
            )
            for name, at_ns, bid, ask in terms["quotes"]
        ]
    )
    perpetual = listed.pop("BTC-PERPETUAL")
    options = {item.id: (float(name.split("-")[2]), name.endswith("C")) for name, item in listed.items()}
    hedger = Hedger()
    hedger.begin(perpetual, options, terms)
    engine.add_strategy(hedger)
    began_s = time.process_time()
    engine.run()
    took_s = time.process_time() - began_s
    fees = sum(float(commission) for order in engine.cache.orders() for commission in order.commissions())
    found = {
        "quotes_per_s": round(len(terms["quotes"]) / took_s),
        "hedges": hedger.hedges,
        "fees_usd": round(fees * hedger.price, 2),
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
