"""What the classes and uses of a catalogue's drugs are called, and how common names are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.search.catalogues import lexicon_of, name

from rxindex.search.commonness import commonness_by_packages, commonness_of
from rxindex.search.spoken import is_abbreviation, spoken_terms
from rxindex.vocabulary import Vocabulary


def test_only_classes_and_uses_with_drugs_are_spoken_of(vocabulary: Vocabulary) -> None:
    lexicon = lexicon_of(name("atorvastatin", "ingredient", 870), name("Lipitor", "brand", 30))
    terms = {(one.kind, one.text): one for one in spoken_terms(lexicon, vocabulary)}
    assert terms["class", "statin"].means == "HMG-CoA Reductase Inhibitor"
    assert terms["class", "statin"].packages == 870
    assert ("indication", "high cholesterol") in terms
    assert ("class", "ACE inhibitor") not in terms
    assert ("indication", "gout") not in terms


def test_packages_of_several_ingredients_add_up(vocabulary: Vocabulary) -> None:
    lexicon = lexicon_of(name("atorvastatin", "ingredient", 800), name("simvastatin", "ingredient"))
    statins = next(one for one in spoken_terms(lexicon, vocabulary) if one.text == "statin")
    assert statins.packages == 810
    assert statins.common == commonness_of(810) / 2


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("GERD", True), ("ACEi", True), ("5-ARI", True), ("HTN", True),
        ("statin", False), ("acne", False), ("Gout", False), ("ACE inhibitor", False),
    ],
)  # fmt: skip
def test_abbreviations_are_few_letters_and_mostly_capitals(text: str, short: bool) -> None:
    assert is_abbreviation(text) is short


@given(packages=st.integers(0, 10**6))
def test_more_packages_are_never_less_common(packages: int) -> None:
    assert 0 <= commonness_of(packages) <= commonness_of(packages + 1) <= 1
    assert commonness_by_packages(name("any", "brand", packages)) == commonness_of(packages)
