import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.reasons import Reason
from bot.observe.logs import REDACTED, Level, open_log, redact

_CANARY = "c4n4ry"


def test_a_line_is_json_with_a_numeric_stamp(heard: Any) -> None:
    """One object per line; exact decimals as text, reasons as words, nothing turned into a date."""
    heard.log.tell("order.cancelled", label="hb1", order_id="7", cause=Reason.STOPPING, seq=3)
    heard.log.tell("fill.seen", fill_id="1", amount_native=Decimal("-0.10"), price_native=Decimal("1E-7"))

    assert heard.lines == [
        {
            "ts_ns": 1_774_598_400_123_456_789,
            "level": "info",
            "event": "order.cancelled",
            "label": "hb1",
            "order_id": "7",
            "cause": "stopping",
            "seq": 3,
        },
        {
            "ts_ns": 1_774_598_400_123_456_789,
            "level": "debug",
            "event": "fill.seen",
            "fill_id": "1",
            "amount_native": "-0.10",
            "price_native": "1E-7",
        },
    ]


def test_words_not_in_the_catalogue_are_a_bug(heard: Any) -> None:
    """An event, a field, or a field on every line that nobody documented."""
    with pytest.raises(AssertionError, match=r"'order\.eaten' is not in the catalogue"):
        heard.log.tell("order.eaten")
    with pytest.raises(AssertionError, match=r"'order\.acked' has no fields \['colour'\]"):
        heard.log.tell("order.acked", colour="blue")
    with pytest.raises(AssertionError, match=r"\['colour'\] cannot be on every line"):
        heard.log.bind(colour="blue")

    assert heard.lines == []


@pytest.mark.parametrize(
    ("level", "told"),
    [
        (Level.DEBUG, ["order.updated", "order.acked", "order.unknown", "trading.halted"]),
        (Level.INFO, ["order.acked", "order.unknown", "trading.halted"]),
        (Level.WARNING, ["order.unknown", "trading.halted"]),
        (Level.ERROR, ["trading.halted"]),
    ],
)
def test_less_important_lines_can_be_left_out(make_heard: Callable[..., Any], level: Level, told: list[str]) -> None:
    """The level of a line is the catalogue's, not the caller's."""
    heard = make_heard(level=level)
    for event in ("order.updated", "order.acked", "order.unknown", "trading.halted"):
        heard.log.tell(event)

    assert told == heard.events
    assert [heard.log.is_told(event) for event in told] == [True] * len(told)


def test_fields_can_be_on_every_line_of_one_log_only(heard: Any) -> None:
    """Binding makes another log; nothing global changes."""
    bound = heard.log.bind(run_id="r1", venue="deribit")
    bound.tell("order.absent", label="hb1")
    heard.log.tell("order.absent", label="hb2")

    assert [line.get("run_id") for line in heard.lines] == ["r1", None]


@pytest.mark.parametrize(
    "key",
    [
        "client_secret",
        "CLIENT_SECRET",
        "access_token",
        "refreshToken",
        "password",
        "Authorization",
        "signature",
        "apiKey",
    ],
)
def test_a_value_under_a_secret_name_is_never_printed(key: str) -> None:
    """At any depth, whatever it is."""
    fields = {"event": "x", key: _CANARY, "detail": {"inner": [{key: _CANARY}, {key: {"deep": _CANARY}}]}}

    assert redact(None, "info", fields) == {
        "event": "x",
        key: REDACTED,
        "detail": {"inner": [{key: REDACTED}, {key: REDACTED}]},
    }


@pytest.mark.parametrize(
    "text",
    [
        '{"jsonrpc":"2.0","params":{"client_secret":"c4n4ry","client_id":"me"}}',
        '{"result":{"access_token":"c4n4ry.c4n4ry","token_type":"bearer"',
        '{"result":{"access_token": "c4n4',
        "GET /auth?client_id=me&client_secret=c4n4ry&grant=x",
        "Authorization: bearer c4n4ry",
        "authorization=Basic c4n4ry, next",
        "{'signature': 'c4n4ry', 'data': ''}",
        "password: c4n4ry",
    ],
)
def test_a_secret_inside_text_is_cut_out(heard: Any, text: str) -> None:
    """Samples of messages and words of errors may carry one."""
    heard.log.tell("message.malformed", sample=text, cause=text, stream="account")

    assert "c4n4" not in heard.stream.getvalue()
    assert REDACTED in str(heard.lines[0]["sample"])


def test_depth_is_bounded() -> None:
    """What is nested deeper than anything we log is not printed."""
    fields: dict[str, object] = {"detail": {"a": {"b": {"c": {"d": {"e": 1}}}}}}

    assert redact(None, "info", fields) == {"detail": {"a": {"b": {"c": {"d": REDACTED}}}}}


def test_plain_words_are_left_alone(heard: Any) -> None:
    """Redaction does not eat what an operator needs."""
    text = "limit 96950.5 under the venue's lowest price 97000; secretary of tokens"
    heard.log.tell("snapshot.failed", cause=text)

    assert heard.lines[0]["cause"] == text


@pytest.mark.parametrize(
    ("style", "is_terminal", "is_json"),
    [
        ("auto", False, True),
        ("auto", True, False),
        ("json", True, True),
        ("json", False, True),
        ("console", False, False),
        ("console", True, False),
    ],
)
def test_a_terminal_gets_text_and_everything_else_json(
    make_heard: Callable[..., Any], terminal: io.StringIO, style: str, *, is_terminal: bool, is_json: bool
) -> None:
    """Unless configured."""
    heard = make_heard(style=style, stream=terminal if is_terminal else None)
    heard.log.tell("order.absent", label="hb1")

    assert heard.stream.getvalue().startswith("{") is is_json


def test_a_style_nobody_knows_is_a_bug() -> None:
    """The configuration has refused it before."""
    with pytest.raises(AssertionError, match="log style 'xml'"):
        open_log(now_ns=lambda: 0, style="xml")


class _Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(text)


def test_a_log_nobody_reads_any_more_does_not_stop_trading(make_heard: Callable[..., Any]) -> None:
    """Lost lines are counted."""
    heard = make_heard(stream=_Closed())
    heard.log.tell("order.absent", label="hb1")
    heard.log.tell("order.absent", label="hb2")

    assert heard.log.lines_lost_count == 2


def test_things_without_a_json_form_are_written_as_text(heard: Any) -> None:
    """An error object, for instance."""
    heard.log.tell("snapshot.failed", cause=ValueError("no"))

    assert heard.lines[0]["cause"] == "no"
