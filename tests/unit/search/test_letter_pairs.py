"""Which names share letters with a text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rxindex.search.letter_pairs import LetterPairs

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


@given(keys=st.lists(_KEYS, max_size=8))
def test_lengths_are_in_letters(keys: list[str]) -> None:
    assert LetterPairs(keys).lengths.tolist() == [len(key) for key in keys]
