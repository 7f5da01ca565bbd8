"""Tall-man lettering, and names that are taken for one another."""

from __future__ import annotations

import pytest

from rxindex.vocabulary import load_vocabulary
from rxindex.vocabulary.terms import term_key

VOCABULARY = load_vocabulary()

# The generic names of the FDA's Name Differentiation Project.
FDA_LIST = """
acetaZOLAMIDE acetoHEXAMIDE buPROPion busPIRone chlorproMAZINE chlorproPAMIDE clomiPHENE
clomiPRAMINE cycloSERINE cycloSPORINE DAUNOrubicin DOXOrubicin dimenhyDRINATE diphenhydrAMINE
DOBUTamine DOPamine glipiZIDE glyBURIDE hydrALAZINE hydrOXYzine HYDROmorphone medroxyPROGESTERone
methylPREDNISolone methylTESTOSTERone mitoXANTRONE niCARdipine NIFEdipine prednisoLONE predniSONE
risperiDONE rOPINIRole sulfADIAZINE sulfiSOXAZOLE TOLAZamide TOLBUTamide vinBLAStine vinCRIStine
""".split()


def known_names() -> set[str]:
    """Give every generic name and every brand, and what a brand with a suffix begins with."""
    names = set()
    for ingredient in VOCABULARY.ingredients.values():
        names |= {term_key(name) for name in (ingredient.name, *ingredient.synonyms)}
    brands = [brand for one in VOCABULARY.ingredients.values() for brand in one.brands]
    brands += [brand for one in VOCABULARY.combinations for brand in one.brands]
    for words in map(str.split, brands):
        names |= {term_key(" ".join(words[:end])) for end in range(1, len(words) + 1)}
    return names


def test_the_fda_list_is_complete() -> None:
    assert set(FDA_LIST) <= set(VOCABULARY.look_alikes.tall_man)


def test_a_tall_man_spelling_is_a_known_name_but_for_its_case() -> None:
    known = known_names()
    for spelling in VOCABULARY.look_alikes.tall_man:
        assert spelling.isalpha(), spelling
        assert spelling not in {spelling.lower(), spelling.upper(), spelling.capitalize()}
        assert term_key(spelling) in known, spelling


def test_a_name_has_one_tall_man_spelling() -> None:
    keys = [term_key(spelling) for spelling in VOCABULARY.look_alikes.tall_man]
    assert len(set(keys)) == len(keys)


def test_look_alike_pairs_name_two_things_that_exist() -> None:
    known = known_names()
    for pair in VOCABULARY.look_alikes.pairs:
        one, other = map(term_key, pair)
        assert one != other
        assert {one, other} <= known, pair


def test_a_pair_is_there_once() -> None:
    pairs = [frozenset(map(term_key, pair)) for pair in VOCABULARY.look_alikes.pairs]
    assert len(set(pairs)) == len(pairs) > 300


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("hydroxyzine", "hydrOXYzine"),
        ("HYDROXYZINE HYDROCHLORIDE", "hydrOXYzine HYDROCHLORIDE"),
        ("Seroquel XR", "SEROquel XR"),
        ("Humalog Mix 75/25", "HumaLOG Mix 75/25"),
        ("PREDNISONE 10 MG TABLET", "predniSONE 10 MG TABLET"),
        ("HYDROCODONE/ACETAMINOPHEN 5-325", "HYDROcodone/ACETAMINOPHEN 5-325"),
        ("glipizide, metformin (generic)", "glipiZIDE, metFORMIN (generic)"),
        ("hydroxyzine25mg", "hydrOXYzine25mg"),
        ("lisinopril", "lisinopril"),
        ("", ""),
        ("  two  blanks ", "  two  blanks "),
    ],
)
def test_a_name_is_shown_in_tall_man_lettering(name: str, shown: str) -> None:
    assert VOCABULARY.tall_man(name) == shown


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("hydroxyzine", "hydralazine"),
        ("HYDRALAZINE", "hydroxyzine"),
        ("celebrex", "Celexa"),
        ("Zyprexa", "Zyrtec"),
        ("vincristine", "vinblastine"),
        ("metformin", "metronidazole"),
        ("Farxiga", "Fetzima"),
    ],
)
def test_the_twins_of_a_name_are_found_from_either_side(name: str, other: str) -> None:
    assert other in VOCABULARY.look_alike_names(name)
    twins = {term_key(twin) for twin in VOCABULARY.look_alike_names(other)}
    assert term_key(name) in twins


@pytest.mark.parametrize("name", ["lisinopril-x", "", "xyzzy"])
def test_most_names_have_no_twin(name: str) -> None:
    assert VOCABULARY.look_alike_names(name) == ()
