"""A substance as a catalogue writes it finds its ingredient, and only its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.vocabulary import Ingredient, SaltWords, Vocabulary, load_vocabulary
from rxindex.vocabulary.join import SubstanceJoin, substance_words

VOCABULARY = load_vocabulary()
OTHER_NAMES = {
    substance_words(name) for i in VOCABULARY.ingredients.values() for name in (i.name, *i.synonyms)
}


def name_found(substance: str) -> str | None:
    found = VOCABULARY.ingredient(substance)
    return None if found is None else found.name


@pytest.mark.parametrize(
    ("substance", "name"),
    [
        ("ATORVASTATIN CALCIUM TRIHYDRATE", "atorvastatin"),
        ("ATORVASTATIN CALCIUM PROPYLENE GLYCOL SOLVATE", "atorvastatin"),
        ("LEVOTHYROXINE SODIUM ANHYDROUS", "levothyroxine"),
        ("levothyroxine sodium", "levothyroxine"),
        ("ESTRADIOL VALERATE", "estradiol"),
        ("VALSARTAN", "valsartan"),
        ("INSULIN GLARGINE", "insulin glargine"),
        ("HUMAN INSULIN", "insulin human"),
        ("INSULIN HUMAN", "insulin human"),
        ("METFORMIN HYDROCHLORIDE", "metformin"),
        ("HYDROCODONE BITARTRATE", "hydrocodone"),
        ("CLAVULANATE POTASSIUM", "clavulanate"),
        ("FERROUS SULFATE, DRIED", "ferrous sulfate"),
        (".ALPHA.-TOCOPHEROL ACETATE", "vitamin e"),
        (".ALPHA.-TOCOPHEROL ACETATE, DL-", "vitamin e"),
        ("\u03b1-tocopherol", "vitamin e"),
        (".BETA.-CAROTENE", "beta-carotene"),
        ("PENICILLIN V POTASSIUM", "penicillin v"),
        ("PENICILLIN G BENZATHINE", "penicillin g benzathine"),
        ("PENICILLIN G SODIUM", "penicillin g"),
        ("OMEPRAZOLE MAGNESIUM", "omeprazole"),
        ("ESOMEPRAZOLE MAGNESIUM DIHYDRATE", "esomeprazole"),
        ("ALBUTEROL SULFATE", "albuterol"),
        ("OLMESARTAN MEDOXOMIL", "olmesartan"),
        ("CEFUROXIME AXETIL", "cefuroxime"),
        ("DABIGATRAN ETEXILATE MESYLATE", "dabigatran"),
        ("RISEDRONATE SODIUM HEMI-PENTAHYDRATE", "risedronate"),
        ("PAROXETINE HYDROCHLORIDE HEMIHYDRATE", "paroxetine"),
        ("TENOFOVIR DISOPROXIL FUMARATE", "tenofovir disoproxil"),
        ("TENOFOVIR ALAFENAMIDE FUMARATE", "tenofovir alafenamide"),
        ("MYCOPHENOLATE MOFETIL HYDROCHLORIDE", "mycophenolate mofetil"),
        ("MYCOPHENOLATE SODIUM", "mycophenolic acid"),
        ("ESTROGENS, CONJUGATED", "conjugated estrogens"),
        ("THYROID, PORCINE", "thyroid"),
        ("ANHYDROUS CITRIC ACID", "citric acid"),
        ("BEVACIZUMAB-AWWB", "bevacizumab"),
        ("insulin glargine-yfgn", "insulin glargine"),
        ("Paracetamol", "acetaminophen"),
        ("Acetylsalicylic Acid", "aspirin"),
        ("salbutamol sulphate", "albuterol"),
    ],
)
def test_a_catalogue_name_finds_its_ingredient(substance: str, name: str) -> None:
    assert name_found(substance) == name


@pytest.mark.parametrize(
    ("substance", "name"),
    [
        ("SODIUM CHLORIDE", "sodium chloride"),
        ("SODIUM FLUORIDE", "sodium fluoride"),
        ("SODIUM BICARBONATE", "sodium bicarbonate"),
        ("CALCIUM CARBONATE", "calcium carbonate"),
        ("CALCIUM GLUCONATE MONOHYDRATE", "calcium gluconate"),
        ("POTASSIUM CHLORIDE", "potassium chloride"),
        ("FERROUS SULFATE", "ferrous sulfate"),
        ("MAGNESIUM SULFATE HEPTAHYDRATE", "magnesium sulfate"),
        ("ZINC OXIDE", "zinc oxide"),
        ("IRON DEXTRAN", "iron dextran"),
        ("LITHIUM CARBONATE", "lithium"),
        ("POLYETHYLENE GLYCOL 3350", "polyethylene glycol 3350"),
        ("PROPYLENE GLYCOL", "propylene glycol"),
    ],
)
def test_a_name_that_is_itself_a_salt_stays_whole(substance: str, name: str) -> None:
    assert name_found(substance) == name


@pytest.mark.parametrize(
    "substance", ["SODIUM", "HYDROCHLORIDE", "ANHYDROUS SODIUM TARTRATE", "", "  ", ".,-()"]
)
def test_a_name_made_of_salt_words_only_is_never_stripped_to_an_ingredient(
    substance: str,
) -> None:
    assert name_found(substance) is None


@pytest.mark.parametrize(
    "substance", ["UNOBTAINIUM HYDROCHLORIDE", "QUERCUS IMAGINARIA POLLEN", "NOTADRUG-ABCD"]
)
def test_an_unknown_substance_is_not_guessed(substance: str) -> None:
    assert name_found(substance) is None


@given(
    ingredient=st.sampled_from(sorted(VOCABULARY.ingredients)),
    salt=st.sampled_from(VOCABULARY.salts.trailing),
)
def test_an_ingredient_is_found_with_any_salt_unless_that_is_another_name(
    ingredient: str, salt: str
) -> None:
    substance = f"{ingredient} {salt}"
    if substance_words(substance) not in OTHER_NAMES:
        assert name_found(substance) == ingredient


@given(
    ingredient=st.sampled_from(sorted(VOCABULARY.ingredients)),
    salts=st.lists(st.sampled_from(VOCABULARY.salts.trailing), min_size=2, max_size=4),
)
def test_an_ingredient_is_found_under_several_salt_words(ingredient: str, salts: list[str]) -> None:
    names = [f"{ingredient} {' '.join(salts[:n])}" for n in range(1, len(salts) + 1)]
    if not any(substance_words(name) in OTHER_NAMES for name in names):
        assert name_found(names[-1]) == ingredient


@given(st.sampled_from(sorted(VOCABULARY.ingredients)))
def test_case_and_punctuation_do_not_count(name: str) -> None:
    assert name_found(name.upper()) == name
    assert name_found(f"  {name.title().replace(' ', '  ').replace('-', ' - ')} ,") == name


@given(st.text(max_size=60))
def test_any_text_at_all_is_answered_without_an_error(text: str) -> None:
    found = VOCABULARY.ingredient(text)
    assert found is None or found.name in VOCABULARY.ingredients


@given(st.text(max_size=60))
def test_words_are_lower_case_ascii_and_stable(text: str) -> None:
    words = substance_words(text)
    assert all(word.isascii() and word.isalnum() and word == word.lower() for word in words)
    assert substance_words(" ".join(words)) == words


def test_accents_do_not_count() -> None:
    assert substance_words("Cef\u00e9pime") == ("cefepime",)


def test_the_memory_of_answers_is_bounded() -> None:
    join = SubstanceJoin([Ingredient(name="aspirin")], SaltWords())
    for number in range(10_000):
        join.find(f"substance {number}")
    info = join.find.cache_info()
    assert info.maxsize is not None
    assert info.currsize <= info.maxsize < 10_000


def test_a_salt_of_one_ingredient_does_not_count_for_another() -> None:
    join = SubstanceJoin(
        [Ingredient(name="alpha", salts=("weirdate",)), Ingredient(name="beta")],
        SaltWords(trailing=("sodium",)),
    )
    alpha = join.find("alpha weirdate sodium")
    assert alpha is not None
    assert alpha.name == "alpha"
    assert join.find("beta weirdate") is None


def test_a_synonym_never_hides_the_name_of_another_ingredient() -> None:
    vocabulary = Vocabulary(
        [Ingredient(name="first", synonyms=("second",)), Ingredient(name="second")],
        [],
        [],
        [],
        SaltWords(),
    )
    found = vocabulary.ingredient("SECOND")
    assert found is not None
    assert found.name == "second"
