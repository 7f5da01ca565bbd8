"""What sounds alike and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.search.misspelling import COMMON_NAMES

from rxindex.search.sound import sound_key, sound_keys
from rxindex.vocabulary.terms import term_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Synthroid", "sinthroyd"), ("Zyprexa", "ziprexia"), ("Xanax", "zanaks"),
        ("phenytoin", "fenitoyn"), ("Klonopin", "clonipin"), ("Zithromax", "sythromaks"),
        ("Percocet", "percoset"), ("Eliquis", "elikwis"), ("levothyroxine", "levothyroxin"),
        ("amoxicillin", "amoxacilin"), ("cholesterol", "kolesterol"),
    ],
)  # fmt: skip
def test_what_is_heard_alike_is_written_alike(one: str, other: str) -> None:
    assert sound_key(one) == sound_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Zantac", "Xanax"), ("Celebrex", "Celexa"), ("prednisone", "prednisolone")],
)
def test_look_alikes_do_not_sound_the_same(one: str, other: str) -> None:
    assert sound_key(one) != sound_key(other)


@given(names=st.lists(st.one_of(st.sampled_from(COMMON_NAMES), st.text(max_size=30)), min_size=1))
def test_many_names_sound_as_each_does_alone(names: list[str]) -> None:
    assert sound_keys(map(term_key, names)) == [sound_key(name) for name in names]
