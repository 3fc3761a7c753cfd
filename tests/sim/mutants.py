"""Plants each bug of the list and soaks it until a check speaks: `make mutants`; which seed found it is kept.

Every run is a process of its own whose import of the one changed file is patched; nothing on disk changes. Quick, with
`--known`: each bug only at the seed that is known to find it, and the code as it is at all these seeds.
"""

import argparse
import importlib
import importlib.machinery
import json
import multiprocessing
import os
import sys
import types
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from planted import BUGS, Bug, Change

ROOT: Final = Path(__file__).resolve().parents[2]
KEPT: Final = Path(__file__).with_name("mutants.json")
PAGE: Final = ROOT / "docs/explanation/mutants.md"
SEEDS_MAX: Final = 200
_SAID_MAX: Final = 120
_PRELOADED: Final = ["msgspec", "numpy", "scipy.special", "sqlalchemy", "pydantic_settings", "structlog", "ccxt"]
"""Slow to import, and none of ours: a process begins with them."""


class Found(NamedTuple):
    """Which seed showed it, and what the check said; None: none did."""

    name: str
    seed: int | None
    said: str


class _Patched(importlib.machinery.SourceFileLoader):
    """One module of ours with a text changed."""

    changes: Sequence[Change] = ()

    def get_code(self, _: str) -> types.CodeType:
        """Compiled from the changed source; ValueError where the text is not there exactly once."""
        source = Path(self.path).read_text()
        for change in self.changes:
            if source.count(change.old) != 1:
                message = f"{change.file} has {source.count(change.old)} times {change.old!r}"
                raise ValueError(message)
            source = source.replace(change.old, change.new)
        return compile(source, self.path, "exec", dont_inherit=True)


class _Finder:
    """Finds modules that are to be changed."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes: dict[str, list[Change]] = {}
        for change in changes:
            module = "bot." + change.file.removesuffix(".py").replace("/", ".")
            self._changes.setdefault(module, []).append(change)

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """A spec whose loader patches; None for all others."""
        changes = self._changes.get(name)
        if changes is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None, f"no module {name}"
        assert spec.origin is not None, f"no file of {name}"
        loader = _Patched(name, spec.origin)
        loader.changes = changes
        spec.loader = loader
        return spec


def _soaked(bug: Bug, seeds: Sequence[int]) -> Found:
    """The first of these seeds at which a check speaks; to be called in a process that has imported nothing of ours."""
    assert not any(name == "bot" or name.startswith("bot.") for name in sys.modules), "ours is imported already"
    sys.path.insert(0, str(ROOT))
    sys.meta_path.insert(0, _Finder(bug.changes))  # type: ignore[arg-type]
    os.environ.update(bug.env)
    soak, faults = (importlib.import_module(name) for name in ("bot.app.soak", "bot.sim.faults"))

    level = faults.FaultLevel.HEAVY if bug.is_wire else faults.FaultLevel.STORM
    config = ROOT / "config/simulate.toml"
    for seed in seeds:
        options = soak.SoakOptions(seeds_count=1, first_seed=seed, level=level, config=config, is_wire=bug.is_wire)
        violations = soak.run_seed(options, seed).violations
        if violations:
            return Found(bug.name, seed, violations[0].partition("; before: ")[0][:_SAID_MAX])
    return Found(bug.name, None, "")


def _all(jobs: Sequence[tuple[Bug, Sequence[int]]], workers: int) -> Iterator[Found]:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        for found in pool.map(_soaked, *zip(*jobs, strict=True)):
            _say(f"{found.name}: {'NOT FOUND' if found.seed is None else f'seed {found.seed}: {found.said}'}")
            yield found


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _controls(bugs: Sequence[Bug], known: dict[str, int]) -> list[tuple[Bug, Sequence[int]]]:
    """The code as it is, at every seed that finds something: nothing may be found there."""
    seeds: dict[tuple[tuple[tuple[str, str], ...], bool], set[int]] = {}
    for bug in bugs:
        seeds.setdefault((bug.env, bug.is_wire), set()).add(known[bug.name])
    return [
        (Bug(f"none {dict(env)}{' at wire depth' * is_wire}", "nothing", (), env, is_wire), sorted(some))
        for (env, is_wire), some in seeds.items()
    ]


def _quick(bugs: Sequence[Bug], workers: int) -> int:
    kept = json.loads(KEPT.read_text())
    known = {name: row["seed"] for name, row in kept.items()}
    found = {one.name: one for one in _all([(bug, [known[bug.name]]) for bug in bugs], workers)}
    missed = [name for name, one in found.items() if one.seed is None]
    clean = [one.name for one in _all(_controls(bugs, known), workers) if one.seed is not None]
    words = f"{len(found) - len(missed)} of {len(found)} planted bugs found at their seeds"
    _say(f"{words}; without a bug: {clean or 'nothing'}")
    if missed:
        _say(f"not found any more: {', '.join(missed)}; run `make mutants` for the seeds that do")
    return 1 if missed or clean else 0


def _whole(bugs: Sequence[Bug], workers: int, *, seeds_max: int, writes: bool) -> int:
    found = list(_all([(bug, range(1, seeds_max + 1)) for bug in bugs], workers))
    missed = [one.name for one in found if one.seed is None]
    _say(f"{len(found) - len(missed)} of {len(found)} planted bugs found within {seeds_max} seeds")
    if writes and not missed:
        rows = {one.name: {"seed": one.seed, "said": one.said} for one in found}
        KEPT.write_text(json.dumps(rows, indent=1) + "\n")
        PAGE.write_text(_page(bugs, found))
    return 1 if missed else 0


def _page(bugs: Sequence[Bug], found: Sequence[Found]) -> str:
    head = f"""# Planted bugs

Written by `make mutants`. Each of these {len(bugs)} bugs was planted alone, as a change of one line or two, and seeds
1, 2, 3 ... were soaked at `storm` (at wire depth: `heavy`) until a check of the [reliability run](reliability.md)
spoke; {SEEDS_MAX} seeds are the limit. `make mutants ARGS=--known` plants each again at its seed, and runs the code as
it is at all of them. The changes stand in `tests/sim/planted.py`.

| bug | what it does | seed | what the check said |
| --- | --- | --- | --- |
"""
    words = {one.name: one for one in found}
    return head + "".join(
        f"| `{bug.name}` | {bug.what} | {words[bug.name].seed} | {words[bug.name].said.replace('|', '/')} |\n"
        for bug in bugs
    )


def main() -> int:
    """0 when every bug was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--known", action="store_true", help="each bug only at its known seed")
    parser.add_argument("--only", default="", help="names of bugs, by comma; nothing is written then")
    parser.add_argument("--seeds", type=int, default=SEEDS_MAX)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    bugs = [bug for bug in BUGS if not asked.only or bug.name in asked.only.split(",")]
    if asked.known:
        return _quick(bugs, asked.workers)
    return _whole(bugs, asked.workers, seeds_max=asked.seeds, writes=not asked.only)


if __name__ == "__main__":
    sys.exit(main())
