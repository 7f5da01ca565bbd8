"""Candidates for an answer: every tier's query and the nearest vectors, in one round trip."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command, pairs, redis_errors
from rxindex.index.escape import tag, tag_in, tokens, words
from rxindex.index.generation import Generation
from rxindex.index.recall import NEIGHBOURS
from rxindex.index.schema import vector_bytes
from rxindex.search.understand import Filters, Understood

__all__ = ["TIERS", "Candidate", "Tier", "filter_clause", "retrieve"]

_NAMES = "name|brand|generic"
_CANDIDATES = 200
_FIELDS = ("brand", "generic", "ingredients", "count", "status")


class Tier(msgspec.Struct, frozen=True):
    """A way to match, better or worse than others.

    Attributes:
        name: as hits show it.
        worth: what a match of this kind is worth, 0 to 1.
        spread: whether the answer should go across ingredients rather than list one's strengths.
        thin: ask only where the tiers above found little.
    """

    name: str
    worth: float
    spread: bool = False
    thin: bool = False


#: Best first.
TIERS = {
    tier.name: tier
    for tier in (
        Tier("ndc", 1.0),
        Tier("brand", 0.95),
        Tier("generic", 0.95),
        Tier("name", 0.85),
        Tier("synonym", 0.80),
        Tier("class", 0.70, spread=True),
        Tier("indication", 0.65, spread=True),
        # A part of a name where the query is a class or a use as a whole: "High Blood Pressure
        # Cough Tablets" is not what "high blood pressure" asks for.
        Tier("part", 0.55),
        Tier("words", 0.50, spread=True),
        Tier("spelling", 0.45, thin=True),
        Tier("sound", 0.40, thin=True),
        Tier("meaning", 0.30, spread=True),
    )
}


class Candidate(msgspec.Struct):
    """A drug that may be in the answer.

    Attributes:
        id: of the drug.
        tier: the best way in which it matched.
        lexical: the server's own score in that tier, 0 to 1 after division by the tier's best.
        cosine: similarity of its vector and the query's, 0 where it is not among the nearest.
        brand: brand name.
        generic: generic name.
        ingredients: as stored, semicolons between them.
        packages: how many.
        active: whether any of them is.
    """

    id: str
    tier: Tier
    lexical: float
    cosine: float
    brand: str
    generic: str
    ingredients: str
    packages: int
    active: bool


def filter_clause(filters: Filters) -> str:
    """Write the filters as clauses of a query; an empty string for none."""
    clauses = [f"@strength:{{{_pattern(one)}}}" for one in filters.strengths]
    if filters.forms:
        clauses.append(f"@form:{{{'|'.join(tag(form) + '*' for form in filters.forms)}}}")
    if filters.routes:
        clauses.append(tag_in("routes", filters.routes))
    if filters.schedule:
        clauses.append(tag_in("schedule", [filters.schedule]))
    if filters.kind:
        clauses.append(tag_in("kind", [filters.kind]))
    return " ".join(clauses)


def _pattern(strength: str) -> str:
    return f"{tag(strength[:-1])}\\ *" if strength.endswith(" *") else tag(strength)


def tier_queries(asked: Understood) -> dict[str, str]:
    """Write each tier's query, without filters."""
    if asked.ndc:
        return {"ndc": tag_in("products", tuple({code[:-2]: None for code in asked.ndc}))}
    name = asked.name
    terms = words(name)
    if not terms:
        return {}
    queries = {
        "brand": tag_in("brand_is", [name]),
        "generic": f"({tag_in('generic_is', [name])} | {tag_in('ingredients', [name])})",
        "name": f"@{_NAMES}:({words(name, prefix=True)})",
        "synonym": f"({tag_in('synonyms_is', [name])} | @synonyms|terms:({terms}))",
        "words": f"@{_NAMES}|synonyms|terms|classes|indications:({terms})",
        "spelling": f"@brand|generic|synonyms:({_fuzzy(name)})",
        "sound": f"@brand_sound|generic_sound:({terms})",
    }
    # What an abbreviation of a combination stands for has to be in the drug all together.
    for term in asked.terms:
        if term.kind in {"ingredient", "abbreviation"}:
            together = " ".join(tag_in("ingredients", [one]) for one in term.names)
            queries["generic"] = f"({queries['generic']} | ({together}))"
    for kind, field in (("class", "classes_is"), ("indication", "indications_is")):
        if named := [name for term in asked.terms if term.kind == kind for name in term.names]:
            queries[kind] = tag_in(field, named)
    if _is_class_or_use(asked):
        queries["part"] = queries.pop("name")
        queries["synonym"] = tag_in("synonyms_is", [name])
    queries.setdefault("class", f"@classes:({terms})")
    queries.setdefault("indication", f"@indications:({terms})")
    return queries


def _is_class_or_use(asked: Understood) -> bool:
    """Tell whether the vocabulary knows the query as a whole, and not as a name."""
    return asked.whole and asked.terms[0].kind in {"class", "indication"}


def _fuzzy(name: str) -> str:
    """Allow one wrong letter in short words and two in long ones."""
    return " ".join(words(term, fuzzy=2 if len(term) > 6 else 1) for term in tokens(name))


def retrieve(
    catalogue: Catalogue,
    generation: Generation,
    asked: Understood,
    filters: Filters,
    vector: NDArray[np.float32] | None,
    *,
    neighbours: int = NEIGHBOURS,
) -> list[Candidate]:
    """Gather candidates from all tiers and the nearest vectors, in one round trip.

    Args:
        catalogue: where to search.
        generation: which of its generations to search.
        asked: the query, understood.
        filters: applied to every tier and to the vectors.
        vector: of the query; None to do without.
        neighbours: how many of the nearest vectors to take.

    Returns:
        Each drug once, in the best of its tiers.

    Raises:
        TerminalError: Redis refused; also where the generation was dropped meanwhile.
        IndexUnavailable: Redis does not answer.
    """
    narrow = filter_clause(filters)
    queries = tier_queries(asked)
    # By its own name: the alias may move to vectors of another size at any moment.
    index = catalogue.index(generation.name)
    pipe = catalogue.client.pipeline(transaction=False)
    for name, query in queries.items():
        by_size = TIERS[name].spread
        command(pipe, *_search(index, f"({query}) {narrow}".strip(), by_size))
    if vector is not None:
        blob = vector_bytes(vector, generation.settings.vector_type, generation.dimensions)
        base = f"({narrow})" if narrow else "*"
        command(pipe, *_nearest(index, base, blob, neighbours))
    with redis_errors("searching"):
        replies = pipe.execute()
    found: dict[str, Candidate] = {}
    for (name, _), reply in zip(queries.items(), replies, strict=False):
        _gather(found, reply, TIERS[name], catalogue.prefix(generation.name))
    if vector is not None:
        _gather_nearest(found, replies[-1], catalogue.prefix(generation.name))
    return list(found.values())


def _search(index: str, query: str, by_size: bool) -> tuple[str | int, ...]:
    order = ("SORTBY", "count", "DESC") if by_size else ()
    return (
        "FT.SEARCH", index, query, "WITHSCORES", *order,
        "RETURN", len(_FIELDS), *_FIELDS, "LIMIT", 0, _CANDIDATES, "DIALECT", 2,
    )  # fmt: skip


def _nearest(index: str, base: str, blob: bytes, count: int) -> tuple[str | int | bytes, ...]:
    return (
        "FT.SEARCH", index, f"{base}=>[KNN {count} @vector $vector AS distance]",
        "SORTBY", "distance", "ASC",
        "RETURN", len(_FIELDS) + 1, *_FIELDS, "distance",
        "LIMIT", 0, count, "PARAMS", 2, "vector", blob, "DIALECT", 2,
    )  # fmt: skip


def _gather(found: dict[str, Candidate], reply: list[Any], tier: Tier, prefix: str) -> None:
    rows = [
        (reply[place].decode(), float(reply[place + 1]), pairs(reply[place + 2]))
        for place in range(1, len(reply), 3)
        # A document that went away while its index entry stays (MOVE leaves such ones) has none.
        if reply[place + 2]
    ]
    best = max((score for _, score, _ in rows), default=0.0) or 1.0
    for key, score, fields in rows:
        drug_id = key.removeprefix(prefix)
        known = found.get(drug_id)
        if known is None:
            found[drug_id] = _candidate(drug_id, tier, score / best, fields)
        elif tier.worth > known.tier.worth:
            known.tier, known.lexical = tier, score / best


def _gather_nearest(found: dict[str, Candidate], reply: list[Any], prefix: str) -> None:
    for place in range(1, len(reply), 2):
        if not reply[place + 1]:
            continue
        drug_id = reply[place].decode().removeprefix(prefix)
        fields = pairs(reply[place + 1])
        cosine = 1.0 - float(fields["distance"])
        if drug_id in found:
            found[drug_id].cosine = cosine
        else:
            found[drug_id] = _candidate(drug_id, TIERS["meaning"], 0.0, fields)
            found[drug_id].cosine = cosine


def _candidate(drug_id: str, tier: Tier, lexical: float, fields: dict[str, bytes]) -> Candidate:
    def text(name: str) -> str:
        return fields.get(name, b"").decode()

    return Candidate(
        id=drug_id,
        tier=tier,
        lexical=lexical,
        cosine=0.0,
        brand=text("brand"),
        generic=text("generic"),
        ingredients=text("ingredients"),
        packages=int(text("count") or 0),
        active=text("status") != "obsolete",
    )
