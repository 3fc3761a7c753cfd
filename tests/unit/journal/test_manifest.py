"""What a run was: written once, read back the same, different when code or parameters are."""

import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import JournalError
from bot.domain.time import Ns
from bot.journal import manifest
from bot.journal.manifest import Manifest


@pytest.fixture
def run(make: Any) -> Manifest:
    """A run of one book in this process."""
    return Manifest.of_this_process(
        run_id="r1", mode="demo", started_ns=Ns(5), version="0.1", config_digest="abc", books=[make.book()]
    )


def test_what_was_written_is_read(run: Manifest, tmp_path: Path) -> None:
    """Every parameter of every book, numbers to the last bit; readable by its owner only."""
    digest = manifest.write(tmp_path / "deep" / "r1", run)

    assert manifest.read(tmp_path / "deep" / "r1") == (run, digest)
    assert (tmp_path / "deep" / "r1" / manifest.NAME).stat().st_mode & 0o777 == 0o600


def test_a_folder_holds_one_run(run: Manifest, tmp_path: Path) -> None:
    """A second run does not write over the first."""
    manifest.write(tmp_path, run)

    with pytest.raises(JournalError, match="holds a run already"):
        manifest.write(tmp_path, run)


def test_a_folder_that_cannot_be_made_is_told(run: Manifest, tmp_path: Path) -> None:
    """A file is in the way."""
    (tmp_path / "file").write_text("")

    with pytest.raises(JournalError, match="cannot write"):
        manifest.write(tmp_path / "file" / "r1", run)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (None, "cannot read"),
        (b"{}", "not a manifest"),
        (b"x", "not a manifest"),
        (b'{"run_id": "\xff"}', "not a manifest"),
        (b"[" * 100_000, "not a manifest"),
        (bytes(2 << 20), "not a manifest"),
    ],
)
def test_what_is_no_manifest_is_told(tmp_path: Path, text: bytes | None, match: str) -> None:
    """Absent, incomplete, no JSON, no text, too deep, too long."""
    if text is not None:
        (tmp_path / manifest.NAME).write_bytes(text)

    with pytest.raises(JournalError, match=match):
        manifest.read(tmp_path)


def test_the_hash_of_code_depends_on_names_and_contents(tmp_path: Path) -> None:
    """Another character or another name: another hash; files that are not Python do not count."""
    seen = set()
    for name, text in (("a.py", "1"), ("a.py", "2"), ("b.py", "2")):
        for old in tmp_path.glob("*"):
            old.unlink()
        (tmp_path / name).write_text(text)
        seen.add(manifest.code_hash(tmp_path))
        (tmp_path / "notes.md").write_text(text)
        assert manifest.code_hash(tmp_path) in seen

    assert len(seen) == 3


def test_it_holds_code_configuration_versions_and_machine(run: Manifest) -> None:
    """What somebody needs to build the same process again."""
    assert run.code_hash == manifest.code_hash(Path(manifest.__file__).parent.parent)
    assert (run.config_digest, run.version, run.python) == ("abc", "0.1", platform.python_version())
    assert run.packages["msgspec"] == importlib.metadata.version("msgspec")
    assert run.cpu_target == manifest.cpu_target()
    assert run.books[0].limits.order_usd_max > 0


def test_a_package_that_is_not_there_is_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulation does not need them all."""
    monkeypatch.setattr(manifest, "_PACKAGES", ("no-such-package",))
    manifest.package_versions.cache_clear()
    try:
        assert manifest.package_versions() == {"no-such-package": "none"}
    finally:
        manifest.package_versions.cache_clear()


def test_the_digest_covers_every_byte_but_the_machine(run: Manifest) -> None:
    """Even a space: whatever else is changed was changed after the run."""
    text = run.encoded()
    other = text.replace(run.cpu_target.encode(), b"another")
    at = text.index(run.cpu_target.encode())
    elsewhere = [place for place in range(len(text)) if not at <= place < at + len(run.cpu_target)]
    changed = [text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :] for place in elsewhere]

    assert other != text
    assert manifest.digest(other) == manifest.digest(text)
    assert [item for item in changed if manifest.digest(item) == manifest.digest(text)] == []


def test_the_target_names_machine_system_and_arithmetic() -> None:
    """The same in the same process, with eight digits of what `math` returns."""
    assert manifest.cpu_target() == manifest.cpu_target()
    assert len(manifest.cpu_target().rpartition("-")[2]) == 8
