"""The sections of the configuration file: keys with their units, types, bounds, defaults and meaning.

Knows pydantic and the words of the file; reads nothing. What the keys turn into is `app/config.py`'s word.
"""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from bot.app.band_settings import BandSection
from bot.app.regime_settings import RegimeSection
from bot.app.sections import NotNegative, Positive, Section
from bot.app.stability_settings import StabilitySection
from bot.app.stop_settings import StopsSection
from bot.app.tactic_settings import TacticSection
from bot.hedging.appetite import SHARE_MIN
from bot.hedging.expiry import HedgeAtExpiry, PinRule
from bot.pricing.smile import SmileDelta
from bot.risk.conventions import Convention
from bot.risk.volatility import VolatilitySource


def _url_of(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
            raise ValueError(f"needs {' or '.join(schemes)}://HOST without a user in it")
        return url

    return AfterValidator(check)


def _text_of_number(value: object) -> object:
    """An id is often written without quotes."""
    return str(value) if isinstance(value, int) else value


def _without_password(url: str) -> str:
    """A url is logged; a file, `:memory:` and text that is no url are looked at when they are opened."""
    parts = urlsplit(url)
    if parts.password or "password=" in parts.query.lower():
        raise ValueError("holds a password; give it as ledger.password_file or HEDGEBOT_LEDGER__PASSWORD")
    return url


AccountId = Annotated[str, BeforeValidator(_text_of_number), Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]


class PlaceSection(Section):
    """Where a venue is, and the key to it."""

    name: str
    hosts: Literal["production", "testnet", "local"] | None = Field(
        None, description="addresses by name; default: those of the mode (live, paper: production, else testnet)"
    )
    ws_url: Annotated[str, _url_of("ws", "wss")] | None = Field(
        None, description="websocket address, instead of the one of `hosts`"
    )
    rest_url: Annotated[str, _url_of("http", "https")] | None = Field(
        None, description="scheme and host of the HTTP interface, instead of those of `hosts`"
    )
    testnet: bool | None = Field(
        None, description="what the venue must say of itself; default: what `hosts` and the mode say"
    )
    client_id: str | None = Field(None, description="API key id; the address of the account where that is the key")
    client_secret: SecretStr | None = Field(None, description="API secret; better in the environment or a file")
    client_secret_file: Path | None = Field(None, description="file that holds the API secret")


class VenueSection(PlaceSection):
    """Where the options are, and the hedge of every book that names no instrument elsewhere."""

    name: str = Field("deribit", description="venue id")
    gateway: Literal["ccxt", "deribit_ws"] = Field(
        "ccxt", description="which way orders go: HTTP through ccxt, or a websocket of their own (Deribit only)"
    )
    follow_clock: bool = Field(
        False, description="live at the venue's time: for `hedgebot exchange --tape DIR` on this machine, nowhere else"
    )


class HedgeVenueSection(PlaceSection):
    """A second venue, for the books whose `hedge_instrument` is there; orders go through ccxt."""

    name: str = Field(description="venue id: the word in front of `hedge_instrument`, in small letters")
    passphrase: SecretStr | None = Field(None, description="third part of the key, where the venue has one (OKX)")
    account_id: AccountId | None = Field(
        None, description="live only: the venue's id of the account; `hedgebot check` tells it"
    )


class LiveSection(Section):
    """What `mode = "live"` needs besides: a deliberate yes, and the account it is meant for."""

    armed: bool = Field(False, description="live only: whether orders may be sent")
    account_id: AccountId | None = Field(
        None, description="live only: the venue's id of the account; `hedgebot check` tells it"
    )


class TrustSection(Section):
    """How old and how odd market data may be."""

    option_age_ms_max: Annotated[int, Field(gt=0)] = Field(10_000, description="oldest option ticker")
    hedge_age_ms_max: Annotated[int, Field(gt=0)] = Field(5_000, description="oldest touch of the hedge instrument")
    account_age_ms_max: Annotated[int, Field(gt=0)] = Field(
        10_000, description="oldest account figures taken as they stand; ten times older they are no ground to trade"
    )
    cross_check_alarm_s: Annotated[float, Field(ge=2.0, le=50.0)] = Field(
        10.0, description="a figure of the venue that differs from ours for so long is an alarm"
    )
    cross_check_refuse_s: Annotated[float, Field(ge=50.0, le=3600.0)] = Field(
        60.0, description="one that differs for so long ends placing until it agrees"
    )
    clock_ahead_ms_max: Annotated[int, Field(gt=0)] = Field(1_000, description="stamps may be this far in the future")
    spread_bps_max: Positive = Field(20.0, description="widest touch traded on")


class ExpirySection(Section):
    """What is done near expiries."""

    hedge: HedgeAtExpiry = Field(
        HedgeAtExpiry.UNWIND, description="of what expires: `unwind` it along the average, or `keep` it for good"
    )
    pin: PinRule = Field(
        PinRule.NONE, description="while the price sits on a strike that expires soon: hedge as ever, at intervals, ..."
    )
    pin_from_s: Positive = Field(3_600.0, description="looked for so long before expiry")
    pin_distance_bps: Positive = Field(50.0, description="the price sits on a strike no further away than this")
    pin_interval_s: Positive = Field(300.0, description="cap: time between hedges then")
    pin_width_ratio: Annotated[float, Field(ge=1.0)] = Field(2.0, description="widen: times the width then")


class ForwardSection(Section):
    """The forward of each expiry."""

    source: Literal["options", "future"] = Field(
        "options", description="`underlying_price` of the options, or the listed future; each stands in for the other"
    )


class VolatilitySection(Section):
    """The volatility greeks are computed with."""

    source: VolatilitySource = Field(
        VolatilitySource.MARK,
        description="the venue's `mark`; `mid` of bid and ask, or the fitted `surface`, else the mark",
    )


class DeltaSection(Section):
    """What is assumed of volatility when the price moves."""

    smile: SmileDelta = Field(
        SmileDelta.STICKY_STRIKE,
        description="`sticky_strike` is Black-76's own; the others correct it by the fitted surface, while it is fresh",
    )
    compare: bool = Field(
        False, description="judge all four by what they would have missed, also with sticky_strike; subscribes strikes"
    )
    fit_interval_s: Annotated[float, Field(ge=5.0, le=600.0)] = Field(
        30.0, description="between fits of the surface, where one is needed; four missed ones are an alarm"
    )


class LimitsSection(Section):
    """Hard limits; none has a default."""

    order_usd_max: Positive = Field(description="largest order; more is split")
    hedge_position_usd_max: Positive = Field(description="largest hedge position, either side")
    delta_coin_worst_max: Positive = Field(description="largest worst-case net delta")
    orders_per_minute_max: Annotated[int, Field(gt=0)] = Field(description="orders in any 60 seconds")
    refusals_in_a_row_max: Annotated[int, Field(gt=0)] = Field(5, description="refused orders in a row that halt")
    unresolved_s_max: Positive = Field(60.0, description="an order unknown for longer halts the book")


class LadderSection(Section):
    """Gap-risk ladder: the book at spot -20 % to +20 % and volatility +-10 points, measured off the tick path."""

    interval_s: Annotated[float, Field(ge=1.0, le=600.0)] | None = Field(
        None, description="time between measurements; none without it"
    )
    loss_usd_max: Positive | None = Field(None, description="largest loss at the worst rung")
    delta_coin_max: Positive | None = Field(None, description="largest net delta at any rung")
    margin_share_max: Positive | None = Field(
        None, description="largest maintenance margin over what the equity would be"
    )


class AppetiteSection(Section):
    """Less risk as the equity nears a floor; off without both keys."""

    floor_usd: float | None = Field(None, description="equity, coins and USDC together, that is to be kept")
    full_cushion_usd: Positive | None = Field(
        None, description="equity above the floor at which band and limits are as configured"
    )
    share_min: Annotated[float, Field(ge=0.01, le=1.0)] = Field(
        SHARE_MIN, description="share of the daily risk budget and of the hard delta limit that is always left"
    )


Names = Annotated[str | tuple[str, ...], Field(min_length=1)]
"""Of instruments."""


class BookSection(Section):
    """One currency: its convention, band and hedge instrument."""

    convention: Convention = Field(description="which delta is hedged; no default on purpose")
    treasury_coin: NotNegative = Field(
        0.0, description="convention `usd`: coins of the equity that are somebody else's to hedge"
    )
    counts_usdc: bool = Field(
        False, description="convention `coin`: the USDC equity is this book's, and short coins; in one book at most"
    )
    hedge_instrument: Names | None = Field(
        None,
        description="one, or a list that each hedge is split over by cost and risk, the preferred one first; default: "
        "the coin's inverse perpetual; elsewhere with the venue in front: OKX:BTC-USDT-SWAP",
    )
    hedge_instrument_long: Names | None = Field(
        None, description="one or a list: what hedges are bought with; default: hedge_instrument"
    )
    hedge_instrument_short: Names | None = Field(
        None, description="one or a list: what hedges are sold with; default: hedge_instrument"
    )
    hedge_open_hours_min: NotNegative = Field(
        24.0, description="with several: nothing is opened in a future that expires sooner; closing may"
    )
    band: BandSection = Field(default_factory=BandSection)
    tactic: TacticSection = Field(default_factory=TacticSection)
    stability: StabilitySection = Field(default_factory=StabilitySection)
    regime: RegimeSection = Field(default_factory=RegimeSection)
    trust: TrustSection = Field(default_factory=TrustSection)
    expiry: ExpirySection = Field(default_factory=ExpirySection)
    forward: ForwardSection = Field(default_factory=ForwardSection)
    volatility: VolatilitySection = Field(default_factory=VolatilitySection)
    delta: DeltaSection = Field(default_factory=DeltaSection)
    ladder: LadderSection = Field(default_factory=LadderSection)
    appetite: AppetiteSection = Field(default_factory=AppetiteSection)
    stops: StopsSection = Field(default_factory=StopsSection)
    limits: LimitsSection


class PaperSection(Section):
    """A paper account: the venue's market, an exchange of our own for orders."""

    latency_ms: Annotated[int, Field(ge=0, le=5_000)] = Field(
        60, description="from sending an order to its answer; the order meets the book as it is then"
    )
    maker_fee_bps: float | None = Field(None, description="of futures and perpetuals; default: as listed")
    taker_fee_bps: float | None = Field(None, description="of futures and perpetuals; default: as listed")
    btc: NotNegative = Field(100.0, description="balance at the first start")
    eth: NotNegative = Field(1_000.0, description="balance at the first start")
    usdc: NotNegative = Field(5_000_000.0, description="balance at the first start")


class LedgerSection(Section):
    """Durable records."""

    url: Annotated[str, AfterValidator(_without_password)] = Field(
        "sqlite:///var/hedgebot.db",
        description="where the ledger lives: a file, or postgresql://USER@HOST/DATABASE?schema=NAME",
    )
    password: SecretStr | None = Field(None, description="of a database's user; better in the environment or a file")
    password_file: Path | None = Field(None, description="file that holds the password")


class StandbySection(Section):
    """Two processes for one account: one trades, the other waits for its end. They share the ledger."""

    enabled: bool = Field(False, description="wait while another process trades, and take over; else refuse to start")
    lease_s: Annotated[float, Field(ge=3.0, le=10.0)] = Field(
        6.0, description="the right to trade lasts so long without a renewal; no order is valid beyond it"
    )
    clock_error_s: Annotated[float, Field(ge=0.5, le=5.0)] = Field(
        2.0, description="largest error of any clock involved; a standby waits so long beyond the lease"
    )


class WatchdogSection(Section):
    """`hedgebot watchdog`, a process that cancels the bot's open orders when the bot is gone; with a key of its own."""

    client_id: str | None = Field(None, description="API key id; trade:read_write, account:read and wallet:none")
    client_secret: SecretStr | None = Field(None, description="API secret; better in the environment or a file")
    client_secret_file: Path | None = Field(None, description="file that holds the API secret")
    silence_s: Annotated[float, Field(ge=2.0, le=120.0)] = Field(
        5.0, description="beyond the end of the bot's lease: then nobody is there"
    )


class TapeSection(Section):
    """All that a run was given, so that it can be replayed: one folder a run."""

    enabled: bool = Field(True, description="whether to write one; nothing else makes a run replayable")
    folder: Path = Field(Path("runs"), description="where the folders of runs are")
    keep_days: Positive = Field(30.0, description="runs of the same mode that ended longer ago are removed at a start")
    keep_gb: Positive = Field(50.0, description="so are the oldest while all of them are larger together")
    keep_runs: Annotated[int, Field(ge=1)] = Field(10, description="so many of the newest stay in any case")


class LogSection(Section):
    """What is told, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level shown")
    format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal, else JSON")


class HealthSection(Section):
    """The dashboard at `/`, and `/healthz`, `/readyz`, `/status`, `/metrics`."""

    enabled: bool = Field(True, description="whether to serve")
    host: Literal["127.0.0.1", "::1", "localhost"] = Field("127.0.0.1", description="loopback only")
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(8642, description="0 takes any free port")


class ControlSection(Section):
    """`hedgebot pause`, `resume` and so on, and the buttons of the dashboard; served with the health page."""

    file: Path | None = Field(
        None,
        description="where the running bot writes its address and token, mode 0600; default: beside the ledger",
    )


class RunSection(Section):
    """The process."""

    label_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{1,7}$")] = Field(
        "hb", description="start of every order label; ours are known by it"
    )
    reconcile_interval_s: Annotated[float, Field(ge=1.0)] = Field(60.0, description="time between looks at the account")
    tick_interval_ms: Annotated[int, Field(ge=50, le=5_000)] = Field(
        1_000, description="decisions while nothing happens"
    )
    adopt_positions: bool = Field(False, description="take the venue's positions even against the ledger")
