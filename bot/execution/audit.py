"""When the account is compared with the venue's figures: after a decision, with nothing of ours under way.

Gathers what the comparison looks at and turns its wish to see positions into a command. Compares nothing itself.
"""

from typing import Final

from msgspec import Struct

from bot.domain.commands import Command, TakeSnapshot
from bot.domain.decided import Decided, Note
from bot.domain.events import AccountSeen, SnapshotTaken
from bot.domain.ids import DERIBIT, InstrumentId, venue_of
from bot.domain.market_events import FutureMarked
from bot.domain.reasons import Reason
from bot.domain.time import NS_PER_S, Ns
from bot.execution.account import Account
from bot.execution.reconcile import is_of_book
from bot.market.view import MarketView
from bot.pricing.settlement_window import Window
from bot.risk.cross_check import CheckParams, CrossCheck
from bot.risk.venue_figures import Scene

_SETTLED_NS: Final = Ns(1 * NS_PER_S)
"""Figures that come this soon after a fill may have been made before it."""


class AuditParams(Struct, frozen=True, kw_only=True):
    """What of a book's parameters comparing needs."""

    book: str
    hedge_instrument: InstrumentId
    window: Window
    check: CheckParams


class Audit:
    """Mutable private state of one engine."""

    def __init__(self, params: AuditParams, view: MarketView, account: Account) -> None:
        """`view` and `account` are read, never changed."""
        self._params = params
        self._view = view
        self._account = account
        self._check = CrossCheck(params.check)
        self._age_ns = 0

    def see_account(self, seen: AccountSeen) -> None:
        """Take a message; only where the options are do figures tell of more than one hedge."""
        if seen.venue == DERIBIT:
            self._check.see(seen)

    def see_future(self, marked: FutureMarked) -> None:
        """Follow the index."""
        if marked.instrument == self._params.hedge_instrument and marked.index_usd is not None:
            self._check.see_price(marked.index_usd, marked.received_ns)

    def see_snapshot(self, taken: SnapshotTaken) -> None:
        """Find the leg that differs most, where something does."""
        scene = self._scene(taken.received_ns) if self._check.is_apart and taken.venue == DERIBIT else None
        if scene is not None:
            ours = [
                item
                for item in taken.positions
                if is_of_book(item.instrument, self._view.instruments, self._params.book)
            ]
            self._check.see_positions(scene, ours)

    @property
    def equity_agrees(self) -> bool | None:
        """Whether both sides' equity agreed when it was compared last; None: not yet."""
        return self._check.equity_agrees

    def blocked(self, now_ns: Ns) -> tuple[Reason, str] | None:
        """The difference for which nothing is placed any more, if there is one."""
        return self._check.blocked(now_ns)

    def tick(self, decided: Decided) -> tuple[list[Command], list[Note]]:
        """Compare what came with this tick; called once its decision has been made and its order counted.

        What is not compared now is forgotten: at the next tick it would be older than a fill.
        """
        now_ns = decided.now_ns
        if not self._check.is_due(now_ns):
            self._check.pass_over()
            return [], []
        self._age_ns = decided.option_age_ns_max or 0
        scene = self._scene(now_ns)
        if scene is None or not self._account.is_reconciled or self._is_trading(now_ns):
            self._check.pass_over()
            return [], []
        notes = self._check.look(scene, [worth for worth in self._account.equity() if worth.venue == DERIBIT])
        wants = self._check.wants_positions(now_ns)
        return ([TakeSnapshot(cause="the venue's figures differ from ours")] if wants else []), notes

    def _is_trading(self, now_ns: Ns) -> bool:
        """Whether an order or a fill of ours may be in one side's figures and not in the other's."""
        last = self._account.last_hedge
        return bool(self._account.working.live()) or (last is not None and now_ns - last.time_ns < _SETTLED_NS)

    def _scene(self, now_ns: Ns) -> Scene | None:
        marked = self._view.futures.get(self._params.hedge_instrument)
        if marked is None or marked.mark_usd is None:
            return None
        return Scene(
            view=self._view,
            held={name: amount for name, amount in self._account.held().items() if venue_of(name) == DERIBIT},
            now_ns=now_ns,
            window=self._params.window,
            price_usd=marked.mark_usd,
            move_usd=self._check.move_usd(now_ns, self._age_ns),
        )
