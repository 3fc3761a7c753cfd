"""The door for time: text, milliseconds and expiry codes to nanoseconds and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.time import (
    NS_PER_DAY,
    NS_PER_YEAR,
    Ns,
    expiry_code,
    expiry_ns_from_code,
    is_settled_between,
    iso_utc,
    last_settlement_ns,
    ms_from_ns,
    ns_from_iso,
    ns_from_ms,
    ns_from_s,
    tau_years,
)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000001Z", 1_000),
        ("2026-03-27T08:00:00Z", 1_774_598_400_000_000_000),
        ("2026-03-27T09:00:00+01:00", 1_774_598_400_000_000_000),
    ],
)
def test_text_with_a_zone_is_a_moment(text: str, ns: int) -> None:
    """Z and offsets are understood."""
    assert ns_from_iso(text) == ns


def test_text_without_a_zone_is_refused() -> None:
    """A moment without a zone is a guess."""
    with pytest.raises(ValueError, match="has no zone"):
        ns_from_iso("2026-03-27T08:00:00")


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_text_and_back_keeps_microseconds(us: int) -> None:
    """What a human reads is the same moment."""
    assert ns_from_iso(iso_utc(Ns(us * 1_000))) == us * 1_000


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_milliseconds_and_back_are_exact(ms: int) -> None:
    """Venue stamps survive the conversion."""
    assert ms_from_ns(ns_from_ms(ms)) == ms


def test_nanoseconds_to_milliseconds_go_toward_the_past() -> None:
    """A stamp never lies in the future of what it was made from."""
    assert ms_from_ns(Ns(1_999_999)) == 1


def test_seconds_of_the_configuration_are_rounded() -> None:
    """0.1 s is exactly 100 ms."""
    assert ns_from_s(0.1) == 100_000_000


@pytest.mark.parametrize(
    ("left_ns", "years"), [(NS_PER_YEAR, 1.0), (NS_PER_DAY, 1 / 365), (0, 0.0), (-NS_PER_DAY, 0.0)]
)
def test_the_year_fraction_is_act_365(left_ns: int, years: float) -> None:
    """ACT/365, zero at and after expiry."""
    assert tau_years(Ns(NS_PER_YEAR), Ns(NS_PER_YEAR + left_ns)) == pytest.approx(years, abs=1e-18)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("27MAR26", "2026-03-27T08:00:00Z"),
        ("5JUN20", "2020-06-05T08:00:00Z"),
        ("29FEB24", "2024-02-29T08:00:00Z"),
        ("31DEC26", "2026-12-31T08:00:00Z"),
    ],
)
def test_expiry_codes_and_back(code: str, text: str) -> None:
    """Deribit's codes, days without a leading zero, expire at 08:00 UTC."""
    assert expiry_ns_from_code(code) == ns_from_iso(text)
    assert expiry_code(ns_from_iso(text)) == code


@pytest.mark.parametrize("code", ["", "27XYZ26", "MAR26", "32MAR26", "30FEB26", "27MARXX", "PERPETUAL"])
def test_what_is_no_expiry_code_is_refused(code: str) -> None:
    """No date is made up."""
    with pytest.raises(ValueError, match=r".+"):
        expiry_ns_from_code(code)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("2026-03-01T07:59:59Z", "2026-03-01T08:00:00Z", True),
        ("2026-03-01T08:00:00Z", "2026-03-02T07:59:59Z", False),
        ("2026-03-01T09:00:00Z", "2026-03-02T09:00:00Z", True),
        ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z", False),
    ],
)
def test_a_settlement_lies_between_two_moments_or_not(before: str, after: str, expected: bool) -> None:
    """08:00 UTC belongs to the session it begins."""
    assert is_settled_between(ns_from_iso(before), ns_from_iso(after)) is expected


@pytest.mark.parametrize(
    ("now", "settled"),
    [
        ("2026-03-27T08:00:00Z", "2026-03-27T08:00:00Z"),
        ("2026-03-27T07:59:59.999Z", "2026-03-26T08:00:00Z"),
        ("2026-03-28T00:00:00Z", "2026-03-27T08:00:00Z"),
    ],
)
def test_last_settlement(now: str, settled: str) -> None:
    """08:00 UTC, the moment itself included."""
    assert last_settlement_ns(ns_from_iso(now)) == ns_from_iso(settled)
