"""What committed files may hold: no machine's paths, no package hosts, nobody else's data; and what docs must hold."""

import hashlib
import re
from pathlib import Path

import pytest

from bot.domain.reasons import Action, DistrustCause, HaltCause, Phase, Reason, RefusalKind

_PATHS = re.compile(r"(?<![\w.~/-])/(?:work|tmp|home|root|Users|farm)/[\w.-]+")
"""Absolute paths of one machine; paths inside the image (/app, /var/lib/hedgebot) are ours."""

_HOSTS = re.compile(
    r"(?:[\w-]+\.)*(?:pypi|pythonhosted|npmjs|anaconda|docker|quay|ghcr|gcr|debian|ubuntu)\.(?:org|com|io)\b"
)
"""Package and image registries: where packages come from is the installation's business."""

_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE" + " KEY-----|(?i:client_secret|api_secret)[\"']?\\s*[=:]\\s*[\"'][\\w-]{20,}"
)
"""Private keys, and venue secrets of a real length."""

_FILE_BYTES_MAX = 500_000
"""A larger file is data or a build product; neither belongs here."""

_LINE_LENGTH_MIN = 60
"""A shorter line may be equal by accident."""


def machine_paths(text: str) -> list[str]:
    """Absolute paths that exist on one machine only."""
    return _PATHS.findall(text)


def registry_hosts(text: str) -> list[str]:
    """Host names of package or image registries."""
    return _HOSTS.findall(text)


def secrets(text: str) -> list[str]:
    """Things that open something."""
    return _SECRETS.findall(text)


def test_no_file_holds_a_secret(project_texts: dict[str, str]) -> None:
    """Secrets come from files outside the checkout or from the environment."""
    assert {name: found for name, text in project_texts.items() if (found := secrets(text))} == {}


def test_no_file_is_a_blob(project_files: dict[str, Path]) -> None:
    """A clone stays small."""
    assert [name for name, path in project_files.items() if path.stat().st_size > _FILE_BYTES_MAX] == []


def test_no_file_names_a_machine(project_texts: dict[str, str]) -> None:
    """A clone works on any machine."""
    assert {name: paths for name, text in project_texts.items() if (paths := machine_paths(text))} == {}


def test_no_file_names_a_package_host(project_texts: dict[str, str]) -> None:
    """Packages come from wherever the installation is configured to look."""
    assert {name: hosts for name, text in project_texts.items() if (hosts := registry_hosts(text))} == {}


@pytest.mark.parametrize("text", ["see " + "/" + "work/x", "'" + "/" + "tmp/a.txt'", "=" + "/" + "home/me"])
def test_a_machine_path_is_found(text: str) -> None:
    """The path rule fails on a machine's folder."""
    assert machine_paths(text) != []


@pytest.mark.parametrize("text", ["https://py" + "pi.org/simple", "files.python" + "hosted.org", "doc" + "ker.io/x"])
def test_a_package_host_is_found(text: str) -> None:
    """The host rule fails on a registry."""
    assert registry_hosts(text) != []


@pytest.mark.parametrize(
    "text", ["-----BEGIN RSA PRIVATE" + " KEY-----", "client_" + 'secret = "abcdefghij_klmnopqrst-uv"']
)
def test_a_secret_is_found(text: str) -> None:
    """The secret rule fails on a key and on a venue secret."""
    assert secrets(text) != []


def copied(texts: dict[str, str], files: dict[str, Path], others: dict[str, bytes]) -> list[str]:
    """Our files, or long lines of them, that stand in somebody else's files."""
    digests = {hashlib.sha256(content).digest(): name for name, content in others.items()}
    lines = {
        line.strip(): name
        for name, content in others.items()
        for line in content.decode("utf-8", "ignore").splitlines()
        if len(line.strip()) >= _LINE_LENGTH_MIN
    }
    whole = [
        f"{name} is {digests[digest]}"
        for name, path in files.items()
        if (content := path.read_bytes()) and (digest := hashlib.sha256(content).digest()) in digests
    ]
    parts = [
        f"{name} holds a line of {lines[line.strip()]}"
        for name, text in texts.items()
        for line in text.splitlines()
        if line.strip() in lines
    ]
    return whole + parts


@pytest.mark.realdata
def test_recorded_data_is_not_copied(
    project_texts: dict[str, str], project_files: dict[str, Path], shared_data: Path
) -> None:
    """Recorded messages belong to others: tests read them where they are."""
    recorded = [path for path in shared_data.rglob("*") if path.is_file() and "licences" not in path.parts]
    others = {path.relative_to(shared_data).as_posix(): path.read_bytes() for path in recorded}
    assert others, "the folder of recorded data is empty"

    assert copied(project_texts, project_files, others) == []


def test_a_copy_is_found(tmp_path: Path) -> None:
    """A copied file and a copied line are both reported."""
    line = '{"jsonrpc": "2.0", "method": "subscription", "params": {"made": "up by hand"}}'
    (tmp_path / "a.json").write_text(line)

    found = copied({"b.py": f"x = 1\n    {line}\n"}, {"a.json": tmp_path / "a.json"}, {"theirs.json": line.encode()})

    assert found == ["a.json is theirs.json", "b.py holds a line of theirs.json"]


@pytest.mark.parametrize("words", [Action, Reason, DistrustCause, RefusalKind, HaltCause, Phase])
def test_every_reason_is_documented(project_texts: dict[str, str], words: type[Reason]) -> None:
    """A word a user meets in a log is found in the reference."""
    text = project_texts["docs/reference/reasons.md"]

    assert [word.value for word in words if f"`{word.value}`" not in text] == []


def test_the_image_keeps_assertions_and_drops_rights(project_texts: dict[str, str]) -> None:
    """Assertions guard orders; the process needs no root, no capability and no writable root."""
    image, compose = project_texts["Dockerfile"], project_texts["deploy/compose.yaml"]
    set_by_image = [line for line in image.splitlines() if line.startswith("ENV ")]

    assert "PYTHONOPTIMIZE" not in " ".join(set_by_image) + compose
    assert [line for line in image.splitlines() if line.startswith("USER ")] == ["USER 10001:10001"]
    wanted = ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "stop_grace_period: 30s", "secrets:"]
    assert [words for words in wanted if words not in compose] == []
