"""What a soak came to, in words: a sentence, and the page `docs/explanation/reliability.md`."""

import inspect
from typing import Final

from bot.app.reference import attribute_docs, table
from bot.app.soak import SoakResult, again
from bot.domain.time import NS_PER_S
from bot.drive.alarms_told import RAISED_BY
from bot.sim.faults import CALM_NS, FaultKind, FaultLevel

_K = FaultKind
_DOUBT: Final = "the interval of the delta widens; nothing is sent that could add risk"
_NO_PRICE: Final = "no order until the hedge instrument has a touch that can be traded on"
_UNKNOWN: Final = "unknown until looked up by its label, counted both ways, never sent again"
_ONCE: Final = "each fill counts once, whatever way it comes; the next order waits for all fills of the one before"
_HALT: Final = "the order does not leave; trading halts until an operator starts again"
_BY_LABEL: Final = "the next start finds the intent in the ledger and asks the venue by label before anything else"
_WAITS: Final = "a definite no: the bot waits, longer each time, and decides anew"
_ANEW: Final = "connected anew, later each time; books begin anew, the account is compared before the next order"
_LOOKS: Final = "booked as what it is; the delta that follows from it is hedged"

OUTCOMES: Final[dict[FaultKind, str]] = {
    _K.FEED_DROPPED: "the newest data count, as long as they are young enough",
    _K.FEED_DELAYED: "older data never replace newer ones",
    _K.FEED_DUPLICATED: "older data never replace newer ones",
    _K.FEED_FROZEN: _NO_PRICE,
    _K.SUBSCRIPTION_MISSING: _DOUBT,
    _K.BOOK_GAP: _NO_PRICE,
    _K.BOOK_CROSSED: _NO_PRICE,
    _K.BOOK_ONE_SIDED: _NO_PRICE,
    _K.GREEKS_MISSING: _DOUBT,
    _K.FUNDING_FLIPPED: "changes no decision",
    _K.MARKET_LOST: _NO_PRICE,
    _K.ACCOUNT_LOST: "no order until the account has been compared with the venue's again",
    _K.PRIVATE_DROPPED: _ONCE,
    _K.PRIVATE_DELAYED: _ONCE,
    _K.PRIVATE_DUPLICATED: _ONCE,
    _K.ACCOUNT_OLD: "figures change no position",
    _K.REQUEST_LOST: _UNKNOWN,
    _K.REQUESTS_SLOW: "one order at a time: the next waits for the answer about this one",
    _K.REQUEST_LATE: "the venue refuses it by its `valid_until`; decided anew",
    _K.REPLY_LOST: _UNKNOWN,
    _K.REPLY_LATE: _UNKNOWN,
    _K.NO_ANSWER: _UNKNOWN,
    _K.REFUSED: "by its code: waits and decides anew, looks up, or halts where trying again cannot help",
    _K.CODE_AFTER_ALL: _UNKNOWN,
    _K.QUESTIONS_FAIL: "asked again, later each time, within bounds",
    _K.SNAPSHOTS_LATE: "a look from before a fill proves nothing and is taken again",
    _K.MAINTENANCE: _WAITS,
    _K.SETTLEMENT_LOCK: _WAITS,
    _K.INSTRUMENT_HALTED: _WAITS,
    _K.MARGIN_EXHAUSTED: _WAITS,
    _K.PARTLY_FILLED: "what was filled is booked; the rest is decided anew",
    _K.HUMAN_TRADED: _LOOKS,
    _K.HUMAN_TRADED_OPTION: _LOOKS,
    _K.LIQUIDATED: _LOOKS,
    _K.CLOCK_STEPPED: "deadlines follow the venue's clock as last measured; nothing is sent twice",
    _K.KILLED: "the next start begins with the ledger and compares it with the venue",
    _K.KILLED_BEFORE_INTENT: "nothing left; decided anew",
    _K.KILLED_BEFORE_SEND: _BY_LABEL,
    _K.KILLED_AFTER_SEND: _BY_LABEL,
    _K.LEDGER_FULL: _HALT,
    _K.LEDGER_SLOW: _HALT,
    _K.TAPE_UNWRITABLE: _HALT,
    _K.LEDGER_TORN: "the order has not left; the next start finds the ledger as it was before",
    _K.ORDER_CANCELLED: "it is over; what is still due is decided anew",
    _K.INSTRUMENT_EXPIRED: _WAITS,
    _K.OPTIONS_VENUE_LOST: "a hedge elsewhere goes on while doubt about the options allows it; else as below",
    _K.HEDGE_VENUE_LOST: "no order until its account has been compared again; what was on its way is unknown",
    _K.CONNECTION_DROPPED: _ANEW,
    _K.NETWORK_SILENT: f"noticed by what should have been heard, within half a minute; {_ANEW}",
    _K.FRAME_CUT: f"half a message is none, and the order it was about is unknown; {_ANEW}",
    _K.BYTES_SPLIT: "a message counts when all of it is there",
    _K.BYTES_DELAYED: "what is too old to be traded on is not traded on; answers that come too late are looked up",
    _K.CONNECTIONS_REORDERED: "no order of arrival is relied on: reply, fill and position may come in any",
    _K.SESSION_ENDED: f"{_WAITS}; logged in anew",
}
"""What is promised of each."""

_PROMISES: Final = """
Checked after every event, against what the venue really has:

- no label is used twice, and no order leaves while an earlier one could still trade;
- no order leaves before every fill of the bot's earlier orders is known, nor on a position the venue does not have;
- no order while halted, not reconciled, with a socket down, or on a touch that is stale or distrusted;
- the true delta is one the bot holds possible, at every decision; where it knows an interval only, all of it lies
  beyond the band before anything is sent;
- the worst-case delta of an order is within its limit or no worse for it, and the order makes the true delta no worse;
- an order's price is explained by the newest touch told; what rests never takes;
- no order at once after a refusal, nor more in a minute than allowed;
- every order that left had its intent in the ledger;
- a fill counts once, and a position is the sum of its fills;
- trading halts only where a fault demands it, and each alarm has a fault that explains it; a hedge that cannot be made
  for ten seconds is told.
"""


_HEADS: Final = {False: "## At engine depth", True: "## At wire depth"}
"""Of the two parts; each is written by a soak at its depth, and stays when the other one is written."""
_SPANS: Final = {False: "ten", True: "thirty"}
_WORLDS: Final = {
    False: f"""
    The world is simulated, the engine is the one that trades, and so is the ledger; time is virtual. Everything comes
    from the seed: `hedgebot soak --first N --seeds 1 --faults {FaultLevel.STORM.value}` plays one again, the same to
    the byte. In odd seeds hedges rest before they cross; in two of four they are made at another venue than that of the
    options. That these checks can find something is shown with [planted bugs](mutants.md).
    """,
    True: f"""
    The daemon is the one that trades, with its feeds, gateways (by turns ccxt and the order socket), live driver and
    ledger; the venue is the local exchange, the network is in memory, time is virtual. Everything comes from the seed:
    `hedgebot simulate --wire --seed N --faults {FaultLevel.HEAVY.value} --step-ms 2000` plays one again, the same
    to the byte. One check more: no order arrives after a later one has left.
    """,
}


def sentence(result: SoakResult) -> str:
    """What a soak came to, in one line; the failures before it."""
    lines = [
        f"seed {failure.seed} ({again(failure)}) needs only: "
        + ", ".join(f"{fault.kind.value} at {fault.start_ns}" for fault in failure.faults)
        for failure in result.failures
    ]
    lines += [f"too little: {shortcoming}" for shortcoming in result.shortcomings]
    word = "nothing violated" if not result.violated else f"violated: seeds {list(result.violated)}"
    lines.append(
        f"{result.seeds_count} seeds at {result.level.value}, {result.orders_mean:.1f} orders a seed,"
        f" {result.starts_count} starts: {word}; trace of seeds from {result.first_seed}: {result.trace_hash[:16]}"
    )
    return "\n".join(lines)


def page(result: SoakResult, before: str) -> str:
    """The page; `before` is what it was, of which the part of the other depth is kept."""
    kept = {is_wire: _part_of(before, head) for is_wire, head in _HEADS.items()}
    parts = kept | {result.is_wire: _part(result)}
    text = f"""
    The last {CALM_NS // NS_PER_S} seconds of each run are without faults: by then the book runs again, agrees with the
    venue, has no order in doubt, and its net delta is in the band; the ledger has every trade of the account, once; the
    equity of its books is the venue's. A halt is followed by a new start, as an operator would do it.
    """
    whole = ("# Reliability", _PROMISES.strip(), inspect.cleandoc(text), *filter(None, (parts[False], parts[True])))
    return "\n\n".join(whole) + "\n"


def _part_of(before: str, head: str) -> str:
    """From a heading to the next one of its kind."""
    _, found, rest = before.partition(f"{head}\n")
    return f"{head}\n{rest.partition(f'{chr(10)}## ')[0]}".strip() if found else ""


def _part(result: SoakResult) -> str:
    meanings = attribute_docs(FaultKind)
    rows = [
        (
            f"`{kind.value}`",
            meanings.get(kind.name, ""),
            OUTCOMES[kind],
            ", ".join(
                f"`{name}`" for name, kinds in RAISED_BY.items() if kind in kinds and len(kinds) < len(FaultKind)
            ),
            str(result.faults[kind.value]),
            str(result.seeds_with.get(kind.value, 0)),
        )
        for kind in FaultKind
        if kind.value in result.faults
    ]
    columns = ("fault", "what happens", "what the bot does", "alarms it may raise", "felt", "in seeds")
    halts = ", ".join(f"{count} x `{cause}`" for cause, count in result.halts.items()) or "none"
    text = f"""
    {result.seeds_count} seeds of {_SPANS[result.is_wire]} virtual minutes each, from {result.first_seed} on, at
    `{result.level.value}`: {result.orders_mean:.1f} orders a seed, {result.starts_count} starts of the process, halts:
    {halts}; **{len(result.violated)} seeds with a violation**. Written by `make soak{" WIRE=1" * result.is_wire}`.
    """
    world = inspect.cleandoc(_WORLDS[result.is_wire])
    return "\n\n".join((_HEADS[result.is_wire], inspect.cleandoc(text), world, table(columns, rows)))
