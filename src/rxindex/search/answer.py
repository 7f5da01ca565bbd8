"""What a search gives back. Every type here is also JSON: of the API, and of ``--json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

__all__ = [
    "Alternatives",
    "AlternativesOf",
    "Answer",
    "Correction",
    "FacetValue",
    "Hit",
    "Part",
    "PartKind",
    "Suggestion",
    "Understanding",
    "Warning",
]

PartKind = Literal[
    "ndc", "strength", "form", "route", "schedule", "kind", "labeler", "size", "status",
    "brand", "generic", "ingredient", "abbreviation", "class", "indication",
    "word", "ignored",
]  # fmt: skip
"""What a part of a query turned out to be; ``word`` is any other word that is searched for."""


class Part(msgspec.Struct, frozen=True):
    """A part of the query, and what was made of it.

    Attributes:
        text: as it was typed, or as it was corrected.
        kind: what it is.
        means: what it stands for: ingredients, established class names, medical names of
            indications, values of a filter; empty where it stands for itself.
    """

    text: str
    kind: PartKind
    means: tuple[str, ...] = ()


class Correction(msgspec.Struct, frozen=True):
    """A part of the query that was searched for as something else than what was typed.

    Attributes:
        typed: what was typed.
        taken: what was searched for in its place.
        how: ``spelling`` (letters differ), ``sound`` (it sounds alike) or ``words`` (blanks
            were set or left out).
        similarity: 0 to 1.
    """

    typed: str
    taken: str
    how: Literal["spelling", "sound", "words"]
    similarity: float


class Understanding(msgspec.Struct, frozen=True):
    """How the query was read, for people to see and to object to.

    Attributes:
        parts: in the order of the query.
        corrections: what was changed; ask with ``exact`` to insist.
        did_you_mean: other names that may have been meant, best first; none of them was used.
    """

    parts: tuple[Part, ...] = ()
    corrections: tuple[Correction, ...] = ()
    did_you_mean: tuple[str, ...] = ()


class Warning(msgspec.Struct, frozen=True):  # noqa: A001 - the field's own term
    """What a prescriber must not overlook.

    Attributes:
        kind: ``look-alike``: the name is taken for another; ``corrected``: this drug was not
            asked for by its name as it was typed; ``obsolete``: no package is marketed any more.
        message: a sentence.
        name: the other name, in tall-man letters where there are any; what was typed, for
            ``corrected``; else empty.
    """

    kind: Literal["look-alike", "corrected", "obsolete"]
    message: str
    name: str = ""


class Hit(msgspec.Struct, frozen=True, rename={"routes": "route", "classes": "class"}):
    """A drug in an answer.

    Attributes:
        id: of the drug.
        name: label name, as the catalogue writes it.
        display: the label name in tall-man letters where the name is taken for another, else
            as it is.
        brand: brand name, or empty.
        generic: generic name.
        ingredients: active ingredients.
        strength: for display.
        form: dosage form.
        routes: of administration; ``route`` in JSON.
        classes: class names; ``class`` in JSON.
        schedule: DEA schedule, or empty.
        kind: ``brand`` or ``generic``.
        status: ``active`` or ``obsolete``.
        gcn: FDB's clinical formulation number, or 0.
        packages: how many packages (NDCs) there are.
        score: 0 to 1.
        match: the best way in which it matched: the tier's name (see docs/search.md).
        why: the same and what else speaks for it, in sentences.
        warnings: what must not be overlooked.
        highlights: parts of ``name`` that matched: first character and the one after the last.
        more: with ``group``, how many other drugs of the same ingredients matched.
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
    schedule: str
    kind: str
    status: str
    gcn: int
    packages: int
    score: float
    match: str
    why: tuple[str, ...] = ()
    warnings: tuple[Warning, ...] = ()
    highlights: tuple[tuple[int, int], ...] = ()
    more: int = 0


class FacetValue(msgspec.Struct, frozen=True):
    """A value of a facet.

    Attributes:
        value: as a filter takes it.
        drugs: how many of those that matched have it.
    """

    value: str
    drugs: int


class Answer(msgspec.Struct, frozen=True):
    """The answer to a query.

    Attributes:
        query: as it was typed.
        understood: what was made of it.
        hits: best first, from ``offset`` on.
        total: how many drugs matched, or groups with ``group``; at most 1,000 are counted.
        offset: how many were left out before the first.
        next_offset: where the next page begins; None on the last.
        facets: for ``form``, ``route``, ``class``, ``schedule``, ``kind``, ``labeler`` and
            ``ingredient`` the commonest values over all that matched; empty unless asked for.
        notes: what a person should know, in sentences: filters given up, the model missing.
        corrected: what was searched for where that is not what was typed; else empty.
        degraded: the model or its vectors were not to be had; the words alone were searched.
        generation: of the index that answered.
    """

    query: str
    understood: Understanding
    hits: tuple[Hit, ...]
    total: int = 0
    offset: int = 0
    next_offset: int | None = None
    facets: Mapping[str, tuple[FacetValue, ...]] = {}
    notes: tuple[str, ...] = ()
    corrected: str = ""
    degraded: bool = False
    generation: str = ""


class Suggestion(msgspec.Struct, frozen=True):
    """A completion of what is being typed.

    Attributes:
        text: what to search for, as the catalogue writes it.
        display: the same in tall-man letters where the name is taken for another.
        kind: ``brand``, ``generic``, ``class`` or ``indication``.
        generic: of a brand, its substance; else empty.
        packages: of all its drugs: how common it is.
        match: ``prefix`` (of the name), ``word`` (of a later word in it), ``fuzzy`` (letters
            differ) or ``abbreviation``.
        warning: a look-alike of the name, in tall-man letters; else empty.
    """

    text: str
    display: str
    kind: Literal["brand", "generic", "class", "indication"]
    generic: str = ""
    packages: int = 0
    match: Literal["prefix", "word", "fuzzy", "abbreviation"] = "prefix"
    warning: str = ""


class AlternativesOf(msgspec.Struct, frozen=True):
    """Other drugs of one class, or for one use.

    Attributes:
        name: the class, or the indication.
        hits: one for each set of ingredients, the most common first.
    """

    name: str
    hits: tuple[Hit, ...]


class Alternatives(msgspec.Struct, frozen=True):
    """What may stand in place of a drug. For a prescriber to decide; nothing is substituted.

    Attributes:
        drug: the drug itself.
        equivalents: the same formulation by another name (GCN, or the same ingredients,
            strength, form and route), generics first.
        same_ingredients: other strengths, forms and routes.
        same_class: class by class, the most specific first.
        same_indication: use by use, the commonest first.
    """

    drug: Hit
    equivalents: tuple[Hit, ...]
    same_ingredients: tuple[Hit, ...]
    same_class: tuple[AlternativesOf, ...]
    same_indication: tuple[AlternativesOf, ...]
