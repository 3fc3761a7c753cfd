"""Every metric there is: name, kind, labels, meaning. The documentation is printed from this table.

Knows words only. Names end in their unit; rules, panels and pages that name another one fail a test.
"""

import enum
from typing import Final

from msgspec import Struct


class Kind(enum.StrEnum):
    """How Prometheus reads it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(Struct, frozen=True, kw_only=True):
    """One entry of the table."""

    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper ends, of a histogram only."""


def _counter(meaning: str, *labels: str) -> Metric:
    return Metric(kind=Kind.COUNTER, meaning=meaning, labels=labels)


def _gauge(meaning: str, *labels: str) -> Metric:
    return Metric(kind=Kind.GAUGE, meaning=meaning, labels=labels)


def _histogram(meaning: str, *buckets: float) -> Metric:
    return Metric(kind=Kind.HISTOGRAM, meaning=meaning, buckets=buckets)


_LATENCY_S: Final = (50e-6, 100e-6, 200e-6, 350e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3, 0.25)
"""Around the budget of a tick: 120 us at the median, 350 us at the 99th percentile (platform facts 3)."""

METRICS: Final[dict[str, Metric]] = {
    # --- the process ---
    "hedgebot_build_info": _gauge("Always 1; what runs.", "version", "mode"),
    "hedgebot_events_total": _counter("Events applied.", "kind"),
    "hedgebot_event_to_decision_seconds": _histogram(
        "From the receipt of the newest event to the moment of the decision on it.", *_LATENCY_S
    ),
    "hedgebot_inbox_depth_events": _histogram(
        "Events that waited for one decision.", 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 2_000.0, 10_000.0
    ),
    "hedgebot_ledger_lag_seconds": _histogram(
        "From a decision that says something new until its rows are written and it is told.", *_LATENCY_S, 1.0, 2.0
    ),
    "hedgebot_ledger_stalls_total": _counter("Commits of an intent that took over 50 ms."),
    "hedgebot_lease_left_seconds": _gauge("Until the right to trade this account ends; renewed long before."),
    # --- a book: what it holds and aims at ---
    "hedgebot_book_info": _gauge("Always 1; which delta the figures of a book are.", "book", "convention"),
    "hedgebot_delta_coin_net": _gauge("Net delta in coins, in the book's convention.", "book"),
    "hedgebot_delta_coin_low": _gauge("Low end of possible net deltas.", "book"),
    "hedgebot_delta_coin_high": _gauge("High end of possible net deltas.", "book"),
    "hedgebot_band_low_coin": _gauge("Low edge of the band.", "book"),
    "hedgebot_band_high_coin": _gauge("High edge of the band.", "book"),
    "hedgebot_trade_coin_min": _gauge("Smallest trade: beyond the band by less, nothing is done.", "book"),
    "hedgebot_gamma_coin_per_usd": _gauge("Gamma of the book: coins of delta per USD of the price.", "book"),
    "hedgebot_index_usd": _gauge("Index price.", "book"),
    "hedgebot_price_usd": _gauge("Price of the hedge instrument coins are counted at.", "book"),
    "hedgebot_position_native": _gauge("Position in the instrument's own unit, + is long.", "book", "instrument"),
    "hedgebot_doubtful_legs": _gauge("Legs whose data cannot be trusted now; they widen the delta.", "book"),
    # --- a book: whether it may trade, on what data ---
    "hedgebot_is_running": _gauge("1 while the book agrees with the venue and may trade.", "book"),
    "hedgebot_is_halted": _gauge("1 while trading is halted.", "book"),
    "hedgebot_stops": _gauge("Stops that are on until an operator lifts them.", "book", "kind"),
    "hedgebot_tick_age_seconds": _gauge("Since the last decision.", "book"),
    "hedgebot_hedge_quote_age_seconds": _gauge("Age of the hedge instrument's touch at the last decision.", "book"),
    "hedgebot_option_quote_age_seconds": _gauge("Age of the oldest option ticker at the last decision.", "book"),
    "hedgebot_figures_apart": _gauge("Figures of the account that lastingly differ from the venue's.", "book"),
    "hedgebot_position_mismatches_total": _counter("A position was not the sum of what was seen.", "book"),
    "hedgebot_halts_total": _counter("Halts of trading.", "book", "cause"),
    "hedgebot_alarms_total": _counter("Alarms that ask for a human.", "book", "name"),
    # --- a book: what it does, and what comes of it ---
    "hedgebot_decisions_total": _counter("Decisions by what they came to.", "book", "action", "reason"),
    "hedgebot_hedges_total": _counter("Decisions to hedge.", "book", "side"),
    "hedgebot_orders_total": _counter("Orders by what was heard of them.", "outcome"),
    "hedgebot_orders_refused_total": _counter("Definite noes of the venue by what they mean.", "kind"),
    "hedgebot_orders_live": _gauge("Orders that may still trade.", "book"),
    "hedgebot_orders_unknown": _gauge("Orders whose fate is not known.", "book"),
    "hedgebot_fills_total": _counter("Fills booked.", "book", "liquidity"),
    "hedgebot_traded_usd_total": _counter("Money traded in futures and perpetuals.", "book", "liquidity"),
    "hedgebot_slippage_usd_total": _counter(
        "Fills of hedges against the mid at the decision, costs and gains apart.", "book", "sign"
    ),
    "hedgebot_profit_usd": _gauge("Profit since the start.", "book"),
    "hedgebot_profit_part_usd": _gauge(
        "Its parts, which add up to it; slippage, fees and funding: negative is a cost.", "book", "part"
    ),
    "hedgebot_equity_native": _gauge(
        "Equity by our books and by the venue's word, in its currency.", "book", "venue", "currency", "side"
    ),
    # --- the account, by the venue's word ---
    "hedgebot_margin_initial_native": _gauge("Initial margin in its currency.", "venue", "currency"),
    "hedgebot_margin_maintenance_native": _gauge("Maintenance margin in its currency.", "venue", "currency"),
    "hedgebot_margin_available_native": _gauge("What is left for new positions.", "venue", "currency"),
    "hedgebot_margin_used_ratio": _gauge(
        "Maintenance margin over equity; at 1 the venue liquidates.", "venue", "currency"
    ),
    "hedgebot_vega_usd_per_point": _gauge("Of the account's options, per point of volatility.", "venue", "currency"),
    "hedgebot_theta_usd_per_day": _gauge("Of the account's options.", "venue", "currency"),
    # --- the way to the venue ---
    "hedgebot_stream_up": _gauge("1 while the socket is up and all subscriptions are acknowledged.", "venue", "stream"),
    "hedgebot_stream_losses_total": _counter("Sockets lost.", "venue", "stream"),
    "hedgebot_stream_reconnects_total": _counter("Sockets that came back after a loss.", "venue", "stream"),
    "hedgebot_messages_malformed_total": _counter("Messages refused by a decoder.", "venue", "stream"),
    "hedgebot_quotes_distrusted_total": _counter("Touches taken back; `book_gap`: a change was missed.", "cause"),
    "hedgebot_snapshots_failed_total": _counter("Looks at the account that gave no consistent picture.", "venue"),
    "hedgebot_order_credits_left": _gauge("Orders and cancels that could leave now without waiting.", "venue"),
}
