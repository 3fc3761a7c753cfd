"""The text of a first configuration: every key under one line that says what it is, and no secret among them.

Knows the words of the file; what a key means is said where the key is defined.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from bot.app.init.answers import Answers, Margin, Stage
from bot.app.init.reckoned import Limit, Market
from bot.app.reference import config_keys

Value = str | bool | int | float


_LOSS: Final = "_usd_max"
"""End of the keys of `stops` whose stop is not what it would be by default."""
_WHY_REDUCE: Final = "hedges that lower the open delta go on: a paused book is an unhedged one"


class _Stage(Struct, frozen=True, kw_only=True):
    """What differs between the modes."""

    hosts: str
    port: int
    before: str
    """What is said above the mode."""
    is_armed_by_hand: bool = False
    is_paper: bool = False


_KEY_WORDS: Final = (
    "the key comes from the environment (HEDGEBOT_VENUE__CLIENT_ID, HEDGEBOT_VENUE__CLIENT_SECRET_FILE), with "
    "trade:read_write, account:read, wallet:none"
)
_STAGES: Final = {
    Stage.PAPER: _Stage(
        hosts="production",
        port=8643,
        before="the venue's live market without a key; orders are matched on this machine and never sent",
        is_paper=True,
    ),
    Stage.TESTNET: _Stage(hosts="testnet", port=8642, before=f"test orders at the venue's test hosts; {_KEY_WORDS}"),
    Stage.LIVE: _Stage(
        hosts="production",
        port=8642,
        before=f"REAL MONEY; read docs/how-to/go-live.md; {_KEY_WORDS}",
        is_armed_by_hand=True,
    ),
}


class Names(Struct, frozen=True, kw_only=True):
    """Files a configuration names."""

    config: str
    portfolio: str | None
    """None: what the account holds is hedged."""
    ledger: str


def has_portfolio(answers: Answers) -> bool:
    """Whether what is held is named by a file: at a venue it is the account's."""
    return _STAGES[answers.stage].is_paper


def portfolio_text(answers: Answers) -> str:
    """What a paper account holds at its first start: straddles of the coins that were asked for."""
    rest = f'expiry = "2nd"\nstrike = "atm"\nqty_coin = "{answers.option_coins:.12g}"\n'
    rest += 'settlement = "usd"\n' * has_linear_options(answers)
    legs = [f'[[legs]]\nkind = "{kind}"\n{rest}' for kind in ("call", "put")]
    return "\n".join(
        ("# At-the-money straddles, second listed expiry, signed coins: put what you hold here instead.", *legs)
    )


def has_linear_options(answers: Answers) -> bool:
    """Whether the example holds options settled in USDC: a linear hedge at the options' own venue, no coins counted."""
    return answers.margin is Margin.LINEAR and not answers.is_elsewhere and not answers.equity_coin


def config_text(answers: Answers, numbers: Iterable[Limit], market: Market, names: Names) -> str:
    """The file."""
    stage, coin = _STAGES[answers.stage], answers.currency.lower()
    lines = _Lines({key: meaning for key, _, _, meaning in config_keys()})
    lines.say(
        f"Written by `hedgebot init`: {answers.currency} options hedged with {answers.hedge_instrument}, "
        f"{answers.risk_usd_per_day:,.12g} USD of risk a day."
    )
    lines.say(
        f"Reckoned for {answers.option_coins:,.12g} coins of sold straddles at {market.price_usd:,.0f} USD a coin and "
        f"{market.iv:.0%} volatility; far from that, write it again with --price-usd."
    )
    lines.say(f"Would it start? `hedgebot check --config {names.config}`. All keys: docs/reference/configuration.md")
    lines.say("No secret belongs in this file: keys and passwords come from the environment, or from files it names.")
    lines.blank()
    lines.put("mode", answers.stage.value, stage.before)
    if names.portfolio is not None:
        lines.put("portfolio", names.portfolio, "what the paper account holds at its first start; later it goes on")
    if stage.is_armed_by_hand:
        lines.section("live")
        lines.put("live.armed", False, "the last thing to change, by hand; account_id goes beside it")
    lines.section("venue")
    lines.put("venue.name", "deribit", "where the options are")
    lines.put("venue.hosts", stage.hosts)
    if answers.is_elsewhere:
        lines.section("hedge_venue")
        lines.put("hedge_venue.name", answers.venue, "its key is HEDGEBOT_HEDGE_VENUE__...")
    if stage.is_paper and answers.equity_coin:
        lines.section("paper")
        lines.put(f"paper.{coin}", answers.equity_coin, "the equity that was asked for")
    _book(lines, answers, coin, numbers)
    lines.section("ledger")
    lines.put("ledger.url", names.ledger, "belongs to this mode, venue and account")
    lines.section("health")
    lines.put("health.port", stage.port, "page, metrics and commands, on this machine only")
    return lines.text()


def _book(lines: "_Lines", answers: Answers, coin: str, numbers: Iterable[Limit]) -> None:
    book = f"books.{coin}"
    lines.section(book)
    lines.put(f"{book}.convention", answers.convention.value, "docs/explanation/delta-conventions.md")
    lines.put(f"{book}.hedge_instrument", answers.hedge_instrument, "", meaning="what hedges are made with")
    section = ""
    for item in numbers:
        head, _, _ = item.key.partition(".")
        if head != section:
            section = head
            lines.section(f"{book}.{section}")
            if section == "band":
                lines.put(
                    f"{book}.band.policy", "whalley_wilmott", "as wide as cost allows, as narrow as gamma demands"
                )
        lines.put(f"{book}.{item.key}", item.value, item.why)
        if section == "stops" and item.key.endswith(_LOSS):
            lines.put(f"{book}.{item.key.removesuffix(_LOSS)}_stop", "reduce_only", _WHY_REDUCE)


class _Lines:
    """Sections and keys, each key with its line above it."""

    def __init__(self, meanings: Mapping[str, str]) -> None:
        self._meanings = meanings
        self._lines: list[str] = []

    def say(self, text: str) -> None:
        self._lines.append(f"# {text}")

    def blank(self) -> None:
        self._lines.append("")

    def section(self, name: str) -> None:
        self._lines += ["", f"[{name}]"]

    def put(self, path: str, value: Value, why: str = "", *, meaning: str | None = None) -> None:
        """A key by its whole path; its meaning is the one of the reference unless given."""
        parts = path.split(".")
        known = ".".join(["books", "COIN", *parts[2:]] if parts[0] == "books" else parts)
        words = [self._meanings[known].removeprefix("same: ") if meaning is None else meaning, why]
        self.say("; ".join(word for word in words if word))
        self._lines.append(f"{parts[-1]} = {toml_of(value)}")

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"


def toml_of(value: Value) -> str:
    """A value as TOML."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case int():
            return str(value)
        case _:
            return f"{value:_.0f}" if value == round(value) else repr(value)
