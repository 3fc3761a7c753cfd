"""Parts of a profit: summed, grouped in a desk's words, never losing money."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from bot.observe.profits import Parts, added

_COUNT = len(structs.fields(Parts))
_parts = st.lists(st.floats(-1e6, 1e6), min_size=_COUNT, max_size=_COUNT).map(lambda numbers: Parts(*numbers))


@given(_parts)
def test_groups_hold_all_the_money(parts: Parts) -> None:
    """Each part is in exactly one group."""
    groups = structs.asdict(parts.grouped())
    total = groups.pop("total")

    assert total == pytest.approx(parts.total, abs=1e-6)
    assert sum(groups.values()) == pytest.approx(total, abs=1e-6)


@given(st.lists(_parts, max_size=5))
def test_sums_go_part_by_part(several: list[Parts]) -> None:
    """And nothing at all is nothing."""
    total = added(several)

    assert total.gamma == pytest.approx(sum(one.gamma for one in several), abs=1e-6)
    assert total.total == pytest.approx(sum(one.total for one in several), abs=1e-5)
