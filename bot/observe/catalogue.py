"""Every log event there is: name, level, fields, meaning. The documentation is printed from this table.

Knows words only. A line whose name or field is not here is a bug and stops the process.
"""

import enum
from typing import Final

from msgspec import Struct


class Level(enum.IntEnum):
    """How much a human should care; the numbers are those of Python's logging."""

    DEBUG = 10
    """Every tick."""
    INFO = 20
    """A human would want it."""
    WARNING = 30
    """Degraded but safe."""
    ERROR = 40
    """Halted, or a human should look now."""


class LogEvent(Struct, frozen=True, kw_only=True):
    """One entry of the catalogue."""

    level: Level
    meaning: str
    fields: tuple[str, ...] = ()


ALWAYS: Final = frozenset({"ts_ns", "level", "event", "run_id", "venue", "seq", "book", "instrument"})
"""Fields any line may have. `ts_ns`, `level`, `event`, `run_id`, `venue` are on each."""

_DECISION: Final = (
    "action",
    "reason",
    "detail",
    "convention",
    "delta_coin_net",
    "delta_coin_low",
    "delta_coin_high",
    "delta_coin_options",
    "delta_coin_futures",
    "delta_coin_collateral",
    "delta_coin_expiring",
    "delta_coin_surviving",
    "delta_coin_delivered",
    "gamma_coin_per_usd",
    "gamma_coin_per_hour",
    "band_low_coin",
    "band_high_coin",
    "target_coin",
    "trade_coin",
    "price_usd",
    "index_usd",
    "hedge_age_ns",
    "option_age_ns_max",
    "doubtful",
    "forwards",
    "split",
    "loop_gain_ratio",
    "width_ratio",
    "regime",
    "vol_ratio",
    "cusum_ratio",
    "jump_test_sigmas",
    "hour_ratio",
    "has_jumped",
    "repeats",
)
_ORDER: Final = ("label", "order_id")


def _debug(meaning: str, *fields: str) -> LogEvent:
    return LogEvent(level=Level.DEBUG, meaning=meaning, fields=fields)


def _info(meaning: str, *fields: str) -> LogEvent:
    return LogEvent(level=Level.INFO, meaning=meaning, fields=fields)


def _warning(meaning: str, *fields: str) -> LogEvent:
    return LogEvent(level=Level.WARNING, meaning=meaning, fields=fields)


def _error(meaning: str, *fields: str) -> LogEvent:
    return LogEvent(level=Level.ERROR, meaning=meaning, fields=fields)


CATALOGUE: Final[dict[str, LogEvent]] = {
    # --- the run ---
    "run.started": _info(
        "The process begins: what runs, with which configuration.",
        *("mode", "version", "config_hash", "config_path", "ledger", "control", "tape", "books", "ws_url", "rest_url"),
        "hedge_venue",
        *("seed", "pid"),
    ),
    "runs.removed": _info("Tapes of old runs were removed, as `[tape] keep_*` say.", "runs", "bytes_freed"),
    "runs.kept": _warning("Tapes of old runs could not be removed; the disk will be full one day.", "cause"),
    "run.ended": _info(
        "The process ends by itself; without this line it was killed.",
        *("cause", "exit_code", "elapsed_s", "events", "decisions", "hedges", "orders", "fills", "refused"),
        *("unknown_open", "positions_match", "profit_usd"),
    ),
    "venue.waited": _warning(
        "At the start the venue cannot be reached or does not answer; it is asked again, five times in all.",
        *("cause", "retry_s"),
    ),
    "lease.held": _debug("The right to trade this account has been renewed; orders end with it.", "until_ns"),
    "lease.waited": _info(
        "Another process holds the lease of this account; this one stands by, and takes over once it has run out.",
        *("holder", "until_ns"),
    ),
    "lease.taken": _info("The lease of this account is ours; its number fences off whoever had it before.", "lease_id"),
    "lease.doubted": _warning(
        "The ledger's database did not renew the lease; no order leaves in its last second.", "cause"
    ),
    "lease.lost": _error("Another process has taken the account over; this one sends nothing more and ends.", "cause"),
    "watchdog.started": _info(
        "The watchdog looks for the bot's heartbeat, which is the lease in its ledger.", "ledger", "silence_s"
    ),
    "watchdog.alarmed": _error(
        "No heartbeat for too long: open orders were listed and ours cancelled; told again every minute.",
        *("cause", "found_count", "cancelled_count", "failed"),
    ),
    "watchdog.cancelled": _warning("An order of ours that nobody looks after has been cancelled.", *_ORDER),
    "watchdog.calmed": _info("The heartbeat is there again, or the bot has ended in order.", "holder"),
    "health.listening": _info("The health page answers on this loopback address.", "host", "port"),
    "day.recalled": _info(
        "The page shows what the ledger has of the 24 hours before this run.", "decisions", "samples"
    ),
    "day.missed": _warning("The ledger could not tell the page of the day before; the page begins empty.", "cause"),
    "request.refused": _warning(
        "Somebody was turned away by the pages; repeats are counted and told once a minute.", "cause", "repeats"
    ),
    "exchange.listening": _info("The local exchange answers on this loopback address.", "host", "port"),
    "stop.requested": _info("A signal or an operator wants an orderly end: no new hedge.", "cause"),
    # --- connection and market ---
    "stream.lost": _warning("A socket is down; nothing on it is fresh.", "stream", "cause"),
    "stream.restored": _info("A socket is up and all subscriptions are acknowledged.", "stream"),
    "message.malformed": _warning(
        "A message was refused by the decoder and not acted on; repeats are counted and told once a minute.",
        *("stream", "cause", "sample", "repeats"),
    ),
    "quote.distrusted": _debug("The touch of an instrument is unknown until its next quote.", "cause"),
    "market.distrusted": _warning("An instrument's data cannot be used; a doubtful leg widens the delta.", "cause"),
    "market.trusted": _info("An instrument's data can be used again."),
    "market.watched": _info("Market data of more instruments is wanted.", "instruments"),
    "surface.fitted": _info(
        "A fit of the volatility surface, once a minute; each rule's hedging error variance over sticky strike's, and "
        "the rules that are better on evidence.",
        *("expiries", "defect", "ssr_ratio", "variance_ratios", "better"),
    ),
    "instrument.listed": _debug("The specification of an instrument is known.", "kind", "settlement", "expiry_ns"),
    # --- decisions ---
    "hedge.decided": _info("A hedge: why, how much, from which data. One canonical line per decision.", *_DECISION),
    "hedge.skipped": _info("Nothing to do; told when the reason changes and once a minute.", *_DECISION),
    "hedge.refused": _warning(
        "Something to do, but not safely; told when the reason changes and once a minute.", *_DECISION
    ),
    "limit.breached": _warning(
        "A hard limit of the configuration stands in the way of a hedge, or the gap-risk ladder is beyond one.",
        *("limit", "detail", "convention", "delta_coin_net"),
    ),
    "regime.changed": _info(
        "The market has become wilder or calmer, by the volatility of five minutes over that of the day.",
        *("regime_before", "regime_after", "vol_ratio", "cusum_ratio", "hour_ratio"),
    ),
    "price.jumped": _warning("The price of the hedge instrument has jumped; hedges are made at once.", "detail"),
    "guard.raised": _warning(
        "A guard against the impact of our own hedging stepped in: wider, smaller or later for a while.",
        *("guard", "detail", "until_ns"),
    ),
    "guard.lifted": _info("The cause a guard stepped in for is gone.", "guard"),
    "ladder.measured": _info(
        "The gap-risk ladder of a book, once a minute: each figure where it is worst, and the profit by move of spot.",
        *("worst", "pnl_usd_by_spot"),
    ),
    # --- orders ---
    "order.sent": _info(
        "An order left, after its intent was durable.",
        *("label", "amount_native", "price_native", "arrival_mid_native", "valid_until_ns", "decided_seq"),
        "rest_until_ns",
    ),
    "order.acked": _info("The venue has the order.", *_ORDER),
    "order.refused": _warning("A definite no of the venue: the order never existed.", "label", "code", "name", "kind"),
    "order.unknown": _warning("The order may exist: it is looked up by its label, never resent.", "label", "cause"),
    "order.updated": _debug("State of an order as the venue tells it.", *_ORDER, "state", "filled_native"),
    "order.moved": _debug("A working order changed its state.", *_ORDER, "state_before", "state_after", "cause"),
    "order.filled": _info(
        "A fill changed a position; told once per fill id.",
        *("fill_id", "label", "amount_native", "price_native", "fee_native", "fee_currency", "position_native"),
        "slippage_usd",
    ),
    "order.cancelled": _info(
        "An order, or what was left of it, trades no more.", *_ORDER, "state_before", "state_after", "cause"
    ),
    "order.absent": _info("Looked up after its deadline: the venue never had the order.", "label"),
    "order.cancel_sent": _info("An open order is taken back.", *_ORDER),
    "order.looked_up": _info("The venue is asked what became of an order.", *_ORDER, "not_before_ns", "valid_until_ns"),
    "order.lookup_failed": _warning("The look-up gave no answer; the order stays unknown.", "label", "cause"),
    "fill.seen": _debug("A fill arrived, perhaps again.", "fill_id", "label", "amount_native", "price_native"),
    "intent.restored": _warning(
        "An order of an earlier run whose end is not in the ledger: unknown until looked up.",
        *("label", "amount_native", "price_native", "valid_until_ns"),
    ),
    "ledger.restored": _info("What the ledger ends with: positions to expect, fills counted.", "positions", "fills"),
    # --- account and reconciliation ---
    "account.seen": _debug(
        "Account figures of one currency.",
        *("currency", "equity_native", "balance_native", "margin_initial_native", "margin_maintenance_native"),
        *("available_native", "delta_coin_total", "delta_coin_options", "delta_coin_by_index"),
        *("options_value_native", "gamma_coin_per_usd_options", "vega_usd_per_point_options"),
        "theta_usd_per_day_options",
    ),
    "position.settled": _info(
        "The venue booked a daily settlement on a position: funding of the session, or its delivery.",
        *("delivery_usd", "funding_native"),
    ),
    "snapshot.requested": _debug("Positions, orders and fills of the account are asked for.", "cause"),
    "snapshot.taken": _debug("Positions, orders and fills of the account were read.", "positions", "orders", "fills"),
    "snapshot.failed": _warning("No consistent snapshot could be had.", "cause"),
    "book.reconciling": _info("A book asks the venue what is true and does not trade meanwhile.", "cause", "detail"),
    "book.reconciled": _info("A book agrees with the venue and may trade.", "cause", "detail"),
    "venue.agreed": _info("One venue of a book agrees for the first time; the book still waits for another."),
    "position.mismatched": _warning(
        "The venue's position is not the sum of what we saw.", "ours_native", "venue_native", "is_final"
    ),
    "figure.differs": _warning(
        "A figure of the account differs from the venue's for longer than timing explains; the leg that differs most.",
        *("figure", "ours_native", "venue_native", "tolerance_native"),
    ),
    "figure.agrees": _info(
        "A figure that differed agrees again.", "figure", "ours_native", "venue_native", "tolerance_native"
    ),
    "stranger.seen": _warning("An open order on the account that is not ours.", *_ORDER),
    # --- ends and alarms ---
    "trading.stopping": _info("No new hedge; what works is cancelled.", "cause", "detail"),
    "trading.stopped": _info("Nothing of ours works at the venue any more.", "cause", "detail"),
    "trading.halted": _error("No order until a human has looked and lifted the halt.", "cause", "detail"),
    "operator.acted": _info("A human stopped or resumed trading: who, and the reason given.", "act", "by", "reason"),
    "stop.latched": _error(
        "A stop is on until an operator lifts it with `hedgebot resume`, over restarts as well.",
        *("kind", "cause", "by", "detail"),
    ),
    "stop.lifted": _warning(
        "A stop was lifted, or another one of the operator took its place.",
        *("kind", "cause", "since_ns", "by", "reason"),
    ),
    "stops.restored": _error("The run begins with the stops the last one ended with; nobody has lifted them.", "stops"),
    "losses.counted": _debug("How far losses have come that a limit counts.", "day_loss_usd", "peak_loss_usd"),
    "losses.restored": _info(
        "The losses that the ledger ends with; limits go on counting from there.",
        *("as_of_ns", "day_loss_usd", "peak_loss_usd"),
    ),
    "halt.requested": _error("The shell found that going on is not safe.", "cause", "detail"),
    "journal.stalled": _warning("The ledger took long to make an intent durable.", "elapsed_ms"),
    "alert.sent": _info("A channel took a message with so many alerts.", "channel", "count"),
    "alert.failed": _warning("A channel took none of four tries; the message is lost there.", "channel", "count"),
    "alert.dropped": _warning("More alerts were waiting than anybody reads.", "channel", "count"),
    "alarm.raised": _error("A human should look, at the latest by the deadline.", "name", "detail", "deadline_ns"),
}
