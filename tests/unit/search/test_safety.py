"""Names that are taken for one another are said, each once, the nearest first."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxindex.index.lexicon import Lexicon, Name, NameKind
from rxindex.search.answer import Correction, Hit
from rxindex.search.safety import Safety
from rxindex.vocabulary import load_vocabulary
from rxindex.vocabulary.terms import term_key

VOCABULARY = load_vocabulary()


def name(
    text: str, kind: NameKind = "ingredient", packages: int = 10, ingredients: Sequence[str] = ()
) -> Name:
    return Name(text, kind, packages, 1, 1, tuple(ingredients) or (text,))


NAMES = [
    name("hydroxyzine"),
    name("hydralazine", packages=50),
    name("hydrochlorothiazide", packages=90),
    name("Seroquel", "brand", ingredients=["quetiapine"]),
    name("Seroquel XR", "brand", ingredients=["quetiapine"]),
    name("Humulin R", "brand", ingredients=["insulin human"]),
    name("Humalog", "brand", ingredients=["insulin lispro"]),
    name("oxycodone", ingredients=["oxycodone", "acetaminophen"]),
    name("AmBisome", "brand", ingredients=["amphotericin b"]),
    name("amphotericin b"),
    name("pravastatin"),
    name("pitavastatin"),
    name("Restoril", "brand", ingredients=["temazepam"]),
    name("Restoral", "brand", ingredients=["melatonin"]),
    name("Restorel", "brand", ingredients=["temazepam"]),
    name("cysteamine"),
    name("cysteine"),
    name("Claritin", "brand", ingredients=["loratadine"]),
    name("ClaritinD", "brand", ingredients=["pseudoephedrine"]),
    name("Vitamin B12", "brand", ingredients=["cyanocobalamin"]),
    name("Vitamin B6", "brand", ingredients=["pyridoxine"]),
    name("hydrocodone"),
    name("amphetamine"),
]
SAFETY = Safety(Lexicon("g1", 30, NAMES, {}), VOCABULARY)


def hit(
    brand: str = "",
    ingredients: Sequence[str] = (),
    *,
    generic: str = "",
    status: str = "active",
) -> Hit:
    generic = generic or ", ".join(ingredients)
    return Hit(
        id="1",
        name=f"{brand or generic} 10 mg tablet",
        display="",
        brand=brand,
        generic=generic,
        ingredients=tuple(ingredients),
        strength="10 mg",
        form="tablet",
        routes=("oral",),
        classes=(),
        schedule="",
        kind="brand" if brand else "generic",
        status=status,
        gcn=0,
        packages=1,
        score=1.0,
        match="",
    )


def messages(of: Hit, near: Sequence[str] = ()) -> list[str]:
    return [warning.message for warning in SAFETY.warnings(of, near)]


@pytest.mark.parametrize("asked", ["hydroxyzine", "HYDROXYZINE HCL 25 MG", " Hydroxyzine, oral"])
def test_the_twins_of_a_name_are_those_in_the_catalogue_the_commonest_first(asked: str) -> None:
    assert "hydromorphone" in VOCABULARY.look_alike_names("hydroxyzine")
    assert SAFETY.twins(asked) == ("hydroCHLOROthiazide", "hydrALAZINE")


@pytest.mark.parametrize(
    ("asked", "twin"), [("Humalog", "HumuLIN"), ("Seroquel XR", "SEROquel"), ("Humulin", "HumaLOG")]
)
def test_a_twin_with_a_release_or_a_letter_behind_it_is_there(asked: str, twin: str) -> None:
    assert twin in SAFETY.twins(asked)


@pytest.mark.parametrize("asked", ["Seroquel XR", "seroquel", "HUMALOG", "oxycodone", ""])
def test_a_name_is_not_its_own_twin(asked: str) -> None:
    assert term_key(asked) not in map(term_key, SAFETY.twins(asked))


def test_a_hit_warns_of_the_names_it_is_taken_for() -> None:
    assert messages(hit(ingredients=["hydroxyzine"])) == [
        "hydrOXYzine is easily taken for hydrALAZINE: check the name",
    ]
    first = SAFETY.warnings(hit(ingredients=["hydroxyzine"]))[0]
    assert (first.kind, first.name) == ("look-alike", "hydrALAZINE")


def test_names_that_are_listed_but_hardly_alike_warn_only_of_each_other_in_one_answer() -> None:
    both = messages(hit(ingredients=["hydroxyzine"]), ["hydrochlorothiazide"])
    assert both[0] == (
        "hydrOXYzine is easily taken for hydroCHLOROthiazide, which this answer names too: "
        "check the name"
    )
    assert "hydroCHLOROthiazide" not in "".join(messages(hit(ingredients=["hydroxyzine"])))


def test_a_twin_that_is_near_comes_first_and_says_so() -> None:
    found = messages(hit(ingredients=["hydroxyzine"]), ["HYDRALAZINE HCL", "hydroxyzine"])
    assert found[0] == (
        "hydrOXYzine is easily taken for hydrALAZINE, which this answer names too: check the name"
    )
    assert len(found) == 1


def test_a_brand_is_taken_for_what_it_holds_but_nothing_in_it_for_itself() -> None:
    assert messages(hit("AmBisome", ["amphotericin b"])) == [
        "AmBisome is easily taken for amphotericin b: check the name"
    ]
    assert messages(hit("", ["amphotericin b"]), ["AmBisome"]) == [
        "amphotericin b is easily taken for AmBisome, which this answer names too: check the name"
    ]


def test_the_parts_of_a_combination_are_not_taken_for_each_other() -> None:
    assert messages(hit("", ["oxycodone", "hydrocodone"])) == []
    assert messages(hit("", ["oxycodone", "cysteine"])) == [
        "oxyCODONE is easily taken for HYDROcodone: check the name"
    ]


def test_a_drug_of_many_ingredients_is_known_by_its_own_name_only() -> None:
    many = ["hydroxyzine", "aspirin", "caffeine", "menthol"]
    assert messages(hit("Coldaway", many)) == []
    assert len(messages(hit("Seroquel", many))) == 1


def test_names_alike_in_their_letters_warn_only_when_they_are_near() -> None:
    alone = hit(ingredients=["cysteamine"])
    assert messages(alone) == []
    assert messages(alone, ["cysteamine", "CYSTEINE"]) == [
        "cysteamine is easily taken for CYSTEINE, which this answer names too: check the name"
    ]


def test_a_misspelled_word_is_not_a_name_to_be_taken_for() -> None:
    assert messages(hit(ingredients=["cysteamine"]), ["cysteamin", "cystamine"]) == []


def test_alike_names_of_different_drugs_are_found() -> None:
    assert SAFETY.alike(["Pravastatin", "cysteine", "pitavastatin", "cysteamine"]) == (
        ("Pravastatin", "pitavastatin"),
        ("cysteine", "cysteamine"),
    )


@pytest.mark.parametrize(
    "pair",
    [
        ("Restoril", "Restorel"),  # the same substance
        ("Claritin", "ClaritinD"),  # a line of one brand
        ("Vitamin B12", "Vitamin B6"),  # told apart by a number
        ("hydroxyzine", "amphetamine"),  # another first letter
        ("hydralazine", "hydrochlorothiazide"),  # not that alike
        ("cysteine", "CYSTEINE"),
        ("cysteine", "cystein"),  # not in the catalogue
    ],
)
def test_other_pairs_are_not_alike(pair: tuple[str, str]) -> None:
    assert SAFETY.alike(pair) == ()


def test_substances_decide_between_alike_brands() -> None:
    assert SAFETY.alike(["Restoril", "Restoral"]) == (("Restoril", "Restoral"),)


def test_an_obsolete_drug_says_so_last_and_is_never_crowded_out() -> None:
    old = hit("Seroquel XR", ["hydroxyzine"], status="obsolete")
    found = SAFETY.warnings(old, ["hydralazine"])
    assert [one.kind for one in found] == ["look-alike", "look-alike", "obsolete"]
    assert found[0].name == "hydrALAZINE"


@pytest.mark.parametrize(
    ("typed", "taken", "how", "message"),
    [
        ("hydroxizine", "hydroxyzine", "spelling",
         "you typed 'hydroxizine'; this is hydrOXYzine, found by spelling"),
        ("hidroksizin", "hydroxyzine", "sound",
         "you typed 'hidroksizin'; this is hydrOXYzine, found by sound"),
        ("hy droxyzine", "hydroxyzine", "words",
         "you typed 'hy droxyzine'; this is hydrOXYzine, found by setting or leaving out blanks"),
        ("anxeity", "anxiety", "spelling",
         "you typed 'anxeity'; it was taken for anxiety, found by spelling"),
    ],
)  # fmt: skip
def test_a_corrected_name_says_what_was_typed(
    typed: str, taken: str, how: str, message: str
) -> None:
    correction = msgspec.convert(
        {"typed": typed, "taken": taken, "how": how, "similarity": 0.9}, Correction
    )
    warning = SAFETY.corrected(hit(ingredients=["hydroxyzine"]), correction)
    assert (warning.kind, warning.message, warning.name) == ("corrected", message, typed)


def test_a_label_name_is_displayed_in_tall_man_letters() -> None:
    assert VOCABULARY.tall_man("HYDROXYZINE 10 MG TABLET") == "hydrOXYzine 10 MG TABLET"


@given(
    brand=st.sampled_from(["", *(one.text for one in NAMES)]),
    ingredients=st.lists(st.sampled_from([one.text for one in NAMES]), max_size=5, unique=True),
    near=st.lists(st.sampled_from([one.text for one in NAMES]) | st.text(max_size=20)),
    status=st.sampled_from(["active", "obsolete"]),
)
@example(brand="cysteamine", ingredients=["cysteine"], near=["cysteamine"], status="active")
def test_a_hit_has_at_most_three_warnings_and_none_twice_or_of_itself(
    brand: str, ingredients: list[str], near: list[str], status: str
) -> None:
    found = SAFETY.warnings(hit(brand, ingredients, generic="x", status=status), near)
    assert len(found) <= 3
    assert len({term_key(one.name) for one in found}) == len(found)
    assert term_key(brand or "x") not in {term_key(one.name) for one in found}
    assert any(one.kind == "obsolete" for one in found) == (status == "obsolete")
    named = ["which this answer names too" in one.message for one in found]
    looks = [one for one, warning in zip(named, found, strict=True) if warning.name]
    assert looks == sorted(looks, reverse=True)
