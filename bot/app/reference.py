"""Writes the reference from the code: configuration, events, log events, metrics, reasons, exit codes.

Knows where the words are defined; a test asserts that the committed pages are what this prints.
`hedgebot reference docs/reference` writes them.
"""

import ast
import enum
import inspect
import itertools
import textwrap
import types
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Union, get_args, get_origin

from msgspec import Struct
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.app.config import ENV_PREFIX, Settings
from bot.app.exit_codes import ExitCode
from bot.domain.commands import Command
from bot.domain.decided import Decided, Note
from bot.domain.events import AccountEvent, Ticked
from bot.domain.market_events import MarketEvent
from bot.domain.reasons import Action, DistrustCause, HaltCause, Phase, Reason, RefusalKind, Regime
from bot.observe.catalogue import ALWAYS, CATALOGUE
from bot.observe.metric_names import METRICS

_HEADER: Final = "<!-- Written by `make docs` from the code; a test compares. Do not edit. -->\n"
_COIN: Final = "COIN"
"""Stands for the name of a book in keys: `books.COIN.band`."""


def pages() -> dict[str, str]:
    """File name to text."""
    return {
        "configuration.md": configuration(),
        "events.md": events(),
        "log-events.md": log_events(),
        "metrics.md": metrics(),
        "reasons.md": reasons(),
        "exit-codes.md": exit_codes(),
    }


def write(folder: Path) -> None:
    """All pages into `folder`."""
    for name, text in pages().items():
        (folder / name).write_text(text)


# --- configuration ---------------------------------------------------------------------------------------


def configuration() -> str:
    """Every key: its type, default and meaning."""
    rows = [(f"`{key}`", kind, default, meaning) for key, kind, default, meaning in config_keys()]
    return _page(
        "Configuration",
        f"""
        A TOML file (`--config F`), then the environment, then the command line; the later one wins. Keys carry
        their unit. A key is overridden as `{ENV_PREFIX}` and its path in capitals with `__` between the parts:
        `books.btc.limits.order_usd_max` is `{ENV_PREFIX}BOOKS__BTC__LIMITS__ORDER_USD_MAX`. `{_COIN}` stands for the
        coin of a book (`btc`, `eth`); a file may have several. What is not understood is refused with one line that
        names the key, exit code {ExitCode.CONFIG.value}.

        Secrets belong in the environment or in a file named by a `..._file` key. They are never logged, and no part
        of the ledger.
        """,
        table(("key", "value", "default", "meaning"), rows),
    )


def config_keys() -> list[tuple[str, str, str, str]]:
    """(key, type, default, meaning) of every leaf of the settings, in order."""
    return list(_leaves(Settings, ""))


def _leaves(model: type[BaseModel], prefix: str) -> Iterable[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        annotation = field.annotation
        section = _section_of(annotation)
        if section is None:
            yield prefix + name, _kind(annotation, field), _default(field), field.description or ""
        elif get_origin(annotation) is dict:
            yield from _leaves(section, f"{prefix}{name}.{_COIN}.")
        else:
            yield from _leaves(section, f"{prefix}{name}.")


def _section_of(annotation: object) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _kind(annotation: object, field: FieldInfo) -> str:
    """Words for a type and its bounds: `number > 0`, `edge or target`."""
    bounds = [
        f"{sign} {getattr(rule, name):,}"
        for rule in [*field.metadata, *_nested_rules(annotation)]
        for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))
        if getattr(rule, name, None) is not None
    ]
    return " ".join([_type_words(annotation), ", ".join(bounds)]).strip()


def _nested_rules(annotation: object) -> list[object]:
    """Bounds inside `Annotated[float, Field(gt=0)] | None`."""
    rules: list[object] = []
    for item in get_args(annotation):
        if get_origin(item) is Annotated and get_origin(annotation) in {Union, types.UnionType}:
            rules += [rule for info in item.__metadata__ for rule in getattr(info, "metadata", ())]
    return rules


_TYPE_WORDS: Final = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "true or false",
    "Path": "path",
    "SecretStr": "secret",
}


def _type_words(annotation: object) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) is Annotated:
        return _type_words(get_args(annotation)[0])
    if get_origin(annotation) is dict:
        return "table of " + " to ".join(_type_words(item) for item in get_args(annotation))
    if get_origin(annotation) is tuple:
        return f"list of {_type_words(get_args(annotation)[0])}"
    if get_origin(annotation) in {Union, types.UnionType}:
        return " or ".join(_type_words(item) for item in get_args(annotation) if item is not type(None))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    name = getattr(annotation, "__name__", str(annotation))
    assert name in _TYPE_WORDS, f"no words for the type {annotation}"
    return _TYPE_WORDS[name]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=False)
    if value is None or value is PydanticUndefined:
        return ""
    plain = value.value if isinstance(value, enum.Enum) else value
    return f"`{str(plain).lower() if isinstance(plain, bool) else plain}`"


# --- the other pages ---------------------------------------------------------------------------------------


def events() -> str:
    """What reaches the engine, what it asks for and what it tells, field by field."""
    groups = (
        ("Market events", "Conflated: only the newest per type and instrument counts.", get_args(MarketEvent)),
        ("Account events", "Never conflated, in order of arrival.", get_args(AccountEvent)),
        ("The event that decides", "Everything else only updates what is known.", (Ticked,)),
        ("Commands", "What the engine asks of the world.", get_args(Command)),
        ("The decision", "One per tick and book.", (Decided,)),
        ("Notes", "What changed in the engine, told with the outcome of an event.", get_args(Note)),
    )
    parts = []
    for title, text, kinds in groups:
        parts.append(f"## {title}\n\n{text}")
        parts += [_struct(kind) for kind in kinds]
    return _page(
        "Events, commands, decisions",
        """
        Times are UTC nanoseconds since 1970. `_native` is the instrument's own unit: USD for the amount of an inverse
        future, coins otherwise; coin per coin for the price of an inverse option, USD otherwise. Amounts are signed,
        + is long or bought. What is not known is `None`, never 0.
        """,
        "\n\n".join(parts),
    )


def log_events() -> str:
    """The log catalogue."""
    rows = [
        (f"`{name}`", entry.level.name.lower(), entry.meaning, ", ".join(f"`{field}`" for field in entry.fields))
        for name, entry in CATALOGUE.items()
    ]
    return _page(
        "Log events",
        f"""
        One JSON object per line on standard output; sentences on a terminal. `ts_ns` is UTC nanoseconds since 1970.
        Any line may have {", ".join(f"`{field}`" for field in sorted(ALWAYS))}. Levels: debug = every tick, info = a
        human would want it, warning = degraded but safe, error = halted or look now. Values under names that sound
        like a secret are never printed.
        """,
        table(("event", "level", "meaning", "fields"), rows),
    )


def metrics() -> str:
    """The table of metrics."""
    rows = [
        (f"`{name}`", metric.kind.value, ", ".join(f"`{label}`" for label in metric.labels), metric.meaning)
        for name, metric in METRICS.items()
    ]
    return _page(
        "Metrics",
        """
        `/metrics` on the address of the health page, in the text format of Prometheus. Names end in their unit;
        `native` is the currency or the instrument's own unit, as a label says. A figure that is not known is NaN, never
        0. State is read when it is asked for. The figures of the process itself (`process_...`) are there as well.
        """,
        table(("metric", "kind", "labels", "meaning"), rows),
    )


def reasons() -> str:
    """Every word for why."""
    groups = (
        ("Actions", "What a decision came to.", Action),
        ("Reasons", "Why a decision came to its action.", Reason),
        ("Causes of distrust", "Why a market datum is not used.", DistrustCause),
        ("Kinds of refusal", "What a definite no of the venue means for us.", RefusalKind),
        ("Phases", "Where a book stands.", Phase),
        ("Regimes", "How wild the market is, where `[books.COIN.regime]` watches.", Regime),
        ("Causes of a halt", "Why trading halted; lifted only by a restart after a look.", HaltCause),
    )
    parts = [f"## {title}\n\n{text}\n\n{_members(kind)}" for title, text, kind in groups]
    return _page("Reasons", "The words in logs, in the ledger and on the status page.", "\n\n".join(parts))


def exit_codes() -> str:
    """What the process says with its last breath."""
    meanings = attribute_docs(ExitCode)
    rows = [(str(code.value), f"`{code.name}`", meanings.get(code.name, "")) for code in ExitCode]
    return _page("Exit codes", "Of the `hedgebot` command.", table(("code", "name", "meaning"), rows))


def _members(kind: type[enum.StrEnum]) -> str:
    meanings = attribute_docs(kind)
    return table(("word", "meaning"), [(f"`{member.value}`", meanings.get(member.name, "")) for member in kind])


def _struct(kind: type[Struct]) -> str:
    meanings, types_by_name = attribute_docs(kind), _annotations(kind)
    rows = [(f"`{name}`", f"`{types_by_name[name]}`", meanings.get(name, "")) for name in kind.__struct_fields__]
    fields = table(("field", "type", "meaning"), rows)
    return f"### {kind.__name__}\n\n{inspect.cleandoc(kind.__doc__ or '')}\n\n{fields}"


def _body(kind: type) -> list[ast.stmt]:
    found = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(found, ast.ClassDef), f"{kind} is no class"
    return found.body


def _annotations(kind: type) -> dict[str, str]:
    fields = [item for item in _body(kind) if isinstance(item, ast.AnnAssign)]
    return {ast.unparse(item.target): ast.unparse(item.annotation) for item in fields}


def attribute_docs(kind: type) -> dict[str, str]:
    """Name to the text that stands under it in the source; Python keeps no such thing at run time."""
    docs = {}
    for item, after in itertools.pairwise(_body(kind)):
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            match item:
                case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                    docs[name] = " ".join(str(after.value.value).split())
                case _:
                    pass
    return docs


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _page(title: str, text: str, body: str) -> str:
    return f"{_HEADER}# {title}\n\n{inspect.cleandoc(text)}\n\n{body}\n"
