"""Text in queries: escaped in one place. The same against a real server: integration tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.index.escape import tag, tag_all, tag_in, tokens, words


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("aspirin", "aspirin"),
        ("0.5 mg", r"0\.5\ mg"),
        ("CII-CV", r"CII\-CV"),
        ("a*", r"a\*"),
        ("vitamin b_12", r"vitamin\ b\_12"),
        ("Prävention", "Prävention"),
        ("a\tb\0", r"a\ b"),
    ],
)
def test_a_tag_value_is_escaped(value: str, escaped: str) -> None:
    assert tag(value) == escaped


def test_a_blank_tag_value_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a value"):
        tag(" \0 ")


def test_several_tag_values_are_alternatives() -> None:
    assert tag_in("routes", ["oral", "intravenous; oral"]) == r"@routes:{oral|intravenous\;\ oral}"


@given(st.text())
def test_no_special_character_of_a_tag_stays_bare(value: str) -> None:
    try:
        escaped = tag(value)
    except ValueError:
        return
    place = 0
    while place < len(escaped):
        if escaped[place] == "\\":
            place += 2
            continue
        assert escaped[place].isalnum() or not escaped[place].isascii()
        place += 1


@given(st.text(), st.booleans())
def test_words_hold_nothing_but_terms(text: str, prefix: bool) -> None:
    written = words(text, prefix=prefix)
    assert written.count("*") <= int(prefix)
    for term in written.split():
        assert term.removesuffix("*").isalnum()


def test_words_can_end_in_a_prefix() -> None:
    assert words("Metoprolol succ", prefix=True) == "metoprolol succ*"
    assert words("ator v", prefix=True) == "ator v"
    assert words("Metoprolol succ") == "metoprolol succ"
    assert tokens("Amlodipine/Benazepril_HCl 5-10") == [
        "amlodipine",
        "benazepril",
        "hcl",
        "5",
        "10",
    ]


def test_all_values_have_to_hold_together() -> None:
    assert tag_all("ingredients", ("a b", "c")) == r"@ingredients:{a\ b} @ingredients:{c}"
    assert tag_all("ingredients", ()) == ""
