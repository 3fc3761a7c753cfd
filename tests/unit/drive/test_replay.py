"""Replay: equal to the last byte, or the first difference named; never equal because there was nothing."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from bot.domain import events as ev
from bot.domain.decided import NOTHING
from bot.domain.errors import JournalError
from bot.domain.market_events import OptionMarked, Quoted
from bot.domain.portfolio import LegSpec, PortfolioSpec
from bot.domain.time import NS_PER_S, Ns
from bot.domain.units import ZERO
from bot.drive.replay import Difference, replay, sentence
from bot.drive.simulate import SimulateParams, Simulation
from bot.engine import Engine
from bot.journal import manifest
from bot.journal.manifest import Manifest
from bot.journal.tape import Began, Recorder, Taken, Tape, frame
from bot.journal.tape_reader import TapeReader
from bot.sim.world import build_exchange

_CALL = PortfolioSpec(legs=(LegSpec(qty_coin=ZERO + 2, kind="call", expiry="2nd", strike="atm"),))


@pytest.fixture
def manifest_of(make: Any) -> Callable[..., Manifest]:
    """The manifest of a run of book BTC here; fields by keyword."""

    def of(**change: Any) -> Manifest:
        run = Manifest.of_this_process(
            run_id="r1", mode="simulate", started_ns=Ns(5), version="0.1", config_digest="abc", books=[make.book()]
        )
        return structs.replace(run, **change)

    return of


@pytest.fixture
def recorded(make: Any, start_ns: Ns, tmp_path: Path, manifest_of: Callable[..., Manifest]) -> Callable[..., Path]:
    """The folder of a simulated run of half a minute, with its tape."""

    def run(seed: int = 3, **change: Any) -> Path:
        folder = tmp_path / f"run{seed}"
        params = SimulateParams(
            book=make.book(),
            portfolio=_CALL,
            span_ns=Ns(30 * NS_PER_S),
            step_ns=Ns(NS_PER_S),
            sample_every_ns=Ns(5 * NS_PER_S),
        )
        tape = Tape.open(folder, manifest_of(**change), segment_bytes_max=30_000)
        Simulation(params, build_exchange(seed, start_ns), tape=tape).run("simulate")
        tape.close()
        return folder

    return run


def _rewritten(folder: Path, change: Callable[[Taken], Taken]) -> Path:
    """The same run with records changed by somebody who knows how to make checksums."""
    run, digest = manifest.read(folder)
    data = frame(Recorder().payload(Began(digest)))
    for read in TapeReader(folder, digest).records():
        data += frame(Recorder().payload(change(read.record)))
    forged = folder.parent / "forged"
    manifest.write(forged, run)
    (forged / "tape-000001.bin").write_bytes(data)
    return forged


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_simulated_run_replays_equal(recorded: Callable[..., Path], seed: int) -> None:
    """Every decision and command, over several segments."""
    folder = recorded(seed)
    result = replay(folder)

    assert (result.is_equal, result.ending, result.difference, result.problem) == (True, "in order", None, "")
    assert result.decisions_count > 30
    assert result.commands_count >= 3
    assert len(list(folder.glob("tape-*"))) > 1
    assert "equal: " in sentence(result)


def test_a_tape_does_not_change_the_run(recorded: Callable[..., Path], make: Any, start_ns: Ns) -> None:
    """Watched or not, the same hedges: as many commands as without."""
    params = SimulateParams(
        book=make.book(),
        portfolio=_CALL,
        span_ns=Ns(30 * NS_PER_S),
        step_ns=Ns(NS_PER_S),
        sample_every_ns=Ns(5 * NS_PER_S),
    )
    result = Simulation(params, build_exchange(3, start_ns)).run("simulate")

    assert replay(recorded(3)).events_count == result.events


def test_a_price_on_the_tape_that_was_another_is_named_by_its_consequence(recorded: Callable[..., Path]) -> None:
    """Half of all forwards halved: book, number and field of the first decision that comes out differently."""

    def halve(record: Taken) -> Taken:
        event = record.event
        if isinstance(event, OptionMarked) and event.forward_usd is not None:
            changed = structs.replace(event, forward_usd=event.forward_usd / 2)
            return structs.replace(record, event=changed)
        return record

    result = replay(_rewritten(recorded(), halve))

    assert result.difference is not None
    assert (result.is_equal, result.difference.book) == (False, "BTC")
    assert result.difference.field.startswith(("commands", "decided"))
    assert f"seq {result.difference.seq}, {result.difference.field}" in sentence(result)


def test_a_command_that_was_another_is_named_to_the_field(recorded: Callable[..., Path]) -> None:
    """One digit of one price."""

    def one_dollar_more(record: Taken) -> Taken:
        commands = tuple(
            structs.replace(item, price_native=item.price_native + 1) if hasattr(item, "price_native") else item
            for item in record.commands
        )
        return structs.replace(record, commands=commands)

    found = replay(_rewritten(recorded(), one_dollar_more)).difference

    assert found is not None
    assert found.field.endswith("].price_native")
    assert float(found.recorded.strip("'")) == float(found.ours.strip("'")) + 1.0


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_one_changed_byte_is_named(recorded: Callable[..., Path], place: float) -> None:
    """Damage of the file: which segment, which record, which byte; and the last event before it."""
    folder = recorded()
    segment = max(folder.glob("tape-*.bin"))
    data = bytearray(segment.read_bytes())
    data[int(len(data) * place)] ^= 0x01
    segment.write_bytes(data)
    result = replay(folder)

    assert (result.is_equal, result.ending) == (False, "damaged")
    assert result.difference is not None
    assert result.difference.field == "tape"
    assert f"{segment.name}, record" in result.difference.recorded
    assert "NOT EQUAL" in sentence(result)


def test_a_gap_in_the_numbers_is_named(recorded: Callable[..., Path]) -> None:
    """An event that is missing, and a book that nobody configured."""

    def renumber(record: Taken) -> Taken:
        later = record.seq + (record.seq > 10)
        return structs.replace(record, seq=later)

    assert replay(_rewritten(recorded(), renumber)).difference == Difference(
        book="BTC", seq=12, field="seq", ours="11", recorded="12"
    )


@pytest.mark.parametrize(("ticks", "problem"), [(False, "no event"), (True, "no decision")])
def test_an_empty_replay_fails(
    tmp_path: Path, make: Any, manifest_of: Callable[..., Manifest], ticks: bool, problem: str
) -> None:
    """A broken recorder must not pass."""
    folder = tmp_path / "empty"
    tape = Tape.open(folder, manifest_of())
    if ticks:
        tape.take("BTC", 1, make.quoted(), NOTHING)
    tape.close()
    result = replay(folder)

    assert (result.is_equal, result.difference) == (False, None)
    assert result.problem == f"the replay is empty: {problem}"
    assert problem in sentence(result)


@pytest.mark.parametrize("what", ["code_hash", "cpu_target"])
def test_other_code_or_another_machine_is_said_and_commands_are_compared(
    recorded: Callable[..., Path], what: str
) -> None:
    """The last bit of a delta may differ there; orders may not."""
    folder = recorded(**{what: "another"})

    def nudge(record: Taken) -> Taken:
        decided = record.decided
        if decided is not None and decided.delta_coin_net is not None:
            decided = structs.replace(decided, delta_coin_net=decided.delta_coin_net + 1e-15)
        return structs.replace(record, decided=decided)

    for result in (replay(folder), replay(_rewritten(folder, nudge))):
        assert (result.is_equal, result.compared) == (True, "commands")
        assert len(result.because) == 1
        assert "was another, is " in result.because[0]


def test_a_manifest_edited_to_another_machine_compares_commands(recorded: Callable[..., Path]) -> None:
    """The way to ask what another machine would say; the line never claims more than it compared."""
    folder = recorded()
    path = folder / manifest.NAME
    path.write_bytes(path.read_bytes().replace(manifest.cpu_target().encode(), b"riscv64-linux-musl1.2-00000000"))
    result = replay(folder)

    assert (result.is_equal, result.compared, result.difference) == (True, "commands", None)
    assert result.because == (f"CPU target was riscv64-linux-musl1.2-00000000, is {manifest.cpu_target()}",)
    assert ": commands equal: " in sentence(result)
    assert "(commands only: CPU target was riscv64" in sentence(result)


def test_no_changed_byte_of_a_run_replays_equal(recorded: Callable[..., Path]) -> None:
    """Manifest, compressed segments, the last one, first and last bytes: named, and never a crash."""
    folder = recorded()
    rng = random.Random(11)
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert [name for name in files if name.endswith(".z")]
    for name, data in files.items():
        places = {*range(14), *range(len(data) - 14, len(data)), *rng.sample(range(len(data)), 30)}
        wrong = [data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :] for at in sorted(places)]
        for changed in (*wrong, data + b"\0", data[: len(data) // 2] + data[len(data) // 2 + 1 :]):
            (folder / name).write_bytes(changed)
            try:
                result = replay(folder)
            except JournalError:
                # Only the manifest is read before there is a result to speak of.
                is_told = name == manifest.NAME
                assert is_told, (name, changed[:80])
                continue
            # The one line of the manifest that may be changed is told, and then only commands are compared.
            is_told = name == manifest.NAME and any("CPU target was" in line for line in result.because)
            assert is_told or (not result.is_equal and result.difference is not None), (name, changed[:80])
        (folder / name).write_bytes(data)
    assert replay(folder).is_equal


def test_a_bug_met_in_the_run_is_met_again(
    tmp_path: Path, make: Any, manifest_of: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event an engine failed on is on the tape; a failure on one side only is a difference, named."""
    folder = tmp_path / "failed"
    engine = Engine(make.book())
    tape = Tape.open(folder, manifest_of())
    tick = ev.Ticked(now_ns=make.now_ns)
    tape.take("BTC", 1, tick, engine.apply(tick))
    tape.take("BTC", 2, make.quoted(), None)
    tape.close()
    mended = replay(folder)

    def fail(_: Engine, __: Quoted) -> None:
        raise KeyError("boom")

    monkeypatch.setattr(Engine, "_on_quote", fail)

    assert mended.difference == Difference(
        book="BTC", seq=2, field="failure", ours="no failure", recorded="the engine failed"
    )
    assert (replay(folder).is_equal, replay(folder).events_count) == (True, 2)


def test_a_killed_run_replays_as_far_as_it_goes(recorded: Callable[..., Path]) -> None:
    """Torn inside a record, or cut between two."""
    folder = recorded()
    segment = max(folder.glob("tape-*.bin"))
    data = segment.read_bytes()
    endings = []
    for cut in (len(frame(msgspec.msgpack.encode(["ended", 1000]))), 5):
        segment.write_bytes(data[:-cut])
        result = replay(folder)
        assert result.is_equal
        endings.append(result.ending)

    assert endings[-1] == "torn"
    assert set(endings) <= {"torn", "cut"}
