"""The one door for time: int nanoseconds inside, text and datetime only here.

Knows how to convert; never reads a clock.
"""

import datetime
from typing import Final, NewType

Ns = NewType("Ns", int)
"""UTC epoch nanoseconds, or a duration in nanoseconds."""

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
NS_PER_DAY: Final = 86_400 * NS_PER_S
NS_PER_YEAR: Final = 365 * NS_PER_DAY
"""ACT/365 fixed: Deribit's year (verified on recorded marks, exchange facts 2.3)."""

_EXPIRY_HOUR_UTC: Final = 8
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def ns_from_ms(ms: int) -> Ns:
    """Milliseconds since the epoch (venue stamps) to nanoseconds."""
    return Ns(ms * NS_PER_MS)


def ms_from_ns(ns: Ns) -> int:
    """Nanoseconds to whole milliseconds, toward the past."""
    return ns // NS_PER_MS


def ns_from_s(seconds: float) -> Ns:
    """Seconds (configuration, command line) to nanoseconds."""
    return Ns(round(seconds * NS_PER_S))


def tau_years(now_ns: Ns, expiry_ns: Ns) -> float:
    """Year fraction ACT/365 left until expiry, to the nanosecond; 0.0 at and after expiry."""
    return max(0, expiry_ns - now_ns) / NS_PER_YEAR


def iso_utc(ns: Ns) -> str:
    """ISO 8601 text in UTC with microseconds, for humans."""
    moment = _EPOCH + datetime.timedelta(microseconds=ns // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def ns_from_iso(text: str) -> Ns:
    """ISO 8601 text with a zone (`Z` or an offset) to nanoseconds; ValueError without a zone."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = f"time {text!r} has no zone: write e.g. 2026-03-27T08:00:00Z"
        raise ValueError(message)
    delta = moment - _EPOCH
    return Ns((delta.days * 86_400 + delta.seconds) * NS_PER_S + delta.microseconds * 1000)


def is_settled_between(before_ns: Ns, after_ns: Ns) -> bool:
    """Whether a daily settlement, 08:00 UTC, lies after the one moment and not after the other."""
    hour_ns = _EXPIRY_HOUR_UTC * 3600 * NS_PER_S
    return (before_ns - hour_ns) // NS_PER_DAY < (after_ns - hour_ns) // NS_PER_DAY


def last_settlement_ns(now_ns: Ns) -> Ns:
    """The newest 08:00 UTC that is not after now."""
    hour_ns = _EXPIRY_HOUR_UTC * 3600 * NS_PER_S
    return Ns(now_ns - (now_ns - hour_ns) % NS_PER_DAY)


def expiry_ns_from_code(code: str) -> Ns:
    """Deribit expiry code (`27MAR26`, `5JUN20`) to its 08:00 UTC expiry; ValueError otherwise."""
    day, month, year = code[:-5], code[-5:-2], code[-2:]
    if month not in _MONTHS:
        message = f"expiry code {code!r} has no month"
        raise ValueError(message)
    moment = datetime.datetime(
        2000 + int(year), _MONTHS.index(month) + 1, int(day), _EXPIRY_HOUR_UTC, tzinfo=datetime.UTC
    )
    return Ns(round((moment - _EPOCH).total_seconds()) * NS_PER_S)


def expiry_code(expiry_ns: Ns) -> str:
    """Expiry time to Deribit's code; the day has no leading zero."""
    moment = _EPOCH + datetime.timedelta(microseconds=expiry_ns // 1000)
    return f"{moment.day}{_MONTHS[moment.month - 1]}{moment.year % 100:02d}"
