"""From a document's summary to a hit, as it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from rxindex.index.schema import SEPARATOR
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
    # A page of hits comes with every answer, so each is made at once, without a drug first.
    given = fields.get
    name = given("name", b"").decode()
    return Hit(
        id=drug_id,
        name=name,
        display=vocabulary.tall_man(name),
        brand=given("brand", b"").decode(),
        generic=given("generic", b"").decode(),
        ingredients=_several(given("ingredients", b"")),
        strength=given("strength", b"").decode(),
        form=given("form", b"").decode(),
        routes=_several(given("routes", b"")),
        classes=_several(given("classes", b"")),
        schedule=given("schedule", b"").decode(),
        kind="brand" if given("kind", b"") == b"brand" else "generic",
        status="obsolete" if given("status", b"") == b"obsolete" else "active",
        gcn=int(given("gcn", b"") or 0),
        packages=int(fields["count"]),
        score=score,
        match=match,
    )


def _several(value: bytes) -> tuple[str, ...]:
    return tuple(value.decode().split(SEPARATOR)) if value else ()


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
