"""The names and values of a catalogue."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.services.drugs import DRUGS, drug, lexicon_from

from rxindex.model import Drug
from rxindex.vocabulary.terms import term_key

LEXICON = lexicon_from(DRUGS)


def test_a_name_is_found_whatever_its_case_blanks_and_punctuation() -> None:
    assert {one.text for one in LEXICON.lookup("advair-DISKUS")} == {"Advair Diskus"}
    assert LEXICON.lookup("advair") == ()


def test_a_name_counts_all_its_drugs() -> None:
    by_kind = {one.kind: one for one in LEXICON.lookup("lisinopril")}
    assert by_kind["generic"].drugs == 2
    assert by_kind["generic"].packages == 610
    # The combinations contain it, too.
    assert by_kind["ingredient"].drugs == 4
    assert by_kind["ingredient"].ingredients == ("lisinopril",)


def test_a_name_is_written_as_most_packages_write_it() -> None:
    lexicon = lexicon_from(
        [drug("a", "ASPIRIN", packages=2), drug("b", "Aspirin", packages=3, status="obsolete")]
    )
    generic = next(one for one in lexicon.lookup("aspirin") if one.kind == "generic")
    assert (generic.text, generic.drugs, generic.active) == ("Aspirin", 2, 1)


def test_beginnings_give_the_commonest_names_first() -> None:
    found = LEXICON.starting("lis")
    assert [one.packages for one in found] == sorted((one.packages for one in found), reverse=True)
    assert found[0].text == "lisinopril"
    assert LEXICON.starting("") == ()
    assert len(LEXICON.starting("l", 2)) == 2


def test_values_of_filters_are_counted_one_by_one() -> None:
    assert LEXICON.strengths["12.5 mg"] == 2
    assert LEXICON.routes["oral"] == sum("oral" in one.routes for one in DRUGS)
    assert LEXICON.schedules == {"CII": 1}
    assert LEXICON.kinds["brand"] == sum(one.kind == "brand" for one in DRUGS)


@given(st.lists(st.text(alphabet="abcAB -/", min_size=1, max_size=6), min_size=1, max_size=12))
def test_every_name_is_found_by_itself_and_by_each_beginning(names: list[str]) -> None:
    lexicon = lexicon_from([drug(name, name) for name in names])
    for name in names:
        key = term_key(name)
        if not key:
            continue
        assert any(term_key(one.text) == key for one in lexicon.lookup(name))
        for length in range(1, len(key) + 1):
            begun = lexicon.starting(key[:length])
            assert any(term_key(one.text) == key for one in begun)


@given(
    st.permutations(
        [
            drug("a", "ASPIRIN", ingredients=("aspirin",), packages=2),
            drug("b", "Aspirin", ingredients=("aspirin", "caffeine"), packages=2),
            drug("c", "aspirin", ingredients=("aspirin", "codeine"), packages=2),
            drug("d", "Codeine", ingredients=("codeine",), packages=1),
        ]
    )
)
def test_the_order_of_the_drugs_makes_no_difference(drugs: list[Drug]) -> None:
    lexicon = lexicon_from(drugs)
    first = lexicon_from(sorted(drugs, key=lambda one: one.id))
    assert (lexicon.names, lexicon.values) == (first.names, first.values)
