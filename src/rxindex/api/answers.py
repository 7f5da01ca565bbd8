"""What the API answers besides what a search gives back (see `rxindex.search.answer`)."""

from __future__ import annotations

import msgspec

from rxindex.model import Drug, Package
from rxindex.search.answer import Suggestion
from rxindex.vocabulary import Vocabulary

__all__ = [
    "DrugRecord",
    "Health",
    "PackageHolders",
    "PackageRecord",
    "Suggestions",
    "drug_record",
]


class PackageRecord(msgspec.Struct, frozen=True):
    """A package (one NDC) of a drug.

    Attributes:
        ndc: 11 digits (5-4-2), or 12 (6-4-2) where the labeler code has six digits.
        labeler: who sells it.
        size: package size for display.
        description: what the package is.
        start: first marketed or added, ISO date or empty.
        end: marketing end or obsolete date, ISO date or empty.
        status: ``active`` or ``obsolete``.
    """

    ndc: str
    labeler: str
    size: str
    description: str
    start: str
    end: str
    status: str


class DrugRecord(msgspec.Struct, frozen=True, rename={"routes": "route", "classes": "class"}):
    """A drug with all that is known of it. Fields that hits have too are named as there.

    Attributes:
        id: of the drug.
        name: label name, as the catalogue writes it.
        display: the label name in tall-man letters where the name is taken for another.
        brand: brand name, or empty.
        generic: generic name.
        ingredients: active ingredients.
        strength: for display.
        form: dosage form.
        routes: of administration; ``route`` in JSON.
        classes: class names; ``class`` in JSON.
        indications: what it is used for, in medical and in plain words.
        synonyms: other names of the ingredients, abbreviations, other brands.
        schedule: DEA schedule, or empty.
        kind: ``brand`` or ``generic``.
        gcn: FDB's clinical formulation number, or 0.
        status: ``active`` or ``obsolete``.
        packages: ordered by NDC.
    """

    id: str
    name: str
    display: str
    brand: str
    generic: str
    ingredients: tuple[str, ...]
    strength: str
    form: str
    routes: tuple[str, ...]
    classes: tuple[str, ...]
    indications: tuple[str, ...]
    synonyms: tuple[str, ...]
    schedule: str
    kind: str
    gcn: int
    status: str
    packages: tuple[PackageRecord, ...]


class PackageHolders(msgspec.Struct, frozen=True):
    """The drugs that hold a package.

    Attributes:
        ndc: as it was asked for.
        drugs: more than one where ten digits can be read in several ways.
    """

    ndc: str
    drugs: tuple[DrugRecord, ...]


class Suggestions(msgspec.Struct, frozen=True):
    """Completions of what is being typed.

    Attributes:
        query: as it was typed.
        suggestions: best first.
    """

    query: str
    suggestions: tuple[Suggestion, ...]


class Health(msgspec.Struct, frozen=True):
    """That the service is well.

    Attributes:
        status: ``ok``.
        generation: of the index that answers; empty where none was asked.
    """

    status: str = "ok"
    generation: str = ""


def drug_record(drug: Drug, vocabulary: Vocabulary) -> DrugRecord:
    """Make the record of a drug.

    Args:
        drug: with its packages.
        vocabulary: for tall-man lettering.
    """
    return DrugRecord(
        id=drug.id,
        name=drug.name,
        display=vocabulary.tall_man(drug.name),
        brand=drug.brand,
        generic=drug.generic,
        ingredients=drug.ingredients,
        strength=drug.strength,
        form=drug.form,
        routes=drug.routes,
        classes=drug.classes,
        indications=drug.indications,
        synonyms=drug.synonyms,
        schedule=drug.schedule,
        kind=drug.kind,
        gcn=drug.gcn,
        status=drug.status,
        packages=tuple(map(_package_record, drug.packages)),
    )


def _package_record(package: Package) -> PackageRecord:
    # A package is an array in the index, and an object to people.
    return PackageRecord(*msgspec.structs.astuple(package))
