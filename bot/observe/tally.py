"""Counts a run and puts its result together: the JSON object every mode prints at its end.

Fed with what was applied and what came of it; decides nothing.
"""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from bot.domain.commands import PlaceOrder
from bot.domain.decided import NOTHING, AlarmRaised, Decided, FillBooked, Outcome, PhaseChanged, PositionMismatched
from bot.domain.events import Event, OrderRefused
from bot.domain.reasons import Action, Phase
from bot.domain.status import BookStatus, EquitySeen, ProfitUsd
from bot.domain.surface import SmileVerdict
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import Rounding, round_to_step
from bot.observe.charts import HedgeMark, Sample

_SAMPLES_MAX: Final = 4_000
"""Samples kept for pictures; beyond it every second one is dropped and the spacing doubles."""


_MONEY_STEP: Final = Decimal("1e-8")
"""What a venue rounds money to (exchange facts 2.2)."""
_MARKS_MAX: Final = 2_001
"""Hedges kept for pictures, the newest."""


class RunResult(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What a run came to; deltas in coins, profit in USD, parts add up to the total."""

    mode: str
    book: str
    convention: str
    """Which delta the net delta is."""
    seconds: float
    """Time the run covered, on its own clock."""
    events: int
    decisions: int
    hedges: int
    orders: int
    fills: int
    """Fills of the hedge orders."""
    refused: int
    maker_share: float | None = None
    """Of the money traded, what rested; None here and below: nothing was, or nobody counted (`hedgebot tca`)."""
    maker_mark_out_10s_bps: float | None = None
    """What fills that rested had made ten seconds later: negative is what those who took them knew."""
    unknown_open: int
    """Orders whose fate is not known at the end."""
    net_delta_coin_final: float | None
    band_low_coin: float | None
    band_high_coin: float | None
    gamma_coin_per_usd_final: float | None
    positions_match: bool
    """The venue's own positions at the end against ours."""
    outside_band_s: float
    """Time during which a hedge was due: net delta beyond the band by at least the smallest trade."""
    phase: str
    reconciled: bool
    """The book ran in agreement with the venue, or stopped in order and the venue agreed."""
    violations: tuple[str, ...]
    alarms: dict[str, int]
    """How often each was raised, by name, in the order of their first."""
    pnl_usd: ProfitUsd
    equity_coin_bot: Decimal | None = None
    """Equity of the coin account at the end, by our own books: the venue's figure at the start, fills, fees, funding,
    settlements, marks. None here and below: the account has not told."""
    equity_coin_venue: Decimal | None = None
    pnl_coin_bot: Decimal | None = None
    """Its change since the books were opened."""
    pnl_coin_venue: Decimal | None = None
    equity_usdc_bot: Decimal | None = None
    """As above, of the USDC account."""
    equity_usdc_venue: Decimal | None = None
    pnl_usdc_bot: Decimal | None = None
    pnl_usdc_venue: Decimal | None = None
    equity_match: bool | None = None
    """Both sides agree: to the venue's rounding in every currency where marks and account figures are of one moment;
    on a real clock that of the coin account, within what timing explains, when it was compared last. None: never."""
    trace_hash: str | None = None
    """Of every event and command: the same for the same seed, whatever PYTHONHASHSEED."""
    command_hash: str | None = None
    """Of the commands alone: the same in every Python, whose sums of floats may differ in the last digit."""
    var_ratio: float | None = None
    """Variance of profit between samples, hedged over unhedged; recorded history only."""
    var_ratio_delta: float | None = None
    """The same of net delta times index move alone."""
    smile_verdicts: tuple[SmileVerdict, ...] | None = None
    """How each smile rule would have hedged; None where no surface was fitted."""
    tradable_share: float | None = None
    """Of the time, what the bot's data let it trade in; recorded history only."""
    samples: int | None = None
    speed: float | None = None
    """Virtual over real time."""
    faults: dict[str, int] | None = None
    """How often each fault was felt; None of a run without any."""
    starts: int | None = None
    """How often the process was started; None of a run that cannot be killed."""
    halts: dict[str, int] | None = None
    """Halts by cause, each explained by a fault, or it is a violation too."""


MISMATCH: Final = "positions do not match the venue's"


class Tally:
    """Counts of one book's run."""

    def __init__(self, *, trade_coin_min: float, sample_every_ns: Ns) -> None:
        """Start at zero."""
        self._trade_coin_min = trade_coin_min
        self._sample_every_ns = sample_every_ns
        self._last: Decided | None = None
        self._first_ns: Ns | None = None
        self._outside_ns = 0
        self._has_compared = False
        self.events = self.decisions = self.hedges = self.orders = self.fills = self.refused = 0
        self.halts: list[str] = []
        self.alarms: dict[str, int] = {}
        self.samples: list[Sample] = []
        self.marks: deque[HedgeMark] = deque(maxlen=_MARKS_MAX)
        """The newest hedges, for pictures."""

    def passed(self, events_count: int) -> None:
        """So many events were applied and led to nothing."""
        self.events += events_count

    def saw(self, event: Event, outcome: Outcome) -> None:
        """Count one applied event and its outcome."""
        self.events += 1
        if outcome is NOTHING:
            return
        # Every book is told of a refusal; the one whose order it was has an outcome.
        if isinstance(event, OrderRefused):
            self.refused += 1
        for note in outcome.notes:
            if isinstance(note, FillBooked) and note.label is not None:
                self.fills += 1
            elif isinstance(note, PhaseChanged) and note.phase_after is Phase.HALTED:
                self.halts.append(f"halted: {note.cause} {note.detail}".strip())
            elif isinstance(note, AlarmRaised):
                self.alarms[note.name] = self.alarms.get(note.name, 0) + 1
            self._has_compared |= isinstance(note, PositionMismatched) or (
                isinstance(note, PhaseChanged) and Phase.RUNNING in {note.phase_before, note.phase_after}
            )
        for command in outcome.commands:
            self.orders += isinstance(command, PlaceOrder)
        if outcome.decided is not None:
            self._decided(outcome.decided)

    def _decided(self, decided: Decided) -> None:
        self.decisions += 1
        if decided.action is Action.HEDGE:
            self.hedges += 1
            if decided.price_usd is not None:
                mark = HedgeMark(time_ns=decided.now_ns, price_usd=decided.price_usd, trade_coin=decided.trade_coin)
                self.marks.append(mark)
        self._first_ns = decided.now_ns if self._first_ns is None else self._first_ns
        if self._last is not None and self._is_outside(self._last):
            self._outside_ns += decided.now_ns - self._last.now_ns
        self._last = decided

    def _is_outside(self, decided: Decided) -> bool:
        net, low, high = decided.delta_coin_net, decided.band_low_coin, decided.band_high_coin
        if net is None or low is None or high is None:
            return False
        return max(net - high, low - net) >= self._trade_coin_min

    def wants_sample(self, now_ns: Ns) -> bool:
        """Whether the next picture point is due."""
        return not self.samples or now_ns - self.samples[-1].time_ns >= self._sample_every_ns

    def sample(self, status: BookStatus) -> None:
        """Keep a picture point of a book that is trading on a priced market."""
        seen = status.decided
        if not status.is_reconciled or seen is None or seen.price_usd is None or seen.delta_coin_net is None:
            return
        if seen.band_low_coin is None or seen.band_high_coin is None:
            return
        self.samples.append(
            Sample(
                time_ns=seen.now_ns,
                price_usd=seen.price_usd,
                delta_coin_net=seen.delta_coin_net,
                band_low_coin=seen.band_low_coin,
                band_high_coin=seen.band_high_coin,
                profit_usd=status.profit_usd,
            )
        )
        if len(self.samples) > _SAMPLES_MAX:
            del self.samples[1::2]
            self._sample_every_ns = Ns(2 * self._sample_every_ns)

    def result(
        self,
        *,
        mode: str,
        status: BookStatus,
        positions_match: bool | None,
        violations: list[str],
        trace_hash: str | None,
        is_one_moment: bool = False,
    ) -> RunResult:
        """The result object at the end of a run. `positions_match` None: the venue was asked and did not answer.

        `is_one_moment`: marks and account figures are of the same moment, so that equity must match to the digit.
        """
        last = status.decided
        span_ns = 0 if last is None or self._first_ns is None else last.now_ns - self._first_ns
        found = [*violations, *self.halts]
        if positions_match is None:
            found.append("the venue did not tell its positions at the end")
        elif not positions_match:
            found.append(MISMATCH if self._has_compared else "the run ended before it had compared its positions")
        if is_one_moment:
            found += _equity_differences(status.equity)
        result = RunResult(
            mode=mode,
            book=status.book,
            convention=status.convention,
            seconds=span_ns / NS_PER_S,
            events=self.events,
            decisions=self.decisions,
            hedges=self.hedges,
            orders=self.orders,
            fills=self.fills,
            refused=self.refused,
            unknown_open=status.orders_unknown,
            net_delta_coin_final=None if last is None else last.delta_coin_net,
            band_low_coin=None if last is None else last.band_low_coin,
            band_high_coin=None if last is None else last.band_high_coin,
            gamma_coin_per_usd_final=None if last is None else last.gamma_coin_per_usd,
            positions_match=positions_match is True,
            outside_band_s=self._outside_ns / NS_PER_S,
            phase=status.phase.value,
            reconciled=status.is_reconciled or (status.phase is Phase.STOPPED and positions_match is True),
            violations=tuple(found),
            alarms=dict(self.alarms),
            pnl_usd=status.profit_usd,
            trace_hash=trace_hash,
            smile_verdicts=None if status.surface is None else status.surface.verdicts,
            equity_match=_equity_match(status, is_one_moment=is_one_moment),
        )
        return structs.replace(result, **_equity_figures(status))


def _equity_match(status: BookStatus, *, is_one_moment: bool) -> bool | None:
    if not is_one_moment:
        return status.equity_agrees
    return not _equity_differences(status.equity) if status.equity else None


def _equity_differences(equity: Sequence[EquitySeen]) -> list[str]:
    return [
        f"equity is {seen.bot_native} {seen.currency} by our books, {seen.venue_native} by the venue's"
        for seen in equity
        if abs(seen.bot_native - seen.venue_native) > _MONEY_STEP
    ]


def _equity_figures(status: BookStatus) -> dict[str, Decimal]:
    """Fields of the result, by currency and side; eight decimals."""
    figures: dict[str, Decimal] = {}
    words = {status.book: "coin", "USDC": "usdc"}
    for seen in status.equity:
        word = words.get(seen.currency)
        if word is None:
            continue
        for side, native in (("bot", seen.bot_native), ("venue", seen.venue_native)):
            figures[f"equity_{word}_{side}"] = round_to_step(native, _MONEY_STEP, Rounding.NEAREST)
            figures[f"pnl_{word}_{side}"] = round_to_step(native - seen.opening_native, _MONEY_STEP, Rounding.NEAREST)
    return figures
