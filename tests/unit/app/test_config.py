import io
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from bot.app.config import ENV_PREFIX, Config, Mode, load
from bot.domain.errors import BotError, ConfigError
from bot.domain.ids import VenueId
from bot.domain.time import NS_PER_MS, NS_PER_S, Ns
from bot.hedging.bands import whalley_wilmott
from bot.hedging.modifiers import Modifiers
from bot.journal.ledger import Ledger
from bot.observe.logs import open_log
from bot.venues.registry import VENUES

_CANARY = "c4n4ry-0f-4-s3cr3t"

_LIMITS = """
[books.btc.limits]
order_usd_max = 1000
hedge_position_usd_max = 10_000
delta_coin_worst_max = 5
orders_per_minute_max = 10
"""
_MINIMAL = f"""
mode = "testnet"
[books.btc]
convention = "options_only"
{_LIMITS}"""

_BOTH_COUNT = "".join(
    (_MINIMAL if coin == "btc" else _MINIMAL.replace("btc", coin).replace('mode = "testnet"', "")).replace(
        '"options_only"', '"coin"\ncounts_usdc = true'
    )
    for coin in ("btc", "eth")
)

Load = Callable[..., Config]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has exported does not matter here."""
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def load_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a file with this text, under these environment variables."""

    def load_it(text: str, environment: Mapping[str, str] | None = None, **overrides: object) -> Config:
        for name, value in (environment or {}).items():
            monkeypatch.setenv(name, value)
        path = tmp_path / "config.toml"
        path.write_text(text)
        return load(path, overrides, run_tag="abc")

    return load_it


def _refusal(load_text: Load, text: str, environment: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(text, environment)
    return str(caught.value)


def test_the_smallest_file_has_safe_defaults(load_text: Load) -> None:
    """Test hosts, no key, loopback health page, durations in nanoseconds."""
    config = load_text(_MINIMAL)
    book = config.books[0]

    assert config.mode is Mode.TESTNET
    assert (config.venue.is_testnet, config.venue.credentials) == (True, None)
    assert (config.health_host, config.log_level, config.log_format) == ("127.0.0.1", "info", "auto")
    assert (book.book, book.hedge_instrument, book.label_prefix) == ("BTC", "BTC-PERPETUAL", "hbbtc")
    assert (book.band, book.modifiers) == (whalley_wilmott.Params(), Modifiers())
    assert book.trust.option_age_ns_max == 10_000 * NS_PER_MS
    assert book.tactic.valid_for_ns == 2 * NS_PER_S
    assert book.limits.order_usd_max == 1000.0
    assert book.adopts_positions is False


def test_orders_go_through_ccxt_unless_a_way_of_the_venue_is_named(
    load_text: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A way the venue does not have is refused."""
    other = _MINIMAL + '[venue]\ngateway = "deribit_ws"'
    assert load_text(_MINIMAL).venue.gateway == "ccxt"
    assert load_text(other).venue.gateway == "deribit_ws"

    without = msgspec.structs.replace(VENUES[VenueId("deribit")], gateways=("ccxt",))
    monkeypatch.setitem(VENUES, VenueId("deribit"), without)
    assert _refusal(load_text, other) == "venue.gateway: deribit_ws is not for deribit; it has ccxt"


def _with(old: str, new: str) -> str:
    assert old in _MINIMAL
    return _MINIMAL.replace(old, new)


_TOO_WIDE = (
    "books.btc.band: an edge at 9.05 coin is wider than limits.delta_coin_worst_max 5; "
    "narrow the band or raise the limit"
)
_SECTIONS = (
    "sections are alerts, books, control, health, hedge_venue, ledger, live, log, mode, paper, portfolio, run, "
    "standby, tape, venue, watchdog"
)

_REFUSED = [
    ("", "mode: is missing; add it"),
    ("mode = ", "config: FILE is not TOML: Invalid value (at end of document)"),
    (_with('"testnet"', '"papyrus"'), "mode: Input should be 'simulate', 'demo', 'paper', 'testnet' or 'live'"),
    ('mode = "demo"', "books: is missing; add it"),
    ('mode = "demo"\n[books]', "books: Dictionary should have at least 1 item after validation, not 0"),
    # limits
    (_with(_LIMITS, ""), "books.btc.limits: is missing; add it"),
    (_with("order_usd_max = 1000\n", ""), "books.btc.limits.order_usd_max: is missing; add it"),
    (
        _with("[books.btc.limits]", "[books.btc.band]\nlow_coin = -9\n[books.btc.limits]"),
        _TOO_WIDE,
    ),
    # unknown keys, units left out
    (
        _with("order_usd_max", "order_max"),
        "books.btc.limits.order_max: is unknown; remove it or check its spelling and unit",
    ),
    (
        _with("books.btc.limits", "books.btc.limit"),
        "books.btc.limit: is unknown; remove it or check its spelling and unit",
    ),
    (
        f"{_MINIMAL}[books.btc.tactic]\nslippage_max = 1",
        "books.btc.tactic.slippage_max: is unknown; remove it or check its spelling and unit",
    ),
    (
        f"{_MINIMAL}[books.btc.trust]\noption_age_max = 1",
        "books.btc.trust.option_age_max: is unknown; remove it or check its spelling and unit",
    ),
    (f"colour = 1\n{_MINIMAL}", "colour: is unknown; remove it or check its spelling and unit"),
    # numbers that are none
    (_with("= 1000\n", "= nan\n"), "books.btc.limits.order_usd_max: Input should be a finite number"),
    (_with("= 1000\n", "= inf\n"), "books.btc.limits.order_usd_max: Input should be a finite number"),
    (_with("= 1000\n", "= -1\n"), "books.btc.limits.order_usd_max: Input should be greater than 0"),
    (
        _with("= 1000\n", "= true\n"),
        "books.btc.limits.order_usd_max: is true or false where something else belongs",
    ),
    (
        _with("= 1000\n", '= "a lot"\n'),
        "books.btc.limits.order_usd_max: Input should be a valid number, unable to parse string as a number",
    ),
    (
        _with("= 10\n", "= 1.5\n"),
        "books.btc.limits.orders_per_minute_max: Input should be a valid integer, got a number with a fractional part",
    ),
    # words
    (
        _with('"options_only"', '"dollars"'),
        "books.btc.convention: Input should be 'usd', 'coin', 'options_only' or 'linear_usd'",
    ),
    (
        _with('"options_only"', '"coin"\ntreasury_coin = 1.0'),
        "books.btc.treasury_coin: is of convention usd, the book has coin; remove one of the two",
    ),
    (
        f"{_MINIMAL}[books.btc.ladder]\nloss_usd_max = 1000.0",
        "books.btc.ladder: limits without interval_s watch nothing; set it, e.g. 5",
    ),
    (
        _with('"options_only"', '"usd"\ncounts_usdc = true'),
        "books.btc.counts_usdc: is of convention coin, the book has usd; remove one of the two",
    ),
    (
        _BOTH_COUNT,
        "books.eth.counts_usdc: is set in books.btc as well; keep one of the two",
    ),
    (_with('convention = "options_only"', ""), "books.btc.convention: is missing; add it"),
    (
        _with("convention", "hedge_instrument = 5\nconvention"),
        "books.btc.hedge_instrument: Input should be a valid string",
    ),
    (
        _with("convention", "hedge_instrument = []\nconvention"),
        "books.btc.hedge_instrument: Value should have at least 1 item after validation, not 0",
    ),
    (_with("btc", "b-c"), "books.b-c: a book is named after its coin, e.g. [books.btc]"),
    (
        f'{_MINIMAL}[health]\nhost = "0.0.0.0"',
        "health.host: Input should be '127.0.0.1', '::1' or 'localhost'",
    ),
    (
        f'{_MINIMAL}[run]\nlabel_prefix = "HB"',
        "run.label_prefix: String should match pattern '^[a-z][a-z0-9]{1,7}$'",
    ),
    (
        f'{_MINIMAL}[venue]\nws_url = "http://x"',
        "venue.ws_url: needs ws or wss://HOST without a user in it",
    ),
    (
        f'portfolio = "absent.toml"\n{_MINIMAL}',
        "portfolio: cannot read absent.toml: No such file or directory",
    ),
    # live
    (
        f"{_MINIMAL}[live]\narmed = 1.5",
        "live.armed: Input should be a valid boolean",
    ),
    (
        f"{_MINIMAL}[live]\naccount_id = true",
        "live.account_id: is true or false where something else belongs",
    ),
    (
        _with('"testnet"', '"live"') + "[run]\nadopt_positions = true",
        "run.adopt_positions: in live it is for one start; set HEDGEBOT_RUN__ADOPT_POSITIONS=true for that one",
    ),
    (
        _with('"testnet"', '"live"') + "[venue]\ntestnet = true",
        "venue.testnet: true is not for mode live; remove the key, or change the mode",
    ),
    (
        f"{_MINIMAL}[venue]\ntestnet = false",
        "venue.testnet: false is not for mode testnet; remove the key, or change the mode",
    ),
    # keys of the account
    (
        f'{_MINIMAL}[venue]\nclient_id = "me"',
        "venue.client_secret: is missing; a key needs an id and a secret",
    ),
    (
        f'{_MINIMAL}[venue]\nclient_secret = "{_CANARY}"',
        "venue.client_id: is missing; a key needs an id and a secret",
    ),
    (
        f'{_MINIMAL}[venue]\nclient_id = "me"\nclient_secret = "{_CANARY}"\nclient_secret_file = "x"',
        "venue.client_secret_file: venue.client_secret is set as well; keep one of the two",
    ),
    (
        f'{_MINIMAL}[venue]\nclient_id = "me"\nclient_secret_file = "absent"',
        "venue.client_secret_file: cannot read absent; check its path and owner",
    ),
]


@pytest.mark.parametrize(("text", "line"), _REFUSED, ids=[line for _, line in _REFUSED])
def test_what_cannot_be_run_is_refused_in_one_line(load_text: Load, tmp_path: Path, text: str, line: str) -> None:
    """It names the key."""
    refusal = _refusal(load_text, text).replace(str(tmp_path / "config.toml"), "FILE")

    assert refusal == line
    assert "\n" not in refusal


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        (
            {"HEDGEBOT_VENU__WS_URL": "x"},
            f"HEDGEBOT_VENU__WS_URL: unknown setting; {_SECTIONS}",
        ),
        (
            {"HEDGEBOT_VENUE__WS_URI": "x"},
            "venue.ws_uri: is unknown; remove it or check its spelling and unit",
        ),
        (
            {"HEDGEBOT_BOOKS__BTC__LIMITS__ORDER_USD_MAX": "nan"},
            "books.btc.limits.order_usd_max: Input should be a finite number",
        ),
        ({"HEDGEBOT_BOOKS": "{"}, "HEDGEBOT_BOOKS: is not JSON; set single keys as HEDGEBOT_BOOKS__..."),
    ],
)
def test_the_environment_is_read_as_strictly_as_the_file(
    load_text: Load, environment: dict[str, str], line: str
) -> None:
    """A misspelt variable is not silently ignored."""
    assert line == _refusal(load_text, _MINIMAL, environment)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """With the option that gives another."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "absent.toml", {}, run_tag="abc")

    expected = f"config: cannot read {tmp_path}/absent.toml: No such file or directory; give a file with --config"
    assert str(caught.value) == expected


def test_the_environment_overrides_the_file_and_the_command_line_both(load_text: Load) -> None:
    """Every key has a variable; the rest of its section stays."""
    environment = {
        "HEDGEBOT_VENUE__WS_URL": "ws://127.0.0.1:8651/ws/api/v2",
        "HEDGEBOT_VENUE__REST_URL": "http://127.0.0.1:8651",
        "HEDGEBOT_BOOKS__BTC__LIMITS__ORDER_USD_MAX": "77",
        "HEDGEBOT_MODE": "demo",
        "HEDGEBOT_SHARED": "anywhere",
    }
    config = load_text(_MINIMAL, environment, mode="simulate")

    assert config.mode is Mode.SIMULATE
    assert config.venue.ws_url == "ws://127.0.0.1:8651/ws/api/v2"
    assert config.venue.rest_url == "http://127.0.0.1:8651"
    assert (config.books[0].limits.order_usd_max, config.books[0].limits.orders_per_minute_max) == (77.0, 10)


def test_a_secret_can_be_in_a_file_of_its_own(load_text: Load, tmp_path: Path) -> None:
    """As container platforms mount it; the line end is not part of it."""
    (tmp_path / "secret").write_text(f"{_CANARY}\n")
    text = f'{_MINIMAL}[venue]\nclient_id = "me"\nclient_secret_file = "{tmp_path}/secret"'
    credentials = load_text(text).venue.credentials

    assert credentials is not None
    assert (credentials.key_id, credentials.reveal()) == ("me", _CANARY)


def test_the_digest_tells_settings_apart_but_not_secrets(load_text: Load) -> None:
    """It is written to the ledger and the log."""
    plain = load_text(_MINIMAL)
    other = load_text(_with("= 1000\n", "= 1001\n"))
    keyed = [
        load_text(_MINIMAL, {"HEDGEBOT_VENUE__CLIENT_ID": "me", "HEDGEBOT_VENUE__CLIENT_SECRET": secret}).digest
        for secret in (_CANARY, "another")
    ]

    assert plain.digest != other.digest
    assert keyed[0] == keyed[1]


def test_a_secret_shows_nowhere(load_text: Load, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in text forms, not encoded, not in an error, not in the log, not in the ledger."""
    stream = io.StringIO()
    config = load_text(_MINIMAL, {"HEDGEBOT_VENUE__CLIENT_ID": "me", "HEDGEBOT_VENUE__CLIENT_SECRET": _CANARY})
    with caplog.at_level(logging.DEBUG):
        logging.getLogger(__name__).info("%s %r", config, config.venue)
    log = open_log(now_ns=lambda: Ns(1), style="json", stream=stream)
    log.tell("run.started", config_hash=config.digest, books=config, ledger=config.venue, ws_url=str(config))
    log.tell("run.started", books={"client_secret": _CANARY}, ws_url=f"wss://h/?client_secret={_CANARY}")
    ledger = Ledger.open(
        f"sqlite:///{tmp_path}/ledger.db",
        run_id="r1",
        started_ns=1,
        mode=config.mode.value,
        config_hash=config.digest,
        version="0",
    )
    ledger.close()
    shown = [repr(config), str(config), f"{config.venue}", caplog.text, stream.getvalue(), repr(BotError(config))]
    try:
        encoded = msgspec.json.encode(config, enc_hook=repr).decode()
    except (TypeError, NotImplementedError) as error:
        encoded = str(error)

    assert [text for text in (*shown, encoded) if _CANARY in text] == []
    files = [path for path in tmp_path.iterdir() if path.name.startswith("ledger")]
    assert [path.name for path in files if _CANARY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        (f'{_MINIMAL}[venue]\nclient_secret = ["{_CANARY}"]', {}),
        (f'{_MINIMAL}[venue]\nws_url = "wss://me:{_CANARY}@host/"', {}),
        (f'{_MINIMAL}[venue]\nclient_secret = "{_CANARY}"\ncolour = 1', {}),
        (_MINIMAL, {"HEDGEBOT_VENUE": f'{{"client_secret": "{_CANARY}"'}),
        (_MINIMAL, {"HEDGEBOT_VENUE__CLIENT_SECRE": _CANARY}),
        (_MINIMAL, {"HEDGEBOT_SECRET": _CANARY}),
    ],
)
def test_a_refusal_does_not_repeat_the_secret(load_text: Load, text: str, environment: dict[str, str]) -> None:
    """What is wrong is said by its key, not by its value; nor do chained errors hold it."""
    with pytest.raises(ConfigError) as caught:
        load_text(text, environment)

    assert _CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
