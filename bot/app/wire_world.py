"""The venue of a run at wire depth: one simulated exchange behind the local Deribit, on a loop's time.

Knows the account and what the venue has of it; nothing of the bot.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from bot.domain.commands import PlaceOrder
from bot.domain.ids import DERIBIT, InstrumentId, Label
from bot.domain.portfolio import PortfolioSpec, resolve
from bot.domain.time import Ns
from bot.domain.units import ZERO
from bot.drive.sim_venue import ACCOUNT
from bot.drive.simulate import FUNDS, seed_positions
from bot.localex.auth import Key, parse_key
from bot.localex.server import LocalExchange, open_accounts
from bot.sim import invariants
from bot.sim.exchange import Exchange
from bot.sim.facts import Position
from bot.venues.settings import Credentials, VenueSettings

_SECRET: Final = "of-a-simulation"  # noqa: S105 - opens nothing but a simulated exchange in this process
_SCOPES: Final = "trade:read_write account:read_write wallet:none"
"""What cancel-on-disconnect needs, too."""


class WireWorld:
    """An exchange with the bot's account, served over the loop's network."""

    in_transit: Final[Mapping[Label, PlaceOrder]] = {}
    """What is on its way is the network's: orders that overtake one another are looked for where they arrive."""

    def __init__(self, exchange: Exchange, portfolio: PortfolioSpec, base: str) -> None:
        """The account holds the portfolio; nobody is served yet. ValueError names a leg that is not listed."""
        self.exchange = exchange
        self._base = base
        key: Key = parse_key(f"{ACCOUNT}:{_SECRET}:{_SCOPES}")
        open_accounts(exchange, [key], FUNDS)
        listed = list(exchange.instruments())
        holdings = resolve(
            portfolio,
            base=base,
            listed=listed,
            index_usd=exchange.index_usd(f"{base.lower()}_usd"),
            now_ns=exchange.now_ns,
        )
        seed_positions(exchange, ACCOUNT, holdings)
        exchange.changes()  # nobody was there to be told
        self.options = sorted(held.instrument.id for held in holdings if held.instrument.is_option)
        self._key = key
        self._server: LocalExchange | None = None
        self._port = 0

    @property
    def accounts(self) -> tuple[str, ...]:
        """The bot's."""
        return (ACCOUNT,)

    @property
    def server(self) -> LocalExchange:
        """What serves it."""
        assert self._server is not None, "not served yet"
        return self._server

    async def serve(self, now_ns: Callable[[], Ns], step_s: float) -> None:
        """Serve on the running loop until `stop`; the market moves, and is told, once a step."""
        self._server = LocalExchange(self.exchange, keys=[self._key], now_ns=now_ns, step_s=step_s)
        self._port = await self._server.start()

    async def stop(self) -> None:
        """Serve no more; raises what made the world fail, if it did."""
        await self.server.stop()

    def settings(self, gateway: str) -> VenueSettings:
        """How the bot finds it."""
        return VenueSettings(
            venue=DERIBIT,
            ws_url=f"ws://127.0.0.1:{self._port}/ws/api/v2",
            rest_url=f"http://127.0.0.1:{self._port}",
            is_testnet=True,
            credentials=Credentials(ACCOUNT, _SECRET),
            gateway=gateway,
        )

    def positions(self) -> list[Position]:
        """The account's positions at the venue now."""
        return self.exchange.positions(ACCOUNT)

    def amounts(self) -> dict[InstrumentId, Decimal]:
        """Non-zero native amounts by instrument."""
        return {
            InstrumentId(item.instrument): item.size_native for item in self.positions() if item.size_native != ZERO
        }

    def violations(self) -> list[str]:
        """What the venue's own books say went wrong on the account."""
        trades, orders = self.exchange.trades_of(ACCOUNT), self.exchange.orders_all(ACCOUNT)
        return [
            *invariants.positions_match_fills(self.positions(), trades, self.exchange.seeded_native(ACCOUNT)),
            *invariants.orders_match_trades(orders, trades),
            *invariants.labels_unique(orders),
            *invariants.trade_ids_unique(trades),
        ]
