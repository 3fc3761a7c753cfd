"""What a look before a run found, in lines for people and in one for programs.

Knows the configuration's words and exit codes; asks nobody anything.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from bot.app.config import Config
from bot.app.exit_codes import ExitCode
from bot.book import BookParams
from bot.journal.opening import without_password
from bot.venues.settings import VenueSettings

OK, MIND, FAILED, SKIPPED = "ok", "mind", "FAILED", "skipped"
_WIDTH = 22
"""Of the name of a check: `books.longest hedge` fits."""


class Finding(Struct, frozen=True, kw_only=True):
    """One check."""

    name: str
    status: str
    """`ok`; `mind`: a run would start, and probably not as it is meant; `FAILED`; `skipped`: what it needs failed."""
    detail: str
    """What was found; of a failure: what is wrong and the next step."""
    exit_code: ExitCode = ExitCode.OK
    """With which a run would end."""


class Report(Struct, frozen=True, kw_only=True):
    """All that would run, and all that was checked."""

    would_run: dict[str, object]
    checks: tuple[Finding, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Of the first failure; 0 when a run would start."""
        return next((finding.exit_code for finding in self.checks if finding.status == FAILED), ExitCode.OK)


def would_run(config: Config, *, has_account: bool) -> dict[str, object]:
    """What `run` would do with this configuration, without a secret. No account: the venue is made for the run."""
    return {
        "mode": config.mode.value,
        **(_venue(config.venue) | {"ledger": without_password(config.ledger_url)} if has_account else {}),
        **({} if config.hedge_venue is None else {"hedge_venue": _venue(config.hedge_venue)}),
        **{f"books.{book.book.lower()}": _book(book) for book in config.books},
        "portfolio": "none" if config.portfolio_path is None else str(config.portfolio_path),
        "tape": "none" if config.tape_folder is None else str(config.tape_folder),
        "health": f"http://{config.health_host}:{config.health_port}" if config.health_enabled else "none",
        "config_hash": config.digest,
    }


def _venue(venue: VenueSettings) -> dict[str, object]:
    return {
        "venue": venue.venue,
        "ws_url": venue.ws_url,
        "rest_url": venue.rest_url,
        "testnet": "not checked" if venue.is_testnet is None else venue.is_testnet,
        "key": "none" if venue.credentials is None else venue.credentials.key_id,
        "account": venue.account_id or "whichever the key belongs to",
    }


_OF_A_RUN = frozenset({"book", "label_prefix", "run_tag"})


def _book(book: BookParams) -> dict[str, object]:
    """Convention, band, limits and the rest, as the engine gets them: durations in nanoseconds."""
    fields = msgspec.to_builtins(book)
    return {"labels": f"{book.label_prefix}...", **{name: fields[name] for name in fields if name not in _OF_A_RUN}}


def as_json(report: Report) -> str:
    """One line."""
    found = {"ok": report.exit_code == ExitCode.OK, "exit_code": int(report.exit_code)}
    return msgspec.json.encode(found | msgspec.to_builtins(report)).decode()


def as_text(report: Report) -> str:
    """What would run, then a line per check."""
    lines = [f"  {name:{_WIDTH}} {value}" for row in report.would_run.items() for name, value in _rows(*row)]
    lines += [f"{check.status:8}{check.name:{_WIDTH}} {check.detail}" for check in report.checks]
    failed = sum(check.status == FAILED for check in report.checks)
    minded = sum(check.status == MIND for check in report.checks)
    end = "a run would start" + f"; {minded} to mind" * bool(minded)
    if failed:
        end = f"{failed} FAILED, exit code {report.exit_code}: not fit to run"
    return "\n".join([*lines, end])


def _rows(name: str, value: object) -> Iterator[tuple[str, str]]:
    """A row of what is plain, then one for each group in it."""
    if not isinstance(value, dict):
        yield name, str(value)
        return
    groups = {key: item for key, item in value.items() if isinstance(item, dict)}
    yield name, ", ".join(f"{key} {item}" for key, item in value.items() if key not in groups)
    for key, group in groups.items():
        yield from _rows(f"{name}.{key}", group)
