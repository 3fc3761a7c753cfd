"""Why a decision came out as it did, in one sentence.

Knows what each reason means to somebody who knows options but not this program. A reason without words of its own
is told by its name and its detail.
"""

from collections.abc import Callable
from typing import Final

from bot.domain.decided import Decided
from bot.domain.reasons import Action, Reason
from bot.observe.explained import Explained


def sentence(told: Explained) -> str:
    """Why it hedged or did not, in one sentence."""
    decided = told.decided
    words = _REASONS.get(decided.reason)
    because = _otherwise(told) if words is None else words(told)
    begin = {Action.HEDGE: _hedged(told), Action.SKIP: "No hedge", Action.REFUSE: "Hedging refused"}[decided.action]
    detail = f" ({decided.detail})" if decided.detail and decided.detail not in because else ""
    return f"{begin} because {because}{detail}."


def _hedged(told: Explained) -> str:
    decided = told.decided
    side = "buy" if decided.trade_coin > 0.0 else "sell"
    each = [
        f"{abs(sent.trade_coin):.6f} {decided.book} of {sent.order.instrument} "
        f"at {sent.order.price_native:,} USD or better"
        for sent in told.sent
    ] or [f"{abs(decided.trade_coin):.6f} {decided.book} of {decided.hedge_instrument}"]
    aim = (
        "" if decided.target_coin is None else f", aiming at a net delta of {decided.target_coin:+.6f} {decided.book},"
    )
    return f"Ordered to {side} {' and '.join(each)}{aim}"


def _net(told: Explained) -> str:
    decided = told.decided
    low, high = decided.delta_coin_low, decided.delta_coin_high
    if decided.delta_coin_net is None or low is None or high is None:
        return "the net delta"
    if high - low < 1e-9:
        return f"the net delta of {decided.delta_coin_net:+.6f} {decided.book}"
    return f"the net delta, somewhere in {span_words(low, high)} {decided.book},"


def _inside(told: Explained) -> str:
    return f"{_net(told)} is inside the band of {_edges_of(told.decided)} {told.decided.book}"


def _outside(told: Explained) -> str:
    decided = told.decided
    low, high = decided.delta_coin_low, decided.delta_coin_high
    is_sure = (
        low is None
        or high is None
        or decided.band_low_coin is None
        or decided.band_high_coin is None
        or low > decided.band_high_coin
        or high < decided.band_low_coin
    )
    return f"{_net(told)} {'is' if is_sure else 'may be'} outside the band of {_edges_of(decided)} {decided.book}"


def _small(told: Explained) -> str:
    least = "" if told.band is None else f" ({told.band.trade_coin_min:g} {told.decided.book} or one lot)"
    return f"{_outside(told)}, but by less than the smallest hedge{least}"


def _just(words: str) -> Callable[[Explained], str]:
    return lambda _: words


def _due_but(words: str) -> Callable[[Explained], str]:
    return lambda told: f"{_outside(told)}, but {words}"


def _otherwise(told: Explained) -> str:
    return f"{told.decided.reason.value.replace('_', ' ')}: {told.decided.detail or 'see the reference of reasons'}"


_REASONS: Final[dict[Reason, Callable[[Explained], str]]] = {
    Reason.OUTSIDE_BAND: _outside,
    Reason.OUTSIDE_BAND_SURELY: lambda told: f"{_outside(told)} wherever it is; only what is certain is traded",
    Reason.INSIDE_BAND: _inside,
    Reason.BELOW_TRADE_MIN: _small,
    Reason.TOO_SOON: _due_but("the least time since the last hedge is not over"),
    Reason.PRICE_HARDLY_MOVED: _due_but("the price has not moved as far since the last hedge as the filter asks"),
    Reason.REVERSES_TOO_SOON: _due_but("it would take back the last fill too soon, and the delta is not far outside"),
    Reason.LOOP_GAIN: _due_but("own hedges move the price, and the last one is too fresh"),
    Reason.OSCILLATES: lambda told: f"{_inside(told)}, which is wider for a while: hedges took each other back",
    Reason.RUNAWAY: _due_but("the price follows own hedges, and nothing is hedged for a while"),
    Reason.PARTICIPATION: _due_but("own trades are their largest part of this minute's volume"),
    Reason.TACTIC_WAITS: _due_but("the tactic lets it wait for the moment"),
    Reason.ORDER_PENDING: _due_but("an order is under way whose fill is not known yet"),
    Reason.NO_OPTIONS: _just("no option is held and no hedge is left over"),
    Reason.NOT_RECONCILED: _just("positions and orders have not been compared with the venue's yet"),
    Reason.STREAM_LOST: lambda told: f"a connection is down: {told.decided.detail}",
    Reason.HEDGE_QUOTE_DISTRUSTED: lambda told: (
        f"{told.decided.hedge_instrument} has no quote that can be traded on: {told.decided.detail}"
    ),
    Reason.EQUITY_UNKNOWN: lambda told: f"the convention counts the equity, which is not known: {told.decided.detail}",
    Reason.DELTA_UNCERTAIN: lambda told: (
        f"what is not known leaves deltas on both sides of a band edge possible: {told.decided.detail}"
    ),
    Reason.VENUE_DISAGREES: lambda told: f"the venue's figures of the account differ from ours: {told.decided.detail}",
    Reason.SPREAD_TOO_WIDE: _due_but("the hedge instrument is quoted too wide"),
    Reason.LIMIT_ORDER_USD: _due_but("the order would be larger than allowed"),
    Reason.LIMIT_POSITION_USD: _due_but("the hedge position would be larger than allowed"),
    Reason.NO_HEADROOM: _due_but("no hedge instrument has room left by its margin or before its expiry"),
    Reason.LIMIT_DELTA_WORST: _due_but("the worst case after the trade would be beyond the hard limit"),
    Reason.LIMIT_EXPLAINED: _due_but("the order would be larger than the delta explains, a mistake of ours"),
    Reason.LIMIT_ORDER_RATE: _due_but("the orders of this minute are used up"),
    Reason.PIN_WAIT: _due_but("the price sits on a strike that expires soon, and the last hedge was a moment ago"),
    Reason.PIN_STOP: _due_but("the price sits on a strike that expires soon, and this book does not hedge then"),
    Reason.PRICE_BAND: _due_but("the venue would not take the price"),
    Reason.BACKING_OFF: _due_but("the venue refused an order, or an order met nobody, a moment ago"),
    Reason.PAUSED: lambda told: f"trading is stopped until an operator resumes it: {told.decided.detail}",
    Reason.REDUCE_ONLY: _due_but("only what lowers the worst case may be traded now"),
    Reason.FLATTENING: _just("an operator or a trigger wants the hedges closed, whatever the delta"),
    Reason.STOPPING: lambda told: f"the run was asked to end: {told.decided.detail}",
    Reason.HALTED: lambda told: f"trading was halted until a human looks: {told.decided.detail}",
}


def span_words(low_coin: float, high_coin: float) -> str:
    """Two deltas, coins."""
    return f"{low_coin:+.6f} to {high_coin:+.6f}"


def _edges_of(decided: Decided) -> str:
    if decided.band_low_coin is None or decided.band_high_coin is None:
        return "nothing"
    return span_words(decided.band_low_coin, decided.band_high_coin)
