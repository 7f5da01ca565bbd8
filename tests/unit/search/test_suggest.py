"""What completes a text, and in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.search.catalogues import full_lexicon, lexicon_of, name
from tests.unit.search.misspelling import COMMON_NAMES

from rxindex.errors import QueryError
from rxindex.index.lexicon import Lexicon, Name
from rxindex.search.answer import Suggestion
from rxindex.search.commonness import Commonness, commonness_by_packages
from rxindex.search.request import LONGEST_QUERY, MOST_HITS
from rxindex.search.safety import Safety
from rxindex.search.spelling import Speller
from rxindex.search.suggest import Suggester
from rxindex.vocabulary import Vocabulary
from rxindex.vocabulary.terms import term_key

_NAMES = (
    name("metoprolol", "ingredient", 1200),
    name("Metoprolol Tartrate", "generic", 700, ("metoprolol",)),
    name("Metoprolol Succinate", "generic", 500, ("metoprolol",)),
    name("Metoprolol Tablet", "generic", 3, ("metoprolol",)),
    name("Metoprolol and Hydrochlorothiazide", "generic", 900, ("metoprolol",
         "hydrochlorothiazide")),
    name("Toprol XL", "brand", 40, ("metoprolol",)),
    name("METFORMIN", "brand", 1, ("metformin",)),
    name("metformin", "ingredient", 1900),
    name("Metopirone", "brand", 1, ("metyrapone",)),
    name("metronidazole", "ingredient", 300),
    name("aspirin", "ingredient", 1600),
    name("Asacol", "brand", 90, ("mesalamine",)),
    name("amoxicillin", "ingredient", 1100),
    name("Amoxicillin and Clavulanate Potassium", "generic", 400, ("amoxicillin",
         "clavulanate")),
    name("ADVAIR DISKUS", "brand", 20, ("fluticasone", "salmeterol")),
    name("Flovent Diskus", "brand", 6, ("fluticasone",)),
    name("atorvastatin", "ingredient", 870),
    name("Lipitor", "brand", 30, ("atorvastatin",)),
    name("hydroxyzine", "ingredient", 600),
    name("hydralazine", "ingredient", 400),
    name("Sulfamethoxazole and Trimethoprim", "generic", 400, ("sulfamethoxazole",
         "trimethoprim")),
    name("Tylenol", "brand", 1, ("acetaminophen",)),
    name("Tylenol Extra Strength", "brand", 3, ("acetaminophen",)),
    name("acetaminophen", "ingredient", 2000),
)  # fmt: skip


@pytest.fixture(scope="module")
def suggester(vocabulary: Vocabulary) -> Suggester:
    return _suggester(vocabulary, *_NAMES)


def _suggester(vocabulary: Vocabulary, *names: Name) -> Suggester:
    return _suggester_of(lexicon_of(*names), vocabulary)


def _suggester_of(
    lexicon: Lexicon, vocabulary: Vocabulary, commonness: Commonness = commonness_by_packages
) -> Suggester:
    speller, safety = Speller(lexicon, vocabulary), Safety(lexicon, vocabulary)
    return Suggester(lexicon, vocabulary, speller, safety, commonness)


def _texts(suggestions: tuple[Suggestion, ...]) -> list[str]:
    return [one.text for one in suggestions]


@pytest.mark.parametrize(
    ("typed", "first", "match"),
    [
        ("lip", "Lipitor", "prefix"),
        ("LIPITOR", "Lipitor", "prefix"),
        ("asa", "aspirin", "abbreviation"),
        ("tmp-smx", "Sulfamethoxazole and Trimethoprim", "abbreviation"),
        ("paracetamol", "acetaminophen", "abbreviation"),
        ("acei", "ACE inhibitor", "abbreviation"),
        ("diskus", "ADVAIR DISKUS", "word"),
        ("amoxicillin cl", "Amoxicillin and Clavulanate Potassium", "word"),
        ("liptor", "Lipitor", "fuzzy"),
        ("atrov", "atorvastatin", "fuzzy"),
        ("advair diskas", "ADVAIR DISKUS", "fuzzy"),
        ("paraceta", "acetaminophen", "fuzzy"),
        ("statin", "statin", "prefix"),
        ("high bl", "high blood pressure", "prefix"),
        ("failure", "heart failure", "word"),
    ],
)
def test_a_text_is_completed(vocabulary: Vocabulary, typed: str, first: str, match: str) -> None:
    more = (name("lisinopril", "ingredient", 1500), *_NAMES)
    found = _suggester(vocabulary, *more).suggest(typed)
    assert (found[0].text, found[0].match) == (first, match)


def test_the_commonest_come_first_and_lists_of_ingredients_later(suggester: Suggester) -> None:
    assert _texts(suggester.suggest("met")) == [
        "metformin", "metoprolol", "metronidazole", "Metoprolol and Hydrochlorothiazide",
        "Metopirone",
    ]  # fmt: skip


def test_a_whole_name_comes_before_commoner_ones_that_go_on(vocabulary: Vocabulary) -> None:
    suggester = _suggester(
        vocabulary, name("Senna", "brand", 1, ("senna",)), name("Senna Plus", "brand", 500)
    )
    assert _texts(suggester.suggest("senna")) == ["Senna", "Senna Plus"]


def test_a_salt_is_shown_only_where_the_plain_name_does_not_fit(suggester: Suggester) -> None:
    assert "Metoprolol Tartrate" not in _texts(suggester.suggest("metoprolol"))
    assert _texts(suggester.suggest("metoprolol s")) == ["Metoprolol Succinate"]
    assert _texts(suggester.suggest("metoprolol tartrate"))[0] == "Metoprolol Tartrate"


def test_salts_and_joining_words_find_nothing(suggester: Suggester) -> None:
    assert suggester.suggest("succinate") == ()
    assert suggester.suggest("and") == ()


def test_a_brand_says_what_is_in_it(suggester: Suggester) -> None:
    brand = suggester.suggest("advair")[0]
    assert (brand.kind, brand.generic, brand.packages) == ("brand", "fluticasone, salmeterol", 20)
    both = next(one for one in suggester.suggest("metf") if term_key(one.text) == "metformin")
    assert (both.kind, both.generic) == ("generic", "")


def test_the_plain_brand_comes_before_its_longer_names(suggester: Suggester) -> None:
    assert _texts(suggester.suggest("tylen")) == ["Tylenol", "Tylenol Extra Strength"]


def test_a_look_alike_in_the_catalogue_is_warned_of(vocabulary: Vocabulary) -> None:
    both = _suggester(vocabulary, *_NAMES).suggest("hydroxyz")[0]
    assert (both.display, both.warning) == ("hydrOXYzine", "hydrALAZINE")
    alone = _suggester(vocabulary, name("hydroxyzine", "ingredient")).suggest("hydroxyz")[0]
    assert (alone.display, alone.warning) == ("hydrOXYzine", "")


@pytest.mark.parametrize("typed", ["metoprolol 2", "metoprolol 25 mg", "metoprolol .5 mg tab"])
def test_a_strength_after_a_name_is_left_out(suggester: Suggester, typed: str) -> None:
    assert _texts(suggester.suggest(typed)) == _texts(suggester.suggest("metoprolol"))


def test_a_number_that_is_part_of_a_name_is_not(vocabulary: Vocabulary) -> None:
    suggester = _suggester(
        vocabulary, name("Vitawell 12", "brand", 5), name("Vitawell", "brand", 50)
    )
    assert _texts(suggester.suggest("vitawell 1")) == ["Vitawell 12"]
    assert suggester.suggest("12 vitawell") == ()


def test_a_name_that_is_known_is_not_taken_for_a_misspelling(suggester: Suggester) -> None:
    assert suggester.suggest("lasix") == ()


def test_classes_and_uses_without_drugs_are_not_suggested(vocabulary: Vocabulary) -> None:
    suggester = _suggester(vocabulary, name("aspirin", "ingredient"))
    assert suggester.suggest("statin") == ()
    assert suggester.suggest("high chol") == ()
    assert suggester.suggest("acei") == ()


def test_how_common_a_name_is_can_be_told(vocabulary: Vocabulary) -> None:
    lexicon = lexicon_of(*_NAMES)
    suggester = _suggester_of(
        lexicon, vocabulary, commonness=lambda one: one.text == "metronidazole"
    )
    assert suggester.suggest("met")[0].text == "metronidazole"


@pytest.mark.parametrize("text", ["", "   ", "?!", "\n"])
def test_blank_text_has_no_completion(suggester: Suggester, text: str) -> None:
    assert suggester.suggest(text) == ()


@pytest.mark.parametrize(
    ("text", "limit"), [("a" * (LONGEST_QUERY + 1), 10), ("a", 0), ("a", MOST_HITS + 1)]
)
def test_what_is_out_of_bounds_is_refused(suggester: Suggester, text: str, limit: int) -> None:
    with pytest.raises(QueryError, match=r"shorten it|give a number from 1 to"):
        suggester.suggest(text, limit)


@pytest.fixture(scope="module")
def everything(vocabulary: Vocabulary) -> tuple[Lexicon, Suggester]:
    lexicon = full_lexicon(vocabulary)
    return lexicon, _suggester_of(lexicon, vocabulary)


@given(text=st.text(max_size=LONGEST_QUERY), limit=st.integers(1, MOST_HITS))
def test_any_text_gets_at_most_as_many_lines_as_are_wanted_each_name_once(
    everything: tuple[Lexicon, Suggester], text: str, limit: int
) -> None:
    found = everything[1].suggest(text, limit)
    assert len(found) <= limit
    assert len({(one.kind, term_key(one.text)) for one in found}) == len(found)


@given(wanted=st.sampled_from(COMMON_NAMES), cut=st.integers(4, 30), limit=st.integers(1, 20))
def test_matches_come_in_their_order_and_beginnings_by_name(
    everything: tuple[Lexicon, Suggester], wanted: str, cut: int, limit: int
) -> None:
    lexicon, suggester = everything
    typed = wanted[:cut]
    found = suggester.suggest(typed, limit)
    worth = {"prefix": 0, "abbreviation": 0, "word": 1, "fuzzy": 2}
    assert [worth[one.match] for one in found] == sorted(worth[one.match] for one in found)
    assert found
    for one in found:
        if one.match == "prefix":
            assert term_key(one.text).startswith(typed)
        if one.kind in {"brand", "generic"}:
            assert lexicon.lookup(one.text)
