"""Sizes, names and words. Every rule is a function of one file, and is shown failing on a bad sample."""

import ast
import io
import re
import tokenize
from collections.abc import Callable

import pytest

_FILE_LINES_MAX = 400
_FUNCTION_LINES_MAX = 60
_POSITIONAL_MAX = 5
_NAMES_BANNED = {"util", "utils", "helper", "helpers", "common", "base", "misc", "manager", "service", "handler"}
_UNFINISHED = re.compile("(FIX" + "ME|TO" + r"DO(?!\s*\(?#\d+))")
"""An open point needs the number of its issue; the other word is not used at all."""

_BROAD_EXCEPT_ALLOWED = {
    "bot/app/attributing.py": "bookkeeping beside a run: what fails is told and left out, hedging goes on",
    "bot/app/live.py": "root of the live driver's tasks: whatever happens, trading halts",
    "bot/app/soak.py": "what a run raises is a finding, told with its seed",
    "bot/app/sweep_run.py": "what a run raises is told with what was tried, and the others go on",
    "bot/venues/stream.py": "root of the callback of a read: the task that reads raises it again",
    "bot/research/crew.py": "what starting a cluster raises is told in one line",
    "bot/app/wire_loop.py": "what work for a thread raises is the awaiter's, whatever it is",
    "bot/observe/notify.py": "channels are code of others: whatever one raises, the next message is sent",
    "bot/drive/replay.py": "a bug that was met in the run has to be met again",
}
_ANY_ALLOWED = (
    *("bot/venues/", "bot/localex/", "bot/web/"),  # edges where JSON, ccxt or aiohttp hand over untyped things
    "bot/app/config.py",  # TOML before it has been checked
    "bot/app/live.py",  # a coroutine's send type
    # tables from event type to the function that takes it
    *("bot/engine.py", "bot/execution/account.py", "bot/execution/answers.py", "bot/execution/stops.py"),
    "bot/hedging/policies.py",  # the table from parameters to the function that takes them
    "bot/execution/tactic_table.py",  # likewise
)
_MODE_ALLOWED = {"bot/app/config.py", "bot/app/compose.py"}
"""One parses it, the other branches on it."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(tree: ast.Module) -> list[_Function]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def long_file(name: str, text: str) -> list[str]:
    """A file a reader can hold in the head."""
    count = len(text.splitlines())
    return [f"{name}: {count} lines, at most {_FILE_LINES_MAX}"] if count > _FILE_LINES_MAX else []


def long_functions(name: str, text: str) -> list[str]:
    """A function that fits on a screen."""
    sizes = [(node, (node.end_lineno or 0) - node.lineno + 1) for node in _functions(ast.parse(text))]
    return [
        f"{name}:{node.lineno}: {node.name} has {size} lines, at most {_FUNCTION_LINES_MAX}"
        for node, size in sizes
        if size > _FUNCTION_LINES_MAX
    ]


def many_positional(name: str, text: str) -> list[str]:
    """Arguments nobody can mix up."""
    found = []
    for node in _functions(ast.parse(text)):
        names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
        count = len([arg for arg in names if arg not in {"self", "cls"}])
        if count > _POSITIONAL_MAX:
            found.append(f"{name}:{node.lineno}: {node.name} takes {count} positional, at most {_POSITIONAL_MAX}")
    return found


def empty_names(name: str, text: str) -> list[str]:
    """Modules, classes and functions are called after what they are: the last word is never a drawer."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef | _Function)]
    called = [*name.removesuffix(".py").split("/"), *(node.name for node in nodes)]
    words = {word: re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", word) for word in called}
    return [
        f"{name}: {word!r} says nothing"
        for word, parts in words.items()
        if parts and parts[-1].lower() in _NAMES_BANNED
    ]


def unfinished(name: str, text: str) -> list[str]:
    """Open points live in the tracker."""
    comments = [
        token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.COMMENT
    ]
    return [
        f"{name}:{token.start[0]}: {token.string}: an open point needs an issue number (#12)"
        for token in comments
        if _UNFINISHED.search(token.string)
    ]


def swallowed(name: str, text: str) -> list[str]:
    """Nobody catches everything, but for the task roots, which halt."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        if node.type is None:
            found.append(f"{name}:{node.lineno}: bare except")
        caught = {item.id for item in ast.walk(node.type or node) if isinstance(item, ast.Name)}
        if node.type is not None and caught & {"Exception", "BaseException"} and name not in _BROAD_EXCEPT_ALLOWED:
            found.append(f"{name}:{node.lineno}: catches everything; only {sorted(_BROAD_EXCEPT_ALLOWED)} may")
    return found


def untyped(name: str, text: str) -> list[str]:
    """`Any` stays at the edges."""
    if name.startswith(_ANY_ALLOWED):
        return []
    return [
        f"{name}:{node.lineno}: Any is for {', '.join(_ANY_ALLOWED)} only"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "Any" for alias in node.names)
    ]


def _branch_tests(tree: ast.Module) -> list[ast.expr]:
    """Expressions a program branches on."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        match node:
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) | ast.Assert(test=test):
                found.append(test)
            case ast.Match(subject=subject):
                found.append(subject)
            case ast.Compare() | ast.BoolOp():
                found.append(node)
            case ast.Subscript(slice=key):
                found.append(key)
    return found


def mode_branch(name: str, text: str) -> list[str]:
    """The mode is parsed in one file and branched on in one; elsewhere it is at most a word to print."""
    if name in _MODE_ALLOWED:
        return []
    tree = ast.parse(text)
    named = [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == "Mode")
        or (isinstance(node, ast.Attribute) and node.attr == "Mode")
        or (isinstance(node, ast.ImportFrom) and any(alias.name == "Mode" for alias in node.names))
    ]
    branched = [
        node.lineno
        for test in _branch_tests(tree)
        for node in ast.walk(test)
        if (isinstance(node, ast.Attribute) and node.attr == "mode")
        or (isinstance(node, ast.Name) and node.id == "mode")
    ]
    return [f"{name}:{line}: the mode is for {sorted(_MODE_ALLOWED)} only" for line in sorted({*named, *branched})]


def code_in_package_file(name: str, text: str) -> list[str]:
    """`__init__.py` holds a docstring (the root one also the version): imports are written out where used."""
    if not name.endswith("__init__.py"):
        return []
    body = ast.parse(text).body
    rest = body[1:] if body and isinstance(body[0], ast.Expr) else body
    extra = [node for node in rest if not (name == "bot/__init__.py" and isinstance(node, ast.Assign))]
    return [f"{name}:{node.lineno}: only a docstring belongs here" for node in extra]


_Rule = Callable[[str, str], list[str]]
_EVERYWHERE: tuple[_Rule, ...] = (long_file, long_functions, empty_names, unfinished)
_IN_THE_PACKAGE: tuple[_Rule, ...] = (many_positional, swallowed, untyped, mode_branch, code_in_package_file)


@pytest.mark.parametrize("rule", _EVERYWHERE, ids=lambda rule: rule.__name__)
def test_every_python_file_keeps_the_rule(project_texts: dict[str, str], rule: _Rule) -> None:
    """Package, tests and scripts keep sizes and names."""
    files = {name: text for name, text in project_texts.items() if name.endswith(".py")}
    found = [line for name, text in files.items() for line in rule(name, text)]

    assert found == [], "\n".join(found)


@pytest.mark.parametrize("rule", _IN_THE_PACKAGE, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(project_texts: dict[str, str], rule: _Rule) -> None:
    """The package keeps the rules about errors, types and modes."""
    files = {name: text for name, text in project_texts.items() if name.startswith("bot/") and name.endswith(".py")}
    found = [line for name, text in files.items() for line in rule(name, text)]

    assert found == [], "\n".join(found)


_BAD_SAMPLES: list[tuple[_Rule, str, str]] = [
    (long_file, "bot/x.py", "a = 1\n" * 401),
    (long_functions, "bot/x.py", "def f():\n" + "    a = 1\n" * 60),
    (long_functions, "bot/x.py", "async def f():\n" + "    a = 1\n" * 60),
    (many_positional, "bot/x.py", "def f(a, b, c, d, e, f): ..."),
    (many_positional, "bot/x.py", "class A:\n    def f(self, a, b, /, c, d, e, f): ..."),
    (empty_names, "bot/utils.py", ""),
    (empty_names, "bot/common/x.py", ""),
    (empty_names, "bot/x.py", "class OrderManager: ..."),
    (empty_names, "bot/x.py", "class _Base: ..."),
    (empty_names, "bot/x.py", "def signal_handler(): ..."),
    (unfinished, "bot/x.py", "a = 1  # TO" + "DO: later"),
    (unfinished, "bot/x.py", "a = 1  # FIX" + "ME (#12)"),
    (swallowed, "bot/x.py", "try:\n    a()\nexcept:\n    pass"),
    (swallowed, "bot/x.py", "try:\n    a()\nexcept Exception:\n    pass"),
    (swallowed, "bot/x.py", "try:\n    a()\nexcept (ValueError, BaseException) as e:\n    pass"),
    (untyped, "bot/risk/x.py", "from typing import Any, Final"),
    (mode_branch, "bot/engine.py", "from bot.app.config import Mode"),
    (mode_branch, "bot/engine.py", "if config.mode == 'live': ..."),
    (mode_branch, "bot/engine.py", "x = config.Mode.LIVE"),
    (mode_branch, "bot/engine.py", "x = 1 if mode == 'live' else 2"),
    (mode_branch, "bot/engine.py", "match config.mode:\n    case 'live':\n        pass"),
    (mode_branch, "bot/engine.py", "x = table[self.mode]"),
    (code_in_package_file, "bot/risk/__init__.py", '"""Doc."""\nfrom bot.risk.limits import Limits'),
    (code_in_package_file, "bot/__init__.py", '"""Doc."""\nimport os'),
]


@pytest.mark.parametrize(("rule", "name", "text"), _BAD_SAMPLES, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_can_fail(rule: _Rule, name: str, text: str) -> None:
    """Each rule catches a bad sample: a guard that cannot fail guards nothing."""
    assert rule(name, text) != []


_GOOD_SAMPLES: list[tuple[_Rule, str, str]] = [
    (long_functions, "bot/x.py", "def f():\n" + "    a = 1\n" * 59),
    (many_positional, "bot/x.py", "class A:\n    def f(self, a, b, c, d, e, *, g, h): ..."),
    (empty_names, "bot/x.py", "class Instrument:\n    base: str\n\ndef base_of(): ..."),
    (unfinished, "bot/x.py", "a = 1  # TO" + "DO (#12): when the venue tells"),
    (swallowed, "bot/app/live.py", "try:\n    a()\nexcept Exception:\n    halt()"),
    (swallowed, "bot/x.py", "try:\n    a()\nexcept ValueError:\n    pass"),
    (untyped, "bot/venues/deribit.py", "from typing import Any"),
    (mode_branch, "bot/app/compose.py", "if config.mode is Mode.LIVE: ..."),
    (mode_branch, "bot/app/cli.py", "print(result.mode)"),
    (code_in_package_file, "bot/__init__.py", '"""Doc."""\n\n__version__ = "1"'),
]


@pytest.mark.parametrize(("rule", "name", "text"), _GOOD_SAMPLES, ids=lambda value: getattr(value, "__name__", None))
def test_the_rule_lets_good_code_pass(rule: _Rule, name: str, text: str) -> None:
    """Each rule leaves the nearest good code alone."""
    assert rule(name, text) == []
