"""A report as a page of Markdown, and as JSON for programs. Knows words; computes nothing."""

from decimal import Decimal
from typing import Final

import msgspec

from bot.observe.report_page import COMPONENT_WORDS, key_figures, span_words
from bot.observe.reported import Report
from bot.risk.scalping import Outcome

_to_json: Final = msgspec.json.Encoder(decimal_format="number").encode


def as_json(report: Report) -> str:
    """One line; with every point of the charts."""
    return _to_json(msgspec.to_builtins(report, builtin_types=(Decimal,))).decode()


def as_markdown(report: Report) -> str:
    """One page."""
    lines = [f"# {report.run_id}: {report.book} options, delta-hedged", ""]
    lines += [f"{report.mode}, delta convention `{report.convention}`; {span_words(report)}.", ""]
    if report.problem:
        lines += [f"**DOES NOT ADD UP: {report.problem}**", ""]
    lines += ["| | |", "|---|---:|", *(f"| {word} | {figure} |" for word, figure in key_figures(report)), ""]
    if report.points:
        made = report.points[-1].made
        lines += ["## What made the profit", "", "| | USD |", "|---|---:|"]
        lines += [f"| {word} | {getattr(made, name):+,.2f} |" for name, word in COMPONENT_WORDS.items()]
        lines += [f"| **result** | **{made.total_usd:+,.2f}** |"]
        lines += [f"| price of coins merely held | {report.held_usd:+,.2f} |", ""]
    if report.scalping.scalping is not None:
        scalped = report.scalping.scalping
        lines += ["## Process and outcome", "", "| at the volatility | expected, USD | chance, USD | standard error |"]
        lines += [
            "|---|---:|---:|---:|",
            _outcome("paid", scalped.at_implied),
            _outcome("met", scalped.at_realised),
            "",
        ]
    if report.ladder:
        lines += ["## Gap risk", "", f"| move of spot | profit, USD | delta, {report.book} |", "|---:|---:|---:|"]
        lines += [
            f"| {one.spot_share:+.0%} | {one.pnl_usd:+,.0f} | {one.delta_coin_net:+.3f} |" for one in report.ladder
        ]
        lines.append("")
    return "\n".join(lines)


def _outcome(word: str, told: Outcome) -> str:
    return f"| {word} | {told.expected_usd:+,.2f} | {told.chance_usd:+,.2f} | {told.error_usd:,.2f} |"
