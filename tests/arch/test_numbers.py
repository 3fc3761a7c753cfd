"""Every number says its unit, and Decimal and float meet in one place."""

import ast
import re
from fnmatch import fnmatch

import pytest

_UNITS = {
    # money, amounts, prices
    *("usd", "coin", "coins", "native", "contracts", "ticks"),
    # time
    *("ns", "ms", "s", "seconds", "hours", "days", "years"),
    # pure numbers
    *("bps", "rate", "8h", "share", "percent", "fraction", "count", "iv", "multiple", "ratio", "scale", "sigmas"),
    # machines
    *("bytes", "port", "seed", "per"),
}
"""One of these words stands in every numeric name: `delta_coin_net`, `age_ns_max`."""

_ALLOWED = {
    ("bot/pricing/*", "*"): "mathematics: units in the docstrings, carried by names everywhere above",
    ("bot/hedging/*", "discount"): "discount factor",
    ("bot/hedging/*", "*relative"): "dimensionless: absolute risk aversion times the value of what is held",
    ("bot/domain/units.py", "step"): "same unit as the value beside it",
    ("bot/domain/ids.py", "number"): "number of a label within its run",
    ("*", "value"): "any number on its way through a conversion",
    ("*", "seq"): "position on the tape",
    ("*", "*_seq"): "position on a tape",
    ("*", "code"): "the venue's error code",
    ("*", "*_id"): "a name that happens to be a number",
    ("*", "*_id_before"): "a name that happens to be a number",
    ("*", "orders_*"): "a count of orders",
    ("*", "*_in_a_row_max"): "a count, as its name says",
    ("bot/app/wire_*.py", "sig"): "asyncio's word for a signal",
    ("bot/app/wire_*.py", "timeout"): "asyncio's word, in seconds",
    ("bot/app/wire_*.py", "high"): "asyncio's word, in bytes",
    ("bot/app/wire_*.py", "low"): "asyncio's word, in bytes",
    ("bot/journal/history_files.py", "BookResult.*"): "the venue's fields, under their own names",
    ("bot/research/frontier.py", "Dot.*"): "axes: the words of the picture say what of",
    ("bot/research/backtest.py", "Backtest.*"): "keys of the result line, part of the command line's contract",
    ("bot/research/sweep.py", "Range.*"): "keys of the sweep's file; in the unit of the key they are for",
    ("bot/research/sweep.py", "Seeds.*"): "keys of the sweep's file; seeds",
    ("bot/research/sweep.py", "Figures.*"): "columns of the results, part of the command line's contract",
    ("bot/research/validation/*", "*"): "figures of any kind beside their sources': the row of the page says of what",
    ("bot/research/tapes/*", "row"): "number of a row in its file",
    ("bot/research/tapes/*", "number"): "number of a row in its file",
    ("bot/localex/*", "*"): "the venue's protocol: names and units are Deribit's",
    ("bot/observe/plot*.py", "*"): "axes and pixels; units of a series stand in its axis",
    ("bot/observe/counts.py", "Spread.total"): "in the unit at the end of the metric's name",
    ("bot/observe/explained.py", "Gauge.value_max"): "in the unit named beside it",
    (
        "bot/observe/profits.py",
        "*",
    ): "the same parts once in native money and once in USD: whoever holds them says which",
    ("bot/risk/attribution.py", "*"): "native money, as the module's docstring says",
    ("bot/observe/tally.py", "RunResult.*"): "keys of the result line, part of the command line's contract",
    ("bot/research/lockstep.py", "node"): "a place on the grid, between two nodes",
    ("bot/sim/book.py", "*"): "one instrument's grid: whole lots and whole price units, said in its docstring",
    ("bot/sim/*", "tick_direction"): "the venue's enumeration, spelled out in its docstring",
    ("bot/sim/*", "premium"): "fraction of the index",
    ("bot/sim/account.py", "money"): "in the account's own currency, never mixed",
    ("bot/sim/account.py", "fee"): "in the account's own currency, never mixed",
    ("bot/sim/account.py", "entry"): "price of the instrument named beside it",
    ("bot/sim/account.py", "leave"): "price of the instrument named beside it",
    ("bot/sim/checks.py", "lots"): "whole lots of the instrument's grid",
    ("bot/sim/checks.py", "units"): "whole price units of the instrument's grid",
    ("bot/sim/exchange.py", "depth"): "a count of price levels",
    ("bot/sim/world.py", "vol_scale"): "a pure factor on volatility",
    ("bot/sim/history.py", "HistoryRow.*"): "columns of the recorded file, under its own names",
    ("bot/sim/pit.py", "price"): "price of the instrument named beside it",
    ("bot/sim/valuation.py", "x"): "mathematics",
    ("bot/venues/deribit.py", "expires_in"): "the venue's field, under its own name",
    ("bot/venues/*", "malformed_max"): "a count of messages",
    ("bot/venues/*", "doublings"): "a count",
    ("bot/venues/*", "size"): "a count of items in a chunk",
    ("bot/venues/deribit_rest.py", "amount"): "native, as the request names it",
    ("bot/sim/facts.py", "options_*"): "account greeks in the venue's units, named as the venue names them",
    ("bot/sim/facts.py", "interest_value"): "a display figure of the venue, without meaning for us",
    ("bot/sim/facts.py", "OptionGreeks.*"): "units in the docstring, as on the wire",
}
"""(file, name or Class.name) -> why no unit is needed."""

_NUMERIC = {"int", "float", "Decimal", "Ns"}
_DOORS = {
    "bot/domain/units.py": "the one door",
}
"""Files that may turn float into Decimal and back."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()))


def _annotation_names(annotation: ast.expr | None) -> set[str]:
    """Names of an annotation and of its alternatives: `Decimal | None` gives {Decimal}."""
    if isinstance(annotation, ast.BinOp):
        return _annotation_names(annotation.left) | _annotation_names(annotation.right)
    return {annotation.id} if isinstance(annotation, ast.Name) else set()


def _arguments(function: _Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _is_number(annotation: ast.expr | None) -> bool:
    """A union with text is input still to be parsed."""
    names = _annotation_names(annotation)
    return bool(names & _NUMERIC) and "str" not in names


def _public_numbers(tree: ast.Module) -> list[tuple[int, str, str]]:
    """(line, owner, name) of numeric fields of classes and parameters of public functions."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
            found += [
                (item.lineno, node.name, item.target.id)
                for item in fields
                if isinstance(item.target, ast.Name) and _is_number(item.annotation)
            ]
        elif isinstance(node, _Function) and not node.name.startswith("_"):
            found += [(arg.lineno, node.name, arg.arg) for arg in _arguments(node) if _is_number(arg.annotation)]
    return [item for item in found if not item[2].startswith("_")]


def unitless(name: str, tree: ast.Module) -> list[str]:
    """Public numeric names without a unit, unless the owner carries one (`ProfitUsd.fees`)."""
    found = []
    for line, owner, number in _public_numbers(tree):
        words = _words(number) | (_words(owner) if owner[0].isupper() else set())
        allowed = any(
            fnmatch(name, file) and (fnmatch(number, pattern) or fnmatch(f"{owner}.{number}", pattern))
            for file, pattern in _ALLOWED
        )
        if not words & _UNITS and not allowed:
            found.append(f"{name}:{line}: {owner}.{number} is a number without a unit in its name")
    return found


def decimal_fields(trees: dict[str, ast.Module]) -> set[str]:
    """Field names that are Decimal in every class that has them, so that `x.name` is surely one."""
    decimals: set[str] = set()
    others: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for item in node.body:
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                        names = _annotation_names(item.annotation)
                        (decimals if "Decimal" in names else others).add(item.target.id)
    return decimals - others


def _is_inexact(value: ast.expr, annotated: dict[str, set[str]]) -> bool:
    """Whether an argument of Decimal() may be a float: a literal, arithmetic, a conversion, a float parameter."""
    match value:
        case ast.Constant(value=float()):
            return True
        case ast.Call(func=ast.Name(id="float" | "str" | "repr" | "round" | "abs" | "format")):
            return True
        case ast.UnaryOp(operand=operand):
            return _is_inexact(operand, annotated)
        case ast.BinOp() | ast.JoinedStr():
            return True
        case ast.Name(id=identifier):
            return "float" in annotated.get(identifier, set())
    return False


def _is_decimal(value: ast.expr, annotated: dict[str, set[str]], fields: set[str]) -> bool:
    """Whether an argument of float() is surely a Decimal."""
    match value:
        case ast.Call(func=ast.Name(id="Decimal")):
            found = True
        case ast.Call(func=ast.Name(id="abs"), args=[inner]) | ast.UnaryOp(operand=inner):
            found = _is_decimal(inner, annotated, fields)
        case ast.BinOp(left=left, right=right):
            found = _is_decimal(left, annotated, fields) or _is_decimal(right, annotated, fields)
        case ast.Attribute(attr=attribute):
            found = attribute in fields
        case ast.Name(id=identifier):
            found = "Decimal" in annotated.get(identifier, set())
        case _:
            found = False
    return found


def other_doors(name: str, tree: ast.Module, fields: set[str]) -> list[str]:
    """Conversions between Decimal and float outside the door."""
    if name in _DOORS:
        return []
    found = set()
    scopes: list[ast.Module | _Function] = [tree, *(n for n in ast.walk(tree) if isinstance(n, _Function))]
    for scope in scopes:
        annotated = (
            {arg.arg: _annotation_names(arg.annotation) for arg in _arguments(scope)}
            if isinstance(scope, _Function)
            else {}
        )
        for node in ast.walk(scope):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            if node.func.id == "Decimal" and _is_inexact(node.args[0], annotated):
                found.add(f"{name}:{node.lineno}: Decimal(...) of a float: use bot.domain.units")
            if node.func.id == "float" and _is_decimal(node.args[0], annotated, fields):
                found.add(f"{name}:{node.lineno}: float(...) of a Decimal: use bot.domain.units")
    return sorted(found)


def test_every_public_number_names_its_unit(bot_trees: dict[str, ast.Module]) -> None:
    """Fields and parameters carry units, so that a wrong sum looks wrong."""
    found = [line for name, tree in bot_trees.items() for line in unitless(name, tree)]

    assert found == [], "\n".join(found)


def test_decimal_and_float_meet_in_one_place(bot_trees: dict[str, ast.Module]) -> None:
    """Money becomes a float, and a wire number becomes money, only through the door."""
    fields = decimal_fields(bot_trees)
    found = [line for name, tree in bot_trees.items() for line in other_doors(name, tree, fields)]

    assert found == [], "\n".join(found)


def test_every_exemption_is_still_needed(bot_trees: dict[str, ast.Module]) -> None:
    """An allow-list only shrinks: an entry that matches nothing is removed."""
    numbers = [
        (name, f"{owner}.{number}", number)
        for name, tree in bot_trees.items()
        for _, owner, number in _public_numbers(tree)
    ]
    unused = [
        (file, pattern)
        for file, pattern in _ALLOWED
        if not any(fnmatch(n, file) and (fnmatch(full, pattern) or fnmatch(b, pattern)) for n, full, b in numbers)
    ]

    assert unused == []


@pytest.mark.parametrize(
    "text",
    [
        "class A(Struct):\n    price: float",
        "class A:\n    size: Decimal | None = None",
        "def f(delta: float): ...",
        "async def f(*, timeout: int = 3): ...",
        "def f(when: Ns): ...",
    ],
)
def test_a_number_without_a_unit_is_found(text: str) -> None:
    """The unit rule fails on fields and parameters without a unit."""
    assert unitless("bot/risk/x.py", ast.parse(text)) != []


@pytest.mark.parametrize(
    "text",
    [
        "class A(Struct):\n    delta_coin_net: float | None",
        "class ProfitUsd(Struct):\n    fees: float",
        "def _private(x: float): ...",
        "def f(is_call: bool, name: str): ...",
        "def f(age_ns_max: Ns, funding_rate_8h: float): ...",
    ],
)
def test_a_number_with_a_unit_passes(text: str) -> None:
    """The unit rule leaves good names alone."""
    assert unitless("bot/risk/x.py", ast.parse(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Decimal(0.1)",
        "Decimal(-0.1)",
        "Decimal(str(x))",
        "Decimal(float(x))",
        "Decimal(a * b)",
        "Decimal(f'{x}')",
        "def f(x: float | None):\n    return Decimal(x)",
        "float(Decimal(1))",
        "float(fill.amount_native)",
        "float(abs(fill.amount_native))",
        "float(-fill.amount_native * 2)",
        "def f(x: Decimal):\n    return float(x)",
    ],
)
def test_another_door_is_found(text: str) -> None:
    """The door rule fails on conversions either way."""
    assert other_doors("bot/risk/x.py", ast.parse(text), {"amount_native"}) != []


@pytest.mark.parametrize(
    "text",
    ["Decimal('0.1')", "Decimal(3)", "def f(x: str):\n    return Decimal(x)", "float(event.mark)", "float('1')"],
)
def test_exact_conversions_pass(text: str) -> None:
    """The door rule leaves strings, ints and floats alone."""
    assert other_doors("bot/risk/x.py", ast.parse(text), {"amount_native"}) == []
