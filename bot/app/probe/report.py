"""What a probe found, as Markdown for people and JSON for programs. Pure; reads and writes nothing."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from bot.app.probe.question import Answer, Question, Verdict

_OTHER_VENUES: Final = (
    "Not asked: whether OKX's greeks decay in the last hour, and what its premium-adjusted delta means for `_UM`"
    " options; that takes an OKX account."
)


class Finding(Struct, frozen=True, kw_only=True):
    """One question with what came of it."""

    name: str
    asked: str
    done: str
    answer: Answer

    @classmethod
    def of(cls, question: Question, answer: Answer) -> "Finding":
        """A question, answered."""
        return cls(name=question.name, asked=question.asked, done=question.done, answer=answer)


class Report(Struct, frozen=True, kw_only=True):
    """One probe."""

    when: str
    version: str
    ws_url: str
    rest_url: str
    scope: str
    """What the key may do, as the venue says."""
    sizes: tuple[str, ...]
    """What was said about orders before the start."""
    findings: tuple[Finding, ...]
    orders_count: int
    left: tuple[str, ...]
    """What could not be undone."""
    interrupted: str
    """Why it did not run to its end; empty when it did."""

    def count(self, verdict: Verdict) -> int:
        """How many questions came to a verdict."""
        return sum(finding.answer.verdict is verdict for finding in self.findings)


def as_json(report: Report) -> bytes:
    """For programs."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def as_markdown(report: Report) -> str:
    """For people: a table with a line per question, and what each did."""
    rows = [(f"`{f.name}`", f.asked, f.answer.verdict.value, f.answer.observed) for f in report.findings]
    lines = [
        "# What the test venue answered",
        "",
        f"hedgebot {report.version}, {report.when}, {report.ws_url} and {report.rest_url}; key: {report.scope}.",
        "",
        f"{report.orders_count} orders were sent; {'; '.join(report.left) or 'nothing of them is left'}.",
        *([f"It did not run to its end: {report.interrupted}."] if report.interrupted else []),
        "",
        _row(("question", "asked", "verdict", "observed")),
        _row(("---",) * 4),
        *(_row(row) for row in rows),
        "",
        _OTHER_VENUES,
        "",
        "## What was done",
        "",
        *(f"- {line}" for line in report.sizes),
        *(f"- `{finding.name}`: {finding.done}" for finding in report.findings),
    ]
    return "\n".join(lines) + "\n"


def sentence(report: Report) -> str:
    """The result in one line."""
    counts = ", ".join(f"{report.count(verdict)} {verdict.value}" for verdict in Verdict)
    left = f"; LEFT BEHIND: {'; '.join(report.left)}" if report.left else "; nothing is left behind"
    stopped = f"; stopped early: {report.interrupted}" if report.interrupted else ""
    return f"probe: {len(report.findings)} questions: {counts}; {report.orders_count} orders{left}{stopped}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(' '.join(cell.replace('|', '¦').split()) for cell in cells)} |"
