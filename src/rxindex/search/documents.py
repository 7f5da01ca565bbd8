"""Reading the documents of candidates: summaries for hits, packages for NDCs and pack sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rxindex.errors import CatalogueNotIndexed
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors
from rxindex.index.generation import Generation
from rxindex.index.store import DrugStore
from rxindex.model import Drug
from rxindex.search.hits import HIT_FIELDS

__all__ = ["holders", "of_sizes", "read_summaries"]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(ml|l|mg|g|kg|oz)?\b", re.IGNORECASE)


def holders(
    catalogue: Catalogue, generation: Generation, ids: Sequence[str], codes: Sequence[str]
) -> list[Drug]:
    """Keep the drugs that hold a package; the index knows products, not packages.

    Args:
        catalogue: where to read.
        generation: which of its generations.
        ids: of drugs.
        codes: canonical NDCs, any of which will do.

    Raises:
        CatalogueNotIndexed: another generation took over meanwhile.
        IndexUnavailable: Redis does not answer.
    """
    wanted = set(codes)
    return [
        drug
        for drug in _read(catalogue, generation, ids)
        if any(one.ndc in wanted for one in drug.packages)
    ]


def of_sizes(
    catalogue: Catalogue, generation: Generation, ids: Sequence[str], sizes: Sequence[str]
) -> set[str]:
    """Find the drugs that have a package of one of the sizes.

    Args:
        catalogue: where to read.
        generation: which of its generations.
        ids: of drugs.
        sizes: as filters have them: ``30``, ``10 mL``.

    Returns:
        The ids of those that have.

    Raises:
        CatalogueNotIndexed: another generation took over meanwhile.
        IndexUnavailable: Redis does not answer.
    """
    wanted = {_size(size) for size in sizes}
    return {
        drug.id
        for drug in _read(catalogue, generation, ids)
        if any(_size(one.size or one.description) in wanted for one in drug.packages)
    }


def _size(text: str) -> tuple[float, str] | None:
    """Read a number and its unit, if it has one that counts no pieces."""
    found = _SIZE.match(text)
    return (float(found[1]), (found[2] or "").lower()) if found else None


def read_summaries(
    catalogue: Catalogue, generation: Generation, ids: Sequence[str]
) -> list[Mapping[str, bytes] | None]:
    """Read the `HIT_FIELDS` of drugs; None for one that a run deleted meanwhile.

    Raises:
        CatalogueNotIndexed: another generation took over meanwhile.
        IndexUnavailable: Redis does not answer.
    """
    prefix = catalogue.prefix(generation.name)
    pipe = catalogue.client.pipeline(transaction=False)
    for drug_id in ids:
        pipe.hmget(prefix + drug_id, *HIT_FIELDS)
    with redis_errors("reading the hits"):
        replies = pipe.execute() if ids else []
    if any(values[0] is None for values in replies):
        _check_still_live(catalogue, generation)
    return [
        None if values[0] is None else dict(zip(HIT_FIELDS, values, strict=True))
        for values in replies
    ]


def _read(catalogue: Catalogue, generation: Generation, ids: Sequence[str]) -> list[Drug]:
    drugs = DrugStore(catalogue, generation).get(ids)
    if None in drugs:
        _check_still_live(catalogue, generation)
    return [drug for drug in drugs if drug is not None]


def _check_still_live(catalogue: Catalogue, generation: Generation) -> None:
    """Tell documents that a run deleted meanwhile from those of a dropped generation."""
    if catalogue.live() != generation.name:
        raise CatalogueNotIndexed(
            f"generation {generation.name} of catalogue {catalogue.name!r} was replaced "
            "while it was searched; search again"
        )
