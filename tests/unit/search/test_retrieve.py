"""What Redis is asked, written down without one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.search.catalogues import lexicon_of, name

from rxindex.search.known import Known
from rxindex.search.request import SearchRequest
from rxindex.search.retrieve import TOGETHER, questions
from rxindex.search.understand import Reader
from rxindex.vocabulary import Vocabulary

#: The toxoid is in no drug alone.
LEXICON = lexicon_of(
    name("clostridium tetani", "ingredient", 9, ("clostridium tetani", "diphtheria")),
    name("clostridium tetani toxoid", "ingredient", 9, ("clostridium tetani toxoid", "diphtheria")),
    name("diphtheria", "ingredient", 9, ("clostridium tetani toxoid", "diphtheria")),
    name("Tenivac", "brand", 9, ("clostridium tetani toxoid", "diphtheria")),
    name("lisinopril", "ingredient", 50),
    name("lisinopril", "generic", 50, ("lisinopril",)),
    name("Zestril", "brand", 5, ("lisinopril",)),
)
WORDS = (
    "clostridium difficile infection lisinopril lisino zestril zestrl tenivac c d diff statin "
    "blood pressure for 10 mg tablet oral ( ) - ' hctz asa brand"
).split()


@pytest.fixture(scope="module")
def reader(vocabulary: Vocabulary) -> Reader:
    return Known(LEXICON, vocabulary).reader


def test_the_beginning_of_a_substance_that_is_only_in_combinations_finds_them(
    reader: Reader,
) -> None:
    asked = questions(reader.read(SearchRequest("clostridium infection")))
    clauses = [one.clause for one in asked]
    assert not any("()" in one for one in clauses)
    assert any(r"@ingredients:{clostridium\ tetani\ toxoid}" in one for one in clauses)
    [together] = [one.clause for one in asked if one.of == TOGETHER]
    assert "indications_is" in together
    assert "ingredients" in together


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_question_has_an_empty_part(reader: Reader, words: list[str], exact: bool) -> None:
    for one in questions(reader.read(SearchRequest(" ".join(words), exact=exact))):
        assert one.clause.strip()
        assert "()" not in one.clause.replace(" ", "")
        assert "{}" not in one.clause
