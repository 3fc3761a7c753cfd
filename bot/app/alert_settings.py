"""The table `[alerts]`: where alerts go, which and how often. Reads the file of addresses; shows none of them."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr

from bot.app.alerting import AlertsConfig
from bot.app.sections import NotNegative, Section
from bot.domain.errors import ConfigError
from bot.domain.time import ns_from_s
from bot.observe.alerts import AlertTerms, Severity

_FILE_BYTES_MAX: Final = 65_536
_URLS_MAX: Final = 20


class AlertsSection(Section):
    """Messages to people (extra `alerts`): Telegram, Slack, Discord, mail and others, by addresses of apprise."""

    urls: tuple[SecretStr, ...] = Field((), description="addresses, each a secret; better in a file")
    urls_file: Path | None = Field(None, description="file with one address a line; # begins a comment")
    severity_min: Literal["info", "warning", "critical"] = Field("warning", description="least severity told")
    cooldown_s: NotNegative = Field(900.0, description="the same thing again is told after so long at the earliest")
    margin_ratio_max: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        0.7, description="maintenance margin over equity beyond which it is told"
    )
    summary: bool = Field(True, description="a line for each book once a day, whatever its severity")
    summary_utc_hours: Annotated[int, Field(ge=0, le=23)] = Field(8, description="hour of the day when")


def alerts_config(section: AlertsSection) -> AlertsConfig:
    """In domain types; ConfigError where the file cannot be read, or holds too much."""
    urls = list(section.urls)
    if section.urls_file is not None:
        try:
            text = section.urls_file.read_bytes()[:_FILE_BYTES_MAX].decode()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"alerts.urls_file: cannot read {section.urls_file}; check its path and owner") from None
        lines = (line.strip() for line in text.splitlines())
        urls += [SecretStr(line) for line in lines if line and not line.startswith("#")]
    if len(urls) > _URLS_MAX:
        raise ConfigError(f"alerts.urls: {len(urls)} addresses, at most {_URLS_MAX}")
    return AlertsConfig(
        urls=tuple(urls),
        terms=AlertTerms(
            severity_min=Severity[section.severity_min.upper()],
            cooldown_ns=ns_from_s(section.cooldown_s),
            margin_ratio_max=section.margin_ratio_max,
            summary_utc_hours=section.summary_utc_hours if section.summary else None,
        ),
    )
