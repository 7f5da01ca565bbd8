"""How much of a real catalogue the vocabulary knows: the FDA's directory of April 2019."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from rxindex.source.sample_files import sample_directory
from rxindex.vocabulary import Vocabulary

PRESCRIPTION = "HUMAN PRESCRIPTION DRUG"
# Controlled since before the directory's date; their labelers did not say so.
SCHEDULE_NOT_LISTED = {"eluxadoline": "CIV", "esketamine": "CIII"}

Product = dict[str, str]


def products() -> Iterator[Product]:
    path = sample_directory() / "product.txt"
    with path.open(encoding="cp1252", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


@pytest.fixture(scope="module")
def directory() -> list[Product]:
    return list(products())


def listed(product: Product) -> list[str]:
    return [name for name in product["SUBSTANCENAME"].split("; ") if name]


def test_the_vocabulary_knows_95_in_100_prescription_products(
    vocabulary: Vocabulary, directory: list[Product]
) -> None:
    prescription = [one for one in directory if one["PRODUCTTYPENAME"] == PRESCRIPTION]
    by_substance = by_name = 0
    for product in prescription:
        substances = listed(product)
        if substances:
            by_substance += all(map(vocabulary.ingredient, substances))
        else:
            # Kits and packs: the sync has their name only, and reads the substances out of it.
            facts = vocabulary.facts([product["NONPROPRIETARYNAME"]])
            by_name += bool(facts.ingredients) and not facts.unknown
    count = len(prescription)
    assert count == 58_232
    assert by_substance / count > 0.955, f"{by_substance} of {count}"
    assert (by_substance + by_name) / count > 0.975, f"{by_substance} and {by_name} of {count}"


@pytest.mark.parametrize(
    ("kind", "least"),
    [("PLASMA DERIVATIVE", 0.95), ("STANDARDIZED ALLERGENIC", 0.90), ("VACCINE", 0.90)],
)
def test_biological_products_are_known_by_substance_name_or_brand(
    vocabulary: Vocabulary, directory: list[Product], kind: str, least: float
) -> None:
    # Of a vaccine the directory lists the antigens, strain by strain; the sync then goes by its
    # name or its brand.
    of_kind = [one for one in directory if one["PRODUCTTYPENAME"] == kind]
    known = 0
    for product in of_kind:
        names = listed(product) or [product["NONPROPRIETARYNAME"]]
        brand = vocabulary.expand(product["PROPRIETARYNAME"])
        known += bool(vocabulary.facts(names).ingredients) or bool(brand and brand.kind == "brand")
    assert known / len(of_kind) > least, f"{known} of {len(of_kind)}"


def test_schedules_agree_with_the_directory(
    vocabulary: Vocabulary, directory: list[Product]
) -> None:
    said: dict[str, Counter[str]] = defaultdict(Counter)
    for product in directory:
        found = vocabulary.facts(listed(product))
        if len(found.ingredients) == 1 and not found.unknown:
            said[found.ingredients[0].name][product["DEASCHEDULE"]] += 1
    wrong = {}
    for name, schedules in said.items():
        told = [schedule for schedule, _ in schedules.most_common() if schedule]
        # A rare label without its schedule, or with another's, is the labeler's slip.
        if told and schedules[told[0]] <= 0.1 * schedules.total():
            told = []
        expected = SCHEDULE_NOT_LISTED.get(name, told[0] if told else None)
        if vocabulary.ingredients[name].schedule != expected:
            wrong[name] = (vocabulary.ingredients[name].schedule, dict(schedules))
    assert wrong == {}


def test_routes_and_forms_are_terms_of_the_catalogue(
    vocabulary: Vocabulary, directory: list[Product]
) -> None:
    forms = {product["DOSAGEFORMNAME"].lower() for product in directory}
    routes = {r.strip().lower() for product in directory for r in product["ROUTENAME"].split(";")}
    for ingredient in vocabulary.ingredients.values():
        assert set(ingredient.forms) <= forms, ingredient.name
        assert set(ingredient.routes) <= routes, ingredient.name
