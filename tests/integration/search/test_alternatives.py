"""What may stand in place of a drug, on a real index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxindex.errors import TerminalError
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.schema import IndexSettings
from rxindex.index.store import DrugStore, Fingerprints, Write
from rxindex.model import Drug, DrugKind, Package
from rxindex.search.alternatives import find_alternatives
from rxindex.search.answer import Alternatives, AlternativesOf, Hit
from rxindex.vocabulary import Vocabulary, load_vocabulary

VOCABULARY = load_vocabulary()
PRINTS = Fingerprints(b"c" * 12, b"t" * 12)

Shelf = DrugStore


def drug(
    drug_id: str,
    ingredients: str,
    strength: str = "20 mg",
    form: str = "tablet",
    *,
    brand: str = "",
    generic: str = "",
    routes: Sequence[str] = ("oral",),
    packages: int = 1,
    **other: Any,
) -> Drug:
    """Make a drug as a sync would, with the vocabulary's classes and indications."""
    names = tuple(ingredients.split("+"))
    facts = VOCABULARY.facts(names, routes)
    kind: DrugKind = "brand" if brand else "generic"
    made = Drug(
        id=drug_id,
        name=f"{brand or generic or ingredients} {strength} {form}",
        brand=brand,
        generic=generic or ingredients,
        ingredients=names,
        strength=strength,
        form=form,
        routes=tuple(routes),
        classes=facts.main_classes,
        indications=facts.main_indications,
        kind=kind,
        packages=tuple(Package(f"0000000{number:04d}") for number in range(packages)),
    )
    return msgspec.structs.replace(made, **other)


@pytest.fixture
def shelf(catalogue: Catalogue, capabilities: Capabilities) -> Shelf:
    made = catalogue.create("fake", 8, IndexSettings(), capabilities, texts=10)
    return DrugStore(catalogue, made)


@pytest.fixture
def filled_shelf(shelf: Shelf) -> Shelf:
    """A shelf with drugs on it."""
    alternatives(shelf, [LIPITOR, drug("simvastatin", "simvastatin")])
    return shelf


def alternatives(shelf: Shelf, drugs: Iterable[Drug], limit: int = 10) -> Alternatives:
    """Write the drugs and find the alternatives to the first."""
    written = list(drugs)
    assert shelf.write([Write(one, PRINTS) for one in written]) == {}
    shelf.catalogue.wait_until_indexed(shelf.generation.name)
    return find_alternatives(shelf.catalogue, shelf.generation, written[0], VOCABULARY, limit)


def ids(hits: Iterable[Hit]) -> list[str]:
    return [hit.id for hit in hits]


def of(lists: Iterable[AlternativesOf]) -> dict[str, list[str]]:
    return {one.name: ids(one.hits) for one in lists}


LIPITOR = drug("lipitor", "atorvastatin", form="tablet, film coated", brand="Lipitor")


def test_equivalents_have_generics_first_the_commonest_first_and_obsolete_ones_last(
    shelf: Shelf,
) -> None:
    found = alternatives(
        shelf,
        [
            LIPITOR,
            drug("obsolete", "atorvastatin", packages=9, status="obsolete"),
            drug("brand", "atorvastatin", brand="Atorvaliq", packages=9),
            drug("few", "atorvastatin", packages=2),
            drug("many", "atorvastatin", generic="Atorvastatin Calcium", packages=5),
            drug("stronger", "atorvastatin", "40 mg"),
        ],
    )
    assert found.drug.id == "lipitor"
    assert found.drug.packages == 1
    assert ids(found.equivalents) == ["many", "few", "brand", "obsolete"]
    assert found.equivalents[0].packages == 5


@pytest.mark.parametrize(
    "other",
    [
        drug("other", "atorvastatin", "40 mg"),
        drug("other", "atorvastatin", form="capsule"),
        drug("other", "atorvastatin", form="tablet, extended release"),
        drug("other", "atorvastatin", routes=["rectal"]),
        drug("other", "atorvastatin", routes=["oral", "rectal"]),
        drug("other", "atorvastatin", ""),
    ],
    ids=lambda one: f"{one.strength} {one.form} {one.routes}",
)
def test_another_strength_form_or_route_is_no_equivalent(shelf: Shelf, other: Drug) -> None:
    found = alternatives(shelf, [LIPITOR, other])
    assert (ids(found.equivalents), ids(found.same_ingredients)) == ([], ["other"])


def test_the_number_of_the_formulation_decides_where_there_is_one(shelf: Shelf) -> None:
    found = alternatives(
        shelf,
        [
            drug("lipitor", "atorvastatin", brand="Lipitor", gcn=29968),
            drug("same", "atorvastatin", "20mg", "tab", gcn=29968),
            drug("other", "atorvastatin", gcn=29969),
            drug("another package of it", "atorvastatin", gcn=29969),
        ],
    )
    assert ids(found.equivalents) == ["same"]
    assert ids(found.same_ingredients) == ["another package of it"]


def test_two_salts_are_no_equivalents_unless_one_is_not_told(shelf: Shelf) -> None:
    found = alternatives(
        shelf,
        [
            drug("hyclate", "doxycycline", generic="Doxycycline Hyclate"),
            drug("monohydrate", "doxycycline", generic="doxycycline monohydrate"),
            drug("untold", "doxycycline", generic="Doxycycline"),
        ],
    )
    assert ids(found.equivalents) == ["untold"]
    assert ids(found.same_ingredients) == ["monohydrate"]


def test_the_order_of_a_combinations_ingredients_does_not_count_but_whose_strength_it_is_does(
    shelf: Shelf,
) -> None:
    found = alternatives(
        shelf,
        [
            drug("zestoretic", "lisinopril+hydrochlorothiazide", "20 mg; 12.5 mg"),
            drug("turned", "hydrochlorothiazide+lisinopril", "12.5 mg; 20 mg"),
            drug("crossed", "lisinopril+hydrochlorothiazide", "12.5 mg; 20 mg"),
            drug("part", "lisinopril", "20 mg"),
        ],
    )
    assert ids(found.equivalents) == ["turned"]
    assert ids(found.same_ingredients) == ["crossed"]


def test_a_drug_without_a_strength_has_no_equivalents(shelf: Shelf) -> None:
    found = alternatives(
        shelf, [drug("one", "atorvastatin", ""), drug("other", "atorvastatin", "")]
    )
    assert (ids(found.equivalents), ids(found.same_ingredients)) == ([], ["other"])


def test_each_other_formulation_is_there_once_and_other_routes_after_its_own(
    shelf: Shelf,
) -> None:
    found = alternatives(
        shelf,
        [
            drug("drops", "timolol", "0.5 %", "solution/ drops", routes=["ophthalmic"]),
            drug("tablet", "timolol", "5 mg", packages=9),
            drug("weak, few", "timolol", "0.25 %", "solution/ drops", routes=["ophthalmic"]),
            drug("weak", "timolol", "0.25 %", "solution/ drops", routes=["ophthalmic"], packages=2),
            drug("gone", "timolol", "1 %", "gel", routes=["ophthalmic"], status="obsolete"),
        ],
    )
    assert ids(found.same_ingredients) == ["weak", "tablet", "gone"]


def test_a_class_has_one_hit_for_each_set_of_ingredients_the_most_prescribed_first(
    shelf: Shelf,
) -> None:
    found = alternatives(
        shelf,
        [
            LIPITOR,
            drug("another", "atorvastatin", "40 mg", packages=9),
            drug("both", "amlodipine+atorvastatin", "5 mg; 20 mg"),
            drug("fluvastatin", "fluvastatin", packages=99),
            drug("gone", "pravastatin", packages=99, status="obsolete"),
            drug("rosuvastatin", "rosuvastatin"),
            drug("simvastatin, few", "simvastatin", packages=2),
            drug("simvastatin", "simvastatin", packages=5),
            drug("ezetimibe", "ezetimibe", packages=99),
        ],
    )
    assert of(found.same_class) == {
        "HMG-CoA Reductase Inhibitor": [
            "rosuvastatin", "simvastatin", "both", "fluvastatin", "gone",
        ],
        "Lipid-Lowering Agent": ["ezetimibe"],
    }  # fmt: skip
    uses = of(found.same_indication)
    assert next(iter(uses)) == "hyperlipidemia"
    assert "high cholesterol" not in uses
    assert uses["hyperlipidemia"][:3] == ["rosuvastatin", "simvastatin", "ezetimibe"]


def test_the_drug_shown_for_a_set_has_the_same_route_where_there_is_one(shelf: Shelf) -> None:
    found = alternatives(
        shelf,
        [
            drug("timolol", "timolol", "0.5 %", "solution/ drops", routes=["ophthalmic"]),
            drug("tablet", "betaxolol", "10 mg", packages=9),
            drug("drops", "betaxolol", "0.5 %", "solution/ drops", routes=["ophthalmic"]),
            drug("metoprolol", "metoprolol", "50 mg", packages=9),
        ],
    )
    assert of(found.same_class)["Beta-Adrenergic Blocker"] == ["drops", "metoprolol"]


def test_the_classes_of_a_combination_go_by_turns(shelf: Shelf) -> None:
    found = alternatives(
        shelf,
        [
            drug("zestoretic", "hydrochlorothiazide+lisinopril", "12.5 mg; 20 mg"),
            drug("ramipril", "ramipril"),
            drug("metolazone", "chlorothiazide"),
            drug("amlodipine", "amlodipine"),
            drug("furosemide", "furosemide"),
        ],
    )
    assert list(of(found.same_class)) == [
        "Thiazide Diuretic",
        "Angiotensin Converting Enzyme Inhibitor",
        "Diuretic",
        "Antihypertensive",
    ]


def test_a_class_and_a_use_that_only_the_source_knows_are_followed(shelf: Shelf) -> None:
    awkward = "Größe {a|b}*: \\ \"x\" @y (C[EPC]) -z, 100% & ~'w'"
    known: dict[str, Any] = {"classes": (awkward,), "indications": (awkward, "pain")}
    found = alternatives(
        shelf,
        [
            drug("one", "st. john's wort|x", "1 {mg}*", "tablet", **known),
            drug("same", "st. john's wort|x", "1 {mg}*", "tablet", **known),
            drug("other", "@other-{substance}", **known),
            drug("unlike", "unlike", classes=("Größe",), indications=("aches",)),
        ],
    )
    assert ids(found.equivalents) == ["same"]
    assert of(found.same_class) == {awkward: ["other"]}
    assert of(found.same_indication) == {awkward: ["other"], "pain": ["other"]}


def test_a_list_is_as_long_as_asked_for(shelf: Shelf) -> None:
    house: dict[str, Any] = {"classes": ("house class",)}
    members = [drug(f"d{number:02}", f"drug{number:02}", **house) for number in range(30)]
    found = alternatives(shelf, members, limit=25)
    assert of(found.same_class) == {"house class": [f"d{number:02}" for number in range(1, 26)]}


def test_no_more_than_four_classes_and_uses_are_followed(shelf: Shelf) -> None:
    many = tuple(f"house class {number}" for number in range(9))
    found = alternatives(
        shelf,
        [
            drug("one", "oneine", classes=many, indications=many),
            *(
                drug(f"d{number}", f"drug{number}", classes=(name,), indications=many)
                for number, name in enumerate(many)
            ),
        ],
        limit=3,
    )
    assert list(of(found.same_class)) == list(many[:4])
    assert {name: len(some) for name, some in of(found.same_indication).items()} == dict.fromkeys(
        many[:4], 3
    )


def test_a_drug_of_unknown_ingredients_stands_for_no_other(shelf: Shelf) -> None:
    house: dict[str, Any] = {"classes": ("house class",)}
    unknown = msgspec.structs.replace(drug("unknown", "x", **house), ingredients=())
    found = alternatives(shelf, [LIPITOR, unknown, drug("one", "oneine", **house)])
    assert ids(found.equivalents) == []
    again = find_alternatives(shelf.catalogue, shelf.generation, unknown, VOCABULARY)
    assert (again.equivalents, again.same_ingredients) == ((), ())
    assert of(again.same_class) == {"house class": ["one"]}


def test_a_document_that_went_away_is_left_out(shelf: Shelf) -> None:
    same = [drug(f"same{number}", "atorvastatin") for number in range(2)]
    statins = [drug("gone", "rosuvastatin"), drug("simvastatin", "simvastatin")]
    alternatives(shelf, [LIPITOR, *same, *statins])
    for one in ("same1", "gone"):
        # Another database is not searched, and a move leaves the index entry where it is.
        command(shelf.catalogue.client, "MOVE", shelf.key(one), 1)
    found = find_alternatives(shelf.catalogue, shelf.generation, LIPITOR, VOCABULARY)
    assert ids(found.equivalents) == ["same0"]
    assert of(found.same_class) == {"HMG-CoA Reductase Inhibitor": ["simvastatin"]}


def test_a_generation_that_was_dropped_is_an_error_that_names_the_drug(shelf: Shelf) -> None:
    shelf.catalogue.drop(shelf.generation.name)
    with pytest.raises(TerminalError, match="alternatives to 'Lipitor 20 mg"):
        find_alternatives(shelf.catalogue, shelf.generation, LIPITOR, VOCABULARY)


@settings(max_examples=50)
@given(
    # A sync leaves nothing else in a value.
    value=st.text(min_size=1, max_size=30).filter(
        lambda one: one.isprintable() and one.strip() and ";" not in one
    ),
)
def test_no_value_of_a_drug_breaks_a_query(
    filled_shelf: Shelf, vocabulary: Vocabulary, value: str
) -> None:
    made = drug("one", "oneine", classes=(value,), indications=(value,), strength=value)
    odd = msgspec.structs.replace(made, ingredients=(value,), routes=(value,))
    found = find_alternatives(filled_shelf.catalogue, filled_shelf.generation, odd, vocabulary)
    assert found.drug.id == "one"
    # None of what is there has the value: it must not be read as a query for all of it.
    assert (found.equivalents, found.same_ingredients, found.same_class) == ((), (), ())
