"""Where the codes of our tables come from: ccxt's own tables, and for a few the venue's page alone."""

from collections.abc import Iterator
from typing import Any

import ccxt
import pytest

from bot.domain.reasons import RefusalKind
from bot.venues import binance_errors, bybit_errors, okx_errors
from bot.venues.outcome import Row

_TABLES: dict[str, dict[int, Row]] = {
    "okx": okx_errors.ERRORS,
    "binanceusdm": binance_errors.ERRORS,
    "bybit": bybit_errors.ERRORS,
}
_OF_THE_VENUE_ALONE = {
    # v5 error codes: `expTime`, order time-outs, keys; systems that are too busy.
    "okx": {50030, 50036, 50037, 50040, 50119, 50120, 51149},
    "binanceusdm": set[int](),
    # v5 error codes: time-out of the server, system-level frequency, an order that is being processed.
    "bybit": {10000, 10429, 110079},
}


def _codes(told: dict[str, Any]) -> Iterator[tuple[int, type[Exception]]]:
    for key, value in told.items():
        if isinstance(value, dict):
            yield from _codes(value)
        elif key.lstrip("-").isdecimal():
            yield int(key), value


@pytest.mark.parametrize("name", _TABLES)
def test_each_code_has_a_source(name: str) -> None:
    """In the table of ccxt, or it is one of the few named here; what is short of money there is so with us."""
    exchange = getattr(ccxt, name)()
    classes = dict(_codes(exchange.exceptions))
    ours = _TABLES[name]

    assert ours.keys() - classes.keys() == _OF_THE_VENUE_ALONE[name]
    poor = {code for code in ours if issubclass(classes.get(code, Exception), ccxt.InsufficientFunds)}
    assert {ours[code].outcome for code in poor} == {RefusalKind.NO_FUNDS}
