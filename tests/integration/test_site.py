"""The documentation as a site, as `make docs` builds it: whole, and without a request to anybody."""

import re
import subprocess
import sys
from pathlib import Path

_ASKS = re.compile(
    r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"((?:https?:)?//[^\"]+)\"|url\([\"']?(https?://[^)]+)"
)
"""What a browser fetches by itself, from elsewhere; a link waits for the reader."""


def asked_of_others(text: str) -> list[str]:
    """Addresses elsewhere that a page or a style sheet asks for."""
    return [one or other for one, other in _ASKS.findall(text)]


def test_the_site_is_built_with_every_page_and_asks_nobody(repo_root: Path, tmp_path: Path) -> None:
    """Strict: a link that leads nowhere, or a page that the menu does not have, fails."""
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=repo_root,
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert built.returncode == 0, built.stdout + built.stderr

    pages = {path.relative_to(repo_root / "docs").with_suffix("") for path in (repo_root / "docs").rglob("*.md")}
    files = [path for path in (tmp_path / "site").rglob("*") if path.suffix in {".html", ".css"}]
    assert pages <= {path.relative_to(tmp_path / "site").with_suffix("") for path in files}
    assert {path.name: found for path in files if (found := asked_of_others(path.read_text()))} == {}
    assert [path.name for path in files if re.search(r"```|<code>(?:sh|text|toml|python)\n", path.read_text())] == []
    assert "2. Make it total" not in (tmp_path / "site/how-to/add-a-band-policy.html").read_text()  # a point of its own
    assert "deploy/compose.yaml" in (tmp_path / "site/how-to/run-in-a-container.html").read_text()


def test_a_page_that_asks_others_is_found() -> None:
    """A style sheet, a script, a font; a link is none."""
    text = '<link rel="x" href="https://a/b.css"><script src="//c/d.js"></script> url(https://e/f.woff) <a href="https://g">'

    assert asked_of_others(text) == ["https://a/b.css", "//c/d.js", "https://e/f.woff"]
