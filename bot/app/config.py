"""Configuration: TOML file, then environment, then command line; read once, turned into frozen structs.

The only place that parses the mode, reads the environment and holds secrets. Refuses what it does not
understand with one line that names the key and the next step (ConfigError, exit code 2).
"""

import enum
import os
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bot.app.alert_settings import AlertsSection, alerts_config
from bot.app.alerting import AlertsConfig
from bot.app.book_params import params_of
from bot.app.hosts import Expected, resolved
from bot.app.keys import credentials_of, secret_of
from bot.app.plain_settings import digest_of, plain_of, sealed_of
from bot.app.settings import (
    BookSection,
    ControlSection,
    HealthSection,
    HedgeVenueSection,
    LedgerSection,
    LiveSection,
    LogSection,
    PaperSection,
    RunSection,
    StandbySection,
    TapeSection,
    VenueSection,
    WatchdogSection,
)
from bot.book import BookParams, hedges_of
from bot.domain.errors import ConfigError, JournalError
from bot.domain.ids import InstrumentId, VenueId, venue_of
from bot.domain.portfolio import PortfolioSpec
from bot.domain.time import NS_PER_DAY, NS_PER_MS, Ns, ns_from_s
from bot.domain.units import decimal_from_wire
from bot.journal import opening
from bot.journal.lease import LeaseTerms
from bot.journal.retention import Terms
from bot.venues.registry import option_side_of, venue_named
from bot.venues.settings import Credentials, VenueSettings

ENV_PREFIX: Final = "HEDGEBOT_"
_NOT_OURS: Final = frozenset({"SHARED"})
"""`HEDGEBOT_SHARED` points tests at recorded data; it configures nothing."""
_RUN_TAG_LENGTH: Final = 10


class Mode(enum.StrEnum):
    """What drives the engine, and where its orders go. Branched on only in `app/compose.py`."""

    SIMULATE = "simulate"
    DEMO = "demo"
    PAPER = "paper"
    TESTNET = "testnet"
    LIVE = "live"


_EXPECTED: Final = {
    Mode.SIMULATE: Expected(hosts="testnet", is_testnet=None),
    Mode.DEMO: Expected(hosts="testnet", is_testnet=None),
    # Which world the prices are of does not matter where no order leaves.
    Mode.PAPER: Expected(hosts="production", is_testnet=None),
    Mode.TESTNET: Expected(hosts="testnet", is_testnet=True),
    Mode.LIVE: Expected(hosts="production", is_testnet=False),
}
"""Simulation and demo bring their own venue: theirs is not looked at."""
_WITH_HEDGE_VENUE: Final = frozenset({Mode.TESTNET, Mode.LIVE})
"""A simulation brings its own second venue; demo and paper have one."""


class Settings(BaseSettings):
    """All sections; the documentation of the file is generated from here."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, allow_inf_nan=False
    )

    mode: Mode = Field(description="what drives the engine, and where its orders go")
    venue: VenueSection = Field(default_factory=VenueSection)
    hedge_venue: HedgeVenueSection | None = None
    live: LiveSection = Field(default_factory=LiveSection)
    books: dict[str, BookSection] = Field(min_length=1, description="one table per currency: [books.btc]")
    paper: PaperSection = Field(default_factory=PaperSection)
    ledger: LedgerSection = Field(default_factory=LedgerSection)
    standby: StandbySection = Field(default_factory=StandbySection)
    watchdog: WatchdogSection = Field(default_factory=WatchdogSection)
    tape: TapeSection = Field(default_factory=TapeSection)
    log: LogSection = Field(default_factory=LogSection)
    health: HealthSection = Field(default_factory=HealthSection)
    control: ControlSection = Field(default_factory=ControlSection)
    alerts: AlertsSection = Field(default_factory=AlertsSection)
    run: RunSection = Field(default_factory=RunSection)
    portfolio: Path | None = Field(None, description="portfolio file (simulate, demo, paper)")


class PaperConfig(Struct, frozen=True, kw_only=True):
    """A paper account."""

    latency_ns: Ns
    balances: dict[str, Decimal]
    fee_rate_maker: Decimal | None
    fee_rate_taker: Decimal | None


class WatchdogConfig(Struct, frozen=True, kw_only=True):
    """A watchdog beside the bot."""

    credentials: Credentials | None
    silence_ns: Ns


class Config(Struct, frozen=True, kw_only=True):
    """What the composition needs, in domain types."""

    mode: Mode
    venue: VenueSettings
    """Where the options are."""
    hedge_venue: VenueSettings | None
    """Where hedges are besides; None: nowhere else."""
    armed: bool
    follows_venue_clock: bool
    """Whether a live run may send orders."""
    books: tuple[BookParams, ...]
    paper: PaperConfig
    ledger_url: str
    lease: LeaseTerms
    stands_by: bool
    """Whether to wait for the lease while another process trades."""
    watchdog: WatchdogConfig
    tape_folder: Path | None
    """Where the folders of runs are; None: no tape."""
    tape_terms: Terms
    """How long they are kept."""
    log_level: str
    log_format: str
    health_enabled: bool
    health_host: str
    health_port: int
    control_file: Path | None
    """None: beside the ledger."""
    alerts: AlertsConfig
    tick_interval_s: float
    portfolio: PortfolioSpec | None
    portfolio_path: Path | None
    digest: str
    """Hash of the settings without secrets."""
    plain: dict[str, str]
    """Every key that is set, as JSON, without secrets."""
    sealed: dict[str, str]
    """Which secrets are set, in a form that only tells this process whether they changed."""

    @property
    def venues(self) -> tuple[VenueSettings, ...]:
        """All venues of the run, that of the options first."""
        return (self.venue,) if self.hedge_venue is None else (self.venue, self.hedge_venue)

    def hedges_at(self, venue: VenueId) -> tuple[InstrumentId, ...]:
        """Hedge instruments of all books that are there."""
        names = (name for book in self.books for name in hedges_of(book))
        return tuple(dict.fromkeys(name for name in names if venue_of(name) == venue))

    def book(self, currency: str) -> BookParams:
        """The book of a coin; ConfigError names the ones there are."""
        for book in self.books:
            if book.book == currency.upper():
                return book
        names = ", ".join(book.book for book in self.books)
        raise ConfigError(f"books.{currency.lower()}: no such book is configured; there are {names}")


def load(path: Path | None, overrides: Mapping[str, object], *, run_tag: str) -> Config:
    """Read, check and convert; ConfigError with one line otherwise. `overrides` come from the command line."""
    file = _read(path)
    _refuse_unknown_environment()
    try:
        settings = _settings(file, overrides)
    except ValidationError as error:
        raise ConfigError(_one_line(error)) from None
    except SettingsError as error:
        name = next((f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields if f'"{name}"' in str(error)), "")
        raise ConfigError(
            f"{name or 'environment'}: is not JSON; set single keys as {name or ENV_PREFIX}__..."
        ) from None
    if settings.mode is Mode.LIVE and settings.run.adopt_positions and "adopt_positions" in file.get("run", {}):
        # In a file it would stay, and take every later difference for right.
        raise ConfigError(
            f"run.adopt_positions: in live it is for one start; set {ENV_PREFIX}RUN__ADOPT_POSITIONS=true for that one"
        )
    return _config(settings, run_tag)


def load_portfolio(path: Path) -> PortfolioSpec:
    """A portfolio file; ConfigError names what is wrong."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), PortfolioSpec, strict=False)
    except OSError as error:
        raise ConfigError(f"portfolio: cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"portfolio: {path}: {error}") from None


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"config: cannot read {path}: {error.strerror}; give a file with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"config: {path} is not TOML: {error}") from None


def _settings(file: dict[str, Any], overrides: Mapping[str, object]) -> Settings:
    class Sourced(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings
            return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=file)

    return Sourced(**dict(overrides))  # type: ignore[arg-type]


def _refuse_unknown_environment() -> None:
    known = {name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        head = name.removeprefix(ENV_PREFIX).split("__")[0].upper()
        if name.startswith(ENV_PREFIX) and head not in known | _NOT_OURS:
            raise ConfigError(f"{name}: unknown setting; sections are {', '.join(sorted(known)).lower()}")


_NEXT_STEP: Final = {
    "missing": "is missing; add it",
    "extra_forbidden": "is unknown; remove it or check its spelling and unit",
}

_BRANCHES: Final = frozenset({"str", "tuple[str, ...]"})
"""What is put behind a key that may be one name or several: which of the two was tried."""


def _one_line(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    # A misspelt key is unknown and leaves another one missing: the word somebody wrote helps more.
    first = min(found, key=lambda item: item["type"] != "extra_forbidden")
    loc = first["loc"][:-1] if first["loc"] and first["loc"][-1] in _BRANCHES else first["loc"]
    key = ".".join(map(str, loc)) or "configuration"
    said = _NEXT_STEP.get(first["type"]) or first["msg"].replace("Value error, ", "")
    return f"{key}: {said}"


def _config(settings: Settings, run_tag: str) -> Config:
    assert len(run_tag) <= _RUN_TAG_LENGTH, f"run tag {run_tag} is over {_RUN_TAG_LENGTH} characters"
    hosts = resolved(settings.venue, _EXPECTED[settings.mode], settings.mode.value)
    is_live = settings.mode is Mode.LIVE
    venue = VenueSettings(
        venue=VenueId(settings.venue.name),
        ws_url=hosts.ws_url,
        rest_url=hosts.rest_url,
        is_testnet=hosts.is_testnet,
        credentials=credentials_of(settings.venue),
        account_id=settings.live.account_id if is_live else None,
        gateway=settings.venue.gateway,
    )
    ways = venue_named(venue.venue).gateways
    if venue.gateway not in ways:
        raise ConfigError(f"venue.gateway: {venue.gateway} is not for {venue.venue}; it has {', '.join(ways)}")
    counting = [name for name, book in settings.books.items() if book.counts_usdc]
    if len(counting) > 1:
        raise ConfigError(
            f"books.{counting[1]}.counts_usdc: is set in books.{counting[0]} as well; keep one of the two"
        )
    window = option_side_of(settings.venue.name).settlement_window
    books = tuple(
        params_of(name, book, settings.run, run_tag, window, is_alone=len(settings.books) == 1)
        for name, book in settings.books.items()
    )
    hedge_venue = _hedge_venue(settings, books)
    return Config(
        mode=settings.mode,
        venue=venue,
        hedge_venue=hedge_venue,
        armed=settings.live.armed,
        follows_venue_clock=settings.venue.follow_clock,
        books=books,
        paper=_paper(settings.paper),
        ledger_url=_ledger_url(settings.ledger),
        lease=LeaseTerms(
            length_ns=ns_from_s(settings.standby.lease_s), clock_error_ns=ns_from_s(settings.standby.clock_error_s)
        ),
        stands_by=settings.standby.enabled,
        watchdog=WatchdogConfig(
            credentials=credentials_of(settings.watchdog, "watchdog"),
            silence_ns=ns_from_s(settings.watchdog.silence_s),
        ),
        tape_folder=settings.tape.folder if settings.tape.enabled else None,
        tape_terms=_terms(settings.tape),
        log_level=settings.log.level,
        log_format=settings.log.format,
        health_enabled=settings.health.enabled,
        health_host=settings.health.host,
        health_port=settings.health.port,
        control_file=settings.control.file,
        alerts=alerts_config(settings.alerts),
        tick_interval_s=settings.run.tick_interval_ms / 1000.0,
        portfolio=None if settings.portfolio is None else load_portfolio(settings.portfolio),
        portfolio_path=settings.portfolio,
        digest=digest_of(settings),
        plain=plain_of(settings),
        sealed=sealed_of(settings),
    )


def _ledger_url(ledger: LedgerSection) -> str:
    """With the password in it, where there is one: shown nowhere (`opening.without_password`)."""
    password = secret_of(ledger.password, ledger.password_file, "ledger.password")
    try:
        return ledger.url if password is None else opening.with_password(ledger.url, password)
    except JournalError as error:
        raise ConfigError(str(error)) from None


def _hedge_venue(settings: Settings, books: Sequence[BookParams]) -> VenueSettings | None:
    """The second venue, where books and table agree on one; ConfigError where they do not."""
    section, mode = settings.hedge_venue, settings.mode
    if mode is Mode.SIMULATE:
        return None
    named = [(f"books.{book.book.lower()}.hedge_instrument", name) for book in books for name in hedges_of(book)]
    for key, name in named:
        if (there := venue_of(name)) == settings.venue.name:
            continue
        venue_named(there, key)
        if section is None or section.name != there:
            raise ConfigError(f'{key}: {name} is at {there}; add a table [hedge_venue] with name = "{there}"')
    if section is None:
        return None
    if mode not in _WITH_HEDGE_VENUE:
        raise ConfigError(f"hedge_venue.name: mode {mode.value} has one venue; use testnet, live or simulate")
    if all(venue_of(name) != section.name for _, name in named):
        raise ConfigError(
            f"hedge_venue.name: no book has its hedge at {section.name}; set books.COIN.hedge_instrument, or remove it"
        )
    hosts = resolved(section, _EXPECTED[mode], mode.value, "hedge_venue")
    return VenueSettings(
        venue=VenueId(section.name),
        ws_url=hosts.ws_url,
        rest_url=hosts.rest_url,
        is_testnet=hosts.is_testnet,
        credentials=credentials_of(section, "hedge_venue"),
        account_id=section.account_id if mode is Mode.LIVE else None,
    )


def _terms(tape: TapeSection) -> Terms:
    age_ns = Ns(round(tape.keep_days * NS_PER_DAY))
    return Terms(age_ns_max=age_ns, bytes_max=round(tape.keep_gb * 1e9), runs_count_min=tape.keep_runs)


def _paper(paper: PaperSection) -> PaperConfig:
    return PaperConfig(
        latency_ns=Ns(paper.latency_ms * NS_PER_MS),
        balances={name: decimal_from_wire(getattr(paper, name.lower())) for name in ("BTC", "ETH", "USDC")},
        fee_rate_maker=_rate_from_bps(paper.maker_fee_bps),
        fee_rate_taker=_rate_from_bps(paper.taker_fee_bps),
    )


def _rate_from_bps(bps: float | None) -> Decimal | None:
    return None if bps is None else decimal_from_wire(bps).scaleb(-4)
