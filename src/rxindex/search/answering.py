"""One answer: from a query that is understood to hits, facets and notes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from rxindex.errors import EmbedError, RxindexError, TransientError
from rxindex.index.catalogue import Catalogue
from rxindex.index.escape import tag_all
from rxindex.index.generation import Generation
from rxindex.index.schema import SEPARATOR
from rxindex.search.answer import Answer, Hit
from rxindex.search.answer import Warning as HitWarning
from rxindex.search.documents import holders, of_sizes, read_summaries
from rxindex.search.explain import highlights, reasons
from rxindex.search.facets import count_facets
from rxindex.search.filters import Filters
from rxindex.search.hits import summary_hit
from rxindex.search.known import Known
from rxindex.search.query_vectors import QueryVectors
from rxindex.search.rank import Ranked, rank
from rxindex.search.request import SearchRequest
from rxindex.search.retrieve import MOST_COUNTED, TYPED, Candidate, retrieve
from rxindex.search.understood import Understood
from rxindex.vocabulary import Vocabulary

__all__ = ["Answering"]

#: Hits of a page for which it is enough to look at the drugs with the most packages.
_FIRST_PAGE = 25

#: Of so many of the best candidates the packages are read where a pack size was asked for.
_SIZED = 100

_log = logging.getLogger(__name__)


class Answering:
    """Answers one query from one generation.

    Args:
        catalogue: where to search.
        vectors: of queries, by the generation's model; None to search without meaning.
        vocabulary: the same as at indexing.
        known: of the catalogue's names.
        generation: which to search.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        vectors: QueryVectors | None,
        vocabulary: Vocabulary,
        known: Known,
        generation: Generation,
    ) -> None:
        self._catalogue = catalogue
        self._vectors = vectors
        self._vocabulary = vocabulary
        self._known = known
        self._generation = generation
        self._notes: list[str] = []
        self._degraded = False
        self._counted = 0

    def answer(self, request: SearchRequest, asked: Understood) -> Answer:
        """Answer.

        Args:
            request: how the answer should be cut.
            asked: its query, understood.

        Raises:
            RxindexError: see `Searcher.search`.
        """
        ranked, asked = self._ranked(request, asked)
        total, listed = max(len(ranked), self._counted), ranked
        more: Mapping[str, int] = {}
        if request.group:
            groups: dict[str, list[Ranked]] = {}
            for one in ranked:
                groups.setdefault(one.candidate.ingredients, []).append(one)
            more = {key: len(drugs) - 1 for key, drugs in groups.items()}
            listed = [drugs[0] for drugs in groups.values()]
            total = len(listed)
        total = min(total, MOST_COUNTED)
        page = listed[request.offset : request.offset + request.limit]
        end = request.offset + len(page)
        return Answer(
            query=request.q,
            understood=asked.understanding,
            hits=tuple(self._hits(page, asked, more)),
            total=total,
            offset=request.offset,
            next_offset=end if end < total else None,
            facets=count_facets(one.candidate for one in ranked) if request.facets else {},
            notes=tuple(self._notes),
            corrected=asked.corrected,
            degraded=self._degraded,
            generation=self._generation.name,
        )

    def _ranked(self, request: SearchRequest, asked: Understood) -> tuple[list[Ranked], Understood]:
        vector = self._vector(asked) if _by_meaning(asked) else None
        first = _is_first_page(request, asked)

        def ask(filters: Filters) -> tuple[list[Candidate], int]:
            composed = tag_all("ingredients", request.composition)
            narrow = " ".join(filter(None, (filters.clause(), composed)))
            found, counted = retrieve(
                self._catalogue, self._generation, asked, narrow, vector,
                first=first, facets=request.facets,
            )  # fmt: skip
            return [one for one in found if _is_composed(one, request)], counted

        candidates, counted = ask(asked.filters)
        if asked.ndc:
            ids = [one.id for one in candidates]
            held = {d.id for d in holders(self._catalogue, self._generation, ids, asked.ndc)}
            candidates = [one for one in candidates if one.id in held]
        if any(one.of == TYPED for one in candidates):
            # Nothing is misspelled that is a name, be it a second old.
            exact = msgspec.structs.replace(request, exact=True)
            return self._ranked(request, self._known.reader.read(exact))
        ranked = rank(candidates, asked, self._vocabulary)
        if not _firm(ranked):
            for kept, note in self._wider(asked):
                candidates, wide = ask(asked.insisted.with_(kept))
                again = rank(candidates, asked, self._vocabulary)
                if _firm(again):
                    self._notes.append(note)
                    ranked, counted = again, wide
                    asked = msgspec.structs.replace(asked, said=kept)
                    break
            else:
                if asked.wanted:
                    # A name that is only part of labels, or that was renamed a moment ago.
                    return self._ranked(request, asked.as_words())
        if asked.filters.sizes:
            ranked = self._by_size(ranked, asked.filters.sizes)
        self._counted = counted if first else 0
        return ranked, asked

    def _wider(self, asked: Understood) -> Iterator[tuple[Filters, str]]:
        """Give up what the words ask for, strengths first; never what the request insists on.

        Yields:
            What is kept of what they ask for, and a note that says so.
        """
        said = asked.said
        parts = asked.understanding.parts
        strengths = [part.text for part in parts if part.kind == "strength"]
        others = tuple(word for word in said.said if word not in strengths)
        without = msgspec.structs.replace(said, strengths=(), said=others)
        if said.strengths and without:
            yield without, f"nothing has the strength {', '.join(strengths)}; showing others"
        if said:
            yield Filters(), f"nothing has all of {said.words()}; showing the rest"

    def _by_size(self, ranked: list[Ranked], sizes: Sequence[str]) -> list[Ranked]:
        """Put drugs that have a package of the size before those that don't."""
        ids = [one.candidate.id for one in ranked[:_SIZED]]
        have = of_sizes(self._catalogue, self._generation, ids, sizes)
        if not have:
            self._notes.append(f"nothing has a package of {' or '.join(sizes)}")
            return ranked
        return sorted(ranked, key=lambda one: one.candidate.id not in have)

    def _vector(self, asked: Understood) -> NDArray[np.float32] | None:
        generation = self._generation
        if self._vectors is None:
            return None
        if self._vectors.model_id != generation.model_id:
            self._degraded = True
            self._notes.append(
                f"the index was built with {generation.model_id}, this search has "
                f"{self._vectors.model_id}: searching by words only"
            )
            return None
        try:
            return self._vectors.of(asked.text)
        except (TransientError, EmbedError) as error:
            self._note_no_vector(error)
            return None

    def _note_no_vector(self, error: RxindexError) -> None:
        """Note that there is no vector. Why is for the log: addresses may be in it."""
        self._degraded = True
        _log.warning("searching by words only: %s: %s", type(error).__name__, error)
        self._notes.append("the embedder gave no vector for the query: searching by words only")

    def _hits(
        self, page: Sequence[Ranked], asked: Understood, more: Mapping[str, int]
    ) -> Iterator[Hit]:
        ids = [one.candidate.id for one in page]
        summaries = read_summaries(self._catalogue, self._generation, ids)
        plain = [
            (one, summary_hit(one.candidate.id, fields, self._vocabulary,
                              score=one.score, match=one.tier.name))
            for one, fields in zip(page, summaries, strict=True)
            if fields is not None
        ]  # fmt: skip
        near = _near(asked, [hit for _, hit in plain])
        passed = asked.filters.words()
        # Most hits of an answer are strengths of a few drugs.
        warnings: dict[tuple[str, tuple[str, ...], str], tuple[HitWarning, ...]] = {}
        for one, hit in plain:
            prescribed = self._vocabulary.commonness(hit.ingredients)
            alike = (hit.brand, hit.ingredients or (hit.generic,), hit.status)
            if alike not in warnings:
                warnings[alike] = self._known.safety.warnings(hit, near)
            yield msgspec.structs.replace(
                hit,
                why=reasons(one, asked, hit, passed, prescribed),
                warnings=(*self._corrected(one, hit, asked), *warnings[alike]),
                highlights=highlights(hit.name, asked),
                more=more.get(SEPARATOR.join(sorted(hit.ingredients)), 0),
            )

    def _corrected(self, one: Ranked, hit: Hit, asked: Understood) -> tuple[HitWarning, ...]:
        """Warn of a hit that was not asked for by its name as it was typed."""
        if not asked.wanted or one.candidate.tier.name == "meaning":
            return ()
        correction = asked.wanted[one.candidate.of].correction
        return () if correction is None else (self._known.safety.corrected(hit, correction),)


def _near(asked: Understood, hits: Sequence[Hit]) -> frozenset[str]:
    """Name what a prescriber sees or has in mind: the names of the hits, and what was typed."""
    names = {hit.brand or hit.generic for hit in hits}
    names.update(name for hit in hits for name in hit.ingredients)
    for one in asked.wanted:
        names.add(one.text)
        if one.correction is not None:
            names.add(one.correction.typed)
    return frozenset(names)


def _is_composed(one: Candidate, request: SearchRequest) -> bool:
    """Tell whether a drug, which has all that was asked for, has nothing else in it."""
    if not request.composition:
        return True
    held = {name.casefold() for name in one.ingredients.split(SEPARATOR)}
    return held == {name.casefold() for name in request.composition}


def _is_first_page(request: SearchRequest, asked: Understood) -> bool:
    """Tell whether the drugs with the most packages will do, and the rest need only be counted."""
    cut = request.facets or request.group or request.offset or request.composition
    one_name = len(asked.wanted) == 1 and asked.wanted[0].named and not asked.words
    return one_name and not (cut or asked.filters.sizes) and request.limit <= _FIRST_PAGE


def _by_meaning(asked: Understood) -> bool:
    """Tell whether nearness of meaning can say more than the words do."""
    if asked.exact or any(one.named or one.beginning for one in asked.wanted):
        return False
    return bool(asked.words)


def _firm(ranked: Sequence[Ranked]) -> bool:
    """Tell whether anything was found by more than nearness of meaning."""
    return any(one.candidate.tier.name != "meaning" for one in ranked)
