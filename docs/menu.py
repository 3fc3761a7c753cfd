"""What `mkdocs.yml` needs to make pages of Markdown as forges read it.

The menu is `index.md`: its headings, and the pages named below each, in that order. What belongs to the point of a list
is two or three spaces in, where Python-Markdown wants four, and a block of code in it eight.
"""

import re
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_PAGE = re.compile(r"\]\(([\w/.-]+\.md)\)")
_ELSEWHERE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?:bot|config|deploy|tests)\b[^)]*\)")
"""A link to a file of the checkout: the site holds the documentation only."""
_BLOCK_IN_LIST = re.compile(r"^(?P<indent> {2,3})```\w*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_IN_LIST = re.compile(r"^ {2,3}(?=\S)", re.MULTILINE)
_NEXT_POINT = re.compile(r"^( {4}\S.*\n)(?=(?:\d+\.|-) )", re.MULTILINE)
"""Without an empty line before it, it would go on with the paragraph of the point above."""


def on_config(config: Any) -> Any:
    """Take the menu from the first page."""
    _, *parts = _HEADING.split((Path(config.docs_dir) / "index.md").read_text(encoding="utf-8"))
    menu: list[Any] = [{"Start": "index.md"}]
    for heading, text in zip(parts[::2], parts[1::2], strict=True):
        menu.append({heading: list(dict.fromkeys(_PAGE.findall(text)))})
    config.nav = menu
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Name files of the checkout instead of linking them; keep what belongs to a list in it."""
    listed = _BLOCK_IN_LIST.sub(lambda block: indent(dedent(block["text"]), " " * 8), markdown)
    parts = listed.split("\n```")  # every other one is a block of code, which stays as it is
    kept = [
        part if number % 2 else _NEXT_POINT.sub(r"\1\n", _IN_LIST.sub("    ", part))
        for number, part in enumerate(parts)
    ]
    return _ELSEWHERE.sub(r"\1", "\n```".join(kept))
