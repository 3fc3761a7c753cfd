"""The page of a report: it needs nothing beside itself, and says all there is to say."""

from html.parser import HTMLParser

from msgspec import structs

from bot.observe.report_page import as_html, key_figures, span_words
from bot.observe.reported import Report

_VOID = {"meta", "link", "br", "path", "line", "circle", "rect", "polyline", "polygon"}


class _Nesting(HTMLParser):
    """Whether every tag is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Opened."""
        del attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Closed at once."""
        del tag, attrs

    def handle_endtag(self, tag: str) -> None:
        """Must be the newest open one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """What is read."""
        self.texts.append(data)


def test_the_page_is_whole_and_asks_for_nothing(run_report: Report) -> None:
    """Well-formed; no script, no address; a browser is told to refuse any request."""
    page = as_html(run_report)
    parsed = _Nesting()
    parsed.feed(page)

    assert parsed.open == []
    for word in ("http:", "https:", "<script", "@import", "url(", "src="):
        assert word not in page
    assert "default-src 'none'" in page
    assert "prefers-color-scheme:dark" in page
    texts = set(parsed.texts)
    for word in ("Process and outcome", "Scalping by the hour", "Gap-risk ladder", "What made the profit", "result"):
        assert word in texts
    assert len(page.encode()) < 1_000_000


def test_what_does_not_add_up_is_at_the_top(run_report: Report) -> None:
    """Before any figure."""
    page = as_html(structs.replace(run_report, scalping=structs.replace(run_report.scalping, problem="a < b")))

    assert page.index("DOES NOT ADD UP: a &lt; b") < page.index('class="tiles"')


def test_a_run_without_a_step_is_a_page_too(run_report: Report) -> None:
    """Nothing is made up for it."""
    scalped = structs.replace(run_report.scalping, scalping=None, hours=(), hedges=())
    bare = structs.replace(run_report, points=(), deltas=(), hedges=(), smile=(), ladder=(), scalping=scalped)

    assert "<svg" not in as_html(bare)
    assert "result, USD" not in dict(key_figures(bare))


def test_key_figures_are_the_runs(run_report: Report) -> None:
    """Result, hedges, costs, volatilities."""
    told = dict(key_figures(run_report))

    assert told["result, USD"] == f"{run_report.points[-1].made.total_usd:+,.2f}"
    assert told["hedges"] == str(len(run_report.hedges))
    assert "volatility paid, gamma sold" in told or "volatility paid, gamma bought" in told
    assert span_words(run_report).endswith(" s")
