"""Which name a misspelled one is taken for, and when it is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.search.catalogues import full_lexicon, lexicon_of, name
from tests.unit.search.misspelling import COMMON_NAMES, FOUND_IN_PRACTICE, KINDS, misspellings

from rxindex.index.lexicon import Lexicon
from rxindex.search.spelling import Speller
from rxindex.vocabulary import Vocabulary
from rxindex.vocabulary.terms import term_key


@pytest.fixture(scope="module")
def lexicon(vocabulary: Vocabulary) -> Lexicon:
    return full_lexicon(vocabulary)


@pytest.fixture(scope="module")
def speller(lexicon: Lexicon, vocabulary: Vocabulary) -> Speller:
    return Speller(lexicon, vocabulary)


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("keyboard", 0.98), ("phonetic", 0.98), ("truncation", 0.98), ("transposition", 0.98),
        ("drop", 0.97), ("double", 0.99), ("first letter", 0.95), ("two", 0.97),
    ],
)  # fmt: skip
def test_common_names_are_found_however_they_are_misspelled(
    speller: Speller, kind: str, least: float
) -> None:
    tried = {
        bad: good
        for good in COMMON_NAMES
        for bad in misspellings(good, kind)
        if not speller.knows(bad)
    }
    assert len(tried) > 250
    wrong = {
        bad: taken and taken.text
        for bad, good in tried.items()
        if (taken := speller.correct(bad)) is None or term_key(taken.text) != good
    }
    assert 1 - len(wrong) / len(tried) >= least, wrong


def test_every_kind_of_misspelling_is_measured(speller: Speller) -> None:
    assert set(KINDS) == {
        "keyboard", "phonetic", "truncation", "transposition", "drop", "double", "first letter",
        "two",
    }  # fmt: skip
    assert all(speller.knows(one) for one in COMMON_NAMES)


@pytest.mark.parametrize(("typed", "meant"), FOUND_IN_PRACTICE.items())
def test_misspellings_found_in_practice_are_corrected(
    speller: Speller, typed: str, meant: str
) -> None:
    guess = speller.correct(typed)
    assert guess is not None
    assert term_key(guess.text) == meant
    assert 0.7 < guess.similarity < 1


@pytest.mark.parametrize(
    ("typed", "meant", "kind"),
    [
        ("stattin", "statin", "class"),
        ("ace inhibiter", "ACE inhibitor", "class"),
        ("high blod pressure", "high blood pressure", "indication"),
        ("hart failure", "heart failure", "indication"),
        ("paracetomol", "paracetamol", "ingredient"),
    ],
)
def test_what_is_spoken_of_is_corrected_too(
    speller: Speller, typed: str, meant: str, kind: str
) -> None:
    guess = speller.correct(typed)
    assert guess is not None
    assert (guess.text, guess.kind) == (meant, kind)


@given(at=st.integers(min_value=0))
def test_no_name_is_ever_corrected(speller: Speller, lexicon: Lexicon, at: int) -> None:
    known = lexicon.names[at % len(lexicon.names)].text
    assert speller.knows(known.upper())
    assert speller.correct(known.upper()) is None


@pytest.mark.parametrize("known", ["hydralazine", "hydroxyzine", "Celebrex", "Celexa", "ASA"])
def test_a_look_alike_is_not_taken_for_its_twin(speller: Speller, known: str) -> None:
    assert speller.knows(known)
    assert speller.correct(known) is None


@given(text=st.text(max_size=300))
def test_any_text_is_taken_for_nothing_or_for_what_there_is(
    speller: Speller, lexicon: Lexicon, text: str
) -> None:
    guesses = [*speller.near(text), *speller.beginning(text)]
    if (corrected := speller.correct(text)) is not None:
        guesses.append(corrected)
    for guess in guesses:
        assert speller.knows(guess.text)
        assert 0 <= guess.similarity <= 1


@given(
    name=st.sampled_from(COMMON_NAMES), digit=st.characters(categories=["Nd"]), at=st.integers(0)
)
def test_nothing_with_a_digit_in_it_is_corrected(
    speller: Speller, name: str, digit: str, at: int
) -> None:
    at %= len(name)
    text = name[:at] + digit + name[at:]
    assert speller.correct(text) is None
    assert speller.near(text) == ()
    assert speller.beginning(text) == ()


@pytest.mark.parametrize("text", ["", "  ", "xan", "?!-", "qwertzuiop", "asdfghj"])
def test_what_is_too_short_or_like_nothing_is_left_alone(speller: Speller, text: str) -> None:
    assert speller.correct(text) is None


def test_a_brand_that_the_catalogue_lacks_is_never_guessed(vocabulary: Vocabulary) -> None:
    only_generic = Speller(lexicon_of(name("atorvastatin", "ingredient")), vocabulary)
    assert only_generic.correct("lipiter") is None
    assert "Lipitor" not in {guess.text for guess in only_generic.near("lipiter")}
    assert only_generic.knows("lipitor")


def test_the_first_word_that_brands_share_is_a_name(vocabulary: Vocabulary) -> None:
    speller = Speller(
        lexicon_of(
            name("NEWCOMBO DISKUS", "brand", 20, ("fluticasone", "salmeterol")),
            name("NEWCOMBO HFA", "brand", 9, ("fluticasone", "salmeterol")),
            name("QUICKAID COUGH", "brand", 9, ("dextromethorphan",)),
            name("QUICKAID PAIN", "brand", 9, ("ibuprofen",)),
        ),
        vocabulary,
    )
    assert speller.knows("newcombo")
    guess = speller.correct("newkombo")
    assert guess is not None
    assert (guess.text, guess.kind, guess.how) == ("NEWCOMBO", "brand", "sound")
    assert not speller.knows("quickaid")


def test_a_salt_is_taken_only_where_it_is_typed(vocabulary: Vocabulary) -> None:
    speller = Speller(
        lexicon_of(
            name("atorvastatin", "ingredient", 500),
            name("Atorvastatin Calcium", "generic", 490, ("atorvastatin",)),
            name("Amlodipine and Atorvastatin", "generic", 50, ("amlodipine", "atorvastatin")),
        ),
        vocabulary,
    )
    plain, salt = speller.correct("atorvastatn"), speller.correct("atorvastatn calcum")
    assert plain is not None and plain.text == "atorvastatin"
    assert salt is not None and salt.text == "Atorvastatin Calcium"
    assert [guess.text for guess in speller.near("atorvastatn")] == ["atorvastatin"]


def test_of_two_names_as_near_the_commoner_is_taken_and_both_are_told(
    vocabulary: Vocabulary,
) -> None:
    names = (name("Tobarex", "brand", 400), name("Tovarex", "brand", 2))
    speller = Speller(lexicon_of(*names), vocabulary)
    guess = speller.correct("tolarex")
    assert guess is not None and guess.text == "Tobarex"
    assert [one.text for one in speller.near("tolarex")] == ["Tobarex", "Tovarex"]
    turned = Speller(lexicon_of(*names), vocabulary, lambda one: one.packages < 10)
    guess = turned.correct("tolarex")
    assert guess is not None and guess.text == "Tovarex"


def test_a_name_that_nobody_asks_for_must_be_nearer(vocabulary: Vocabulary) -> None:
    rare = Speller(lexicon_of(name("Zanorum", "brand", 1)), vocabulary)
    common = Speller(lexicon_of(name("Zanorum", "brand", 2000)), vocabulary)
    assert common.correct("zamotum") is not None
    assert rare.correct("zamotum") is None
    assert rare.correct("zanorm") is not None


def test_a_word_of_many_names_is_no_misspelling_of_a_rare_one(vocabulary: Vocabulary) -> None:
    devices = [name(f"{one} Diskus", "brand", 9, (one,)) for one in ("aab", "bbc", "ccd")]
    speller = Speller(lexicon_of(*devices, name("Diskets", "brand", 3)), vocabulary)
    assert speller.correct("diskus") is None
    assert speller.correct("diskats") is not None


def test_words_in_another_order_are_the_same_name(vocabulary: Vocabulary) -> None:
    speller = Speller(
        lexicon_of(name("Metoprolol Succinate", "generic", 9, ("metoprolol",))), vocabulary
    )
    guess = speller.correct("succinate metoprolol")
    assert guess is not None
    assert (guess.text, guess.similarity, guess.how) == ("Metoprolol Succinate", 1.0, "words")
    assert speller.near("succinate metoprolol")[0] == guess
    assert speller.knows("metoprololsuccinate")


def test_an_empty_catalogue_has_no_guesses(vocabulary: Vocabulary) -> None:
    speller = Speller(lexicon_of(), vocabulary)
    assert speller.correct("lipiter") is None
    assert speller.near("lipiter") == ()
    assert speller.beginning("lipiter") == ()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("liptor", "Lipitor"), ("sinthr", "Synthroid"), ("atrov", "atorvastatin"),
     ("prednios", "prednisone"), ("pnato", "pantoprazole")],
)  # fmt: skip
def test_a_misspelled_beginning_is_recognised(speller: Speller, typed: str, meant: str) -> None:
    assert meant in [guess.text for guess in speller.beginning(typed)][:3]
