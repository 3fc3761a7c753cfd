"""Books of coin-settled and linear legs through what the engine decides on: every row of inverse_position.csv to 1e-10.

Tickers, account messages and positions in, net delta of each convention out; nothing is computed here but the words.
"""

import math
from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.domain.events import AccountSeen
from bot.domain.ids import InstrumentId, VenueId
from bot.domain.instruments import Instrument, Kind, Settlement
from bot.domain.market_events import FutureMarked, OptionMarked
from bot.domain.time import NS_PER_S, Ns
from bot.market.quality import TrustLimits
from bot.market.view import MarketView
from bot.pricing import black76
from bot.pricing.settlement_window import Window
from bot.risk.collateral import AccountFigures, FiguresParams
from bot.risk.conventions import Convention
from bot.risk.expiry_market import Terms
from bot.risk.exposure import Exposure, measure
from bot.risk.legs import arrange

Rows = list[dict[str, str]]

_NOW = Ns(1_772_359_200 * NS_PER_S)
_YEAR_NS = 365 * 86_400 * NS_PER_S
_TOLERANCE = 1e-10
_NO_WINDOW = Window(Ns(NS_PER_S), Ns(NS_PER_S))
"""The table's options are European to the last second."""


class _Row:
    """One book as the engine sees it."""

    def __init__(self, row: dict[str, str]) -> None:
        self.spot_usd = float(row["S"])
        self.view = MarketView(
            TrustLimits(
                option_age_ns_max=Ns(NS_PER_S),
                hedge_age_ns_max=Ns(NS_PER_S),
                clock_ahead_ns_max=Ns(0),
                spread_bps_max=1.0,
            )
        )
        self.held: dict[InstrumentId, Decimal] = {}
        self._premium = self._plain = self._futures = 0.0
        for number, leg in enumerate(row["legs"].split(";")):
            kind, text = leg.split(":")
            if kind in {"iopt", "lopt"}:
                self._option(f"{kind}{number}", kind == "iopt", text.split(","))
            elif kind not in {"cash", "usd"}:
                self._future(f"{kind}{number}", kind != "lperp", text.split(","))
        self.coin = self._account("BTC", float(row["E_coin"]))
        self.dollars = self._account("USDC", float(row["U_usd"]))

    def _list(self, name: str, is_inverse: bool, **more: object) -> InstrumentId:
        fields = {
            "id": InstrumentId(name),
            "venue": VenueId("deribit"),
            "kind": Kind.PERPETUAL,
            "base": "BTC",
            "settlement": Settlement.COIN if is_inverse else Settlement.USD,
            "settlement_currency": "BTC" if is_inverse else "USDC",
            "index_name": "btc_usd" if is_inverse else "btc_usdc",
            "contract_size_native": Decimal(1),
            "lot_native": Decimal(1),
            "tick_native": Decimal(1),
            "fee_rate_maker": Decimal(0),
            "fee_rate_taker": Decimal(0),
        }
        self.view.list_instrument(Instrument(**(fields | more)))  # type: ignore[arg-type]
        return InstrumentId(name)

    def _option(self, name: str, is_inverse: bool, words: list[str]) -> None:
        strike, tau_years, iv, basis, qty = map(float, words[1:])
        forward, is_call = self.spot_usd * basis, words[0] == "C"
        expiry_ns = Ns(_NOW + round(tau_years * _YEAR_NS))
        listed = self._list(name, is_inverse, kind=Kind.OPTION, expiry_ns=expiry_ns, strike_usd=strike, is_call=is_call)
        self.held[listed] = Decimal(words[5])
        if is_inverse:
            one = black76.greeks_scalar(forward, strike, tau_years, iv, is_call)
            self._premium += qty * one.coin_price
            self._plain += qty * one.delta
        self.view.see_option(
            OptionMarked(
                instrument=listed,
                received_ns=_NOW,
                venue_ns=_NOW,
                bid_native=None,
                ask_native=None,
                bid_amount_native=None,
                ask_amount_native=None,
                mark_native=None,
                iv_mark=iv,
                forward_usd=forward,
                index_usd=self.spot_usd,
                is_open=True,
            )
        )

    def _future(self, name: str, is_inverse: bool, words: list[str]) -> None:
        amount, _, basis = map(float, words)
        listed = self._list(name, is_inverse)
        self.held[listed] = Decimal(words[0])
        self._futures += amount / (self.spot_usd * basis) if is_inverse else 0.0
        self.view.see_future(
            FutureMarked(
                instrument=listed,
                received_ns=_NOW,
                venue_ns=_NOW,
                bid_usd=None,
                ask_usd=None,
                bid_amount_native=None,
                ask_amount_native=None,
                mark_usd=self.spot_usd * basis,
                index_usd=self.spot_usd,
                price_min_usd=None,
                price_max_usd=None,
                funding_rate_8h=None,
                is_open=True,
            )
        )

    def _account(self, currency: str, equity_native: float) -> AccountSeen:
        return AccountSeen(
            currency=currency,
            equity_native=equity_native,
            balance_native=0.0,
            margin_initial_native=0.0,
            margin_maintenance_native=0.0,
            available_native=0.0,
            delta_coin_total=self._futures + self._plain - self._premium,
            delta_coin_options=self._plain,
            received_ns=_NOW,
            delta_coin_by_index={"btc_usd": self._futures + self._plain},
            options_value_native=self._premium,
        )

    def measure(self, convention: Convention, *, counts_usdc: bool = False) -> Exposure:
        """Net delta as the engine comes to it."""
        params = FiguresParams(
            convention=convention,
            coin="BTC",
            treasury_coin=0.0,
            counts_usdc=counts_usdc,
            age_ns_max=Ns(NS_PER_S),
            window_ns=Ns(1800 * NS_PER_S),
        )
        equity = AccountFigures(params)
        equity.see(self.coin)
        equity.see(self.dollars)
        collateral = equity.collateral(self.view, self.held, _NOW, self.spot_usd)
        assert not isinstance(collateral, str), collateral
        terms = Terms(convention=convention, window=_NO_WINDOW, collateral=collateral, price_usd=self.spot_usd)
        found = measure(self.view, arrange(self.held, self.view.instruments), _NOW, terms, {})
        assert found is not None
        return found


def test_every_book_is_what_the_engine_says_it_is(rows_of: Callable[[str], Rows]) -> None:
    """Dollar delta and gamma, coin delta with the USDC equity counted, delta total without, and the hedges of both."""
    wrong = []
    rows = rows_of("inverse_position.csv")
    for row in rows:
        book = _Row(row)
        dollar, coin = book.measure(Convention.USD), book.measure(Convention.COIN, counts_usdc=True)
        found = {
            "usd_delta_coins": dollar.delta_coin_net,
            "gamma_usd": dollar.gamma_coin_per_usd,
            "coin_delta_coins": coin.delta_coin_net,
            "hedge_iperp_usd_coin_neutral": -coin.delta_coin_net * book.spot_usd,
            "hedge_iperp_usd_usd_neutral": -dollar.delta_coin_net * book.spot_usd,
        }
        if float(row["U_usd"]) == 0.0 and "l" not in row["legs"]:
            found["delta_total"] = book.measure(Convention.COIN).delta_coin_net
        wrong += [
            f"{row['name']} {name}: expected {row[name]}, is {number!r}"
            for name, number in found.items()
            if not math.isclose(number, float(row[name]), rel_tol=_TOLERANCE, abs_tol=0.0)
        ]
        assert (dollar.doubtful, coin.doubtful) == ((), ())

    assert (len(rows) > 30, wrong) == (True, [])


def test_linear_books_under_their_own_convention(rows_of: Callable[[str], Rows]) -> None:
    """A book without coins: `linear_usd` is the dollar delta too, `options_only` is it without the basis."""
    (row,) = [row for row in rows_of("inverse_position.csv") if row["name"] == "usd_linear_only"]
    book = _Row(row)
    linear, plain = book.measure(Convention.LINEAR_USD), book.measure(Convention.OPTIONS_ONLY)

    assert linear.delta_coin_net == pytest.approx(float(row["usd_delta_coins"]), rel=_TOLERANCE)
    assert plain.delta_coin_net == linear.delta_coin_net, "this row's basis is one"
