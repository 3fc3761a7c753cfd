"""A page of the documentation of which one part is computed: what stands between its two marks, and how it is written.

Knows marks, lines and tables; not what is told.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bot.domain.errors import ConfigError

_WIDTH: Final = 140


class MarkedPage:
    """One page, as it was read."""

    def __init__(self, path: Path, target: str) -> None:
        """`make target` writes it. ConfigError where it cannot be read or has no marks, before anything is computed."""
        self.path = path
        self.begin, self.end = marks(target)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{target}: {path} cannot be read ({error.strerror}); name the page of a checkout"
            ) from None
        self._before, begin, rest = text.partition(self.begin)
        _, end, self._after = rest.partition(self.end)
        if not (begin and end):
            raise ConfigError(
                f"{target}: {path} lacks the lines {self.begin!r} and {self.end!r}; put them where the figures belong"
            )

    def write(self, figures: str) -> None:
        """Replace what stands between the marks."""
        self.path.write_text(f"{self._before}{self.begin}\n\n{figures}\n{self.end}{self._after}", encoding="utf-8")

    def image(self, name: str) -> Path:
        """Where a picture of the page is kept."""
        return self.path.parent.parent / name


def marks(target: str) -> tuple[str, str]:
    """Lines that begin and end what `make target` writes."""
    return (
        f"<!-- Written by `make {target}`: do not edit up to the end mark. -->",
        f"<!-- End of what `make {target}` writes. -->",
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]


def wrapped(text: str) -> list[str]:
    """Lines of a paragraph."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [*lines, line]
