"""Which names share letters with a text."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rxindex.search.letter_pairs import LetterPairs, worthiest

_KEYS = st.text("abc1\u03b1\u00e9", max_size=8)


def _pairs(key: str) -> set[str]:
    # What is beyond Latin-1 is one letter to the index.
    letters = "^" + key.replace("\u03b1", "?") + "$"
    return {letters[at : at + 2] for at in range(len(letters) - 1)}


@given(keys=st.lists(_KEYS, max_size=8), text=_KEYS)
def test_every_pair_that_a_name_shares_is_counted_once(keys: list[str], text: str) -> None:
    wanted = {pair for pair in _pairs(text) if not pair.endswith("$")}
    expected = [len(wanted & _pairs(key)) for key in keys]
    assert LetterPairs(keys).shared(text).tolist() == expected


def test_what_sounds_alike_is_counted_with_what_is_written_alike() -> None:
    written, heard = LetterPairs(["abc", "ca"]), LetterPairs(["ac", "ca"])
    counts = heard.shared("ca", written.shared("ca"))
    # The beginning with "c", and "ca", written and heard.
    assert counts.tolist() == [0, 4]


@given(
    names=st.lists(st.tuples(st.integers(0, 12), st.floats(-20, 2)), max_size=60),
    count=st.integers(1, 20),
)
def test_the_worthiest_are_those_that_weighing_all_finds(
    names: list[tuple[int, float]], count: int
) -> None:
    shared = np.array([pairs for pairs, _ in names], np.uint8)
    extra = np.array([more for _, more in names], np.float64)
    worth = shared + extra
    all_of_them = sorted(range(len(names)), key=lambda at: (-worth[at], at))[:count]
    found = worthiest(shared, lambda positions: extra[positions], 2.0, count)
    assert found.tolist() == sorted(all_of_them)


@given(keys=st.lists(_KEYS, max_size=8))
def test_lengths_are_in_letters(keys: list[str]) -> None:
    assert LetterPairs(keys).lengths.tolist() == [len(key) for key in keys]
