"""A venue whose prices stand still unless a test moves them, and the words tests order with."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from bot.domain.instruments import Instrument
from bot.domain.time import Ns, expiry_code, ns_from_iso
from bot.sim.exchange import Exchange
from bot.sim.facts import OrderRequest, OrderType, Side, TimeInForce, Told
from bot.sim.history import HistoryRow
from bot.sim.listing import build_listing


class StillMarket:
    """Index, premium and volatility as set; forwards at the index."""

    def __init__(self) -> None:
        """BTC at 50,000 and ETH at 2,000 USD, 50 % volatility, no premium."""
        self.usd = {"btc_usd": 50_000.0, "btc_usdc": 50_000.0, "eth_usd": 2_000.0, "eth_usdc": 2_000.0}
        self.premium = 0.0
        self.volatility = 0.5
        self.is_recorded = False
        self.pressed: list[tuple[str, float]] = []

    def set_btc(self, usd: float) -> None:
        """Move both BTC indices."""
        self.usd["btc_usd"] = self.usd["btc_usdc"] = usd

    def advance(self, now_ns: Ns) -> None:
        """Time changes nothing here."""

    def press(self, base: str, coin: float) -> None:
        """Remembered, without effect."""
        self.pressed.append((base, coin))

    def index_names(self) -> tuple[str, ...]:
        """All four."""
        return tuple(self.usd)

    def index_usd(self, index_name: str) -> float:
        """As set."""
        return self.usd[index_name]

    def forward_usd(self, base: str, expiry_ns: Ns) -> float:
        """The index."""
        del expiry_ns
        return self.usd[f"{base.lower()}_usd"]

    def forward_name(self, base: str, expiry_ns: Ns) -> str:
        """The dated future."""
        return f"{base}-{expiry_code(expiry_ns)}"

    def iv(self, instrument: Instrument) -> float | None:
        """Flat."""
        del instrument
        return self.volatility

    def perp_premium(self, instrument: Instrument) -> float:
        """As set."""
        del instrument
        return self.premium

    def perp_half_spread_usd(self, instrument: Instrument) -> float | None:
        """One tick."""
        del instrument
        return None

    def recorded(self, instrument: Instrument) -> HistoryRow | None:
        """Nothing."""
        del instrument
        return None

    def fresh(self) -> Sequence[str]:
        """Nothing."""
        return ()

    def told(self, instrument: Instrument) -> Told | None:
        """Nothing: a made-up world."""
        del instrument
        return None

    def delivery_usd(self, index_name: str, expiry_ns: Ns, average_usd: float) -> float | None:
        """The average itself."""
        del index_name, expiry_ns
        return average_usd


START_NS = ns_from_iso("2026-11-23T09:00:00Z")
_LISTED = build_listing(START_NS)


@pytest.fixture
def start_ns() -> Ns:
    """A Monday, one hour after settlement."""
    return START_NS


@pytest.fixture
def market() -> StillMarket:
    """Prices that stand still."""
    return StillMarket()


@pytest.fixture
def exchange(market: StillMarket) -> Exchange:
    """The full listing on the still market, no strangers, clients `a` and `b` with money."""
    venue = Exchange(seed=7, start_ns=START_NS, market=market, listed=_LISTED, takers_scale=None)
    for name in ("a", "b"):
        venue.open_account(name, {"BTC": Decimal(10), "ETH": Decimal(100), "USDC": Decimal(1_000_000)})
    return venue


Request = Callable[..., OrderRequest]


@pytest.fixture
def request_for() -> Request:
    """Makes a limit order of account `a` on BTC-PERPETUAL from side, amount, price and what differs."""

    def make(side: str, amount: str, price: str | None, **others: object) -> OrderRequest:
        fields: dict[str, object] = {
            "account": "a",
            "instrument": "BTC-PERPETUAL",
            "side": Side(side),
            "amount_native": Decimal(amount),
            "price_native": None if price is None else Decimal(price),
            "type": OrderType.MARKET if price is None else OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
        }
        return OrderRequest(**(fields | others))

    return make
