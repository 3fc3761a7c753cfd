"""Rules, panels and runbooks speak of metrics that there are, and of each other.

`make deploy-test` asks a real Prometheus.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.observe.metric_names import METRICS, Kind

_NAME = re.compile(r"\b(?:hedgebot|process)_[a-z_]+\b")
_PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Of the Prometheus client."""


def unknown_names(expression: str) -> set[str]:
    """Metrics an expression names that no process tells."""
    told = set(_PROCESS)
    for name, metric in METRICS.items():
        told |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if metric.kind is Kind.HISTOGRAM else {name}
    return set(_NAME.findall(expression)) - told


def unknown_labels(expression: str) -> set[str]:
    """Labels a selector asks for that its metric does not have."""
    wrong = set()
    for name, inside in re.findall(r"(hedgebot_[a-z_]+)\{([^}]*)\}", expression):
        asked = set(re.findall(r"([a-z]+)\s*=", inside))
        wrong |= asked - set(METRICS[name].labels)
    return wrong


def test_every_rule_asks_for_what_there_is(rules: dict[str, Any]) -> None:
    """Names and labels; it has a severity, and a page whose title it is."""
    for name, rule in rules.items():
        assert unknown_names(rule["expr"]) == set(), name
        assert unknown_labels(rule["expr"]) == set(), name
        assert rule["labels"]["severity"] in {"critical", "warning"}, name
    assert len(rules) > 15


def test_every_alert_has_its_page_and_every_page_its_alert(rules: dict[str, Any], repo_root: Path) -> None:
    """The page is called after the alert and says what it means, what to look at and what to do."""
    pages = {path.relative_to(repo_root).as_posix(): path.read_text() for path in repo_root.glob("docs/runbooks/*.md")}
    wanted = {rule["annotations"]["runbook"]: name for name, rule in rules.items()}

    assert sorted(pages) == sorted(wanted)
    for page, alert in wanted.items():
        assert pages[page].startswith(f"# {alert}\n"), page
        assert [word for word in ("**It means**", "**By itself", "## Look", "## Do") if word not in pages[page]] == []


def test_every_rule_is_tried(rules: dict[str, Any], documents: Callable[[str], list[Any]]) -> None:
    """By `promtool test rules`: it fires, and it clears."""
    (file,) = documents("prometheus/rules_test.yml")
    tried: dict[str, list[bool]] = {}
    for trial in file["tests"]:
        for case in trial["alert_rule_test"]:
            tried.setdefault(case["alertname"], []).append(bool(case["exp_alerts"]))

    assert tried == {name: [True, False] for name in rules}


def test_every_panel_asks_for_what_there_is(panels: list[Any]) -> None:
    """Names and labels; no two panels lie on each other."""
    for panel in panels:
        for target in panel["targets"]:
            assert unknown_names(target["expr"]) == set(), panel["title"]
            assert unknown_labels(target["expr"]) == set(), panel["title"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_every_metric_is_watched_or_read(panels: list[Any], rules: dict[str, Any]) -> None:
    """What nobody shows and no rule asks for need not be told."""
    texts = [target["expr"] for panel in panels for target in panel["targets"]] + [
        rule["expr"] for rule in rules.values()
    ]
    shown = {re.sub(r"_bucket$", "", name) for text in texts for name in _NAME.findall(text)}

    assert sorted(set(METRICS) - shown) == [
        # which version, which convention: read beside the others
        *("hedgebot_book_info", "hedgebot_build_info", "hedgebot_fills_total")
    ]


@pytest.mark.parametrize("text", ["hedgebot_net_delta > 1", "rate(hedgebot_ledger_lag_seconds[5m])"])
def test_an_unknown_name_is_found(text: str) -> None:
    """A misspelt one, and a histogram without its part."""
    assert unknown_names(text) != set()


def test_an_unknown_label_is_found() -> None:
    """A selector on it would match nothing for ever."""
    assert unknown_labels('hedgebot_stops{coin="BTC", kind!="halt"}') == {"coin"}


def test_alerts_go_somewhere(documents: Callable[[str], list[Any]], rules: dict[str, Any]) -> None:
    """Every route ends at a receiver there is, what is inhibited is an alert there is; no address is in the file."""
    (file,) = documents("alertmanager/alertmanager.yml")
    routes = [file["route"], *file["route"]["routes"]]
    named = [word for rule in file["inhibit_rules"] for words in rule.values() for word in words]

    assert {route["receiver"] for route in routes} <= {receiver["name"] for receiver in file["receivers"]}
    assert {name for word in named for name in re.findall(r"Hedgebot\w+", word)} <= set(rules)
    assert "http" not in str(file)
