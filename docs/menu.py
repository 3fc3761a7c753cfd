"""The site's menu is `index.md`: its headings, and the pages named below each, in that order. Used by `mkdocs.yml`."""

import re
from pathlib import Path
from typing import Any

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_PAGE = re.compile(r"\]\(([\w/.-]+\.md)\)")
_ELSEWHERE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?:bot|config|deploy|tests)\b[^)]*\)")
"""A link to a file of the checkout: the site holds the documentation only."""


def on_config(config: Any) -> Any:
    """Take the menu from the first page."""
    _, *parts = _HEADING.split((Path(config.docs_dir) / "index.md").read_text(encoding="utf-8"))
    menu: list[Any] = [{"Start": "index.md"}]
    for heading, text in zip(parts[::2], parts[1::2], strict=True):
        menu.append({heading: list(dict.fromkeys(_PAGE.findall(text)))})
    config.nav = menu
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Name files of the checkout instead of linking them."""
    return _ELSEWHERE.sub(r"\1", markdown)
