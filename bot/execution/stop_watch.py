"""Gathers the figures that can stop a book by themselves, and latches what they say.

Reads market and account; what is too much is `risk/triggers.py`'s word.
"""

import math
from collections.abc import Sequence
from typing import Final

from bot.domain.commands import Command
from bot.domain.decided import NOTHING, LossesCounted, Note, Outcome
from bot.domain.events import LossesRestored
from bot.domain.ids import InstrumentId
from bot.domain.status import EquitySeen
from bot.domain.stops import HEDGEBOT, Latch, LossCount
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import float_from_decimal
from bot.execution.account import Account
from bot.execution.reconcile import has_expired
from bot.execution.stops import Stops
from bot.market.view import MarketView
from bot.risk.triggers import LOSSES, Figures, Losses, StopParams, Trigger, Triggers

_EVERY_NS: Final = Ns(NS_PER_S)
"""Between two looks: the confirmations count data, and none of the limits is a matter of milliseconds."""
_TOGETHER_NS: Final = Ns(10 * NS_PER_S)
"""Two indices older than this against each other are no comparison."""
_COUNT_EVERY_NS: Final = Ns(5 * NS_PER_S)
"""Between two counts of losses for the ledger: a kill costs no more of them, and the ledger one row in place."""
_STABLECOINS: Final = frozenset({"USDC", "USDT"})
_DOLLARS: Final = _STABLECOINS | {"USD"}


class StopWatch:
    """Mutable private state of one engine."""

    def __init__(
        self,
        book: str,
        params: StopParams,
        *,
        hedges: tuple[InstrumentId, ...],
        view: MarketView,
        account: Account,
        stops: Stops,
    ) -> None:
        """Nothing seen; `stops` is told, all else is read."""
        self._book = book
        self._params = params
        self._counts_losses = any(rule.trigger in LOSSES for rule in params.rules)
        self._hedges = hedges
        self._view = view
        self._account = account
        self._stops = stops
        self._triggers = Triggers(params)
        self._losses = Losses()
        self._due_ns = Ns(0)
        self._count: LossCount | None = None
        self._count_due_ns = Ns(0)
        self._lifts_count = 0

    def restore(self, event: LossesRestored) -> Outcome:
        """A restart goes on counting where the last run ended."""
        if event.book == self._book:
            self._losses.restore(event.count)
        return NOTHING

    def tick(self, now_ns: Ns) -> tuple[list[Command], list[Note]]:
        """Look, once a second, before anything is decided; what is latched, and what that takes back."""
        if not self._params.rules or now_ns < self._due_ns or not self._account.is_reconciled:
            return [], []
        self._due_ns = Ns(now_ns + _EVERY_NS)
        if self._lifts_count != self._stops.lifts_count:
            self._lifts_count = self._stops.lifts_count
            self._triggers.rearm()
            self._losses.rearm()
            self._count_due_ns = Ns(0)
        commands: list[Command] = []
        notes: list[Note] = []
        for rule, value in self._triggers.tick(self._figures(now_ns)):
            text = f"{value:g}, limit {rule.limit_native:g}"
            latch = Latch(kind=rule.kind, cause=rule.trigger.value, since_ns=now_ns, by=HEDGEBOT, detail=text)
            asked, told = self._stops.trip(latch)
            commands += asked
            notes += told
        return commands, [*notes, *self._counted(now_ns)]

    def _counted(self, now_ns: Ns) -> list[Note]:
        """What a restart goes on from, where a limit needs it and something has changed."""
        if not self._counts_losses or now_ns < self._count_due_ns:
            return []
        self._count_due_ns = Ns(now_ns + _COUNT_EVERY_NS)
        before, self._count = self._count, self._losses.count(now_ns)
        is_same = before is not None and _losses_of(before) == _losses_of(self._count)
        return [] if is_same else [LossesCounted(count=self._count)]

    def _figures(self, now_ns: Ns) -> Figures:
        account = self._account
        marked = self._view.futures.get(self._hedges[0])
        values = self._losses.see(now_ns, account.profit.usd().total)
        values[Trigger.ORDER_RATE] = account.standing.orders_last_minute(now_ns)
        values[Trigger.REFUSALS] = account.standing.refusals_in_a_row
        found = {
            Trigger.SPREAD: self._spread_bps(),
            Trigger.STALENESS: self._oldest_s(now_ns),
            Trigger.MARGIN: _margin_share(account),
            Trigger.RESIDUAL: _residual_usd(self._own_equity(), None if marked is None else marked.index_usd),
            Trigger.DEPEG: self._depeg_bps(now_ns),
        }
        values |= {trigger: value for trigger, value in found.items() if value is not None}
        return Figures(now_ns, Ns(0) if marked is None else marked.received_ns, values)

    def _own_equity(self) -> list[EquitySeen]:
        """Of the accounts this book's legs alone move."""
        shared = _DOLLARS if self._params.shares_dollars else frozenset()
        return [seen for seen in self._account.equity() if seen.currency not in shared]

    def _oldest_s(self, now_ns: Ns) -> float | None:
        """Age of the oldest of the hedge's touch and the tickers of what is held and alive: what expired is silent."""
        view = self._view
        touch = view.touch(self._hedges[0])
        alive = (name for name in self._account.held() if not has_expired(name, view.instruments.get(name), now_ns))
        told = [view.futures.get(name) or view.options.get(name) for name in alive]
        received = [] if touch is None else [touch.received_ns]
        received += [marked.received_ns for marked in told if marked is not None]
        return (now_ns - min(received)) / NS_PER_S if received else None

    def _spread_bps(self) -> float | None:
        touch = self._view.touch(self._hedges[0])
        if touch is None or touch.bid_native is None or touch.ask_native is None:
            return None
        return (touch.ask_native - touch.bid_native) / (0.5 * (touch.ask_native + touch.bid_native)) * 1e4

    def _depeg_bps(self, now_ns: Ns) -> float | None:
        """The farthest of the hedges margined in a stablecoin from the USD index of what is held in coins."""
        usd = self._index(now_ns, is_stable=False)
        stable = self._index(now_ns, is_stable=True)
        return max((abs(index / other - 1.0) * 1e4 for index in stable for other in usd), default=None)

    def _index(self, now_ns: Ns, *, is_stable: bool) -> list[float]:
        """Indices told a moment ago: of hedges in stablecoins, or of what is settled in the coin."""
        found = []
        names = self._hedges if is_stable else (*self._hedges, *self._account.held())
        for name in names:
            spec = self._view.instruments.get(name)
            marked = self._view.futures.get(name) or self._view.options.get(name)
            if spec is None or marked is None or marked.index_usd is None or now_ns - marked.received_ns > _TOGETHER_NS:
                continue
            if (spec.settlement_currency in _STABLECOINS) is is_stable:
                found.append(marked.index_usd)
        return found


def _losses_of(count: LossCount) -> tuple[float, float, float]:
    return count.day_loss_usd, count.peak_loss_usd, count.recent_loss_usd


def _margin_share(account: Account) -> float | None:
    """Maintenance margin over equity, the worst of all accounts; None before one has told of a margin."""
    worth = [(seen.margin_maintenance_native, seen.equity_native) for seen in account.words()]
    shares = [math.inf if equity <= 0.0 else margin / equity for margin, equity in worth if margin > 0.0]
    return max(shares, default=None)


def _residual_usd(seen: Sequence[EquitySeen], index_usd: float | None) -> float | None:
    """Sum over currencies, unsigned each: what one gains and another loses unexplained is not explained together."""
    if not seen or index_usd is None:
        return None
    return math.fsum(
        abs(float_from_decimal(each.bot_native - each.venue_native)) * (1.0 if each.currency in _DOLLARS else index_usd)
        for each in seen
    )
