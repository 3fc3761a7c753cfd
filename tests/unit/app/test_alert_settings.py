"""The table `[alerts]` in domain types; addresses are never shown."""

from pathlib import Path

import pytest

from bot.app.alert_settings import AlertsSection, alerts_config
from bot.domain.errors import ConfigError
from bot.domain.time import NS_PER_S
from bot.observe.alerts import Severity


def test_nobody_is_told_unless_asked_for() -> None:
    """No address, no alert; the rest has its defaults."""
    config = alerts_config(AlertsSection())

    assert config.urls == ()
    assert config.terms.severity_min is Severity.WARNING
    assert config.terms.cooldown_ns == 900 * NS_PER_S
    assert config.terms.summary_utc_hours == 8


def test_addresses_come_from_the_table_and_a_file(tmp_path: Path) -> None:
    """A line each, comments left out; what is printed shows none."""
    file = tmp_path / "urls"
    file.write_text("# desk\n\njson://127.0.0.1:1/secret-two\n")
    config = alerts_config(AlertsSection(urls=("json://127.0.0.1:1/secret-one",), urls_file=file, summary=False))

    assert [url.get_secret_value()[-10:] for url in config.urls] == ["secret-one", "secret-two"]
    assert "secret" not in str(config).replace("SecretStr", "")
    assert config.terms.summary_utc_hours is None


def test_a_file_that_is_not_there_and_too_many_addresses_are_refused(tmp_path: Path) -> None:
    """One line each."""
    with pytest.raises(ConfigError, match="cannot read"):
        alerts_config(AlertsSection(urls_file=tmp_path / "none"))
    with pytest.raises(ConfigError, match="21 addresses, at most 20"):
        alerts_config(AlertsSection(urls=("json://127.0.0.1:1/",) * 21))
