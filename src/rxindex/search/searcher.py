"""The search of a catalogue, from words to hits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from rxindex.embed.base import Embedder
from rxindex.errors import (
    CatalogueNotIndexed,
    EmbedError,
    QueryError,
    RxindexError,
    TerminalError,
    TransientError,
)
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors
from rxindex.index.document import SUMMARY_FIELDS, read_drug
from rxindex.index.generation import Generation
from rxindex.index.store import DrugStore
from rxindex.model import Drug
from rxindex.ndc import ndc_readings
from rxindex.search.rank import Ranked, rank
from rxindex.search.retrieve import Candidate, retrieve
from rxindex.search.understand import Filters, Understood, understand
from rxindex.vocabulary import Vocabulary

__all__ = ["MOST_HITS", "Answer", "Hit", "Searcher"]

#: The most hits that one search gives.
MOST_HITS = 100

#: How often a question is asked again because another generation took over meanwhile.
_ATTEMPTS = 3

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Hit(msgspec.Struct, frozen=True):
    """A drug in the answer.

    Attributes:
        id: of the drug.
        name: label name.
        brand: brand name, or empty.
        generic: generic name.
        strength: for display.
        form: dosage form.
        routes: of administration.
        classes: class names.
        schedule: DEA schedule, or empty.
        kind: ``brand`` or ``generic``.
        status: ``active`` or ``obsolete``.
        packages: how many packages (NDCs) there are.
        score: 0 to 1.
        match: why it is here: the tier's name (see docs/search.md).
    """

    id: str
    name: str
    brand: str
    generic: str
    strength: str
    form: str
    routes: tuple[str, ...]
    classes: tuple[str, ...]
    schedule: str
    kind: str
    status: str
    packages: int
    score: float
    match: str


class Answer(msgspec.Struct, frozen=True):
    """The answer to a query.

    Attributes:
        query: as it was typed.
        understood: what was made of it.
        hits: best first.
        notes: what a person should know, in sentences: filters given up, the model missing.
        corrected: the name, class or use that was searched for in place of one that nothing
            has; empty where the query was taken as it was typed.
    """

    query: str
    understood: Understood
    hits: tuple[Hit, ...]
    notes: tuple[str, ...] = ()
    corrected: str = ""


class Searcher:
    """Searches one catalogue.

    Args:
        catalogue: which.
        embedder: of the live generation; None to search without meaning.
        vocabulary: the same as at indexing.
    """

    def __init__(
        self, catalogue: Catalogue, embedder: Embedder | None, vocabulary: Vocabulary
    ) -> None:
        self.catalogue = catalogue
        self.embedder = embedder
        self.vocabulary = vocabulary

    def search(self, query: str, limit: int = 10) -> Answer:
        """Answer a query.

        Args:
            query: what a prescriber typed.
            limit: how many hits, 1 to `MOST_HITS`.

        Raises:
            QueryError: the query or the limit is not one.
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        if not 1 <= limit <= MOST_HITS:
            raise QueryError(f"the limit is {limit}; give a number from 1 to {MOST_HITS}")
        asked = understand(query, self.vocabulary)
        answer = self._ask(lambda generation: self._answer(query, asked, limit, generation))
        if any(hit.match != "meaning" for hit in answer.hits) or asked.ndc or asked.terms:
            return answer
        corrected = self._correct(asked)
        if corrected is None:
            return answer
        again = self._ask(lambda generation: self._answer(query, corrected, limit, generation))
        if not again.hits:
            return answer
        note = f"nothing is called {asked.name!r}; showing {corrected.name!r}"
        return msgspec.structs.replace(again, notes=(note, *again.notes), corrected=corrected.name)

    def _correct(self, asked: Understood) -> Understood | None:
        """Take the query for the nearest term of the vocabulary, if one is near enough."""
        near = self.vocabulary.nearest(asked.name)
        known = self.vocabulary.expand(near) if near else None
        if near is None or known is None:
            return None
        return msgspec.structs.replace(asked, name=near, words=near, terms=(known,), whole=True)

    def _answer(self, query: str, asked: Understood, limit: int, generation: Generation) -> Answer:
        notes: list[str] = []
        vector = self._vector(asked, generation, notes)
        candidates = retrieve(self.catalogue, generation, asked, asked.filters, vector)
        if asked.ndc:
            holders = {drug.id for drug in self._holders(candidates, asked.ndc, generation)}
            candidates = [one for one in candidates if one.id in holders]
        ordered = rank(candidates, asked, limit)
        if asked.filters and not _named(candidates):
            # Better all strengths of the right drug than the right strength of another.
            wider = retrieve(self.catalogue, generation, asked, Filters(), vector)
            unfiltered = rank(wider, asked, limit)
            if _best(unfiltered) > _best(ordered):
                ordered = unfiltered
                notes.append(f"nothing has all of {_words(asked.filters)}; showing the rest")
        return Answer(query, asked, self._hits(ordered, generation), tuple(notes))

    def package(self, ndc: str) -> list[Drug]:
        """Find the drugs that hold a package, by its NDC in any form.

        Returns:
            Whole drugs; more than one where ten digits can be read in several ways.

        Raises:
            QueryError: the text is not an NDC.
            CatalogueNotIndexed: nothing was loaded yet.
        """
        readings = tuple(dict.fromkeys(one.canonical for one in ndc_readings(ndc)))
        if not readings:
            raise QueryError(
                f"{ndc[:60]!r} is not an NDC: give 10 digits with hyphens (4-4-2, 5-3-2, 5-4-1), "
                "11 or 12 digits, or a GTIN-14"
            )
        asked = Understood(ndc, "", ndc, readings)

        def find(generation: Generation) -> list[Drug]:
            found = retrieve(self.catalogue, generation, asked, Filters(), None)
            return self._holders(found, readings, generation)

        return self._ask(find)

    def _ask(self, ask: Callable[[Generation], T]) -> T:
        """Ask the live generation; again if another took its place before it had answered.

        The generation that was live when the question came is asked by its own name: behind
        the alias there may be vectors of another size by now.
        """
        for left in reversed(range(_ATTEMPTS)):
            name = self.catalogue.live()
            try:
                if name is None:
                    return ask(self.catalogue.require_live())
                return ask(self.catalogue.read_generation(name))
            except TerminalError:
                if not left or self.catalogue.live() == name:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _check_still_live(self, generation: Generation) -> None:
        """Tell documents that a run deleted meanwhile from those of a dropped generation."""
        if self.catalogue.live() != generation.name:
            raise CatalogueNotIndexed(
                f"generation {generation.name} of catalogue {self.catalogue.name!r} was replaced "
                "while it was searched; search again"
            )

    def _holders(
        self, candidates: list[Candidate], codes: tuple[str, ...], generation: Generation
    ) -> list[Drug]:
        """Keep the drugs that hold a package; the index knows products, not packages."""
        store = DrugStore(self.catalogue, generation)
        drugs = store.get([one.id for one in candidates])
        if None in drugs:
            self._check_still_live(generation)
        wanted = set(codes)
        return [drug for drug in drugs if drug and any(one.ndc in wanted for one in drug.packages)]

    def _vector(
        self, asked: Understood, generation: Generation, notes: list[str]
    ) -> NDArray[np.float32] | None:
        if self.embedder is None or asked.ndc:
            return None
        if self.embedder.model_id != generation.model_id:
            notes.append(
                f"the index was built with {generation.model_id}, this search has "
                f"{self.embedder.model_id}: searching by words only"
            )
            return None
        try:
            embedded = self.embedder.embed([asked.words])
        except (TransientError, EmbedError) as error:
            _note_no_vector(error, notes)
            return None
        if embedded.failures:
            _note_no_vector(embedded.failures[0], notes)
            return None
        vector: NDArray[np.float32] = embedded.vectors[0]
        return vector

    def _hits(self, ordered: list[Ranked], generation: Generation) -> tuple[Hit, ...]:
        """Read the summaries of the candidates that made it."""
        prefix = self.catalogue.prefix(generation.name)
        pipe = self.catalogue.client.pipeline(transaction=False)
        for one in ordered:
            pipe.hmget(prefix + one.candidate.id, *SUMMARY_FIELDS)
        with redis_errors("reading the hits"):
            replies = pipe.execute()
        if any(values[0] is None for values in replies):
            self._check_still_live(generation)
        return tuple(
            _hit(one, dict(zip(SUMMARY_FIELDS, values, strict=True)))
            for one, values in zip(ordered, replies, strict=True)
            if values[0] is not None
        )


def _hit(one: Ranked, fields: dict[str, bytes]) -> Hit:
    drug = read_drug(one.candidate.id, fields, packages=False)
    return Hit(
        id=drug.id,
        name=drug.name,
        brand=drug.brand,
        generic=drug.generic,
        strength=drug.strength,
        form=drug.form,
        routes=drug.routes,
        classes=drug.classes,
        schedule=drug.schedule,
        kind=drug.kind,
        status=drug.status,
        packages=one.candidate.packages,
        score=one.score,
        match=one.candidate.tier.name,
    )


def _note_no_vector(error: RxindexError, notes: list[str]) -> None:
    """Note that there is no vector. Why is for the log: addresses and accounts may be in it."""
    _log.warning("searching by words only: %s: %s", type(error).__name__, error)
    notes.append("the embedder gave no vector for the query: searching by words only")


def _best(ordered: list[Ranked]) -> float:
    """Give the worth of the best tier in which anything was found, 0 if nothing was."""
    return max((one.candidate.tier.worth for one in ordered), default=0.0)


def _named(candidates: list[Candidate]) -> bool:
    return any(one.tier.name not in {"meaning", "sound", "spelling"} for one in candidates)


def _words(filters: Filters) -> str:
    values = (
        *filters.strengths,
        *filters.forms[:1],
        *filters.routes[:1],
        filters.schedule,
        filters.kind,
    )
    return ", ".join(value.removesuffix(" *") for value in values if value)
