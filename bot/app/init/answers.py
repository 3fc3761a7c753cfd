"""What somebody wants of a first configuration: the questions, what fits together, and how an answer is found.

An answer is a flag's, else what was typed, else the default. Knows venues and words; writes nothing.
"""

import enum
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from bot.domain.errors import ConfigError
from bot.domain.ids import DERIBIT
from bot.risk.conventions import Convention
from bot.sim.paths import COINS

Prompt = Callable[[str, str | None], str]
"""(question, default) to what was typed."""

_TRIES_MAX: Final = 3
_NUMBER_MAX: Final = 1e12


class Margin(enum.StrEnum):
    """What the hedge instrument is margined in."""

    INVERSE = "inverse"
    """The coin."""
    LINEAR = "linear"
    """USDC or USDT."""


class Stage(enum.StrEnum):
    """How far a first configuration goes."""

    PAPER = "paper"
    TESTNET = "testnet"
    LIVE = "live"


_PERPETUALS: Final[Mapping[str, Mapping[Margin, str]]] = {
    DERIBIT: {Margin.INVERSE: "{coin}-PERPETUAL", Margin.LINEAR: "{coin}_USDC-PERPETUAL"},
    "okx": {Margin.INVERSE: "OKX:{coin}-USD-SWAP", Margin.LINEAR: "OKX:{coin}-USDT-SWAP"},
    "bybit": {Margin.LINEAR: "BYBIT:{coin}USDT"},
    "binance": {Margin.LINEAR: "BINANCE:{coin}USDT"},
    "hyperliquid": {Margin.LINEAR: "HYPERLIQUID:{coin}"},
}
"""By venue and margin; options are at Deribit, whatever the hedge's venue."""


class Answers(Struct, frozen=True, kw_only=True):
    """All that was asked."""

    venue: str
    """Of the hedge."""
    currency: str
    margin: Margin
    convention: Convention
    option_coins: float
    """Coins of option the book holds at most, calls and puts counted apart."""
    equity_coin: float
    """Coins of the account the book hedges as well; 0 but for convention `usd`."""
    risk_usd_per_day: float
    stage: Stage

    @property
    def hedge_instrument(self) -> str:
        """The perpetual."""
        return _PERPETUALS[self.venue][self.margin].format(coin=self.currency)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the hedge is at another venue than the options."""
        return self.venue != DERIBIT


class Question(Struct, frozen=True, kw_only=True):
    """One question; without choices its answer is a number above zero."""

    flag: str
    text: str
    choices: tuple[str, ...] = ()
    default: str | None = None
    because: str = ""
    """Why other choices are not offered."""

    def objection(self, text: str) -> str:
        """What is wrong with an answer; empty when nothing is."""
        if self.choices:
            return "" if text in self.choices else f"{text!r} is not one of {', '.join(self.choices)}{self.because}"
        try:
            value = float(text.replace(",", "").replace("_", ""))
        except ValueError:
            return f"{text!r} is no number"
        return "" if 0.0 < value < _NUMBER_MAX and math.isfinite(value) else f"{text!r} is not a number above zero"


class Asking:
    """Finds answers: flags first, then whoever sits there, then defaults."""

    def __init__(self, flags: Mapping[str, str | None], prompt: Prompt | None, *, takes_defaults: bool) -> None:
        """`flags` by name without dashes; `prompt` None: nobody can be asked."""
        self._flags = flags
        self._prompt = prompt
        self._takes_defaults = takes_defaults

    def choice(self, question: Question) -> str:
        """One of the choices; ConfigError names the flag that is missing or wrong."""
        return self._answer(question)

    def number(self, question: Question) -> float:
        """Above zero."""
        return float(self._answer(question).replace(",", "").replace("_", ""))

    def _answer(self, question: Question) -> str:
        given = self._flags[question.flag]
        if given is not None:
            text = _folded(given, question.choices)
            if objection := question.objection(text):
                raise ConfigError(f"--{question.flag}: {objection}")
            return text
        if self._takes_defaults and question.default is not None:
            return question.default
        if self._prompt is None:
            told = f" one of {', '.join(question.choices)}" if question.choices else " a number"
            raise ConfigError(f"--{question.flag}: is missing, and nobody can be asked here; give{told}")
        return self._typed(question, self._prompt)

    def _typed(self, question: Question, prompt: Prompt) -> str:
        shown = f"{question.text} ({', '.join(question.choices)})" if question.choices else question.text
        objection = ""
        for _ in range(_TRIES_MAX):
            text = _folded(prompt(f"{objection}. {shown}" if objection else shown, question.default), question.choices)
            if not (objection := question.objection(text)):
                return text
        raise ConfigError(f"--{question.flag}: {objection}")


def _folded(text: str, choices: Sequence[str]) -> str:
    """As the choice is written, whatever the case of the letters."""
    stripped = text.strip()
    return next((choice for choice in choices if choice.lower() == stripped.lower()), stripped)


FLAGS: Final = ("venue", "currency", "margin", "convention", "option-coins", "equity-coin", "risk-usd-per-day", "mode")
"""In the order they are asked for."""


def answers_of(asking: Asking) -> Answers:
    """Ask all of it; what does not go together is not offered, and refused as a flag."""
    venue = asking.choice(
        Question(
            flag="venue",
            text="Venue of the hedge; options are at Deribit",
            choices=tuple(_PERPETUALS),
            default=DERIBIT,
        )
    )
    currency = asking.choice(
        Question(
            flag="currency", text="Coin of the book", choices=tuple(coin.base for coin in COINS), default=COINS[0].base
        )
    )
    margins = tuple(_PERPETUALS[venue])
    margin = Margin(
        asking.choice(
            Question(
                flag="margin",
                text="Margin of the hedge: in the coin, or in dollars",
                choices=margins,
                default=margins[0],
                because=f" at {venue}",
            )
        )
    )
    is_blind = venue != DERIBIT and margin is Margin.INVERSE
    convention = Convention(
        asking.choice(
            Question(
                flag="convention",
                text="Which delta is hedged; no default on purpose, see docs/explanation/delta-conventions.md",
                choices=tuple(kind for kind in Convention if not (is_blind and kind is Convention.USD)),
                because=f" with coins at {venue}, which convention usd would not see" if is_blind else "",
            )
        )
    )
    return Answers(
        venue=venue,
        currency=currency,
        margin=margin,
        convention=convention,
        option_coins=asking.number(
            Question(flag="option-coins", text="Coins of option the book will hold at most", default="10")
        ),
        equity_coin=_equity_coin(asking, convention),
        risk_usd_per_day=asking.number(
            Question(flag="risk-usd-per-day", text="USD a day that hedging may win or lose by chance")
        ),
        stage=_stage(asking, venue),
    )


def _equity_coin(asking: Asking, convention: Convention) -> float:
    if convention is not Convention.USD:
        return 0.0
    return asking.number(
        Question(flag="equity-coin", text="Coins of equity in the account, hedged as well under convention usd")
    )


def _stage(asking: Asking, venue: str) -> Stage:
    stages = tuple(stage for stage in Stage if venue == DERIBIT or stage is not Stage.PAPER)
    why = f"; a paper account has one venue, and the hedge is at {venue}" if Stage.PAPER not in stages else ""
    question = Question(flag="mode", text="What to begin with", choices=stages, default=stages[0].value, because=why)
    return Stage(asking.choice(question))
