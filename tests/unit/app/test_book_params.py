"""What a `[books.COIN]` table becomes; what of it cannot be run is refused by its key."""

import pytest

from bot.app.book_params import params_of
from bot.app.settings import BookSection, RunSection
from bot.book import BookParams, hedges_of, sides_of
from bot.domain.errors import ConfigError
from bot.domain.ids import LABEL_LENGTH_MAX, make_label
from bot.domain.time import NS_PER_S, Ns
from bot.hedging.appetite import AppetiteParams
from bot.pricing.settlement_window import Window
from bot.risk.gap import GapParams
from bot.risk.ladder import LadderLimits

_LIMITS = {
    "order_usd_max": 1_000,
    "hedge_position_usd_max": 10_000,
    "delta_coin_worst_max": 5,
    "orders_per_minute_max": 10,
}


def _params(name: str = "btc", prefix: str = "hb", **keys: object) -> BookParams:
    book = BookSection.model_validate({"convention": "options_only", "limits": _LIMITS, **keys})
    return params_of(name, book, RunSection(label_prefix=prefix), "a" * 10, Window(Ns(1800), Ns(4)))


def test_labels_of_a_book_fit_the_narrowest_venue() -> None:
    """The longest prefix, coin and run tag with the number together."""
    book = _params("longest", "abcdefgh")

    assert book.label_prefix == "abcdefghlongest"
    assert len(make_label(book.label_prefix, "a" * 10, 1)) == LABEL_LENGTH_MAX
    with pytest.raises(ConfigError, match="a book is named after its coin"):
        _params("toolongs")


def test_the_ladder_of_a_book() -> None:
    """None without an interval; limits only where they are set."""
    ladder = {"interval_s": 5, "loss_usd_max": 1000.0}

    assert _params().gap is None
    assert _params(ladder=ladder).gap == GapParams(
        interval_ns=Ns(5 * NS_PER_S), limits=LadderLimits(loss_usd_max=1000.0)
    )


def test_the_hedge_is_the_coins_perpetual_unless_named() -> None:
    """By the name of the table."""
    assert _params("eth").hedge_instrument == "ETH-PERPETUAL"
    assert _params(hedge_instrument="BTC_USDC-PERPETUAL").hedge_instrument == "BTC_USDC-PERPETUAL"


def test_the_appetite_of_a_book() -> None:
    """Off unless both keys are there; one alone is a mistake."""
    keys = {"floor_usd": 400_000, "full_cushion_usd": 100_000}

    assert _params().appetite is None
    assert _params(appetite=keys).appetite == AppetiteParams(floor_usd=400_000.0, full_cushion_usd=100_000.0)
    assert _params(appetite=keys | {"share_min": 0.5}).appetite == AppetiteParams(
        floor_usd=400_000.0, full_cushion_usd=100_000.0, share_min=0.5
    )
    for key in keys:
        with pytest.raises(ConfigError, match=rf"books.btc.appetite.{key}: is missing"):
            _params(appetite={name: value for name, value in keys.items() if name != key})


def test_hedges_may_have_an_instrument_per_side() -> None:
    """The one whose price counts is among them, whatever else is named."""
    plain, sided = _params(), _params(hedge_instrument_long="OKX:BTC-USDT-SWAP")
    sides = sides_of(sided)

    assert hedges_of(plain) == ("BTC-PERPETUAL",)
    assert sides_of(plain).buying == sides_of(plain).selling == ("BTC-PERPETUAL",)
    assert (sides.buying, sides.selling) == (("OKX:BTC-USDT-SWAP",), ("BTC-PERPETUAL",))
    assert hedges_of(sided) == ("BTC-PERPETUAL", "OKX:BTC-USDT-SWAP")
    with pytest.raises(ConfigError, match=r"^books\.btc\.hedge_instrument_short: OKX:ETH-USDT-SWAP is not of BTC"):
        _params(hedge_instrument_short="OKX:ETH-USDT-SWAP")


@pytest.mark.parametrize(
    ("hedge", "words"),
    [
        ("ETH-PERPETUAL", "ETH-PERPETUAL is not of BTC; name one that is, e.g. BTC-PERPETUAL"),
        ("btc-perpetual", "btc-perpetual is not of BTC; name one that is, e.g. BTC-PERPETUAL"),
        ("BTC_USDC", "BTC_USDC is not of BTC; name one that is, e.g. BTC-PERPETUAL"),
        ("BTC-27MAR26-100000-C", "BTC-27MAR26-100000-C is an option; name a perpetual or a future, e.g. BTC-PERPETUAL"),
        ("okx:BTC-USDT-SWAP", "okx:BTC-USDT-SWAP has its venue in small letters; write OKX:BTC-USDT-SWAP"),
    ],
)
def test_what_can_hedge_nothing_is_refused(hedge: str, words: str) -> None:
    """It would start, and refuse every hedge for want of a quote."""
    with pytest.raises(ConfigError) as refused:
        _params(hedge_instrument=hedge)
    assert str(refused.value) == f"books.btc.hedge_instrument: {words}"


def test_hedges_may_have_a_set_of_instruments() -> None:
    """A list wherever one may stand; a side without its own has all of them; each counts once."""
    names = ["BTC-PERPETUAL", "BTC_USDC-PERPETUAL", "BTC-25DEC26"]
    both = _params(hedge_instrument=names)
    bought = _params(hedge_instrument=names, hedge_instrument_long=["BTC_USDC-PERPETUAL", "BTC_USDC-PERPETUAL"])
    one = _params(hedge_instrument=["BTC-PERPETUAL"])

    assert hedges_of(both) == sides_of(both).buying == sides_of(both).selling == tuple(names)
    assert (both.hedge_instrument, both.hedge_open_until_ns) == ("BTC-PERPETUAL", 24 * 3600 * 10**9)
    assert (sides_of(bought).buying, sides_of(bought).selling) == (("BTC_USDC-PERPETUAL",), tuple(names))
    assert (hedges_of(one), one.hedges_long, one.hedges_short) == (("BTC-PERPETUAL",), (), ())
    with pytest.raises(ConfigError, match=r"^books\.btc\.hedge_instrument: 5 hedge instruments, at most 4"):
        _params(hedge_instrument=[*names, "BTC-26JUN26", "BTC-25SEP26"])
    with pytest.raises(ConfigError, match=r"^books\.btc\.hedge_instrument: OKX:ETH-USDT-SWAP is not of BTC"):
        _params(hedge_instrument=["BTC-PERPETUAL", "OKX:ETH-USDT-SWAP"])


@pytest.mark.parametrize("target", [{"target_coin": 5.0}, {"target_coin_by_time": {"00:00": 0.0, "12:00": -7.0}}])
@pytest.mark.parametrize("policy", ["fixed", "whalley_wilmott"])
def test_a_target_at_the_hard_limit_is_refused(policy: str, target: dict[str, object]) -> None:
    """The band around it would be cut to nothing, and every move of the price would be a trade."""
    with pytest.raises(
        ConfigError, match=r"^books\.btc\.band: (an edge|a target of) .* limits\.delta_coin_worst_max 5;"
    ):
        _params(band={"policy": policy, "trade_coin_min": 0.01, **target})
    near = {"low_coin": 0.0, "high_coin": 0.0} if policy == "fixed" else {}
    assert _params(band={"policy": policy, "trade_coin_min": 0.01, "target_coin": 4.9, **near}).book == "BTC"
