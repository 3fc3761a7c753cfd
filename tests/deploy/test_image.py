"""What the image is made of, as far as it can be told without building it; `make image-test` builds and runs it."""

import re
from pathlib import Path
from types import ModuleType

import pytest

_PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.MULTILINE)


def _pins(text: str) -> set[tuple[str, str]]:
    return set(_PIN.findall(text))


@pytest.mark.parametrize("name", ["requirements", "research"])
def test_the_image_installs_what_is_tested(repo_root: Path, name: str) -> None:
    """A lock has the versions of the constraints, each with its hashes, and names no host; `make lock` writes both."""
    lock = (repo_root / f"deploy/{name}.lock").read_text()
    constraints = (repo_root / "constraints.txt").read_text()
    ours = {(name, version) for name, version in _pins(lock) if name != "setuptools"}

    assert len(ours) > 30
    assert sorted(ours - _pins(constraints)) == []
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=[a-z])", lock.strip()))
    assert "://" not in lock
    assert {"pytest", "mypy", "ruff"}.isdisjoint(name for name, _ in ours)


def test_every_dependency_is_in_the_image(repo_root: Path) -> None:
    """A new one in pyproject.toml that is not locked would be missing there."""
    project = (repo_root / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert block is not None
    wanted = {name.lower() for name in re.findall(r'"([A-Za-z0-9-]+)', block[1])}
    locked, with_research = (
        {name for name, _ in _pins((repo_root / f"deploy/{name}.lock").read_text())}
        for name in ("requirements", "research")
    )
    extra = re.search(r"^research = \[(.*)\]$", project, re.MULTILINE)
    assert extra is not None
    studied = {name.lower() for name in re.findall(r'"([A-Za-z0-9-]+)', extra[1])}

    assert sorted(wanted - locked) == []
    assert studied & locked == set()
    assert with_research >= locked | studied


def test_what_is_copied_into_the_image_is_let_in(repo_root: Path) -> None:
    """Everything is kept out of the build but what the Dockerfile names: no secret can slip in."""
    lines = (repo_root / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied: set[str] = set()
    for line in (repo_root / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from=" not in line:
            copied.update(line.split()[1:-1])

    assert lines[1] == "*"
    assert copied == let_in
    assert [name for name in let_in if not (repo_root / name).exists()] == []


@pytest.mark.parametrize(("tool", "keeps_health"), [("docker", False), ("podman", True), ("buildah", True)])
def test_every_tool_is_asked_alike(image: ModuleType, tool: str, *, keeps_health: bool) -> None:
    """Those that would drop the health check are told to keep it."""
    words = image.build_words(tool, tag="t", base="b", more=["--no-cache"])

    assert words[:2] == [tool, "build"]
    asked = ["--no-cache", "--build-arg", "LOCK=requirements.lock", "--build-arg", "BASE_IMAGE=b"]
    assert words[-8:] == [*asked, "--tag", "t", "."]
    assert ("--format" in words) is keeps_health


def test_a_missing_tool_is_one_line(image: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the next step."""
    monkeypatch.setattr(image.shutil, "which", lambda _: None)

    with pytest.raises(image.Failed, match="docker, podman, buildah: none here builds images; install one"):
        image.builder()
