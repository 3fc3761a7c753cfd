"""Cancel on disconnect: which orders are taken back when a websocket ends (exchange facts 3.3).

Covers orders created over that websocket only. Account scope is the default of its later connections. Knows
orders by id; knows no socket and no request.
"""

from dataclasses import dataclass, field
from typing import Final

from bot.sim.exchange import Exchange

CONNECTION, ACCOUNT = "connection", "account"
SCOPES: Final = (CONNECTION, ACCOUNT)
REASON: Final = "cancel_on_disconnect"
_ORDERS_MAX: Final = 10_000
"""Orders remembered for one connection; the oldest of more are long closed."""


@dataclass(slots=True)
class Placed:
    """Orders one connection created, and whether they are taken back at its end."""

    account_by_order: dict[str, str] = field(default_factory=dict)
    is_taken_back: bool | None = None
    """None until the connection authenticates or says what it wants."""

    def note(self, account: str, order_id: str) -> None:
        """Remember an order."""
        self.account_by_order[order_id] = account
        if len(self.account_by_order) > _ORDERS_MAX:
            del self.account_by_order[next(iter(self.account_by_order))]


class Disconnects:
    """Who wants his orders taken back."""

    def __init__(self, exchange: Exchange) -> None:
        """Nobody does."""
        self._exchange = exchange
        self._accounts: set[str] = set()

    def begin(self, placed: Placed, account: str) -> None:
        """A connection authenticates: the account's default becomes its own, once."""
        if placed.is_taken_back is None:
            placed.is_taken_back = account in self._accounts

    def set(self, placed: Placed, account: str, scope: str, *, is_enabled: bool) -> None:
        """Turn it on or off for this connection, or as the default of the account's next ones."""
        if scope == CONNECTION:
            placed.is_taken_back = is_enabled
        elif is_enabled:
            self._accounts.add(account)
        else:
            self._accounts.discard(account)

    def is_enabled(self, placed: Placed, account: str, scope: str) -> bool:
        """Whether it is on in this scope."""
        return account in self._accounts if scope == ACCOUNT else bool(placed.is_taken_back)

    def end(self, placed: Placed) -> int:
        """The connection is gone: take back what it left behind, if that was wanted; how many."""
        left, placed.account_by_order = placed.account_by_order, {}
        if not placed.is_taken_back:
            return 0
        by_account: dict[str, list[str]] = {}
        for order_id, account in left.items():
            by_account.setdefault(account, []).append(order_id)
        return sum(self._exchange.cancel_for(account, ids, REASON) for account, ids in by_account.items())
