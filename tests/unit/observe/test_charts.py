from xml.etree import ElementTree

import pytest

from bot.domain.status import ProfitUsd
from bot.domain.time import NS_PER_S, Ns
from bot.observe.charts import HedgeMark, Sample, render_run

_SVG = "{http://www.w3.org/2000/svg}"


def _sample(second: int, price_usd: float = 30_000.0, delta_coin: float = 0.01, total_usd: float = 1.0) -> Sample:
    profit = ProfitUsd(total=total_usd, options=total_usd, hedge=0.0, slippage=0.0, fees=0.0, funding=0.0)
    return Sample(
        time_ns=Ns(second * NS_PER_S),
        price_usd=price_usd,
        delta_coin_net=delta_coin,
        band_low_coin=-0.1,
        band_high_coin=0.1,
        profit_usd=profit,
    )


def _texts(svg: str) -> list[str]:
    # the picture is our own text, made one line above
    return ["".join(item.itertext()) for item in ElementTree.fromstring(svg).iter(f"{_SVG}text")]  # noqa: S314


def test_a_picture_names_its_axes_and_units() -> None:
    """Nobody has to guess what is drawn."""
    hedge = HedgeMark(time_ns=Ns(30 * NS_PER_S), price_usd=30_001.0, trade_coin=-0.1)
    texts = _texts(render_run([_sample(0), _sample(60)], [hedge], title="A run <of> ours & yours", coin="BTC"))

    expected = {
        "A run <of> ours & yours",
        "1 hedges",
        *("BTC price and hedges", "USD per BTC"),
        *("Net delta inside its band", "BTC"),
        *("Profit since the start, by part", "USD"),
        "time since the start, seconds",
        *("net delta", "band", "total", "options", "hedge", "slippage", "fees", "funding", "collateral"),
    }
    assert expected - set(texts) == set()


def test_hedges_are_marked_by_side() -> None:
    """Bought up, sold down; the two legend marks are always there."""
    hedges = [HedgeMark(time_ns=Ns(NS_PER_S), price_usd=30_000.0, trade_coin=size) for size in (0.1, 0.2, -0.1)]
    svg = render_run([_sample(0), _sample(2)], hedges, title="x", coin="BTC")

    assert (svg.count('<path class="mark f2"'), svg.count('<path class="mark f3"')) == (3, 2)


@pytest.mark.parametrize(
    ("last_s", "unit"), [(180, "seconds"), (181, "minutes"), (10_800, "minutes"), (10_801, "hours")]
)
def test_time_is_shown_in_a_unit_that_fits(last_s: int, unit: str) -> None:
    """A minute's demo and a day's run both read well."""
    svg = render_run([_sample(0), _sample(last_s)], [], title="x", coin="BTC")

    assert f"time since the start, {unit}" in _texts(svg)


def test_a_long_run_is_thinned_and_keeps_its_end() -> None:
    """A day of seconds is no larger than a picture needs to be."""
    samples = [_sample(second, price_usd=30_000.0 + second % 7) for second in range(86_400)]
    svg = render_run(samples, [], title="x", coin="BTC")

    assert len(svg) < 200_000
    assert 'points="62.0,' in svg
    assert "858.0," in svg


@pytest.mark.parametrize("samples", [[], [_sample(0)], [_sample(5), _sample(5)]])
def test_without_a_span_of_time_there_is_no_picture(samples: list[Sample]) -> None:
    """Said, not drawn as an empty frame."""
    with pytest.raises(ValueError, match="at least two samples"):
        render_run(samples, [], title="x", coin="BTC")


def test_every_part_has_its_name() -> None:
    """Seven parts that end at the same value can still be read: names stand beside the picture, one under the other."""
    svg = render_run([_sample(0, total_usd=0.0), _sample(9, total_usd=0.0)], [], title="x", coin="BTC")
    root = ElementTree.fromstring(svg)  # noqa: S314
    names = {"total", "options", "hedge", "slippage", "fees", "funding", "collateral"}
    heights = sorted(float(item.get("y", "0")) for item in root.iter(f"{_SVG}text") if item.text in names)

    assert len(heights) == 7
    assert len(set(heights)) == 7
