"""Whatever an engine can be given comes back from the tape as it was, to the byte."""

import enum
import types
import typing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from bot.domain.commands import Command
from bot.domain.decided import Decided, Outcome
from bot.domain.events import Event
from bot.domain.time import Ns
from bot.journal.manifest import Manifest, digest
from bot.journal.tape import Recorder, Tape
from bot.journal.tape_reader import TapeReader

_PLAIN = {
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=8) | st.integers(-(10**9), 10**9).map(Decimal),
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    bool: st.booleans(),
    type(None): st.none(),
}


def _of(kind: typing.Any) -> st.SearchStrategy[typing.Any]:
    """Values of a type as it is annotated."""
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    if isinstance(kind, type) and issubclass(kind, Struct):
        fields = {field.name: _of(field.type) for field in msgspec.structs.fields(kind)}
        return st.builds(kind, **fields)
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        return st.one_of([_of(item) for item in typing.get_args(kind)])
    if typing.get_origin(kind) is dict:
        key, value = typing.get_args(kind)
        return st.dictionaries(_of(key), _of(value), max_size=3)
    assert typing.get_origin(kind) is tuple, f"no values for {kind}"
    items = typing.get_args(kind)
    if items[-1] is not Ellipsis:
        return st.tuples(*map(_of, items))
    return st.lists(_of(items[0]), max_size=3).map(tuple)


_OUTCOMES = st.builds(Outcome, commands=st.lists(_of(Command), max_size=2).map(tuple), decided=st.none() | _of(Decided))


@given(st.lists(st.tuples(_of(Event), _OUTCOMES), max_size=5), st.integers(1, 2_000))
def test_any_events_come_back(applied: list[tuple[Event, Outcome]], segment_bytes_max: int) -> None:
    """Every kind of event, command and decision, wherever segments end."""
    run = Manifest(
        run_id="r",
        mode="demo",
        started_ns=Ns(1),
        version="0",
        code_hash="",
        config_digest="",
        books=(),
        python="3",
        packages={},
        cpu_target="",
    )
    with TemporaryDirectory() as name:
        tape = Tape.open(Path(name), run, segment_bytes_max=segment_bytes_max)
        for seq, (event, outcome) in enumerate(applied, start=1):
            tape.take("BTC", seq, event, outcome)
            tape.push()
        tape.close()
        reads = list(TapeReader(Path(name), digest(run.encoded())).records())

    assert [(read.record.seq, read.record.event) for read in reads] == [
        (seq, event) for seq, (event, _) in enumerate(applied, start=1)
    ]
    again = Recorder()
    for read, (event, outcome) in zip(reads, applied, strict=True):
        assert read.record.commands == outcome.commands
        assert again.payload(again.taken("BTC", read.record.seq, event, outcome)) == read.payload
        assert again.payload(read.record) == read.payload
