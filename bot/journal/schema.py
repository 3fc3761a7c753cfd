"""Tables of the ledger: what is written down, under which keys.

Knows SQLAlchemy Core and column types; not how or when rows are written, and nothing of decisions.
Money is text (exact decimals), time is integer UTC epoch nanoseconds, mathematics is float.
"""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

SCHEMA_VERSION: Final = 11
"""Grows with every change of a table below; an older ledger is migrated (`migrations`), a newer one refused."""

metadata: Final = MetaData()

meta: Final = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)
"""`schema_version`, and the `mode`, the `venue` (a set: `deribit+okx`), the `account` and further accounts (`account at
okx`) this ledger belongs to."""

leases: Final = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("lease_id", BigInteger, nullable=False),  # grows with every change of hands
    Column("holder", String, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),  # on the clock of the database
)
"""Who may trade this account, and until when unless it says so again: one row."""

runs: Final = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("started_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),  # NULL while it runs, and for ever after a kill
    Column("mode", String, nullable=False),
    Column("config_hash", String, nullable=False),
    Column("version", String, nullable=False),
)

intents: Final = Table(
    "intents",
    metadata,
    Column("label", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("book", String, nullable=False),
    Column("instrument", String, nullable=False),
    Column("amount_native", Text, nullable=False),  # signed: + buy
    Column("price_native", Text, nullable=False),
    Column("arrival_mid_native", Float, nullable=False),
    Column("valid_until_ns", BigInteger, nullable=False),
    Column("decided_seq", BigInteger, nullable=False),
    Column("rest_until_ns", BigInteger),  # NULL: immediate-or-cancel, else post-only
)
"""Orders, durable before they leave."""

order_events: Final = Table(
    "order_events",
    metadata,
    Column("event_id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),
    Column("label", String, nullable=False),
    Column("kind", String, nullable=False),  # acked, refused, unknown, updated, absent
    Column("state", String),  # the venue's, with `updated` only
    Column("order_id", String),
    Column("filled_native", Text),  # cumulative, unsigned
    Column("cause", Text, nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Index("order_events_by_label", "label"),
)
"""What the venue said about our orders, in order of arrival."""

fills: Final = Table(
    "fills",
    metadata,
    Column("venue", String, primary_key=True),
    Column("fill_id", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("book", String, nullable=False),
    Column("order_id", String, nullable=False),
    Column("label", String),
    Column("instrument", String, nullable=False),
    Column("amount_native", Text, nullable=False),  # signed: + bought
    Column("price_native", Text, nullable=False),
    Column("fee_native", Text, nullable=False),  # + is a cost
    Column("fee_currency", String, nullable=False),
    Column("is_maker", Boolean, nullable=False),
    Column("slippage_usd", Float),  # + is a gain against the mid at the decision; NULL for strangers
    Column("venue_ns", BigInteger, nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Index("fills_by_label", "label"),
)
"""Every fill of the account once, under the book that booked it."""

positions: Final = Table(
    "positions",
    metadata,
    Column("position_id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),
    Column("book", String, nullable=False),
    Column("instrument", String, nullable=False),
    Column("fill_id", String),  # NULL: taken from the venue by a reconciliation
    Column("position_native", Text, nullable=False),  # signed
    Column("at_ns", BigInteger, nullable=False),
)
"""Every change of a position: by a booked fill, or by a reconciliation."""

reconciliations: Final = Table(
    "reconciliations",
    metadata,
    Column("reconciliation_id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),
    Column("book", String, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
)
"""When a book agreed with the venue and began to run; without one, `positions` proves nothing."""

stops: Final = Table(
    "stops",
    metadata,
    Column("stop_id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),
    Column("book", String, nullable=False),
    Column("act", String, nullable=False),  # latched, lifted
    Column("kind", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("by", String, nullable=False),  # an operator's name, or hedgebot
    Column("reason", Text, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
)
"""Stops of trading: on, and lifted by whom and why. A restart begins with those not lifted."""

reloads: Final = Table(
    "reloads",
    metadata,
    Column("reload_id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),  # the run that was ended for it
    Column("at_ns", BigInteger, nullable=False),
    Column("by", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("config_hash", String, nullable=False),  # of what the next run began with
    Column("changes", Text, nullable=False),  # JSON list: `key: before -> after`, no secret
)
"""Configurations that were taken over while a bot ran: what changed, by whom and why."""

losses: Final = Table(
    "losses",
    metadata,
    Column("book", String, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("as_of_ns", BigInteger, nullable=False),
    Column("day_loss_usd", Float, nullable=False),  # since midnight UTC; negative is a profit
    Column("peak_loss_usd", Float, nullable=False),
    Column("recent_loss_usd", Float, nullable=False),
    Column("recent_ns", BigInteger, nullable=False),
)
"""How far losses have come that a limit counts: one row a book, the newest count; a restart goes on from it."""

profits: Final = Table(
    "profits",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("book", String, primary_key=True),
    Column("leg", String, primary_key=True),  # an instrument, or `collateral`
    Column("at_ns", BigInteger, primary_key=True),
    Column("since_ns", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("total_native", Float, nullable=False),
    Column("total_usd", Float, nullable=False),
    Column("parts_native", Text, nullable=False),  # JSON object: part, money
    Column("parts_usd", Text, nullable=False),
    Column("steps_count", Integer, nullable=False),
    Column("unexplained_count", Integer, nullable=False),
)
"""What each leg has made since `since_ns`, taken apart: every ten minutes where it changed, and at the end of a run."""

decisions: Final = Table(
    "decisions",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("book", String, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("now_ns", BigInteger, nullable=False),
    Column("convention", String, nullable=False),
    Column("action", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("delta_coin_net", Float),
    Column("delta_coin_low", Float),
    Column("delta_coin_high", Float),
    Column("delta_coin_options", Float),
    Column("delta_coin_futures", Float),
    Column("delta_coin_collateral", Float),
    Column("delta_coin_expiring", Float),
    Column("delta_coin_surviving", Float),
    Column("delta_coin_delivered", Float),
    Column("gamma_coin_per_usd", Float),
    Column("gamma_coin_per_hour", Float),
    Column("band_low_coin", Float),
    Column("band_high_coin", Float),
    Column("target_coin", Float),
    Column("trade_coin", Float, nullable=False),
    Column("price_usd", Float),
    Column("index_usd", Float),
    Column("hedge_instrument", String, nullable=False),
    Column("hedge_age_ns", BigInteger),
    Column("option_age_ns_max", BigInteger),
    Column("doubtful", Text, nullable=False),  # JSON list of instruments
    Column("detail", Text, nullable=False),
    Column("band_taker_low_coin", Float),
    Column("band_taker_high_coin", Float),
    Column("forwards", Text, nullable=False),  # JSON list: index, expiry, forward, source, age
    Column("features", Text),  # JSON object; NULL where not asked for
    Column("volume_usd_per_day", Float),
    Column("split", Text, nullable=False),  # JSON list: instrument, coins, cost, carry, why
)
"""Every hedge; skips and refusals when their reason changes and once a minute."""
