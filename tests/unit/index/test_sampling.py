"""A draw from what goes by once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rxindex.index.sampling import Draw


def draw(names: list[str], size: int, seed: int) -> list[str]:
    made: Draw[str] = Draw(size, seed)
    for name in names:
        made.offer(name, name.upper())
    assert all(item == name.upper() for name, item in made.drawn().items())
    return list(made.drawn())


@given(st.lists(st.text()), st.integers(1, 20), st.integers(0, 2**64), st.randoms())
def test_order_and_repetition_make_no_difference(
    names: list[str], size: int, seed: int, random: object
) -> None:
    drawn = draw(names, size, seed)
    assert len(drawn) == min(size, len(set(names)))
    assert set(drawn) <= set(names)
    assert drawn == sorted(drawn)
    again = names * 2
    random.shuffle(again)  # type: ignore[attr-defined]
    assert draw(again, size, seed) == drawn


@given(st.sets(st.text(), min_size=1), st.integers(0, 1000))
def test_a_larger_draw_holds_the_smaller_one(names: set[str], seed: int) -> None:
    for size in range(1, len(names)):
        assert set(draw(list(names), size, seed)) < set(draw(list(names), size + 1, seed))


def test_each_is_as_likely_as_any_other() -> None:
    names = [f"drug{number}" for number in range(20)]
    counts = Counter(name for seed in range(2000) for name in draw(names, 5, seed))
    # 500 of each are expected; five standard deviations are about a hundred.
    assert len(counts) == 20
    assert all(400 < count < 600 for count in counts.values())
