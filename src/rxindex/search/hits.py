"""From a document's summary to a hit, as it is shown."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rxindex.index.document import read_drug
from rxindex.model import Drug
from rxindex.search.answer import Hit
from rxindex.vocabulary import Vocabulary

__all__ = ["HIT_FIELDS", "drug_hit", "summary_hit"]

#: The fields of a document that a hit is made of.
HIT_FIELDS = (
    "name", "brand", "generic", "ingredients", "strength", "form", "routes", "classes",
    "schedule", "kind", "status", "gcn", "count",
)  # fmt: skip


def summary_hit(
    drug_id: str,
    fields: Mapping[str, bytes],
    vocabulary: Vocabulary,
    *,
    score: float = 0.0,
    match: str = "",
) -> Hit:
    """Make a hit from a document's `HIT_FIELDS`.

    Args:
        drug_id: of the drug.
        fields: hash fields by name, values as stored.
        vocabulary: for tall-man lettering.
        score: 0 to 1.
        match: the tier's name.
    """
    drug = read_drug(drug_id, fields, packages=False)
    hit = drug_hit(drug, vocabulary)
    return msgspec.structs.replace(hit, packages=int(fields["count"]), score=score, match=match)


def drug_hit(drug: Drug, vocabulary: Vocabulary) -> Hit:
    """Make a hit of a drug that was read with its packages.

    Args:
        drug: the drug.
        vocabulary: for tall-man lettering.
    """
    return Hit(
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
        schedule=drug.schedule,
        kind=drug.kind,
        status=drug.status,
        gcn=drug.gcn,
        packages=len(drug.packages),
        score=0.0,
        match="",
    )
